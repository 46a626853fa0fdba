//! Whole pipelines on the embedded broker: fast, for every run. It proves flow, order, commits and restarts; what only a
//! real broker can prove is in `integration-tests`.

mod cluster;
mod steering;

use std::io::Read;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::producer::BaseRecord;
use rdkafka::types::RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED as NO_PERMISSION;
use stampmill_core::log_options::LogOptions;
use stampmill_core::template::{Media, Options, Template};
use stampmill_core::transform::{Level, Log, Step};
use stampmill_engine::kafka::follow::{Begin, Follower};
use stampmill_engine::logging::{Format, LogOutput};
use stampmill_engine::{AMBIENT, Health, Running};

use self::cluster::{Cluster, PARTITIONS, assert_in_order, start, stop, transforms, until};

/// Lets every line of a log step pass; what else is logged is not looked at.
struct Everything;

impl log::Log for Everything {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, _: &log::Record<'_>) {}

    fn flush(&self) {}
}

/// A pool of three and two producers, small batches and a small window: everything waits for everything.
#[test]
fn records_come_out_once_and_in_order_and_are_committed() {
    let system = actix_rt::System::new();
    let cluster = Cluster::start();
    let running = start(vec![cluster.settings()]).expect("the pipeline starts");
    cluster.send(0..3_000);
    assert_in_order(&cluster.read("out", PARTITIONS, 3_000), 0..3_000);
    let seen = running.observe().remove(0);
    assert!(seen.ready);
    assert_eq!((seen.partitions, seen.records_in, seen.dead_letters, seen.restarts, seen.rewinds), (3, 3_000, 0, 0, 0));
    stop(running);
    assert_eq!(cluster.committed(), 3_000);
    drop(system);
}

#[test]
fn a_second_run_goes_on_where_the_first_stopped() {
    let system = actix_rt::System::new();
    let cluster = Cluster::start();
    cluster.send(0..300);
    let running = start(vec![cluster.settings()]).expect("the pipeline starts");
    cluster.read("out", PARTITIONS, 300);
    stop(running);
    assert_eq!(cluster.committed(), 300);
    cluster.send(300..600);
    let running = start(vec![cluster.settings()]).expect("the pipeline starts");
    assert_in_order(&cluster.read("out", PARTITIONS, 600), 0..600);
    stop(running);
    drop(system);
}

#[test]
fn what_cannot_be_rendered_goes_to_the_dead_letters_and_holds_nothing_up() {
    let system = actix_rt::System::new();
    let cluster = Cluster::start();
    let running = start(vec![cluster.settings()]).expect("the pipeline starts");
    cluster.send(0..30);
    let bad = BaseRecord::<str, str>::to("in").partition(0).payload("no { JSON");
    cluster.producer.send(bad).map_err(|(error, _)| error).expect("the record is taken");
    cluster.send(30..60);
    assert_in_order(&cluster.read("out", PARTITIONS, 60), 0..60);
    assert_eq!(cluster.read("dead", 1, 1), [(0, "no { JSON".to_owned())]);
    stop(running);
    assert_eq!(cluster.committed(), 61);
    drop(system);
}

/// Whichever worker had a batch: the lines of a partition are in the order of its records, and every one is there.
#[test]
fn ordered_lines_are_in_the_order_of_the_records() {
    log::set_logger(&Everything).expect("no other test has a logger");
    log::set_max_level(log::LevelFilter::Info);
    let system = actix_rt::System::new();
    let cluster = Cluster::start();
    let mut settings = cluster.settings();
    settings.actors.transforms = 4;
    let message = Template::new("{{partition}} {{payload}}", &Options::new(Media::Text, AMBIENT)).expect("a template");
    let options = LogOptions { ordered: true, ..LogOptions::default() };
    let log = Log { level: Level::Info, target: "under-test".into(), message, options };
    settings.transforms = Arc::new(transforms(vec![Step::Log(log)]));
    let (mut lines, writer) = std::io::pipe().expect("a pipe");
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        lines.read_to_string(&mut text).map(|_| text)
    });
    let output = LogOutput::new(Format::Line, Box::new(writer));
    let running = stampmill_engine::start(vec![settings], &output).expect("the pipeline starts");
    drop(output);
    cluster.send(0..3_000);
    cluster.read("out", PARTITIONS, 3_000);
    stop(running);
    let text = reader.join().expect("no panic").expect("lines");
    for partition in 0..PARTITIONS {
        let of_partition = format!("}} - {partition} ");
        let numbers: Vec<u64> = text
            .lines()
            .filter_map(|line| line.split_once(&of_partition))
            .map(|(_, number)| number.parse().expect("a number"))
            .collect();
        let expected = (0..3_000).filter(|number| (number % PARTITIONS as u64) as i32 == partition);
        assert_eq!(numbers, expected.collect::<Vec<_>>());
    }
    drop(system);
}

