//! Payloads that must meet a JSON Schema: the shipped example.

use std::fs;

use integration_tests::client::TestRecord;
use integration_tests::program::{self, Program};
use integration_tests::scenario::{Scenario, setup};
use integration_tests::workspace;

use crate::kafka::Kafka;

const PARTITIONS: i32 = 2;
/// Of each kind.
const RECORDS: usize = 200;

/// What is wrong, and what is said of it, in any order.
const WRONG: [(&str, &[&str]); 4] = [
    (
        r#"{"id":"TXN1","accountId":"ACC4x6","amount":-1.005,"currency":"EUR"}"#,
        &[
            "at `/accountId`: it does not match \"^ACC[0-9]+$\"",
            "at `/amount`: it is not greater than 0",
            "at `/amount`: it is no multiple of 0.01",
            "at the top: Additional properties are not allowed ('currency' was unexpected)",
        ],
    ),
    (
        r#"{"id":7,"amount":12345678901234567890.123,"postings":[{"amount":1},{"note":"x"}]}"#,
        &[
            "at `/amount`: it is no multiple of 0.01",
            "at `/id`: it is not of type \"string\"",
            "at `/postings/1`: \"amount\" is a required property",
            "at the top: \"accountId\" is a required property",
        ],
    ),
    ("[]", &["at the top: it is not of type \"object\""]),
    (
        r#"{"id":"TXN1","id":"TXN2","accountId":"ACC456","amount":1}"#,
        &["at the top: the key `id` is there twice, and readers differ in which of them counts"],
    ),
];

/// The example with topics of its own, and its schemas beside it.
fn start(scenario: &Scenario) -> Program {
    let examples = workspace().join("config/examples");
    fs::create_dir_all(scenario.folder.join("schemas")).expect("a folder");
    for schema in ["schemas/deposit.json", "schemas/money.json"] {
        fs::copy(examples.join(schema), scenario.folder.join(schema)).expect("a schema is copied");
    }
    let Scenario { bootstrap, input, output, group, dead_letters, .. } = scenario;
    let example = fs::read_to_string(examples.join("validate.yaml")).expect("the example");
    let mut text = example.clone();
    for (from, to) in [
        ("[deposits]", format!("[{input}]")),
        ("group: deposits", format!("group: {group}")),
        (
            "topic: checked-deposits",
            format!("topic: {output}\n    on_failure: {{ topic: {dead_letters}, breaker: {{ max_percent: 100 }} }}"),
        ),
    ] {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, &to);
    }
    let mut command = program::command(scenario.build);
    command.arg("run").arg("--config").arg(scenario.write("validate.yaml", &text));
    command.current_dir(&scenario.folder).env("KAFKA_BROKERS", bootstrap);
    Program::start(command, scenario.folder.join("program.log"))
}

fn deposit(number: usize) -> String {
    format!(r#"{{"id":"TXN{number}","accountId":"ACC456","amount":1234567890123456789{number}.10}}"#)
}

pub(crate) fn what_does_not_meet_its_schema(kafka: &Kafka) {
    let scenario = setup("validate", &kafka.client).with_topics(PARTITIONS);
    let partition = |number: usize| number as i32 % PARTITIONS;
    let records = (0..RECORDS).flat_map(|number| {
        let (wrong, _) = WRONG[number % WRONG.len()];
        [TestRecord::value(partition(number), deposit(number)), TestRecord::value(partition(number), wrong)]
    });
    kafka.client.produce(&scenario.input, records);
    let program = start(&scenario).await_ready();

    let mut out: Vec<String> =
        kafka.client.read_count(&scenario.output, RECORDS).iter().map(TestRecord::text).collect();
    let envelope = |number: usize| format!(r#"{{"eventType": "deposit", "data": {}}}"#, deposit(number));
    let mut expected: Vec<String> = (0..RECORDS).map(envelope).collect();
    out.sort_unstable();
    expected.sort_unstable();
    assert!(out == expected, "lost, doubled, or changed");

    for dead in kafka.client.read_count(&scenario.dead_letters, RECORDS) {
        let text = dead.text();
        let (_, wrong) = WRONG.iter().find(|(payload, _)| *payload == text).expect("it is as it came");
        assert_eq!(dead.header("stampmill-error-class").as_deref(), Some("invalid"));
        assert_eq!(dead.header("stampmill-transform").as_deref(), Some("validate[0]"));
        let reason = dead.header("stampmill-error").expect("a reason");
        let mut told: Vec<&str> = reason.split_once(": ").expect("what it is about").1.split("; ").collect();
        let mut wrong = wrong.to_vec();
        told.sort_unstable();
        wrong.sort_unstable();
        assert_eq!(told, wrong, "{text}");
    }
    kafka.client.await_committed(&scenario.group, &scenario.input);
    assert_eq!(kafka.client.read_to_end(&scenario.output).len(), RECORDS);
    assert_eq!(program.terminate(), 0);
}
