//! `delivery: exactly_once`: nothing lost, nothing twice, whatever fails.

use integration_tests::chaos::stream::Stream;
use integration_tests::client::{Client, TestRecord};
use integration_tests::in_flight::{InFlight, await_uncommitted};
use integration_tests::program::{Build, Program};
use integration_tests::scenario::{Scenario, setup};
use integration_tests::verdict::{Numbered, await_verdict_of, record};

use crate::kafka::Kafka;

const EXACTLY_ONCE: &str = "delivery: exactly_once";

fn scenario(name: &str, client: &Client, partitions: i32) -> Scenario {
    let mut scenario = setup(name, client).with_topics(partitions);
    scenario.pipeline.source = "properties: { session.timeout.ms: 6000 }".into();
    // Long transactions, so that records are in flight for a while.
    scenario.pipeline.more = format!("{EXACTLY_ONCE}\ntransaction_interval_ms: 1000");
    scenario
}

pub(crate) fn kills_and_stops(kafka: &Kafka) {
    let scenario = scenario("exact", &kafka.client, 4);
    let mut stream = Stream::start(&kafka.client, &scenario.input, 4, 0, record);
    let mut at_fault = None::<InFlight>;
    for round in 0..4 {
        let program = scenario.start(&format!("round-{round}")).await_ready();
        let in_flight = await_uncommitted(&scenario, 3_000 * (round + 1));
        at_fault = Some(at_fault.map_or(in_flight.clone(), |least| least.min(&in_flight)));
        if round % 2 == 0 {
            program.kill();
        } else {
            assert_eq!(program.terminate(), 0);
        }
    }
    let last = scenario.start("last").await_ready();
    let sent = stream.finish();
    let verdict = await_verdict_of(&scenario, &sent, 0).with_fault(at_fault.expect("four rounds"));
    verdict.assert_survived();
    verdict.assert_exact();
    kafka.client.await_committed(&scenario.group, &scenario.input);
    assert_eq!(last.terminate(), 0);
}

/// Members that come and go under load.
pub(crate) fn members_come_and_go(kafka: &Kafka) {
    let scenario = scenario("exact-groups", &kafka.client, 6);
    let first = scenario.start("first").await_ready();
    let mut stream = Stream::start(&kafka.client, &scenario.input, 6, 0, record);
    let mut at_fault = await_uncommitted(&scenario, 1_000);
    let mut second = scenario.start("second").await_ready();
    second.await_line("-in/");
    at_fault = at_fault.min(&await_uncommitted(&scenario, 5_000));
    second.kill();
    let third = scenario.start("third").await_ready();
    at_fault = at_fault.min(&await_uncommitted(&scenario, 10_000));
    assert_eq!(first.terminate(), 0);
    let sent = stream.finish();
    let verdict = await_verdict_of(&scenario, &sent, 0).with_fault(at_fault);
    verdict.assert_survived();
    verdict.assert_exact();
    kafka.client.await_committed(&scenario.group, &scenario.input);
    assert_eq!(third.terminate(), 0);
}

/// A record that may linger for 9 s does not hold up its transaction, which could not be committed at all then.
pub(crate) fn what_lingers_is_sent(kafka: &Kafka) {
    let mut scenario = setup("exact-linger", &kafka.client).with_topics(2);
    scenario.pipeline.more = EXACTLY_ONCE.into();
    scenario.pipeline.sink = "partition: source\nproperties: { linger.ms: 9000 }".into();
    let numbered = Numbered { partitions: 2, records: 500 };
    let program = scenario.start("program").await_ready();
    numbered.load(&kafka.client, &scenario.input, 20).finish();
    numbered.await_verdict(&scenario).assert_exact();
    assert!(!program.log().contains("is aborted"), "{}", program.log());
    assert_eq!(program.terminate(), 0);
}

/// A record that the broker refuses aborts its transaction, and then goes to the dead letters instead of aborting for
/// ever.
pub(crate) fn a_record_that_is_refused(kafka: &Kafka) {
    const LARGE: usize = 200_000;
    let mut scenario = setup("exact-refused", &kafka.client);
    scenario.pipeline.more = EXACTLY_ONCE.into();
    kafka.client.create_topic(&scenario.input, 1, &[]);
    kafka.client.create_topic(&scenario.output, 1, &[("max.message.bytes", "100000")]);
    let records = (0..3_000).map(|number| {
        let text = if number == 1_500 { format!("\"{}\"", "x".repeat(LARGE)) } else { number.to_string() };
        TestRecord::value(0, text)
    });
    kafka.client.produce(&scenario.input, records);
    let program = scenario.start("program").await_ready();
    let read = kafka.client.read_count(&scenario.output, 2_999);
    let expected: Vec<String> =
        (0..3_000).filter(|number| *number != 1_500).map(|number| format!("{{\"data\": {number}}}")).collect();
    assert_eq!(read.iter().map(TestRecord::text).collect::<Vec<_>>(), expected, "in order, and none twice");
    let dead = kafka.client.read_count(&scenario.dead_letters, 1);
    assert_eq!(dead[0].value.as_ref().map(Vec::len), Some(LARGE + 2), "the original, byte for byte");
    assert_eq!(dead[0].header("stampmill-error-class").as_deref(), Some("too-large"));
    kafka.client.await_committed(&scenario.group, &scenario.input);
    assert_eq!(kafka.client.read_to_end(&scenario.dead_letters).len(), 1);
    assert_eq!(program.terminate(), 0);
}

/// Each panic aborts a transaction at the most.
pub(crate) fn panics_double_nothing(kafka: &Kafka) {
    for (point, told) in [
        ("transform::after=0.05%panic", "TransformActor"),
        ("producer::before=1%panic", "ProducerActor"),
        ("producer::after=1%panic", "ProducerActor"),
        ("consumer::dispatch=1%panic", "ConsumerActor"),
        ("delivery::report=0.02%panic", "a delivery report panicked"),
        ("commit::before=5*off->1*panic->3%panic", "commit::before"),
        ("commit::after=5*off->1*panic->3%panic", "commit::after"),
    ] {
        let numbered = Numbered { partitions: 3, records: 8_000 };
        let mut scenario = setup("exact-panics", &kafka.client).with_topics(3);
        scenario.build = Build::Failpoints;
        scenario.pipeline.more =
            format!("{EXACTLY_ONCE}\nbatch_records: 50\nsupervision: {{ pipeline_restarts: 1000 }}");
        let mut command = scenario.command();
        command.env("FAILPOINTS", point);
        let program = Program::start(command, scenario.folder.join("faulty.log")).await_ready();
        let load = numbered.load(&kafka.client, &scenario.input, 4);
        load.finish();
        let verdict = numbered.await_verdict(&scenario);
        kafka.client.await_committed(&scenario.group, &scenario.input);
        let hits = program.log().lines().filter(|line| line.contains(told) && line.contains("panicked")).count();
        println!("{point}: {hits} hits: {verdict}");
        assert!(hits > 0, "{point} hit nothing");
        numbered.await_verdict(&scenario).assert_exact();
        assert_eq!(program.terminate(), 0);
    }
}
