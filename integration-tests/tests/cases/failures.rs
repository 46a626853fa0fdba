//! Records that cannot be processed, and what `on_failure` says of them.

use std::time::{Duration, Instant};

use integration_tests::client::TestRecord;
use integration_tests::eventually::eventually;
use integration_tests::scenario::{Scenario, setup};

use crate::kafka::Kafka;

const BAD: i32 = 40;

/// A hundred numbers, one of which is not JSON.
fn numbers(partition: i32) -> impl Iterator<Item = TestRecord> {
    (0..100).map(move |number| {
        let text = if number == BAD { "{ broken".to_owned() } else { number.to_string() };
        TestRecord::value(partition, text)
    })
}

fn good(range: std::ops::Range<i32>) -> Vec<String> {
    range.filter(|number| *number != BAD).map(|number| format!("{{\"data\": {number}}}")).collect()
}

fn of_partition(scenario: &Scenario, partition: i32) -> Vec<String> {
    let read = scenario.client.read_to_end(&scenario.output);
    read.iter().filter(|record| record.partition == partition).map(TestRecord::text).collect()
}

fn policy(scenario: &Scenario, then: &str) -> std::path::PathBuf {
    let text = std::fs::read_to_string(scenario.config()).expect("the configuration");
    scenario.write("policy.yaml", &text.replace("then: dead_letter", &format!("then: {then}")))
}

fn start(scenario: &Scenario, then: &str) -> integration_tests::program::Program {
    let mut command = integration_tests::program::command(scenario.build);
    command.arg("run").arg("--config").arg(policy(scenario, then));
    integration_tests::program::Program::start(command, scenario.folder.join(format!("{then}.log")))
}

/// The partition stops at the record, the others go on, and a restart with another policy goes on behind it.
pub(crate) fn halt_stops_the_partition_at_the_record(kafka: &Kafka) {
    let scenario = setup("halt", &kafka.client).with_topics(2);
    kafka.client.produce(&scenario.input, numbers(0));
    kafka.client.produce(&scenario.input, (0..100).map(|number| TestRecord::value(1, number.to_string())));
    let mut program = start(&scenario, "halt");
    let line = program.await_line("is not ready");
    let place = format!("{}/0 has halted at offset {BAD}: envelope", scenario.input);
    assert!(line.contains(&place), "{line}");
    eventually("what is before it to be committed, and the other partition", || {
        let committed = kafka.client.committed(&scenario.group, &scenario.input);
        (committed[&0] == Some(i64::from(BAD)) && committed[&1] == Some(100)).then_some(())
    });
    assert_eq!(of_partition(&scenario, 0), good(0..BAD));
    assert_eq!(of_partition(&scenario, 1).len(), 100);
    assert_eq!(program.terminate(), 0);
    assert_eq!(kafka.client.committed(&scenario.group, &scenario.input)[&0], Some(i64::from(BAD)));

    let program = start(&scenario, "skip");
    kafka.client.await_committed(&scenario.group, &scenario.input);
    assert_eq!(of_partition(&scenario, 0), good(0..100), "it went on behind the record, and doubled nothing");
    assert!(program.log().contains(&format!("offset {BAD} is skipped")), "{}", program.log());
    assert!(kafka.client.partitions(&scenario.dead_letters).is_none(), "no dead letters, so no topic for them");
    assert_eq!(program.terminate(), 0);
}

