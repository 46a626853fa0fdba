//! What the program says and how it ends, without a broker.

use integration_tests::program::{self, Build};
use integration_tests::scenario::setup;

use crate::kafka::Kafka;

pub(crate) fn all_errors_at_once(kafka: &Kafka) {
    let scenario = setup("errors", &kafka.client);
    let config = scenario.write(
        "bad.yaml",
        "connections:
  kafka: { bootstrap.servers: 'localhost:9092', enable.auto.commit: true }
pipelines:
  bank-audit:
    source: { topics: [loop], grop: g, group: g }
    transforms: [ envelope: '{\"data\": {{paylod}}}' ]
    sink: { topic: loop }
    actors: { transforms: many }
",
    );
    let mut command = program::command(Build::Plain);
    command.arg("check").arg("--config").arg(&config);
    let output = program::output(command);
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(64), "{text}");
    for expected in [
        "bad.yaml:2",
        "enable.auto.commit",
        "bad.yaml:5",
        "`grop`",
        "`group`",
        "did you mean `payload`",
        "`many`",
        "`loop`",
    ] {
        assert!(text.contains(expected), "{expected} is missing in:\n{text}");
    }
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
    command.args(["demo", "--records", "20000"]).current_dir(&scenario.folder);
    let output = program::output(command);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text}{}", String::from_utf8_lossy(&output.stderr));
    for expected in ["lost", "corrupted", "out of order"] {
        assert!(text.contains(expected), "{text}");
    }
}
