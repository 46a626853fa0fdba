//! Filters, cases, arrays that are split, and several sinks.

use std::collections::BTreeMap;

use integration_tests::client::{Client, TestRecord};
use integration_tests::eventually::eventually;
use integration_tests::program::{self, Program};
use integration_tests::scenario::{Scenario, setup};

use crate::kafka::Kafka;

const PARTITIONS: i32 = 2;
/// Parts that each record is split into.
const PARTS: usize = 3;

/// A pipeline of its own, for it has sinks in place of a sink.
struct Routing<'a> {
    scenario: &'a Scenario,
    transforms: &'static str,
    more: &'static str,
    /// Each with a suffix of the output's topic, and what else is to be said of it.
    sinks: &'a [(&'a str, &'a str)],
}

// === impl Routing ===

impl Routing<'_> {
    fn topic(&self, sink: &str) -> String {
        format!("{}-{sink}", self.scenario.output)
    }

    fn start(&self, name: &str) -> Program {
        let Scenario { bootstrap, input, group, dead_letters, folder, .. } = self.scenario;
        let sinks: String = self
            .sinks
            .iter()
            .map(|(sink, says)| format!("      - {{ topic: {}{says} }}\n", self.topic(sink)))
            .collect();
        let text = format!(
            "connections: {{ kafka: {{ bootstrap.servers: '{bootstrap}' }} }}
pipelines:
  routing:
    source:
      topics: [{input}]
      group: {group}
      properties: {{ session.timeout.ms: 6000, heartbeat.interval.ms: 500 }}
    transforms:
{}    sinks:
{sinks}    on_failure: {{ topic: {dead_letters} }}
{}",
            self.transforms, self.more
        );
        let config = self.scenario.write("routing.yaml", &text);
        let mut command = program::command(self.scenario.build);
        command.arg("run").arg("--config").arg(config).current_dir(folder);
        Program::start(command, folder.join(format!("{name}.log")))
    }
}