/// A burst of failures pauses the partition; it is tried again, and closes when the burst has passed.
pub(crate) fn a_burst_trips_the_breaker(kafka: &Kafka) {
    let mut scenario = setup("breaker", &kafka.client).with_topics(1);
    scenario.pipeline.more = "batch_records: 20".into();
    let records = (0..600).map(|number| {
        let text = if (200..300).contains(&number) { "broken".to_owned() } else { number.to_string() };
        TestRecord::value(0, text)
    });
    kafka.client.produce(&scenario.input, records);
    scenario.pipeline.on_failure = ", breaker: { max_run: 30, pause_ms: 300, probe_records: 20 }".into();
    let mut program = scenario.start("program");
    let line = program.await_line("is not ready");
    assert!(line.contains("pauses at offset 2"), "{line}");
    kafka.client.await_committed(&scenario.group, &scenario.input);
    kafka.client.produce(&scenario.input, (600..700).map(|number| TestRecord::value(0, number.to_string())));
    kafka.client.await_committed(&scenario.group, &scenario.input);
    let good: Vec<String> = (0..700)
        .filter(|number| !(200..300).contains(number))
        .map(|number| format!("{{\"data\": {number}}}"))
        .collect();
    assert_eq!(of_partition(&scenario, 0), good);
    let dead = kafka.client.read_to_end(&scenario.dead_letters);
    let offsets: Vec<i64> = dead.iter().filter_map(|letter| letter.header("stampmill-offset")?.parse().ok()).collect();
    assert_eq!(offsets, (200..300).collect::<Vec<i64>>(), "each once, and in order");
    eventually("it to be ready again", || {
        let log = program.log();
        let (bad, ready) = (log.rfind("is not ready")?, log.rfind("` is ready")?);
        (ready > bad).then_some(())
    });
    assert!(program.log().matches("is not ready").count() >= 1);
    assert_eq!(program.terminate(), 0);
}

/// A topic limited to 100 KB, 10,000 records of 1 KB and one of 200 KB: one dead letter, and order kept.
pub(crate) fn one_too_large_among_many(kafka: &Kafka) {
    let scenario = setup("large", &kafka.client);
    kafka.client.create_topic(&scenario.input, 1, &[]);
    kafka.client.create_topic(&scenario.output, 1, &[("max.message.bytes", "100000")]);
    let records = (0..10_001).map(|number| {
        let size = if number == 5_000 { 200_000 } else { 1_000 };
        TestRecord::value(0, format!("{{\"n\":{number},\"pad\":\"{}\"}}", "x".repeat(size)))
    });
    kafka.client.produce(&scenario.input, records);
    let program = scenario.start("program").await_ready();
    let read = kafka.client.read_count(&scenario.output, 10_000);
    let number = |record: &TestRecord| {
        let text = record.text();
        let digits: String = text["{\"data\": {\"n\":".len()..].chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u32>().expect("a number")
    };
    let numbers: Vec<u32> = read.iter().map(number).collect();
    assert_eq!(numbers, (0..10_001).filter(|number| *number != 5_000).collect::<Vec<u32>>());
    kafka.client.await_committed(&scenario.group, &scenario.input);
    let dead = kafka.client.read_to_end(&scenario.dead_letters);
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].header("stampmill-offset").as_deref(), Some("5000"));
    assert_eq!(kafka.client.read_to_end(&scenario.output).len(), 10_000);
    assert_eq!(program.terminate(), 0);
}

/// Nothing is read of a partition that has halted, and the group's patience is not for it: longer than a poll may take,
/// the rest goes on, and no partition is given to anybody.
pub(crate) fn a_halted_partition_stays_in_its_group(kafka: &Kafka) {
    const LONG: Duration = Duration::from_secs(13);
    let mut scenario = setup("evicted", &kafka.client).with_topics(2);
    scenario.pipeline.source = "properties: { max.poll.interval.ms: 6000, session.timeout.ms: 6000 }".into();
    scenario.pipeline.more = "drain_timeout_ms: 3000".into();
    kafka.client.produce(&scenario.input, numbers(0));
    let mut program = start(&scenario, "halt");
    program.await_line("has halted");
    let (halted, mut sent) = (Instant::now(), 0);
    eventually("a long time with records", || {
        kafka.client.produce(&scenario.input, [TestRecord::value(1, sent.to_string())]);
        sent += 1;
        (halted.elapsed() > LONG).then_some(())
    });
    eventually("the records of the other partition", || {
        (kafka.client.committed(&scenario.group, &scenario.input)[&1] == Some(sent)).then_some(())
    });
    let log = program.log();
    assert_eq!(log.matches("under-test: partitions: ").count(), 1, "{log}");
    assert!(!log.contains("lost"), "{log}");
    assert_eq!(program.terminate(), 0);
}
