//! Who is not let in when it starts: told what is wrong, waiting, and let in when that is mended.

use std::fs;

use integration_tests::program::{self, Build};
use integration_tests::scenario::{Scenario, setup};
use integration_tests::secured::{self, Door, PASSWORD, Secured, USER};
use integration_tests::verdict::Numbered;

use super::{Probed, by_door};
use crate::kafka::Kafka;

const WRONG: &str = "a-wrong-password-that-nobody-must-see";

/// Where it tries to come in, what it says of itself, and the words that have to be in the reason.
type Fault = (&'static str, String, String, &'static [&'static str]);

fn faults(secured: &Secured) -> Vec<Fault> {
    let at = |door| secured.address(door).to_string();
    let listener = |name: &str| secured.broker.listener(name).to_string();
    let plaintext = secured.broker.bootstrap.clone();
    let trust = format!("security.protocol: SSL\nssl.ca.location: {}\n", secured.authority.file().display());
    let trust_only = trust.clone();
    let login = format!(
        "security.protocol: SASL_PLAINTEXT\nsasl.mechanism: PLAIN\nsasl.username: {USER}\nsasl.password: {WRONG}\n"
    );
    let stranger = secured.stranger.client(USER).expect("a certificate");
    let shows_stranger = secured::mutual(&secured.authority, &stranger);
    let trusts_stranger = secured::mutual(&secured.stranger, &secured.mill);
    vec![
        ("plain-password", at(Door::Sasl), secured.sasl("PLAIN", USER, WRONG), &["`sasl.password`", "Authentication"]),
        (
            "scram-password",
            at(Door::Sasl),
            secured.sasl("SCRAM-SHA-256", USER, WRONG),
            &["`sasl.password`", "invalid credentials"],
        ),
        ("no-such-user", at(Door::Sasl), secured.sasl("SCRAM-SHA-512", "nobody", WRONG), &["`sasl.username`"]),
        ("wrong-ca", at(Door::Mutual), trusts_stranger, &["`ssl.ca.location` has to name who issued it"]),
        ("expired", listener("EXPIRED"), secured.mutual(), &["certificate has expired"]),
        ("elsewhere", listener("ELSEWHERE"), secured.mutual(), &["IP address mismatch"]),
        ("no-certificate", at(Door::Mutual), trust, &["the brokers want a certificate of this client"]),
        ("stranger", at(Door::Mutual), shows_stranger, &["certificate of this client"]),
        ("tls-to-plaintext", plaintext.clone(), secured.mutual(), &["`security.protocol`"]),
        ("sasl-to-plaintext", plaintext, login, &["`security.protocol`", "takes no login"]),
        ("plaintext-to-tls", at(Door::Mutual), String::new(), &["`security.protocol`"]),
        ("tls-to-sasl", at(Door::Sasl), trust_only, &["`security.protocol`"]),
    ]
}

/// All of them at once: a program for each, `check --online` and `run --fail-fast` beside it. None ends, none is ready, each
/// says why, and none tells a password.
pub(crate) fn each_is_told_what_is_wrong(kafka: &Kafka) {
    let secured = kafka.secured();
    let faults = faults(&secured);
    let scenarios: Vec<(Scenario, &Fault)> = faults.iter().map(|fault| (of(&secured, fault), fault)).collect();
    let mut probed: Vec<Probed> = scenarios.iter().map(|(scenario, _)| Probed::start(scenario)).collect();
    let mut wrong = Vec::new();
    for ((scenario, (name, _, _, words)), probed) in scenarios.iter().zip(&mut probed) {
        let (code, text) = run(scenario, &["check", "--online"]);
        if code != Some(1) || !words.iter().all(|word| text.contains(word)) {
            wrong.push(format!("{name}: check --online ended with {code:?}: {text}"));
        }
        assert!(!text.contains(WRONG) && !text.contains(PASSWORD), "{name}: a secret is told");
        if matches!(*name, "plain-password" | "wrong-ca") {
            let (code, text) = run(scenario, &["run", "--fail-fast"]);
            if code != Some(1) || !words.iter().all(|word| text.contains(word)) {
                wrong.push(format!("{name}: run --fail-fast ended with {code:?}: {text}"));
            }
        }
        match probed.reason(words) {
            Ok(reason) => println!("{name}: {reason}"),
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
        let log = probed.program.log();
        assert!(!log.contains(WRONG) && !log.contains(PASSWORD), "{name}: a secret is in the log");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n---\n"));
    // Since then some have waited for long. None has filled its log.
    probed.iter().for_each(Probed::assert_calm);
    probed.into_iter().for_each(|probed| assert_eq!(probed.program.terminate(), 0));
}

fn of(secured: &Secured, (name, bootstrap, connection, _): &Fault) -> Scenario {
    let mut scenario = setup(name, &secured.client()).with_topics(1);
    scenario.bootstrap.clone_from(bootstrap);
    scenario.pipeline.connection.clone_from(connection);
    scenario
}

fn run(scenario: &Scenario, what: &[&str]) -> (Option<i32>, String) {
    let mut command = program::command(Build::Plain);
    command.args(what).arg("--config").arg(scenario.config()).current_dir(&scenario.folder);
    let output = program::output(command);
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&text).into_owned())
}

/// A user that the broker does not know yet is let in as soon as it does.
pub(crate) fn it_is_let_in_when_that_is_mended(kafka: &Kafka) {
    let secured = kafka.secured();
    let scenario = setup("mended", &secured.client()).with_topics(2);
    let user = format!("{}-user", scenario.id);
    let scenario = by_door(scenario, &secured, Door::Sasl, &secured.sasl("SCRAM-SHA-512", &user, PASSWORD));
    let numbered = Numbered { partitions: 2, records: 100 };
    scenario.client.produce(&scenario.input, numbered.all());
    secured.client().create_topic(&scenario.dead_letters, 1, &[]);
    secured.allow(&user, ["--topic", &scenario.dead_letters], &["Write"]).expect("a permission");
    let mut probed = Probed::start(&scenario);
    probed.await_reason(&["`sasl.username`"]);
    secured.set_scram("SCRAM-SHA-512", &user, PASSWORD).expect("the user is made");
    // It is let in, and may do nothing yet.
    probed
        .program
        .await_line("is not shown to this user: make it, for example with kafka-topics.sh --create, or grant");
    secured.allow(&user, ["--topic", &scenario.input], &["Read"]).expect("a permission");
    secured.allow(&user, ["--topic", &scenario.output], &["Write"]).expect("a permission");
    probed.await_reason(&[&scenario.group]);
    secured.allow(&user, ["--group", &scenario.group], &["Read"]).expect("a permission");
    probed.await_ready();
    numbered.await_verdict(&scenario).assert_exact();
    let config = fs::read_to_string(scenario.config()).expect("the configuration");
    assert!(config.contains(PASSWORD), "the password is the one that was looked for");
    assert!(!probed.program.log().contains(PASSWORD), "a secret is in the log");
    assert_eq!(probed.program.terminate(), 0);
}
