//! The tutorial, with the file that the repository ships.

use integration_tests::client::TestRecord;
use integration_tests::eventually::eventually;
use integration_tests::program::{self, Build, Program};
use integration_tests::scenario::{Scenario, setup};
use integration_tests::workspace;

use crate::kafka::Kafka;

const EVENT: &str = r#"{ "id":"TXN011", "type":"withdraw", "accountId":"ACC456", "amount":1500 }"#;
const LOG_LINE: &str =
    r#"Kafka event received, data = {"id":"TXN011","type":"withdraw","accountId":"ACC456","amount":1500}"#;

/// The shipped file on its own topics, so it has a broker to itself.
fn start_tutorial(kafka: &Kafka, scenario: &Scenario, bootstrap: &str, variables: &[(&str, &str)]) -> Program {
    let _ = kafka;
    let mut command = program::command(Build::Plain);
    command.arg("run").arg("--config").arg(workspace().join("config/stampmill.yaml")).current_dir(&scenario.folder);
    command.env("STAMPMILL__CONNECTIONS__KAFKA__BOOTSTRAP_SERVERS", bootstrap);
    command.envs(variables.iter().copied());
    Program::start(command, scenario.folder.join("tutorial.log")).await_ready()
}

pub(crate) fn word_for_word(kafka: &Kafka) {
    let broker = kafka.own_broker();
    let client = integration_tests::client::Client::new(&broker.bootstrap);
    client.create_topic("bank-transactions", 1, &[]);
    client.create_topic("bank-audit", 1, &[]);
    let scenario = setup("tutorial", &client);

    let mut program = start_tutorial(kafka, &scenario, &broker.bootstrap, &[]);
    client.produce("bank-transactions", [TestRecord::value(0, EVENT)]);

    let line = program.await_line("Kafka event received");
    assert!(is_log_line(&line, "INFO", "bank-audit", LOG_LINE), "{line}");
    let output = client.read_count("bank-audit", 1);
    let event: serde_json::Value = serde_json::from_str(&output[0].text()).expect("JSON");
    let expected = serde_json::json!({
        "eventType": "transaction",
        "source": "bank-transactions",
        "data": { "id": "TXN011", "type": "withdraw", "accountId": "ACC456", "amount": 1500 }
    });
    assert_eq!(event, expected);
    assert_eq!(program.terminate(), 0);
    client.await_committed("bank-audit", "bank-transactions");
}

/// `[2026-11-23 14:09:11,123]  INFO {bank-audit} - …`
fn is_log_line(line: &str, level: &str, name: &str, message: &str) -> bool {
    let Some((time, rest)) = line.strip_prefix('[').and_then(|rest| rest.split_once("] ")) else { return false };
    let shape: String =
        time.chars().map(|character| if character.is_ascii_digit() { '0' } else { character }).collect();
    shape == "0000-00-00 00:00:00,000" && rest == format!("{level:>5} {{{name}}} - {message}")
}

/// The pool's size of a pipeline with a hyphen in its name.
pub(crate) fn a_key_set_from_outside(kafka: &Kafka) {
    let broker = kafka.own_broker();
    let client = integration_tests::client::Client::new(&broker.bootstrap);
    client.create_topic("bank-transactions", 1, &[]);
    client.create_topic("bank-audit", 1, &[]);
    let scenario = setup("outside", &client);
    let variables = [("STAMPMILL__PIPELINES__BANK_AUDIT__ACTORS__TRANSFORMS", "2"), ("RUST_LOG", "debug")];
    let program = start_tutorial(kafka, &scenario, &broker.bootstrap, &variables);
    // One thread for each TransformActor, ProducerActor and the ConsumerActors together.
    eventually("the pool to have two threads", || program.log().contains("2 TransformActors").then_some(()));
    assert_eq!(program.terminate(), 0);
}
