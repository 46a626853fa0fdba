//! Whole pipelines on the embedded broker: fast, for every run. It proves flow, order, commits and restarts; what only a
//! real broker can prove is in `integration-tests`.

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::types::RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED as NO_PERMISSION;
use rdkafka::{Offset, TopicPartitionList};
use stampmill_core::breaker::BreakerSettings;
use stampmill_core::log_options::LogOptions;
use stampmill_core::template::{Media, Options, Template};
use stampmill_core::transform::{Level, Log, Reading, Step, Transforms};
use stampmill_engine::kafka::embedded::EmbeddedBroker;
use stampmill_engine::kafka::follow::{Begin, Follower};
use stampmill_engine::logging::{Format, LogOutput};
use stampmill_engine::settings::*;
use stampmill_engine::{AMBIENT, Health, Running};

const PARTITIONS: i32 = 3;
const PATIENCE: Duration = Duration::from_secs(60);

/// Lets every line of a log step pass; what else is logged is not looked at.
struct Everything;

struct Cluster {
    broker: EmbeddedBroker,
    producer: BaseProducer,
}

impl log::Log for Everything {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, _: &log::Record<'_>) {}

    fn flush(&self) {}
}

impl Cluster {
    fn start() -> Self {
        let topics = [("in", PARTITIONS), ("out", PARTITIONS), ("dead", 1)];
        let broker = EmbeddedBroker::start(&topics).expect("a broker");
        let producer =
            ClientConfig::new().set("bootstrap.servers", broker.bootstrap_servers()).create().expect("a producer");
        Self { broker, producer }
    }

    fn settings(&self) -> PipelineSettings {
        let properties: Properties =
            BTreeMap::from([("bootstrap.servers".to_owned(), self.broker.bootstrap_servers())]);
        // The mock cluster keeps the place of a member that has left until its session ends.
        let quick = [("fetch.wait.max.ms", "10"), ("session.timeout.ms", "2000"), ("heartbeat.interval.ms", "500")];
        let quick = quick.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let source = properties.clone().into_iter().chain(quick).collect();
        let envelope =
            Template::new("{\"data\": {{payload}}}", &Options::new(Media::Json, AMBIENT)).expect("a template");
        PipelineSettings {
            name: "under-test".into(),
            source: Source {
                properties: source,
                topics: vec!["in".into()],
                group: "group".into(),
                start: Start::Earliest,
                on_offset_gap: OnOffsetGap::Halt,
            },
            transforms: Arc::new(Transforms::new(vec![Step::Envelope(envelope)], &[], Reading::default())),
            sink: Sink {
                properties,
                topic: "out".into(),
                partition: SinkPartition::Source,
                key: SinkKey::Source,
                headers: Vec::new(),
                timestamp: SinkTimestamp::Source,
                content_type: None,
            },
            actors: Actors { transforms: 3, producers: 2 },
            on_failure: OnFailure {
                retries: 3,
                then: Then::DeadLetter,
                breaker: BreakerSettings { max_ratio: 1.0, window_records: 1000, max_run: 1000 },
                breaker_pause: Duration::from_millis(200),
                breaker_probe: 5,
                dead_letter_topic: "dead".into(),
                create_topic: true,
            },
            delivery: Delivery::AtLeastOnce,
            ordering: Ordering::Partition,
            memory: Memory::default(),
            pace: Pace { batch_records: 20, window: 4, ..Pace::default() },
            supervision: Supervision::default(),
            run: RunOptions::default(),
            suspended: false,
        }
    }

    /// Sends numbers in order, each to the partition that its remainder names.
    fn send(&self, numbers: std::ops::Range<u64>) {
        for number in numbers {
            let text = number.to_string();
            let record = BaseRecord::<str, str>::to("in").partition((number % PARTITIONS as u64) as i32).payload(&text);
            self.producer.send(record).map_err(|(error, _)| error).expect("the record is taken");
        }
        while self.producer.in_flight_count() > 0 {
            self.producer.poll(Duration::from_millis(5));
        }
    }

    fn consumer(&self, group: &str) -> BaseConsumer {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.broker.bootstrap_servers()).set("group.id", group);
        config.set("enable.auto.commit", "false").set("fetch.wait.max.ms", "10").create().expect("a consumer")
    }

    /// Reads a topic from its beginning until it has given `count` records.
    fn read(&self, topic: &str, partitions: i32, count: usize) -> Vec<(i32, String)> {
        let consumer = self.consumer("reader");
        let mut list = TopicPartitionList::new();
        (0..partitions).for_each(|partition| {
            list.add_partition_offset(topic, partition, Offset::Beginning).expect("a partition");
        });
        consumer.assign(&list).expect("an assignment");
        let (mut read, deadline) = (Vec::new(), Instant::now() + PATIENCE);
        while read.len() < count {
            assert!(Instant::now() < deadline, "{} of {count} records came", read.len());
            if let Some(message) = consumer.poll(Duration::from_millis(20)) {
                let message = message.expect("a record");
                read.push((
                    message.partition(),
                    String::from_utf8_lossy(message.payload().unwrap_or_default()).into_owned(),
                ));
            }
        }
        read
    }

    fn committed(&self) -> i64 {
        let mut list = TopicPartitionList::new();
        list.add_partition_range("in", 0, PARTITIONS - 1);
        let committed = self.consumer("group").committed_offsets(list, PATIENCE).expect("the commits");
        committed.elements().iter().map(|entry| entry.offset().to_raw().unwrap_or(0).max(0)).sum()
    }
}

fn start(settings: Vec<PipelineSettings>) -> std::io::Result<Running> {
    stampmill_engine::start(settings, &LogOutput::new(Format::Line, Box::new(std::io::sink())))
}

fn until(running: &Running, what: &str, holds: impl Fn(&Running) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds(running) {
        assert!(Instant::now() < deadline, "waited in vain for {what}: {:?}", running.observe());
        std::thread::yield_now();
    }
}

fn stop(running: Running) {
    running.stop();
    running.wait().expect("a clean end");
}

fn assert_in_order(read: &[(i32, String)], numbers: std::ops::Range<u64>) {
    for partition in 0..PARTITIONS {
        let of_partition = read.iter().filter(|(found, _)| *found == partition).map(|(_, text)| text.clone());
        let expected = numbers.clone().filter(|number| (number % PARTITIONS as u64) as i32 == partition);
        let expected: Vec<String> = expected.map(|number| format!("{{\"data\": {number}}}")).collect();
        let found: Vec<String> = of_partition.collect();
        let first = found.iter().zip(&expected).find(|(found, expected)| found != expected);
        assert_eq!((first, found.len()), (None, expected.len()), "(found, expected) of partition {partition}");
    }
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
    settings.transforms = Arc::new(Transforms::new(vec![Step::Log(log)], &[], Reading::default()));
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
    settings.sink.properties.insert("linger.ms".into(), "60000".into());
    let most = PARTITIONS as u64 * (settings.pace.batch_records * settings.pace.window) as u64;
    let running = start(vec![settings]).expect("the pipeline starts");
    cluster.send(0..3_000);
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
    settings.sink.properties.insert("queue.buffering.max.messages".into(), "50".into());
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
