//! Many instances: they come, go and crash under load.

use std::collections::BTreeMap;

use integration_tests::chaos::cluster::Cluster;
use integration_tests::eventually::eventually;
use integration_tests::scale::cost::Delivery;
use integration_tests::scale::event::Event;
use integration_tests::scale::fleet::{Fleet, INSTANCE, Kind, PARTITIONS};
use integration_tests::verdict::Verdict;

use crate::kafka::Kafka;

/// An instance that is gone is missed soon, and rebalances are heard of at once.
const CLASSIC: &str = "session.timeout.ms: 6000, heartbeat.interval.ms: 500";
/// Here it is the broker that says how soon: the cluster of the campaign says a second and six.
const KIP_848: &str = "group.protocol: consumer";

pub(crate) fn eight_instances(kafka: &Kafka) {
    grow_and_shrink(kafka, CLASSIC);
}

pub(crate) fn eight_instances_by_kip_848(kafka: &Kafka) {
    grow_and_shrink(kafka, KIP_848);
}

/// What the crash of an instance may repeat: what the group had committed just after.
struct Crash {
    of: String,
    committed: BTreeMap<i32, u64>,
}

fn grow_and_shrink(kafka: &Kafka, properties: &str) {
    let cluster = Cluster::start(kafka.own_version(), "").expect("three brokers");
    let kind = Kind { properties: properties.into(), ..Kind::default() };
    let mut fleet = Fleet::begin(&cluster, "scale", kind);
    let mut events = Vec::new();
    let name = |number: usize| format!("{INSTANCE}-{number}");

    let two = |fleet: &mut Fleet| (0..2).for_each(|number| fleet.start(&name(number)));
    happens(&mut fleet, "two start", two);
    let six = |fleet: &mut Fleet| (2..8).for_each(|number| fleet.start(&name(number)));
    events.push(happens(&mut fleet, "six join", six));
    let stop = |fleet: &mut Fleet| [0, 7].into_iter().for_each(|number| fleet.stop(&name(number)));
    events.push(happens(&mut fleet, "two stop", stop));
    let of = name(1);
    let (mut crash, killed) = (None, events.len());
    events.push(happens(&mut fleet, "one is killed", |fleet| {
        fleet.kill(&of);
        crash = Some(Crash { of: of.clone(), committed: fleet.committed() });
    }));
    for name in fleet.names() {
        let restart = |fleet: &mut Fleet| {
            fleet.stop(&name);
            fleet.start(&name);
        };
        events.push(happens(&mut fleet, &format!("{name} is restarted"), restart));
    }

    let (verdict, deliveries) = fleet.finish();
    println!("{properties}: {verdict}");
    for event in &events {
        tell(event, &deliveries);
    }
    verdict.assert_at_least_once();
    let crashed = events.remove(killed);
    for event in events {
        assert_eq!(event.cost(&deliveries).twice, [], "`{}` is clean", event.what);
    }
    assert_repeats_little(&crashed, &crash.expect("it was killed"), &deliveries, &verdict);
}

/// After it the spread is even: by what each instance says in its API and its metrics, and by the broker.
fn happens(fleet: &mut Fleet, what: &str, happen: impl FnOnce(&mut Fleet)) -> Event {
    let event = Event::watch(what, fleet, happen);
    let spread = fleet.await_settled();
    let (instances, partitions) = (spread.len(), PARTITIONS as usize);
    let even = [partitions / instances, partitions.div_ceil(instances)];
    assert!(spread.values().all(|of_one| even.contains(&of_one.len())), "{what}: {spread:?}");
    eventually("the broker to say the same", || (fleet.spread_by_broker() == spread).then_some(()));
    let sizes: BTreeMap<_, _> = spread.into_iter().map(|(name, of_one)| (name, (of_one.len(), of_one.len()))).collect();
    eventually("the metrics to say the same", || (fleet.counted() == sizes).then_some(()));
    event
}

fn tell(event: &Event, deliveries: &[Delivery]) {
    let cost = event.cost(deliveries);
    println!(
        "{}: settled after {} ms; {} partitions moved, {} stood still for a second, the longest for {} ms; {} records twice",
        event.what,
        event.settled_after.as_millis(),
        cost.moved,
        cost.stood_still(),
        cost.longest_ms(),
        cost.twice.len()
    );
}

/// Only what the crashed instance had delivered and not committed comes again, and each of it once.
fn assert_repeats_little(event: &Event, crash: &Crash, deliveries: &[Delivery], verdict: &Verdict) {
    let twice = event.cost(deliveries).twice;
    assert_eq!(verdict.duplicated, twice.len() as u64, "nothing comes twice but by the crash");
    for again in &twice {
        let uncommitted = again.number >= crash.committed[&again.partition];
        let same = |delivery: &&Delivery| (delivery.partition, delivery.number) == (again.partition, again.number);
        let first = deliveries.iter().find(same).expect("it came before");
        assert!(uncommitted && first.by == crash.of, "{again:?} came first by {}", first.by);
        assert_eq!(deliveries.iter().filter(same).count(), 2, "{again:?}");
    }
}
