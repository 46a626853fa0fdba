//! What the program takes of a machine, and says about it.

use std::time::{Duration, Instant};

use integration_tests::broker::Broker;
use integration_tests::client::{Client, LARGE_BATCH, TestRecord};
use integration_tests::eventually::eventually;
use integration_tests::layout::Plan;
use integration_tests::program::{self, Build, Program};
use integration_tests::proxy::Network;
use integration_tests::scenario::{Scenario, setup};

use crate::kafka::Kafka;

const PARTITIONS: i32 = 64;
const MIB: u64 = 1 << 20;
/// As Kafka's own producer writes them.
const SMALL_BATCH: usize = 16 << 10;

fn with_memory(scenario: &Scenario, budget: &str) -> std::process::Command {
    let mut command = scenario.command();
    command.arg("--set").arg(format!("memory={budget}"));
    command
}

pub(crate) fn too_little_memory_is_refused(kafka: &Kafka) {
    let scenario = setup("little", &kafka.client).with_topics(PARTITIONS);
    let output = program::output(with_memory(&scenario, "50MiB"));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    for expected in
        ["the pipeline's part of `memory` is 2 MiB", "64 partitions", "need 22 MiB", "memory.max_partitions"]
    {
        assert!(text.contains(expected), "{expected} is missing in:\n{text}");
    }
}

/// Far more than that is there to be read, in batches as Kafka's own producer writes them, and in large ones, which are
/// fetched whole: for those the program says beforehand how much more it may take.
pub(crate) fn memory_stays_within_its_budget(kafka: &Kafka) {
    for (records, bytes) in [(30_000, 10_000), (1_000_000, 100)] {
        backlog_within_budget(kafka, (records, bytes), SMALL_BATCH, 0);
        backlog_within_budget(kafka, (records, bytes), LARGE_BATCH, 172);
    }
}

fn backlog_within_budget(kafka: &Kafka, (records, bytes): (i32, usize), batch: usize, beyond: u64) {
    let scenario = setup("budget", &kafka.client).with_topics(PARTITIONS);
    write(&scenario, (records, bytes), batch);
    let log = scenario.folder.join("program.log");
    let mut program = Program::start(with_memory(&scenario, "128MiB"), log).await_ready();
    program.await_line("172 MiB more where its topics were written in batches of 1 MiB");
    eventually("all to be delivered", || {
        (scenario.client.known_ends(&scenario.output).values().sum::<i64>() == i64::from(records)).then_some(())
    });
    let peak = program.peak_bytes();
    assert_eq!(program.terminate(), 0);
    let seen = format!("{} MiB of 128 + {beyond}, {bytes} bytes in batches of {batch}", peak / MIB);
    println!("at the most {seen}");
    assert!(peak <= (128 + beyond) * MIB, "{seen}");
}

/// The brokers of the sink are slow, and then do not answer at all: everything is as full as it gets.
pub(crate) fn memory_stays_within_its_budget_before_a_slow_sink(kafka: &Kafka) {
    let plan = Plan { proxied: true, ..Plan::of(kafka.own_version()) };
    let other = Broker::start_cluster(&plan).expect("a broker").remove(0);
    let (client, proxy) = (Client::new(&other.bootstrap), other.proxy.as_ref().expect("a proxy"));
    for (records, bytes) in [(30_000, 10_000), (1_000_000, 100)] {
        let mut scenario = setup("slow", &kafka.client);
        scenario.sink_bootstrap = Some(format!("127.0.0.1:{}", proxy.port));
        kafka.client.create_topic(&scenario.input, PARTITIONS, &[]);
        client.create_topic(&scenario.output, PARTITIONS, &[]);
        write(&scenario, (records, bytes), SMALL_BATCH);
        let delivered = || client.known_ends(&scenario.output).values().sum::<i64>();

        proxy.set(Network::Delay(Duration::from_millis(500)));
        let log = scenario.folder.join("program.log");
        let program = Program::start(with_memory(&scenario, "128MiB"), log).await_ready();
        eventually("the first deliveries", || (delivered() > 0).then_some(()));
        proxy.set(Network::Hang);
        await_full(&program);
        let slow = program.peak_bytes();
        assert!(delivered() < i64::from(records), "all was delivered before anything was full");
        proxy.set(Network::Pass);
        eventually("all to be delivered", || (delivered() >= i64::from(records)).then_some(()));
        let peak = program.peak_bytes();
        assert_eq!(program.terminate(), 0);
        let seen = format!("{} MiB before it and {} in all of 128, {bytes} bytes", slow / MIB, peak / MIB);
        println!("at the most {seen}");
        assert!(peak <= 128 * MIB, "{seen}");
    }
}

/// Until nothing more is fetched: that can only be seen by that nothing grows for a while.
fn await_full(program: &Program) {
    const LONG: Duration = Duration::from_secs(5);
    let (mut peak, mut since) = (0, Instant::now());
    eventually("the program to be full", || {
        if program.peak_bytes() > peak {
            (peak, since) = (program.peak_bytes(), Instant::now());
        }
        (since.elapsed() > LONG).then_some(())
    });
}

fn write(scenario: &Scenario, (records, bytes): (i32, usize), batch: usize) {
    let value = format!("\"{}\"", "x".repeat(bytes));
    let all = (0..records).map(|number| TestRecord::value(number % PARTITIONS, value.clone()));
    scenario.client.produce_in_batches(&scenario.input, batch, all);
}

/// In a topic and a group of its own, of which nothing stays.
pub(crate) fn a_pipeline_is_measured(kafka: &Kafka) {
    let scenario = setup("measured", &kafka.client).with_topics(2);
    scenario
        .client
        .produce(&scenario.input, (0..20_000).map(|number| TestRecord::value(number % 2, number.to_string())));
    let mut command = program::command(Build::Plain);
    command.arg("bench").arg("--config").arg(scenario.config()).args(["--seconds", "5"]);
    let output = program::output(command);
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{text}");
    for expected in ["records/s", "MB/s", "CPU a record", "context switches", "memory at most"] {
        assert!(text.contains(expected), "{expected} is missing in:\n{text}");
    }
    assert!(!text.contains("left behind"), "{text}");
    assert_eq!(scenario.client.known_ends(&scenario.output).values().sum::<i64>(), 0, "the sink is not written to");
    assert!(scenario.client.committed(&scenario.group, &scenario.input).values().all(Option::is_none));
}
