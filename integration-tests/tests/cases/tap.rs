//! `stampmill tap`: people look on, and the pipeline does not notice.

use std::process::Command;

use integration_tests::client::TestRecord;
use integration_tests::program::{self, Build, Program};
use integration_tests::scenario::{Scenario, setup};

use crate::kafka::Kafka;

fn tap(scenario: &Scenario, arguments: &[&str]) -> Command {
    let mut command = program::command(Build::Plain);
    command.arg("tap").args(arguments).arg("--config").arg(scenario.config()).current_dir(&scenario.folder);
    command
}

/// Runs it to its end, which must be a success, and returns what it shows.
fn shown(scenario: &Scenario, arguments: &[&str]) -> String {
    let output = program::output(tap(scenario, arguments));
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {shown}{}", String::from_utf8_lossy(&output.stderr));
    println!("$ stampmill tap {}\n{shown}", arguments.join(" "));
    shown
}

fn record(partition: i32, value: Option<&str>) -> TestRecord {
    TestRecord {
        partition,
        key: Some(b"k\x1b[2J".to_vec()),
        value: value.map(|value| value.as_bytes().to_vec()),
        timestamp: Some(1_700_000_000_000),
        ..TestRecord::default()
    }
}

pub(crate) fn records_before_and_after(kafka: &Kafka) {
    let scenario = setup("tap", &kafka.client).with_topics(2);
    let input = &scenario.input;
    let sent = [record(0, Some("{ \"a\": 1.50 }")), record(0, Some("{ broken\x1b[31m")), record(1, None)];
    kafka.client.produce(input, sent);

    let all = shown(&scenario, &["--from", "beginning", "--count", "3"]);
    let head =
        |partition, offset| format!("{input}/{partition} offset {offset}  2023-11-14T22:13:20.000Z  key k\\u001b[2J\n");
    for expected in [
        format!("{}  before   {{ \"a\": 1.50 }}\n  after    {{\"data\": {{\"a\":1.50}}}}\n", head(0, 0)),
        format!("{}  before   {{ broken\\u001b[31m\n  fault    envelope[0]: not-json: ", head(0, 1)),
        format!("{}  before   (null)\n  after    (null)\n", head(1, 0)),
    ] {
        assert!(all.contains(&expected), "{expected}\nis missing in:\n{all}");
    }
    assert!(!all.contains('\u{1b}'), "no record steers the terminal: {all:?}");
    let last = shown(&scenario, &["--partition", "0", "--from", "-1", "--count", "1", "--width", "8"]);
    assert!(last.starts_with(&format!("{input}/0 offset 1 ")) && last.contains("before   { broke…\n"), "{last}");
    let found = shown(&scenario, &["--from", "beginning", "--count", "1", "--where", "fault "]);
    assert!(found.starts_with(&format!("{input}/0 offset 1 ")), "{found}");
}

/// A pipeline that runs keeps its partitions and its commits while somebody looks on.
pub(crate) fn beside_the_pipeline(kafka: &Kafka) {
    let scenario = setup("beside", &kafka.client).with_topics(2);
    let pipeline = scenario.start("pipeline").await_ready();
    let mut watching = Program::start(tap(&scenario, &["--count", "2"]), scenario.folder.join("tap.log"));
    watching.await_line("Ctrl-C ends it");
    kafka.client.produce(&scenario.input, [record(0, Some("1")), record(1, Some("2"))]);
    for number in [1, 2] {
        watching.await_line(&format!("after    {{\"data\": {number}}}"));
    }
    assert_eq!(watching.exit_code(), 0);
    scenario.client.await_committed(&scenario.group, &scenario.input);
    assert_eq!(kafka.client.read_to_end(&scenario.output).len(), 2, "each once");
    assert!(kafka.client.committed("stampmill-tap", &scenario.input).values().all(Option::is_none));
    assert_eq!(pipeline.log().matches("under-test: partitions: ").count(), 1, "no rebalance: {}", pipeline.log());
    assert_eq!(pipeline.terminate(), 0);
}
