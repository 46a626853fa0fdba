//! Several instances in one group.

use integration_tests::scenario::setup;
use integration_tests::verdict::{Numbered, await_in_flight};

use crate::kafka::Kafka;

pub(crate) fn one_killed_and_one_stopped(kafka: &Kafka) {
    let numbered = Numbered { partitions: 6, records: 30_000 };
    let mut scenario = setup("two", &kafka.client).with_topics(6);
    scenario.pipeline.source = "properties: { session.timeout.ms: 6000 }".into();
    let first = scenario.start("first").await_ready();
    let mut second = scenario.start("second").await_ready();
    second.await_line("-in/");
    let load = numbered.load(&kafka.client, &scenario.input, 15);
    let at_kill = await_in_flight(&scenario, 5_000);
    first.kill();
    let third = scenario.start("third");
    let at_stop = await_in_flight(&scenario, 10_000);
    assert_eq!(second.terminate(), 0);
    load.finish();
    let verdict = numbered.await_verdict(&scenario).with_fault(at_kill.min(at_stop));
    verdict.assert_survived();
    assert_eq!(third.terminate(), 0);
    kafka.client.await_committed(&scenario.group, &scenario.input);
}

/// Rebalances without a fault cost no record and double none, whatever protocol the group follows.
pub(crate) fn a_second_joins_and_leaves(kafka: &Kafka) {
    let mut protocols = vec!["", "partition.assignment.strategy: range"];
    if kafka.knows_kip_848() {
        protocols.push("group.protocol: consumer");
    }
    for protocol in protocols {
        joins_and_leaves(kafka, protocol);
    }
}

fn joins_and_leaves(kafka: &Kafka, protocol: &str) {
    let numbered = Numbered { partitions: 6, records: 20_000 };
    let mut scenario = setup("joins", &kafka.client).with_topics(6);
    scenario.pipeline.source = format!("properties: {{ {protocol} }}");
    let first = scenario.start("first").await_ready();
    let load = numbered.load(&kafka.client, &scenario.input, 15);
    let at_join = await_in_flight(&scenario, 2_000);
    let mut second = scenario.start("second").await_ready();
    second.await_line("-in/");
    let at_leave = await_in_flight(&scenario, 2_000);
    assert_eq!(second.terminate(), 0);
    load.finish();
    let verdict = numbered.await_verdict(&scenario).with_fault(at_join.min(at_leave));
    println!("{protocol}: {verdict}");
    verdict.assert_survived();
    assert_eq!(verdict.duplicated, 0, "{protocol}: {verdict}");
    assert_eq!(first.terminate(), 0);
    kafka.client.await_committed(&scenario.group, &scenario.input);
}
