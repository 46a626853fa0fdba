//! An embedded broker with three partitions, and a pipeline over them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};
use stampmill_core::breaker::BreakerSettings;
use stampmill_core::template::{Media, Options, Template};
use stampmill_core::transform::{Flow, Outlet, Reading, Step, To, Transforms};
use stampmill_engine::kafka::embedded::EmbeddedBroker;
use stampmill_engine::logging::{Format, LogOutput};
use stampmill_engine::settings::*;
use stampmill_engine::{AMBIENT, Running};

pub(crate) const PARTITIONS: i32 = 3;
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// These steps, and one sink.
pub(crate) fn transforms(steps: Vec<Step>) -> Transforms {
    let outlets = vec![Outlet { when: None, to: To::Sink { number: 0, templates: Vec::new() } }];
    Transforms::new(Flow { steps, outlets }, Reading::default())
}

pub(crate) struct Cluster {
    pub(crate) broker: EmbeddedBroker,
    pub(crate) producer: BaseProducer,
}

impl Cluster {
    pub(crate) fn start() -> Self {
        let topics = [("in", PARTITIONS), ("out", PARTITIONS), ("dead", 1)];
        let broker = EmbeddedBroker::start(&topics).expect("a broker");
        let producer =
            ClientConfig::new().set("bootstrap.servers", broker.bootstrap_servers()).create().expect("a producer");
        Self { broker, producer }
    }

    pub(crate) fn settings(&self) -> PipelineSettings {
        let properties = BTreeMap::from([("bootstrap.servers".to_owned(), self.broker.bootstrap_servers())]);
        // The mock cluster keeps the place of a member that has left until its session ends.
        let quick = [("fetch.wait.max.ms", "10"), ("session.timeout.ms", "2000"), ("heartbeat.interval.ms", "500")];
        let quick = quick.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let source = properties.clone().into_iter().chain(quick).collect();
        let envelope =
            Template::new("{\"data\": {{payload}}}", &Options::new(Media::Json, AMBIENT)).expect("a template");
        PipelineSettings {
            name: "under-test".into(),
            source: Source {
                properties: Properties::new(source, None),
                topics: vec!["in".into()],
                group: "group".into(),
                start: Start::Earliest,
                on_offset_gap: OnOffsetGap::Halt,
            },
            tables: Arc::default(),
            transforms: Arc::new(transforms(vec![Step::Envelope(envelope)])),
            producer: Properties::new(properties, None),
            sinks: vec![Sink {
                name: "sink".into(),
                topic: "out".into(),
                partition: SinkPartition::Source,
                key: SinkKey::Source,
                headers: Vec::new(),
                timestamp: SinkTimestamp::Source,
                content_type: None,
            }],
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
            tracer: None,
        }
    }

    /// Sends numbers in order, each to the partition that its remainder names.
    pub(crate) fn send(&self, numbers: std::ops::Range<u64>) {
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
    pub(crate) fn read(&self, topic: &str, partitions: i32, count: usize) -> Vec<(i32, String)> {
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

    pub(crate) fn committed(&self) -> i64 {
        let mut list = TopicPartitionList::new();
        list.add_partition_range("in", 0, PARTITIONS - 1);
        let committed = self.consumer("group").committed_offsets(list, PATIENCE).expect("the commits");
        committed.elements().iter().map(|entry| entry.offset().to_raw().unwrap_or(0).max(0)).sum()
    }
}

pub(crate) fn start(settings: Vec<PipelineSettings>) -> std::io::Result<Running> {
    stampmill_engine::start(settings, &LogOutput::new(Format::Line, Box::new(std::io::sink())))
}

pub(crate) fn until(running: &Running, what: &str, holds: impl Fn(&Running) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds(running) {
        assert!(Instant::now() < deadline, "waited in vain for {what}: {:?}", running.observe());
        std::thread::yield_now();
    }
}

pub(crate) fn stop(running: Running) {
    running.stop();
    running.wait().expect("a clean end");
}

pub(crate) fn assert_in_order(read: &[(i32, String)], numbers: std::ops::Range<u64>) {
    for partition in 0..PARTITIONS {
        let of_partition = read.iter().filter(|(found, _)| *found == partition).map(|(_, text)| text.clone());
        let expected = numbers.clone().filter(|number| (number % PARTITIONS as u64) as i32 == partition);
        let expected: Vec<String> = expected.map(|number| format!("{{\"data\": {number}}}")).collect();
        let found: Vec<String> = of_partition.collect();
        let first = found.iter().zip(&expected).find(|(found, expected)| found != expected);
        assert_eq!((first, found.len()), (None, expected.len()), "(found, expected) of partition {partition}");
    }
}