fn record(number: usize) -> TestRecord {
    let items: Vec<String> =
        (0..PARTS).map(|part| format!(r#"{{"part":{part},"price":{}.50}}"#, number * PARTS + part)).collect();
    let kind = ["a", "b", "c"][number % 3];
    let text = format!(r#"{{"id":{number},"kind":"{kind}","items":[{}]}}"#, items.join(","));
    TestRecord { key: Some(number.to_string().into_bytes()), ..TestRecord::value(number as i32 % PARTITIONS, text) }
}

const STEPS: &str = r#"      - filter: payload.id % 5 != 0
      - set: { vars: { id: { cel: payload.id } }, headers: { kind: "{{payload.kind}}" } }
      - switch:
          - when: payload.kind == "a"
            transforms: [ set: { vars: { name: first } } ]
          - when: payload.kind == "b"
            transforms: [ set: { vars: { name: second } } ]
          - transforms: [ set: { vars: { name: other } } ]
      - split: payload.items
      - envelope: '{"id": {{vars.id}}, "name": {{vars.name}}, "part": {{payload.part}}}'
"#;

/// What is to come of so many records, in each partition in order.
fn expected(records: usize, wanted: impl Fn(usize, usize) -> bool) -> BTreeMap<i32, Vec<String>> {
    let mut all: BTreeMap<i32, Vec<String>> = BTreeMap::new();
    for number in (0..records).filter(|number| number % 5 != 0) {
        let name = ["first", "second", "other"][number % 3];
        let parts = (0..PARTS).filter(|part| wanted(number, *part));
        let parts = parts.map(|part| format!(r#"{{"id": {number}, "name": "{name}", "part": {part}}}"#));
        all.entry(number as i32 % PARTITIONS).or_default().extend(parts);
    }
    all
}

fn found(client: &Client, topic: &str, count: usize) -> BTreeMap<i32, Vec<String>> {
    let mut all: BTreeMap<i32, Vec<String>> = BTreeMap::new();
    for record in client.read_count(topic, count) {
        assert!(record.header("kind").is_some(), "the header is set");
        all.entry(record.partition).or_default().push(record.text());
    }
    all
}

fn is_large(number: usize, part: usize) -> bool {
    number * PARTS + part > 600
}

const SINKS: [(&str, &str); 2] =
    [("all", ", partition: source"), ("large", ", partition: source, when: payload.price > 600.5")];

fn prepared(kafka: &Kafka, name: &str, records: usize) -> Scenario {
    let scenario = setup(name, &kafka.client).with_topics(PARTITIONS);
    SINKS
        .iter()
        .for_each(|(sink, _)| kafka.client.create_topic(&format!("{}-{sink}", scenario.output), PARTITIONS, &[]));
    kafka.client.produce(&scenario.input, (0..records).map(record));
    scenario
}

fn assert_all(kafka: &Kafka, routing: &Routing<'_>, records: usize) {
    let all = [expected(records, |_, _| true), expected(records, is_large)];
    for ((sink, _), expected) in SINKS.iter().zip(all) {
        let count = expected.values().map(Vec::len).sum();
        let found = found(&kafka.client, &routing.topic(sink), count);
        for (partition, expected) in expected {
            assert!(found[&partition] == expected, "`{sink}`, partition {partition}: lost, doubled, or out of order");
        }
    }
    kafka.client.await_committed(&routing.scenario.group, &routing.scenario.input);
}

pub(crate) fn a_record_becomes_several(kafka: &Kafka) {
    const RECORDS: usize = 1_000;
    let scenario = prepared(kafka, "routing", RECORDS);
    let routing = Routing { scenario: &scenario, transforms: STEPS, more: "", sinks: &SINKS };
    let program = routing.start("program").await_ready();
    assert_all(kafka, &routing, RECORDS);
    // What cannot be processed goes to the dead letters as a whole.
    kafka.client.produce(&scenario.input, [TestRecord::value(0, r#"{"id":1,"kind":"a","items":{}}"#)]);
    let dead = &kafka.client.read_count(&scenario.dead_letters, 1)[0];
    assert_eq!(dead.header("stampmill-error-class").as_deref(), Some("not-an-array"));
    assert_eq!(dead.header("stampmill-transform").as_deref(), Some("split[3]"));
    kafka.client.await_committed(&scenario.group, &scenario.input);
    assert_eq!(program.terminate(), 0);
}

/// All that comes of a record is in one transaction, with its offset.
pub(crate) fn killed_within_transactions(kafka: &Kafka) {
    const RECORDS: usize = 30_000;
    let scenario = prepared(kafka, "routing-exactly", RECORDS);
    let more = "    delivery: exactly_once\n    transaction_interval_ms: 50\n    batch_records: 50\n    window: 4\n";
    let routing = Routing { scenario: &scenario, transforms: STEPS, more, sinks: &SINKS };
    for round in 1..=2 {
        let program = routing.start(&format!("killed-{round}")).await_ready();
        let end = || kafka.client.ends(&routing.topic("all")).values().map(|(_, high)| high).sum::<i64>();
        let before = end();
        eventually("some to be written", || (end() > before).then_some(()));
        program.kill();
    }
    let program = routing.start("program").await_ready();
    assert_all(kafka, &routing, RECORDS);
    assert_eq!(program.terminate(), 0);
}

pub(crate) fn what_comes_twice_and_too_fast(kafka: &Kafka) {
    const RECORDS: usize = 300;
    let scenario = setup("dedupe", &kafka.client).with_topics(PARTITIONS);
    let topic = format!("{}-once", scenario.output);
    kafka.client.create_topic(&topic, PARTITIONS, &[]);
    // Each three times, one after the other.
    kafka.client.produce(&scenario.input, (0..RECORDS).map(|number| record(number / 3 * 3)));
    let transforms = "      - dedupe: payload.id\n      - throttle: 100\n";
    let sinks = [("once", ", partition: source")];
    let routing = Routing { scenario: &scenario, transforms, more: "", sinks: &sinks };
    let program = routing.start("program").await_ready();
    kafka.client.await_committed(&scenario.group, &scenario.input);
    let mut all: Vec<String> = kafka.client.read_count(&topic, RECORDS / 3).iter().map(TestRecord::text).collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), RECORDS / 3, "each once");
    assert_eq!(program.terminate(), 0);
}
