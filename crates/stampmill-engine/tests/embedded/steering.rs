//! What an operator tells a pipeline to do while it runs.

use std::sync::Arc;

use rdkafka::producer::BaseRecord;
use stampmill_core::template::{Media, Options, Template};
use stampmill_core::transform::Step;
use stampmill_engine::settings::Then;
use stampmill_engine::status::{ActorState, PartitionStatus};
use stampmill_engine::{AMBIENT, Order, OrderError, Place, Position, Running, Steer};

use crate::cluster::{Cluster, PARTITIONS, assert_in_order, start, stop, transforms, until};

fn place(partition: i32) -> Place {
    Place { topic: "in".into(), partition }
}

fn partition(steer: &Steer, number: i32) -> PartitionStatus {
    steer.status().partitions.into_iter().find(|found| found.partition == number).expect("the partition is ours")
}

fn until_all_are_ours(running: &Running, steer: &Steer) {
    until(running, "all partitions", |_| steer.status().partitions.len() == PARTITIONS as usize);
}

fn numbers(read: &[(i32, String)], of: i32) -> Vec<String> {
    let of_partition = read.iter().filter(|(partition, _)| *partition == of);
    of_partition.map(|(_, text)| text.replace("{\"data\": ", "").replace('}', "")).collect()
}

#[test]
fn paused_partitions_read_nothing_and_go_on_where_they_were() {
    let system = actix_rt::System::new();
    let cluster = Cluster::start();
    let running = start(vec![cluster.settings()]).expect("the pipeline starts");
    let steer = running.steers().remove(0);
    until_all_are_ours(&running, &steer);
    assert_eq!(steer.give(Order::Pause(Some(place(1)))), Ok(()));
    cluster.send(0..300);
    assert_eq!(cluster.read("out", PARTITIONS, 200).len(), 200);
    until(&running, "the rest to be settled", |running| running.observe()[0].records_out == 200);
    assert!(partition(&steer, 1).paused && !steer.status().paused);
    assert_eq!((partition(&steer, 1).position, running.observe()[0].ready), (0, true), "a pause is no fault");

    assert_eq!(steer.give(Order::Drain), Ok(()));
    assert_eq!(cluster.committed(), 200, "all that was read is committed");
    cluster.send(300..600);
    assert_eq!(steer.give(Order::Resume(Some(place(0)))), Err(OrderError::AllPaused));
    assert_eq!(running.observe()[0].records_in, 200);

    assert_eq!(steer.give(Order::Resume(None)), Ok(()));
    assert_in_order(&cluster.read("out", PARTITIONS, 600), 0..600);
    assert!(steer.status().actors.iter().all(|actor| actor.state == ActorState::Running));
    stop(running);
    assert_eq!(cluster.committed(), 600);
    drop(system);
}

#[test]
fn a_suspended_pipeline_joins_and_waits() {
    let system = actix_rt::System::new();
    let cluster = Cluster::start();
    cluster.send(0..30);
    let mut settings = cluster.settings();
    settings.suspended = true;
    let running = start(vec![settings]).expect("the pipeline starts");
    let steer = running.steers().remove(0);
    until_all_are_ours(&running, &steer);
    assert!(running.observe()[0].ready && steer.status().paused);
    assert_eq!(steer.give(Order::Drain), Ok(()));
    assert_eq!(running.observe()[0].records_in, 0);
    assert_eq!(steer.give(Order::Resume(None)), Ok(()));
    assert_in_order(&cluster.read("out", PARTITIONS, 30), 0..30);
    stop(running);
    drop(system);
}

/// Nothing is delivered for a minute unless somebody flushes: a stop must not take the drain of the pause for its own.
#[test]
fn a_stop_after_a_pause_finishes_what_is_in_flight() {
    let system = actix_rt::System::new();
    let cluster = Cluster::start();
    let mut settings = cluster.settings();
    settings.producer.insert("linger.ms".into(), "60000".into());
    let running = start(vec![settings]).expect("the pipeline starts");
    let steer = running.steers().remove(0);
    until_all_are_ours(&running, &steer);
    assert_eq!(steer.give(Order::Drain), Ok(()));
    assert_eq!(steer.give(Order::Resume(None)), Ok(()));
    cluster.send(0..300);
    until(&running, "records in flight", |running| running.observe()[0].records_in >= 100);
    assert_eq!(running.observe()[0].records_out, 0);
    running.stop();
    until(&running, "it to stop", Running::all_finished);
    let seen = running.observe().remove(0);
    assert_eq!((seen.records_out, cluster.committed()), (seen.records_in, seen.records_in as i64));
    drop(system);
}

/// More than is fetched ahead of a partition that is paused: so no fetch tells of the last of them.
#[test]
fn the_lag_of_what_is_not_fetched_is_known() {
    const EACH: u64 = 40_000;
    let system = actix_rt::System::new();
    let cluster = Cluster::start();
    let mut settings = cluster.settings();
    settings.suspended = true;
    let running = start(vec![settings]).expect("the pipeline starts");
    let steer = running.steers().remove(0);
    until_all_are_ours(&running, &steer);
    for part in 0..4 {
        cluster.send(part * EACH * 3 / 4..(part + 1) * EACH * 3 / 4);
    }
    until(&running, "the lag to be known", |_| (0..3).all(|number| partition(&steer, number).lag() == Some(EACH)));
    stop(running);
    drop(system);
}

