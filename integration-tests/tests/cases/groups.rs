//! Several instances in one group.

use integration_tests::broker::Broker;
use integration_tests::chaos::stream::Stream;
use integration_tests::client::TestRecord;
use integration_tests::eventually::eventually;
use integration_tests::in_flight::{await_in_flight, await_uncommitted};
use integration_tests::layout::Plan;
use integration_tests::program::Program;
use integration_tests::scenario::{Scenario, setup};
use integration_tests::verdict::{await_verdict_of, record};

use crate::kafka::Kafka;

/// Of members of the newer protocol; Kafka would have 45 s.
const SHORT_SESSIONS: &str = "group.consumer.min.session.timeout.ms=6000\ngroup.consumer.session.timeout.ms=6000
group.consumer.min.heartbeat.interval.ms=500\ngroup.consumer.heartbeat.interval.ms=1000";

pub(crate) fn one_killed_and_one_stopped(kafka: &Kafka) {
    let mut scenario = setup("two", &kafka.client).with_topics(6).lingering();
    scenario.pipeline.source = "properties: { session.timeout.ms: 6000 }".into();
    let first = scenario.start("first").await_ready();
    let mut second = scenario.start("second").await_ready();
    second.await_line("-in/");
    let mut stream = Stream::start(&kafka.client, &scenario.input, 6, 0, record);
    let at_kill = await_in_flight(&scenario, 5_000);
    first.kill();
    let third = scenario.start("third");
    let at_stop = await_uncommitted(&scenario, 10_000);
    assert_eq!(second.terminate(), 0);
    let sent = stream.finish();
    let verdict = await_verdict_of(&scenario, &sent, 0).with_fault(at_kill.min(&at_stop));
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
    let mut scenario = setup("joins", &kafka.client).with_topics(6).lingering();
    scenario.pipeline.source = format!("properties: {{ {protocol} }}");
    let first = scenario.start("first").await_ready();
    let mut stream = Stream::start(&kafka.client, &scenario.input, 6, 0, record);
    let at_join = await_in_flight(&scenario, 2_000);
    let mut second = scenario.start("second").await_ready();
    second.await_line("-in/");
    let at_leave = await_in_flight(&scenario, 2_000);
    assert_eq!(second.terminate(), 0);
    let sent = stream.finish();
    let verdict = await_verdict_of(&scenario, &sent, 0).with_fault(at_join.min(&at_leave));
    println!("{protocol}: {verdict}");
    verdict.assert_survived();
    assert_eq!(verdict.duplicated, 0, "{protocol}: {verdict}");
    assert_eq!(first.terminate(), 0);
    kafka.client.await_committed(&scenario.group, &scenario.input);
}

/// What a member was given last, by its log.
fn partitions(program: &Program) -> String {
    let log = program.log();
    let last = log.lines().filter_map(|line| line.split_once("under-test: partitions: ")).next_back();
    last.map_or_else(String::new, |(_, partitions)| partitions.to_owned())
}

/// A static member, whose session outlasts the test.
fn member(scenario: &mut Scenario, name: &str, arguments: &[&str]) -> Program {
    scenario.pipeline.source = format!(
        "properties: {{ group.instance.id: {name}, session.timeout.ms: 600000, max.poll.interval.ms: 600000, \
         heartbeat.interval.ms: 500 }}"
    );
    let mut command = scenario.command();
    command.args(arguments);
    Program::start(command, scenario.folder.join(format!("{name}{}.log", arguments.concat()))).await_ready()
}

/// A static member that stops and comes back moves nothing; only `--leave` gives its place to the others.
pub(crate) fn a_static_member_keeps_its_place(kafka: &Kafka) {
    let mut scenario = setup("static", &kafka.client).with_topics(2);
    let (both, of_each) = (format!("{0}/0, {0}/1", scenario.input), "a partition each");
    let first = member(&mut scenario, "first", &[]);
    let second = member(&mut scenario, "second", &[]);
    let (ours, theirs) = eventually(of_each, || {
        let (ours, theirs) = (partitions(&first), partitions(&second));
        (!ours.contains(',') && ours.contains('/') && theirs.contains('/')).then_some((ours, theirs))
    });
    assert_ne!(ours, theirs);
    let given = second.log().matches("under-test: partitions: ").count();

    assert_eq!(first.terminate(), 0);
    let send = |partition: i32| kafka.client.produce(&scenario.input, [TestRecord::value(partition, "1")]);
    (0..2).for_each(send);
    kafka.client.read_count(&scenario.output, 1);
    let first = member(&mut scenario, "first", &["--leave"]);
    assert_eq!(partitions(&first), ours, "its place was kept");
    assert_eq!(kafka.client.read_count(&scenario.output, 2).len(), 2);
    assert_eq!(second.log().matches("under-test: partitions: ").count(), given, "nothing has moved");

    assert_eq!(first.terminate(), 0);
    eventually("the other's partition", || (partitions(&second) == both).then_some(()));
    assert_eq!(second.terminate(), 0);
}

/// By the classic protocol the newer of two instances with one `group.instance.id` takes the place of the older, whose
/// pipeline is over then, and says so.
pub(crate) fn two_of_one_instance_id(kafka: &Kafka) {
    let mut scenario = setup("twins", &kafka.client).with_topics(2);
    scenario.pipeline.more = "supervision: { pipeline_restarts: 0 }".into();
    let mut first = member(&mut scenario, "one", &[]);
    let second = member(&mut scenario, "one", &["--leave"]);
    first.await_line("has failed: the consumer can do no more: FencedInstanceId");
    assert_eq!(first.exit_code(), 1);
    (0..2).for_each(|partition| kafka.client.produce(&scenario.input, [TestRecord::value(partition, "1")]));
    assert_eq!(kafka.client.read_count(&scenario.output, 2).len(), 2);
    assert_eq!(second.terminate(), 0);
}

/// By KIP-848 the broker keeps the place of a static member that crashed to the end of its session, for nobody else: the one
/// that is started in its place waits, however few restarts it has.
pub(crate) fn a_static_member_comes_back_after_a_crash(kafka: &Kafka) {
    let plan = Plan { more: SHORT_SESSIONS, ..Plan::of(kafka.own_version()) };
    let broker = Broker::start_cluster(&plan).expect("a broker").remove(0);
    let client = broker.client();
    let mut scenario = setup("crashed", &client).with_topics(2);
    scenario.pipeline.source = "properties: { group.protocol: consumer, group.instance.id: one }".into();
    scenario.pipeline.more = "supervision: { pipeline_restarts: 0 }".into();
    let mut first = scenario.start("first").await_ready();
    first.await_line("-in/");
    let mut stream = Stream::start(&client, &scenario.input, 2, 0, record);
    let at_kill = await_in_flight(&scenario, 1_000);
    first.kill();
    let mut second = scenario.start("second");
    second.await_line("begins anew: the group still has a member of this `group.instance.id`");
    second.await_line("partitions: ");
    let sent = stream.finish();
    await_verdict_of(&scenario, &sent, 0).with_fault(at_kill).assert_survived();
    assert_eq!(second.terminate(), 0);
    client.await_committed(&scenario.group, &scenario.input);
}
