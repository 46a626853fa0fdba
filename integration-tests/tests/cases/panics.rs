//! Actors that panic, in a build with faults to inject.

use integration_tests::chaos::failpoints::{self, PANICS};
use integration_tests::client::TestRecord;
use integration_tests::in_flight::await_uncommitted;
use integration_tests::program::{Build, Program};
use integration_tests::scenario::{Scenario, setup};
use integration_tests::verdict::Numbered;

use crate::kafka::Kafka;

fn start(scenario: &Scenario, failpoints: &str) -> Program {
    let mut command = scenario.command();
    command.env("FAILPOINTS", failpoints);
    Program::start(command, scenario.folder.join("faulty.log")).await_ready()
}

fn restarts(program: &Program, actor: &str) -> usize {
    program.log().lines().filter(|line| line.contains(actor) && line.contains("panicked (`")).count()
}

pub(crate) fn a_record_that_always_panics(kafka: &Kafka) {
    let mut scenario = setup("marked", &kafka.client).with_topics(1);
    scenario.build = Build::Failpoints;
    scenario.pipeline.transforms.insert_str(0, "- log: 'seen {{payload}}'\n");
    let records = (0..100).map(|number| {
        let mut record = TestRecord::value(0, number.to_string());
        if number % 40 == 7 {
            record.headers.push(("stampmill-test-panic".into(), None));
        }
        record
    });
    kafka.client.produce(&scenario.input, records);
    let program = start(&scenario, "transform::marked=panic");
    let read = kafka.client.read_count(&scenario.output, 97);
    let numbers: Vec<String> = read.iter().map(TestRecord::text).collect();
    let expected: Vec<String> =
        (0..100).filter(|number| number % 40 != 7).map(|number| format!("{{\"data\": {number}}}")).collect();
    assert_eq!(numbers, expected, "in order, and none twice");
    let dead = kafka.client.read_count(&scenario.dead_letters, 3);
    for (letter, number) in dead.iter().zip([7, 47, 87]) {
        assert_eq!(letter.text(), number.to_string());
        assert_eq!(letter.header("stampmill-error-class").as_deref(), Some("panic"));
        assert_eq!(letter.header("stampmill-attempts").as_deref(), Some("4"), "one try and three retries");
        assert_eq!(letter.header("stampmill-offset"), Some(number.to_string()));
    }
    assert_eq!(restarts(&program, "TransformActor"), 12);
    let log = program.log();
    for number in (0..100).filter(|number| number % 40 != 7) {
        let line = format!("{{under-test}} - seen {number}\n");
        assert_eq!(log.matches(&line).count(), 1, "a panic loses no line and repeats none: {line}");
    }
    kafka.client.await_committed(&scenario.group, &scenario.input);
    assert_eq!(program.terminate(), 0);
}

/// Each kind of actor panics while records are in flight; nothing is lost or reordered.
pub(crate) fn in_every_actor(kafka: &Kafka) {
    for point in PANICS.iter().filter(|point| failpoints::exists(point.name)) {
        let numbered = Numbered { partitions: 3, records: 10_000 };
        let mut scenario = setup("panics", &kafka.client).with_topics(3);
        scenario.build = Build::Failpoints;
        // Small batches and many commits, so that there is much to panic on.
        scenario.pipeline.more =
            "batch_records: 50\ncommit_interval_ms: 50\nsupervision: { pipeline_restarts: 1000 }".into();
        let program = start(&scenario, &point.setting());
        let load = numbered.load(&kafka.client, &scenario.input, 4);
        let in_flight = await_uncommitted(&scenario, 500);
        load.finish();
        let verdict = numbered.await_verdict(&scenario).with_fault(in_flight).with_hits(point.hits(&program.log()));
        println!("{}:", point.name);
        verdict.assert_survived();
        kafka.client.await_committed(&scenario.group, &scenario.input);
        assert_eq!(kafka.client.ends(&scenario.dead_letters).values().map(|(_, end)| end).sum::<i64>(), 0);
        assert_eq!(program.terminate(), 0);
    }
}