#[test]
fn a_partition_goes_on_where_it_is_told_to() {
    let system = actix_rt::System::new();
    let cluster = Cluster::start();
    let running = start(vec![cluster.settings()]).expect("the pipeline starts");
    let steer = running.steers().remove(0);
    until_all_are_ours(&running, &steer);
    cluster.send(0..90);
    cluster.read("out", PARTITIONS, 90);

    let seek = |to| steer.give(Order::Seek { place: place(1), to });
    let low_and_high = OrderError::OutOfRange { place: place(1), offset: 31, low: 0, high: 30 };
    assert_eq!(seek(Position::Offset(31)), Err(low_and_high));
    assert_eq!(seek(Position::Offset(28)), Ok(()));
    let read = cluster.read("out", PARTITIONS, 92);
    assert_eq!(numbers(&read, 1)[28..], ["85", "88", "85", "88"]);

    // A paused one stays where it was put.
    assert_eq!(steer.give(Order::Pause(None)), Ok(()));
    assert_eq!(seek(Position::Beginning), Ok(()));
    assert_eq!((partition(&steer, 1).position, partition(&steer, 1).paused), (0, true));
    assert_eq!(cluster.committed(), 60, "the new place is committed at once");
    assert_eq!(seek(Position::End), Ok(()));
    assert_eq!(cluster.committed(), 90);
    assert_eq!(steer.give(Order::Resume(None)), Ok(()));
    cluster.send(90..93);
    assert_eq!(numbers(&cluster.read("out", PARTITIONS, 95), 1).last().map(String::as_str), Some("91"));
    let nowhere = Order::Seek { place: place(9), to: Position::End };
    assert_eq!(steer.give(nowhere), Err(OrderError::NotAssigned(place(9))));
    stop(running);
    assert_eq!(cluster.committed(), 93);
    drop(system);
}

#[test]
fn the_record_that_a_partition_has_halted_at_is_left_out() {
    let system = actix_rt::System::new();
    let cluster = Cluster::start();
    let mut settings = cluster.settings();
    settings.on_failure.then = Then::Halt;
    let running = start(vec![settings]).expect("the pipeline starts");
    let steer = running.steers().remove(0);
    until_all_are_ours(&running, &steer);
    cluster.send(0..30);
    let bad = BaseRecord::<str, str>::to("in").partition(0).payload("no { JSON");
    cluster.producer.send(bad).map_err(|(error, _)| error).expect("the record is taken");
    cluster.send(30..60);
    until(&running, "it to halt", |_| partition(&steer, 0).trouble.is_some());

    let skip = |offset| steer.give(Order::Skip { place: place(0), offset });
    assert_eq!(skip(11), Err(OrderError::NotThere { place: place(0), offset: 11, stands: 10 }));
    // Tried again, it halts again.
    assert_eq!(steer.give(Order::Resume(Some(place(0)))), Ok(()));
    until(&running, "it to halt again", |_| partition(&steer, 0).trouble.is_some());
    assert_eq!(skip(10), Ok(()));
    assert_in_order(&cluster.read("out", PARTITIONS, 60), 0..60);
    until(&running, "it to be well", |running| running.observe()[0].ready);
    assert_eq!(running.observe()[0].skipped, 1);
    let failures = steer.status().failures;
    assert_eq!((failures[0].offset, failures[0].step.as_str()), (10, "envelope[0]"));
    stop(running);
    assert_eq!(cluster.committed(), 61);
    drop(system);
}

/// Under load, again and again: every record is rendered by the old steps or the new ones, and none is lost or doubled.
#[test]
fn other_steps_take_over_while_records_flow() {
    let system = actix_rt::System::new();
    let cluster = Cluster::start();
    let running = start(vec![cluster.settings()]).expect("the pipeline starts");
    let steer = running.steers().remove(0);
    until_all_are_ours(&running, &steer);
    const CHANGES: u64 = 10;
    for change in 0..CHANGES {
        cluster.send(change * 300..(change + 1) * 300);
        let text = format!("{{\"data\": {{{{payload}}}}, \"by\": {change}}}");
        let envelope = Template::new(&text, &Options::new(Media::Json, AMBIENT)).expect("a template");
        let transforms = transforms(vec![Step::Envelope(envelope)]);
        steer.reload(Arc::new(transforms)).expect("it is taken");
    }
    // What comes once it has taken over goes by it.
    assert_eq!(steer.give(Order::Drain), Ok(()));
    assert_eq!(steer.give(Order::Resume(None)), Ok(()));
    cluster.send(CHANGES * 300..CHANGES * 300 + 300);
    let all = CHANGES * 300 + 300;
    let read = cluster.read("out", PARTITIONS, all as usize);
    assert!(read.iter().rev().take(100).all(|(_, text)| text.ends_with(", \"by\": 9}")));
    let plain: Vec<(i32, String)> = read
        .into_iter()
        .map(|(partition, text)| {
            (
                partition,
                text.split(", \"by\"")
                    .next()
                    .map(|data| format!("{}}}", data.trim_end_matches('}')))
                    .unwrap_or_default(),
            )
        })
        .collect();
    assert_in_order(&plain, 0..all);
    assert_eq!((steer.status().generation, running.observe()[0].rewinds), (1 + CHANGES, 0));
    stop(running);
    drop(system);
}
