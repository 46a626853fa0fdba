//! What the program says and how it ends, without a broker.

use integration_tests::program::{self, Build};
use integration_tests::scenario::setup;

use crate::kafka::Kafka;

fn check(kafka: &Kafka, config: &str) -> (Option<i32>, String) {
    let scenario = setup("check", &kafka.client);
    let mut command = program::command(Build::Plain);
    command.arg("check").arg("--config").arg(scenario.write("bad.yaml", config));
    let output = program::output(command);
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

pub(crate) fn all_errors_at_once(kafka: &Kafka) {
    let (code, text) = check(
        kafka,
        "connections:
  kafka: { bootstrap.servers: 'localhost:9092', enable.auto.commit: true }
pipelines:
  bank-audit:
    source: { topics: [in], grop: g, group: g }
    transforms: [ envelope: '{\"data\": {{paylod}}}' ]
    sink: { topic: out }
    actors: { transforms: many }
",
    );
    assert_eq!(code, Some(64), "{text}");
    for expected in [
        "bad.yaml:2: `connections.kafka.enable.auto.commit` belongs to the engine",
        "bad.yaml:5: `pipelines.bank-audit.source.grop` is not a key; the nearest is `group`",
        "bad.yaml:6: `pipelines.bank-audit.transforms.0.envelope",
        "there is no variable `paylod`: did you mean `payload`?",
        "bad.yaml:8: `pipelines.bank-audit.actors.transforms`: expected a whole number",
        "4 errors",
    ] {
        assert!(text.contains(expected), "{expected} is missing in:\n{text}");
    }
}

pub(crate) fn a_loop_is_refused(kafka: &Kafka) {
    let (code, text) = check(
        kafka,
        "connections: { kafka: { bootstrap.servers: 'localhost:9092' } }
pipelines:
  round: { source: { topics: ['^round.*'], group: g }, sink: { topic: round-out } }
",
    );
    assert_eq!(code, Some(64), "{text}");
    assert!(text.contains("round-out"), "{text}");
}

pub(crate) fn a_password_stays_as_written(kafka: &Kafka) {
    let scenario = setup("password", &kafka.client);
    let mut command = program::command(Build::Plain);
    command.arg("check").arg("--config").arg(scenario.config());
    command.env("STAMPMILL__CONNECTIONS__KAFKA__SASL_PASSWORD", "0123");
    command.env("STAMPMILL__CONNECTIONS__KAFKA__NO_SUCH_PROPERTY", "secret-value");
    let output = program::output(command);
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(64), "{text}");
    assert!(text.contains("NO_SUCH_PROPERTY"), "{text}");
    assert!(!text.contains("0123") && !text.contains("secret-value"), "a secret is never shown: {text}");
}

pub(crate) fn fail_fast(kafka: &Kafka) {
    let scenario = setup("fast", &kafka.client);
    let mut command = scenario.command();
    command.arg("--fail-fast");
    let output = program::output(command);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("the brokers cannot be reached"), "{text}");
}

/// On the embedded broker: all sent, all read back, each as it must be.
pub(crate) fn the_demo_proves_itself(kafka: &Kafka) {
    let scenario = setup("demo", &kafka.client);
    let mut command = program::command(Build::Plain);
    command.args(["demo", "--records", "300000"]).current_dir(&scenario.folder);
    let output = program::output(command);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text}{}", String::from_utf8_lossy(&output.stderr));
    for expected in ["lost", "corrupted", "out of order"] {
        assert!(text.contains(expected), "{text}");
    }
}
