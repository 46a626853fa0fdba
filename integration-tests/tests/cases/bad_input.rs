//! Records that cannot be processed: each goes to the dead letters, and the stream goes on.

use integration_tests::client::TestRecord;
use integration_tests::scenario::setup;

use crate::kafka::Kafka;

fn class(record: &TestRecord) -> String {
    record.header("stampmill-error-class").unwrap_or_default()
}

pub(crate) fn each_goes_to_the_dead_letters(kafka: &Kafka) {
    let scenario = setup("bad", &kafka.client).with_topics(1);
    let bad: [(&[u8], &str); 6] = [
        (b"no JSON", "not-json"),
        (b"{\"a\":1}{\"b\":2}", "not-json"),
        (b"", "empty"),
        (b"\"\xff\"", "invalid-utf8"),
        (&[b'['; 900_000], "too-deep"),
        (b"{\"a\":", "not-json"),
    ];
    let mut records = vec![TestRecord::value(0, "\"first\"")];
    for (value, _) in bad {
        let headers = vec![("trace".into(), Some(b"t1".to_vec())), ("null".into(), None)];
        records.push(TestRecord {
            key: Some(b"k".to_vec()),
            timestamp: Some(1_700_000_000_000),
            headers,
            ..TestRecord::value(0, value)
        });
    }
    records.push(TestRecord { key: Some(b"gone".to_vec()), ..TestRecord::default() });
    records.push(TestRecord::value(0, "\"last\""));
    kafka.client.produce(&scenario.input, records.clone());

    let program = scenario.start("program").await_ready();
    let output = kafka.client.read_count(&scenario.output, 3);
    assert_eq!(output[0].text(), "{\"data\": \"first\"}");
    assert_eq!(
        (output[1].value.as_ref(), output[1].key.as_deref()),
        (None, Some(&b"gone"[..])),
        "a tombstone stays one"
    );
    assert_eq!(output[2].text(), "{\"data\": \"last\"}");

    let dead = kafka.client.read_count(&scenario.dead_letters, bad.len());
    for ((letter, original), (_, expected)) in dead.iter().zip(&records[1..]).zip(bad) {
        assert_eq!(class(letter), expected);
        assert_eq!(
            (&letter.key, &letter.value, letter.timestamp),
            (&original.key, &original.value, original.timestamp)
        );
        assert_eq!(letter.headers[..2], original.headers[..], "the headers that it came with come first");
        assert_eq!(letter.header("stampmill-topic").as_deref(), Some(&*scenario.input));
        assert_eq!(letter.header("stampmill-partition").as_deref(), Some("0"));
        assert_eq!(letter.header("stampmill-pipeline").as_deref(), Some("under-test"));
        assert_eq!(letter.header("stampmill-transform").as_deref(), Some("envelope[0]"));
        assert!(letter.header("stampmill-error").is_some_and(|reason| !reason.is_empty()));
    }
    let offsets: Vec<_> = dead.iter().filter_map(|letter| letter.header("stampmill-offset")).collect();
    assert_eq!(offsets, ["1", "2", "3", "4", "5", "6"]);
    kafka.client.await_committed(&scenario.group, &scenario.input);
    assert_eq!(program.terminate(), 0);
}

pub(crate) fn a_field_that_is_missing(kafka: &Kafka) {
    let mut scenario = setup("missing", &kafka.client).with_topics(1);
    scenario.pipeline.transforms = "- envelope: '{\"id\": {{payload.id}}}'".into();
    scenario.pipeline.more = "missing: strict".into();
    kafka
        .client
        .produce(&scenario.input, ["{\"id\":1.10}", "{}", "{\"id\":null}"].map(|value| TestRecord::value(0, value)));
    let program = scenario.start("program").await_ready();
    let output: Vec<_> = kafka.client.read_count(&scenario.output, 2).iter().map(TestRecord::text).collect();
    assert_eq!(output, ["{\"id\": 1.10}", "{\"id\": null}"]);
    let dead = kafka.client.read_count(&scenario.dead_letters, 1);
    assert_eq!(class(&dead[0]), "missing-field");
    assert_eq!(program.terminate(), 0);
}

/// A sink that takes 10 kB: of many small records and a large one exactly the large one is a dead letter.
pub(crate) fn too_large_for_the_sink(kafka: &Kafka) {
    let scenario = setup("large", &kafka.client);
    kafka.client.create_topic(&scenario.input, 1, &[]);
    kafka.client.create_topic(&scenario.output, 1, &[("max.message.bytes", "10240")]);
    let records = (0..1000).map(|number| match number {
        500 => TestRecord::value(0, format!("\"{}\"", "x".repeat(20_000))),
        number => TestRecord::value(0, format!("{{\"n\":{number},\"pad\":\"{:500}\"}}", "")),
    });
    kafka.client.produce(&scenario.input, records);
    let program = scenario.start("program").await_ready();
    let output = kafka.client.read_count(&scenario.output, 999);
    let mut numbers: Vec<u64> = output
        .iter()
        .map(|record| {
            serde_json::from_str::<serde_json::Value>(&record.text()).expect("JSON")["data"]["n"].as_u64().expect("n")
        })
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 999);
    let dead = kafka.client.read_count(&scenario.dead_letters, 1);
    assert_eq!((class(&dead[0]).as_str(), dead[0].header("stampmill-offset").as_deref()), ("too-large", Some("500")));
    assert_eq!(dead[0].value.as_ref().map(Vec::len), Some(20_002));
    kafka.client.await_committed(&scenario.group, &scenario.input);
    assert_eq!(program.terminate(), 0);
}

pub(crate) fn too_large_for_the_dead_letters(kafka: &Kafka) {
    let scenario = setup("stub", &kafka.client).with_topics(1);
    kafka.client.create_topic(&scenario.dead_letters, 1, &[("max.message.bytes", "4096")]);
    kafka.client.produce(&scenario.input, [TestRecord::value(0, "x".repeat(20_000)), TestRecord::value(0, "1")]);
    let program = scenario.start("program").await_ready();
    kafka.client.read_count(&scenario.output, 1);
    let dead = kafka.client.read_count(&scenario.dead_letters, 1);
    assert_eq!((class(&dead[0]).as_str(), &dead[0].value), ("not-json", &None));
    let stub = dead[0].header("stampmill-stub").expect("a stub");
    assert!(
        stub.contains("a value of 20000 bytes") && stub.contains(&format!("{}/0 offset 0", scenario.input)),
        "{stub}"
    );
    kafka.client.await_committed(&scenario.group, &scenario.input);
    assert_eq!(program.terminate(), 0);
}

pub(crate) fn no_dead_letter_topic_can_be_made(kafka: &Kafka) {
    let mut scenario = setup("unmakeable", &kafka.client).with_topics(1);
    // Kafka makes no topic whose name differs from another's only in `.` for `_`.
    kafka.client.create_topic(&format!("{}_dead", scenario.id), 1, &[]);
    scenario.dead_letters = format!("{}.dead", scenario.id);
    let mut program = scenario.start("program");
    let line = program.await_line("could not be made");
    assert!(line.contains(&scenario.dead_letters) && line.contains("on_failure.topic"), "{line}");
    assert_eq!(program.exit_code(), 1);
}
