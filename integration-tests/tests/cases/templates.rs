//! Templates in the built program: blocks, partials, what is skipped and what is limited, and `render` on a topic.

use integration_tests::client::TestRecord;
use integration_tests::program;
use integration_tests::scenario::setup;

use crate::kafka::Kafka;

pub(crate) fn blocks_partials_and_what_is_skipped(kafka: &Kafka) {
    let mut scenario = setup("templates", &kafka.client).with_topics(1);
    scenario.pipeline.transforms = "- log: { message: '{{payload}}', mask: [payload.items.*.pin], ordered: true }
- envelope: |
    {\"who\": {{> who}}, \"items\": [{{#each payload.items}}{{id}},{{/each}}], \"sum\": {{add payload.a payload.b}}}"
        .replace("- envelope: |\n    ", "- envelope:\n    commas: fix\n    template: |\n      ");
    scenario.pipeline.more = "payload: { on_null: skip }".into();
    std::fs::create_dir_all(scenario.folder.join("templates")).expect("a folder");
    scenario.write("templates/who.hbs", "{{#if payload.who}}\"{{upper payload.who}}\"{{else}}null{{/if}}\n");
    let payloads = [
        Some(
            r#"{"who": "ada", "items": [{"id": 1.50, "pin": 1234}, {"id": "b\"", "pin": [5678]}], "a": 1500.00, "b": 0.10}"#,
        ),
        None,
        Some(r#"{"a": 1, "b": "x"}"#),
        Some(r#"{"a": "2", "b": -2.0}"#),
        None,
    ];
    let record = |(offset, payload): (usize, &Option<&str>)| TestRecord {
        offset: offset as i64,
        value: payload.map(|payload| payload.as_bytes().to_vec()),
        ..TestRecord::default()
    };
    kafka.client.produce(&scenario.input, payloads.iter().enumerate().map(record));
    let program = scenario.start("program").await_ready();
    let out: Vec<String> = kafka.client.read_count(&scenario.output, 2).iter().map(TestRecord::text).collect();
    assert_eq!(
        out,
        [r#"{"who": "ADA", "items": [1.50,"b\""], "sum": 1500.10}"#, r#"{"who": null, "items": [], "sum": 0.0}"#]
    );
    let dead = &kafka.client.read_count(&scenario.dead_letters, 1)[0];
    let reason =
        dead.headers.iter().filter_map(|(_, value)| String::from_utf8(value.clone()?).ok()).collect::<String>();
    assert!(reason.contains("`add` expects numbers, and found the text `x`"), "{reason}");
    // What is skipped is settled as well.
    kafka.client.await_committed(&scenario.group, &scenario.input);
    let log = program.log();
    assert!(log.contains(r#"{"id":1.50,"pin":"***"},{"id":"b\"","pin":"***"}"#), "{log}");
    assert!(!log.contains("1234") && !log.contains("5678"), "{log}");
    assert_eq!(program.terminate(), 0);

    let mut render = program::command(scenario.build);
    render.arg("render").args(["--last", "2"]).arg("--config").arg(scenario.config());
    let rendered = program::output(render);
    assert_eq!(String::from_utf8_lossy(&rendered.stdout).trim_end(), out[1], "the null before it is skipped");
    assert_eq!(rendered.status.code(), Some(0), "{}", String::from_utf8_lossy(&rendered.stderr));
}