/// Two pipelines with connections of their own do not wait for each other.
#[test]
fn a_pipeline_that_cannot_start_ends_alone_with_its_reason() {
    let system = actix_rt::System::new();
    let cluster = Cluster::start();
    let mut absent = cluster.settings();
    absent.name = "absent".into();
    absent.source.topics = vec!["no-such-topic".into()];
    absent.run.fail_fast = true;
    let running = start(vec![cluster.settings(), absent]).expect("the pipelines start");
    cluster.send(0..30);
    assert_in_order(&cluster.read("out", PARTITIONS, 30), 0..30);
    running.stop();
    let error = running.wait().expect_err("one has failed").to_string();
    assert!(error.contains("`no-such-topic` does not exist"), "{error}");
    drop(system);
}

/// Nothing is delivered for a minute, and so no more is read than the windows hold; a stop sends it at once.
#[test]
fn a_sink_that_takes_nothing_bounds_what_is_read() {
    let system = actix_rt::System::new();
    let cluster = Cluster::start();
    let mut settings = cluster.settings();
    settings.producer.insert("linger.ms".into(), "60000".into());
    let most = PARTITIONS as u64 * (settings.pace.batch_records * settings.pace.window) as u64;
    // Before it starts: of what comes one by one a window, which counts batches, holds hardly anything.
    cluster.send(0..3_000);
    let running = start(vec![settings]).expect("the pipeline starts");
    until(&running, "half a window to be read", |running| running.observe()[0].records_in >= most / 2);
    assert_eq!(running.observe()[0].records_out, 0);
    running.stop();
    until(&running, "it to stop", Running::all_finished);
    let seen = running.observe().remove(0);
    assert!(seen.records_in <= most, "{seen:?}");
    assert_eq!(seen.records_out, seen.records_in);
    assert_eq!(cluster.committed(), seen.records_in as i64);
    drop(system);
}

/// Also of a batch that librdkafka had taken the first half of when the refusals came, for its queue is short.
#[test]
fn what_is_refused_for_a_while_comes_out_in_order() {
    let system = actix_rt::System::new();
    let cluster = Cluster::start();
    let mut settings = cluster.settings();
    settings.producer.insert("queue.buffering.max.messages".into(), "50".into());
    settings.supervision.stalled_after = Duration::from_millis(500);
    cluster.send(0..3_000);
    cluster.broker.refuse_writes(NO_PERMISSION, 10_000);
    let running = start(vec![settings]).expect("the pipeline starts");
    until(&running, "a refusal", |running| matches!(running.health()[0].1, Health::NotReady(_)));
    assert_eq!(running.observe()[0].records_out, 0);
    cluster.broker.refuse_writes(NO_PERMISSION, 0);
    assert_in_order(&cluster.read("out", PARTITIONS, 3_000), 0..3_000);
    stop(running);
    drop(system);
}

/// Who looks on sees what was there and what comes, and leaves no trace with the group.
#[test]
fn a_follower_sees_what_comes_and_commits_nothing() {
    let cluster = Cluster::start();
    cluster.send(0..6);
    let settings = cluster.settings();
    let follower = Follower::open(&settings, None, None, Begin::Last(1)).expect("the brokers answer");
    assert_eq!(follower.partitions().collect::<Vec<_>>(), [("in", 0), ("in", 1), ("in", 2)]);
    cluster.send(6..9);
    let mut seen = Vec::new();
    let followed = follower.follow(&mut |batch| {
        let texts = (0..batch.len()).filter_map(|index| batch.record(index).payload);
        seen.extend(texts.map(|text| String::from_utf8_lossy(text).into_owned()));
        if seen.len() < 6 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    followed.expect("all can be read");
    seen.sort();
    assert_eq!(seen, ["3", "4", "5", "6", "7", "8"], "the last of each partition, and those that came");
    assert_eq!(cluster.committed(), 0);
    for (topic, partition, expected) in
        [(Some("none"), None, "know no topic `none`"), (None, Some(7), "no partition 7")]
    {
        let error = Follower::open(&settings, topic, partition, Begin::End).map(|_| ()).expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}");
    }
}
