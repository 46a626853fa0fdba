//! `stampmill dead-letters`: what people see of dead letters, and how they come back.

use integration_tests::client::TestRecord;
use integration_tests::launcher::mortal;
use integration_tests::program::{self, Build};
use integration_tests::scenario::{Scenario, setup};

use crate::kafka::Kafka;

/// Runs the command, which must end with that code, and returns what it says.
fn dead_letters(scenario: &Scenario, arguments: &[&str], code: i32) -> String {
    let mut command = program::command(Build::Plain);
    command.arg("dead-letters").args(arguments).arg("--config").arg(scenario.config()).current_dir(&scenario.folder);
    let output = program::output(command);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}{errors}");
    println!("$ stampmill dead-letters {}\n{said}", arguments.join(" "));
    said
}

/// Lets the pipeline read all that there is.
fn run(scenario: &Scenario, log: &str) {
    let program = scenario.start(log).await_ready();
    scenario.client.await_committed(&scenario.group, &scenario.input);
    assert_eq!(program.terminate(), 0);
}

fn bad(partition: i32, number: u32) -> TestRecord {
    TestRecord {
        key: Some(b"k\xff".to_vec()),
        timestamp: Some(1_700_000_000_000 + i64::from(number)),
        headers: vec![("twice".into(), Some(b"1".to_vec())), ("twice".into(), None)],
        ..TestRecord::value(partition, format!("{{ broken {number}"))
    }
}

fn dead(scenario: &Scenario) -> usize {
    scenario.client.read_to_end(&scenario.dead_letters).len()
}

pub(crate) fn they_are_listed_shown_and_replayed(kafka: &Kafka) {
    let mut scenario = setup("letters", &kafka.client).with_topics(2);
    let good = (0..10).map(|number| TestRecord::value(number % 2, number.to_string()));
    kafka.client.produce(&scenario.input, good.chain([bad(0, 1), bad(1, 2)]));
    run(&scenario, "first");
    assert_eq!(dead(&scenario), 2);
    assert_eq!(kafka.client.partitions(&scenario.dead_letters), Some(2), "as many as the source has");

    // --- look ---
    let listed = dead_letters(&scenario, &["list"], 0);
    for (partition, offset) in [(0, 5), (1, 5)] {
        let place = format!("{}/{partition}@{offset}", scenario.input);
        let line = listed.lines().find(|line| line.contains(&place)).unwrap_or_else(|| panic!("{place}: {listed}"));
        assert!(line.starts_with(&format!("{partition}:0")) && line.contains("not-json"), "{line}");
    }
    assert_eq!(dead_letters(&scenario, &["list", "--partition", "1", "--json"], 0).lines().count(), 1);
    assert!(dead_letters(&scenario, &["list", "--class", "panic"], 0).starts_with("no such dead letters"));
    let shown = dead_letters(&scenario, &["show", "0:0"], 0);
    assert!(shown.contains("stampmill-error-class") && shown.contains("{ broken 1"), "{shown}");
    assert_eq!(dead_letters(&scenario, &["show", "0:0", "--raw"], 0), "{ broken 1");
    dead_letters(&scenario, &["show", "0:7"], 1);
    assert!(dead_letters(&scenario, &["stats"], 0).starts_with("2 dead letters of `under-test`"));

    // --- to the source: a dry run first, then once, and not again ---
    let ends = kafka.client.ends(&scenario.input);
    let would = dead_letters(&scenario, &["replay"], 0);
    assert!(would.contains(&format!("-> {}/1", scenario.input)), "{would}");
    assert_eq!(kafka.client.ends(&scenario.input), ends, "a dry run sends nothing");
    dead_letters(&scenario, &["replay", "--execute", "--rate", "50"], 0);
    dead_letters(&scenario, &["replay", "--execute"], 0);
    let sent = kafka.client.read_to_end(&scenario.input);
    let replayed: Vec<_> = sent.iter().filter(|record| record.header("stampmill-hops").is_some()).collect();
    assert_eq!(replayed.len(), 2, "each once");
    for record in replayed {
        let original = bad(record.partition, 1 + record.partition as u32);
        assert_eq!(
            (&record.key, &record.value, record.timestamp),
            (&original.key, &original.value, original.timestamp)
        );
        assert_eq!(record.headers[..2], original.headers, "byte for byte, and a hop behind");
        assert_eq!(record.headers[2..], [("stampmill-hops".to_owned(), Some(b"1".to_vec()))]);
    }

    // --- what fails again may not go round for ever ---
    run(&scenario, "second");
    assert_eq!(dead(&scenario), 4);
    let left = dead_letters(&scenario, &["replay", "--max-hops", "1"], 0);
    assert!(left.contains("it was replayed 1 times"), "{left}");

    // --- through the pipeline as it is now ---
    scenario.pipeline.more = "payload: { format: text }".into();
    let delivered = kafka.client.read_to_end(&scenario.output).len();
    dead_letters(&scenario, &["replay", "--to", "pipeline", "--execute", "--from-beginning", "--max-hops", "1"], 0);
    let output = kafka.client.read_to_end(&scenario.output);
    assert_eq!(output.len(), delivered + 2, "those without a hop");
    assert!(output.iter().any(|record| record.text() == "{\"data\": \"{ broken 2\"}"), "{output:?}");
}

/// On a terminal a bar that stays in its place, and elsewhere a line every few seconds; nothing of either among what a
/// command prints.
pub(crate) fn a_long_replay_tells_how_far_it_is(kafka: &Kafka) {
    let scenario = setup("far", &kafka.client).with_topics(1);
    kafka.client.produce(&scenario.input, (0..70).map(|number| bad(0, number)));
    run(&scenario, "program");
    let replay = |rate: &str| {
        let mut command = program::command(Build::Plain);
        command.args(["dead-letters", "replay", "--execute", "--from-beginning", "--rate", rate, "--config"]);
        command.arg(scenario.config());
        command
    };

    let plain = program::output(replay("10"));
    let (said, told) = (String::from_utf8_lossy(&plain.stdout), String::from_utf8_lossy(&plain.stderr));
    assert!(told.lines().any(|line| line.starts_with("replayed ") && line.contains(" of 70 ")), "{told}");
    assert!(!said.contains(" of 70 ") && !told.contains("[#") && !told.contains(['\r', '\x1b']), "{said}{told}");

    // `script` gives it a terminal.
    let arguments: Vec<_> = replay("30").get_args().skip(2).map(|word| word.to_string_lossy().into_owned()).collect();
    let mut command = mortal("script");
    command.args(["-qec", &arguments.join(" "), "/dev/null"]);
    let shown = String::from_utf8_lossy(&program::output(command).stdout).into_owned();
    let bars: Vec<&str> = shown.split('\r').filter(|part| part.contains(" of 70  [")).collect();
    assert!(bars.len() > 2 && bars.iter().all(|bar| bar.chars().count() < 90), "{shown:?}");
    assert!(shown.contains("left\x1b[K\r") && shown.trim_end().lines().last().is_some_and(|line| !line.contains('[')));
}
