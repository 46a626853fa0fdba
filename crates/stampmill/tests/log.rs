//! The log of the built program, on the demo's broker.

use std::process::{Command, Output};

use serde_json::Value;

const CONFIGURATION: &str = include_str!("../../../config/stampmill.yaml");

/// A demo of as many records as it shows, all of which it logs.
fn demo(name: &str, configuration: &str, filter: Option<&str>) -> String {
    let folder = std::env::temp_dir().join(format!("stampmill-log-{}-{name}", std::process::id()));
    std::fs::create_dir_all(folder.join("config")).expect("a folder can be made");
    std::fs::write(folder.join("config/stampmill.yaml"), configuration).expect("a file can be written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_stampmill"));
    command.args(["demo", "--records", "3"]).current_dir(&folder).env_remove("RUST_LOG");
    if let Some(filter) = filter {
        command.env("RUST_LOG", filter);
    }
    let Output { status, stderr, .. } = command.output().expect("the program runs");
    std::fs::remove_dir_all(&folder).expect("the folder can be removed");
    let log = String::from_utf8(stderr).expect("text");
    assert!(status.success(), "{log}");
    log
}

#[test]
fn a_record_is_a_line_and_comes_through_the_filter_of_its_name() {
    let log = demo("line", CONFIGURATION, None);
    let lines =
        log.lines().filter(|line| line.contains("]  INFO {bank-audit} - Kafka event received, data = {\"id\":"));
    assert_eq!(lines.count(), 3, "{log}");

    let log = demo("off", CONFIGURATION, Some("info,bank-audit=off"));
    assert!(!log.contains("{bank-audit}") && log.contains("]  INFO {stampmill} - "), "{log}");
}

#[test]
fn every_line_is_an_object_if_asked_for() {
    let log = demo("json", &format!("{CONFIGURATION}\nlogging: {{ format: json }}\n"), Some("info"));
    let lines: Vec<Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect();
    let (of_steps, others): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line["name"] == "bank-audit");
    assert_eq!(of_steps.len(), 3, "{log}");
    for line in of_steps {
        assert_eq!((&line["pipeline"], &line["topic"]), (&"bank-audit".into(), &"bank-transactions".into()));
        assert!(line["partition"].is_i64() && line["offset"].is_i64(), "{line}");
    }
    assert!(others.iter().any(|line| line["name"] == "stampmill" && line["offset"].is_null()), "{log}");
}
