//! Single faults of the campaign in their short form; `make chaos` runs all of them, and for long.

use std::time::Instant;

use integration_tests::chaos::campaign::run_one;
use integration_tests::chaos::cluster::Cluster;
use integration_tests::chaos::faults::named;
use integration_tests::chaos::run::{Delivery, Form, Shape};

use crate::kafka::Kafka;

pub(crate) fn the_program_is_killed(kafka: &Kafka) {
    survives(kafka, &["the program is killed"]);
}

pub(crate) fn brokers_and_networks(kafka: &Kafka) {
    survives(kafka, &["a leader is killed", "all brokers are gone", "the network to a broker is cut"]);
}

pub(crate) fn members_and_partitions(kafka: &Kafka) {
    survives(kafka, &["members come and go, cooperative", "partitions are added", "a topic comes to match"]);
}

pub(crate) fn panics_and_poison(kafka: &Kafka) {
    survives(kafka, &["panics at delivery::report", "the dead-letter topic refuses", "a queue of 100 records"]);
}

pub(crate) fn refusals(kafka: &Kafka) {
    survives(kafka, &["a burst trips the breaker", "no permission to write to the sink", "a worker hangs"]);
}

pub(crate) fn exactly_once(kafka: &Kafka) {
    let faults = ["the program is killed", "a leader is killed", "members come and go, cooperative"];
    survive(kafka, (Delivery::ExactlyOnce, Shape::Envelope), &faults);
}

/// Of a record that becomes several, on two topics.
pub(crate) fn routed(kafka: &Kafka) {
    let faults = ["the program is killed", "a leader is killed", "panics at delivery::report"];
    survive(kafka, (Delivery::AtLeastOnce, Shape::Routed), &faults);
    survive(kafka, (Delivery::ExactlyOnce, Shape::Routed), &faults);
}

/// The verdict that all of this rests on must fail where it has to.
pub(crate) fn the_verdict_sees_damage(kafka: &Kafka) {
    survives(kafka, &["made to commit too early (the verdict must fail)"]);
}

#[track_caller]
fn survives(kafka: &Kafka, faults: &[&str]) {
    survive(kafka, (Delivery::AtLeastOnce, Shape::Envelope), faults);
}

#[track_caller]
fn survive(kafka: &Kafka, what: (Delivery, Shape), faults: &[&str]) {
    let mut cluster = Cluster::start(kafka.own_version(), "").expect("three brokers");
    for name in faults {
        let started = Instant::now();
        let row = run_one(&mut cluster, named(name), what, Form::Short);
        println!("{name}: {}, in {} s", row.outcome, started.elapsed().as_secs());
        if let Some(reason) = row.skipped {
            println!("{name}: not run: {reason}");
        }
        assert!(row.failures.is_empty(), "{name}: {}", row.failures.join("; "));
        cluster.mend().expect("the cluster is whole");
    }
}
