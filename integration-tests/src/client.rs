//! Producer, consumer and admin client of the tests, apart from the program's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use rdkafka::{Offset, TopicPartitionList};

use crate::eventually::{eventually, eventually_ok, patience};

/// A cluster, by its address.
#[derive(Clone, Debug)]
pub struct Client {
    pub bootstrap: String,
    /// What it trusts, where it is to speak TLS.
    pub certificate: Option<PathBuf>,
}

/// A record to send, or one that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestRecord {
    pub partition: i32,
    pub offset: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub timestamp: Option<i64>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

/// What a reader comes to.
enum Read<'a> {
    Record(&'a TestRecord),
    /// Of a partition.
    End(i32),
}

const ANSWER: Duration = Duration::from_secs(10);
/// librdkafka's default.
pub const LARGE_BATCH: usize = 1_000_000;
const AT_ONCE: Duration = Duration::from_secs(1);

// === impl Client ===

impl Client {
    pub fn new(bootstrap: &str) -> Self {
        Self { bootstrap: bootstrap.into(), certificate: None }
    }

    /// The properties of librdkafka for whoever connects to it, but for its address.
    pub fn properties(&self) -> Vec<(&'static str, String)> {
        let secure = self.certificate.iter().flat_map(|file| {
            [("security.protocol", "ssl".to_owned()), ("ssl.ca.location", file.display().to_string())]
        });
        secure.collect()
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.bootstrap).set_log_level(RDKafkaLogLevel::Critical);
        for (name, value) in self.properties() {
            config.set(name, value);
        }
        config
    }

    pub fn consumer(&self, group: &str) -> BaseConsumer {
        self.reader(group).create().expect("a consumer")
    }

    fn reader(&self, group: &str) -> ClientConfig {
        let mut config = self.config();
        config.set("group.id", group).set("enable.auto.commit", "false").set("isolation.level", "read_committed");
        config.set("fetch.queue.backoff.ms", "10").set("fetch.message.max.bytes", "10485760");
        config
    }

    /// How many brokers the cluster says it has; none where nobody answers.
    pub fn brokers(&self) -> usize {
        let consumer: Result<BaseConsumer, _> = self.config().create();
        let metadata = consumer.and_then(|consumer| consumer.fetch_metadata(None, Duration::from_secs(1)));
        metadata.map_or(0, |metadata| metadata.brokers().len())
    }

    fn admin<T>(&self, run: impl AsyncFnOnce(&AdminClient<DefaultClientContext>, &AdminOptions) -> T) -> T {
        let admin = self.config().create().expect("an admin client");
        let options = AdminOptions::new().request_timeout(Some(ANSWER)).operation_timeout(Some(ANSWER));
        actix_rt::Runtime::new().expect("a runtime").block_on(run(&admin, &options))
    }

    pub fn create_topic(&self, topic: &str, partitions: i32, settings: &[(&str, &str)]) {
        let mut new = NewTopic::new(topic, partitions, TopicReplication::Fixed(-1));
        for (name, value) in settings {
            new = new.set(name, value);
        }
        // librdkafka gives a question up when the broker that it asked turns out to be known by another address.
        let make = || self.admin(async |admin, options| admin.create_topics([&new], options).await);
        for result in eventually_ok("the topic to be made", make) {
            assert!(matches!(result, Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists))), "{result:?}");
        }
        eventually("the topic", || self.partitions(topic).filter(|count| *count == partitions));
    }

    pub fn add_partitions(&self, topic: &str, partitions: usize) {
        let new = NewPartitions::new(topic, partitions);
        let made = self.admin(async |admin, options| admin.create_partitions([&new], options).await);
        for result in made.expect("the broker answers") {
            result.expect("partitions are added");
        }
        eventually("the partitions", || self.partitions(topic).filter(|count| *count == partitions as i32));
    }

    /// Deletes what lies below `offset`, as retention does.
    pub fn delete_records(&self, topic: &str, partition: i32, offset: i64) {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(topic, partition, Offset::Offset(offset)).expect("a partition");
        let deleted = self.admin(async |admin, options| admin.delete_records(&list, options).await);
        deleted
            .expect("the broker answers")
            .elements()
            .iter()
            .for_each(|entry| entry.error().expect("records are deleted"));
    }

    pub fn partitions(&self, topic: &str) -> Option<i32> {
        self.partitions_by(&self.config().create().ok()?, topic)
    }

    /// As [`Client::partitions`], asked by a consumer that is there already.
    pub fn partitions_by(&self, consumer: &BaseConsumer, topic: &str) -> Option<i32> {
        let metadata = consumer.fetch_metadata(None, ANSWER).ok()?;
        let found = metadata.topics().iter().find(|found| found.name() == topic)?;
        Some(found.partitions().len() as i32)
    }

    pub fn delete_topic(&self, topic: &str) {
        let deleted = self.admin(async |admin, options| admin.delete_topics(&[topic], options).await);
        for result in deleted.expect("the broker answers") {
            result.expect("the topic is deleted");
        }
        eventually("the topic to be gone", || self.partitions(topic).is_none().then_some(()));
    }

    /// Sets a topic's settings; those that are not named go back to their defaults.
    pub fn alter_topic(&self, topic: &str, settings: &[(&str, &str)]) {
        let none = AlterConfig::new(ResourceSpecifier::Topic(topic));
        let change = settings.iter().fold(none, |change, (name, value)| change.set(name, value));
        let altered = self.admin(async |admin, options| admin.alter_configs([&change], options).await);
        for result in altered.expect("the broker answers") {
            result.expect("the settings are taken");
        }
    }

    /// Deletes a group without members, and all that it has committed. The broker may still wait for one that has left.
    pub fn delete_group(&self, group: &str) {
        eventually("the group to be deleted", || {
            let deleted = self.admin(async |admin, options| admin.delete_groups(&[group], options).await);
            deleted.ok()?.into_iter().all(|result| result.is_ok()).then_some(())
        });
    }

    /// The node that leads a partition.
    pub fn leader(&self, topic: &str, partition: i32) -> i32 {
        eventually("a leader", || {
            let consumer: BaseConsumer = self.config().create().ok()?;
            let metadata = consumer.fetch_metadata(Some(topic), ANSWER).ok()?;
            let found = metadata.topics().first()?.partitions().iter().find(|found| found.id() == partition)?;
            Some(found.leader()).filter(|leader| *leader > 0)
        })
    }

    /// Waits until every partition has so many replicas that are in sync.
    pub fn await_in_sync(&self, topic: &str, replicas: usize) {
        let consumer: BaseConsumer = self.config().create().expect("a consumer");
        eventually("the replicas to be in sync", || {
            let metadata = consumer.fetch_metadata(Some(topic), ANSWER).ok()?;
            let partitions = metadata.topics().first()?.partitions();
            partitions.iter().all(|partition| partition.isr().len() == replicas).then_some(())
        });
    }

    /// A producer that keeps order and doubles nothing.
    pub fn producer<C: ProducerContext>(&self, context: C, linger_ms: u32) -> BaseProducer<C> {
        self.producing(linger_ms).create_with_context(context).expect("a producer")
    }

    fn producing(&self, linger_ms: u32) -> ClientConfig {
        let mut config = self.config();
        config
            .set("enable.idempotence", "true")
            .set("linger.ms", linger_ms.to_string())
            .set("message.max.bytes", "10485760");
        config.set("topic.metadata.refresh.interval.ms", "1000");
        config
    }

    /// Sends records in order and waits until all are in the log.
    pub fn produce(&self, topic: &str, records: impl IntoIterator<Item = TestRecord>) {
        self.produce_in_batches(topic, LARGE_BATCH, records);
    }

    /// The same, in batches of at most so many bytes.
    pub fn produce_in_batches(&self, topic: &str, bytes: usize, records: impl IntoIterator<Item = TestRecord>) {
        let mut config = self.producing(2);
        let producer: BaseProducer = config.set("batch.size", bytes.to_string()).create().expect("a producer");
        for record in records {
            let mut out = BaseRecord::<[u8], [u8], ()>::to(topic).partition(record.partition);
            out.key = record.key.as_deref();
            out.payload = record.value.as_deref();
            out.timestamp = record.timestamp;
            out.headers = (!record.headers.is_empty()).then(|| owned(&record.headers));
            while let Err((error, again)) = producer.send(out) {
                assert_eq!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), "{error}");
                producer.poll(Duration::from_millis(10));
                out = again;
            }
            producer.poll(Duration::ZERO);
        }
        producer.flush(patience()).expect("everything is delivered");
    }

    /// Reads a topic from its beginning until `done` says so of a record, or patience ends.
    pub fn read_until(&self, topic: &str, mut done: impl FnMut(&TestRecord) -> bool) -> Vec<TestRecord> {
        self.read(topic, |read| matches!(read, Read::Record(record) if done(record)))
    }

    /// Reads all that the partitions hold now.
    pub fn read_to_end(&self, topic: &str) -> Vec<TestRecord> {
        let mut left: BTreeSet<i32> = (0..eventually("the topic", || self.partitions(topic))).collect();
        self.read(topic, |read| {
            if let Read::End(partition) = read {
                left.remove(&partition);
            }
            left.is_empty()
        })
    }

    fn read(&self, topic: &str, mut done: impl FnMut(Read<'_>) -> bool) -> Vec<TestRecord> {
        let mut config = self.reader("reader");
        // The last record need not be at the end: marks of transactions lie behind it, which nobody is shown.
        let consumer: BaseConsumer = config.set("enable.partition.eof", "true").create().expect("a consumer");
        let mut list = TopicPartitionList::new();
        for partition in 0..eventually("the topic", || self.partitions(topic)) {
            list.add_partition_offset(topic, partition, Offset::Beginning).expect("a partition");
        }
        consumer.assign(&list).expect("an assignment");
        let (mut records, deadline) = (Vec::new(), Instant::now() + patience());
        while Instant::now() < deadline {
            let is_done = match consumer.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => {
                    records.push(TestRecord::from(&message));
                    records.last().is_some_and(|record| done(Read::Record(record)))
                }
                Some(Err(KafkaError::PartitionEOF(partition))) => done(Read::End(partition)),
                // After an error it goes on by itself: brokers come and go in these tests.
                Some(Err(_)) | None => false,
            };
            if is_done {
                break;
            }
        }
        records
    }

    /// Reads until there are as many records.
    pub fn read_count(&self, topic: &str, count: usize) -> Vec<TestRecord> {
        let mut read = 0;
        let records = self.read_until(topic, |_| {
            read += 1;
            read == count
        });
        assert_eq!(records.len(), count, "records in {topic}");
        records
    }

    /// The first offset and the end of each partition.
    pub fn ends(&self, topic: &str) -> BTreeMap<i32, (i64, i64)> {
        self.ends_by(&self.consumer("ends"), topic)
    }

    /// As [`Client::ends`], asked by a consumer that has its connections already. While a leader moves nobody knows: it
    /// asks again then.
    pub fn ends_by(&self, consumer: &BaseConsumer, topic: &str) -> BTreeMap<i32, (i64, i64)> {
        let partitions = 0..eventually("the topic", || self.partitions_by(consumer, topic));
        let ends = |partition| {
            let what = format!("the watermarks of {topic}/{partition}");
            eventually_ok(&what, || consumer.fetch_watermarks(topic, partition, ANSWER))
        };
        partitions.map(|partition| (partition, ends(partition))).collect()
    }

    /// The ends of the partitions that tell theirs at once. One whose leader is new keeps it to itself until as many
    /// replicas are in sync as the topic asks for.
    pub fn known_ends(&self, topic: &str) -> BTreeMap<i32, i64> {
        let consumer = self.consumer("ends");
        let partitions = 0..eventually("the topic", || self.partitions_by(&consumer, topic));
        let end = |partition| {
            let (_, end) = consumer.fetch_watermarks(topic, partition, AT_ONCE).ok()?;
            Some((partition, end))
        };
        partitions.filter_map(end).collect()
    }

    /// What the group has committed in each partition.
    pub fn committed(&self, group: &str, topic: &str) -> BTreeMap<i32, Option<i64>> {
        self.committed_by(&self.consumer(group), topic)
    }

    /// As [`Client::committed`], asked by a consumer of the group that has its connections already.
    pub fn committed_by(&self, consumer: &BaseConsumer, topic: &str) -> BTreeMap<i32, Option<i64>> {
        let mut list = TopicPartitionList::new();
        for partition in 0..eventually("the topic", || self.partitions_by(consumer, topic)) {
            list.add_partition(topic, partition);
        }
        let committed = eventually_ok("the committed offsets", || consumer.committed_offsets(list.clone(), ANSWER));
        let offset = |offset| match offset {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        };
        committed.elements().iter().map(|entry| (entry.partition(), offset(entry.offset()))).collect()
    }

    /// What the group's commit of a partition carries beside its offset.
    pub fn commit_note(&self, group: &str, topic: &str, partition: i32) -> String {
        let mut list = TopicPartitionList::new();
        list.add_partition(topic, partition);
        let consumer = self.consumer(group);
        let committed = eventually_ok("the commit", || consumer.committed_offsets(list.clone(), ANSWER));
        committed.elements().first().map_or_else(String::new, |entry| entry.metadata().to_owned())
    }

    /// Waits until the group has committed the end of every partition.
    pub fn await_committed(&self, group: &str, topic: &str) {
        eventually("the commits to reach the ends", || {
            let (committed, ends) = (self.committed(group, topic), self.ends(topic));
            ends.iter().all(|(partition, (_, end))| committed[partition] == Some(*end)).then_some(())
        });
    }
}

fn owned(headers: &[(String, Option<Vec<u8>>)]) -> OwnedHeaders {
    headers.iter().fold(OwnedHeaders::new(), |list, (name, value)| {
        list.insert(rdkafka::message::Header { key: name, value: value.as_ref() })
    })
}

// === impl TestRecord ===

impl TestRecord {
    pub fn value(partition: i32, value: impl Into<Vec<u8>>) -> Self {
        Self { partition, value: Some(value.into()), ..Self::default() }
    }

    pub fn header(&self, name: &str) -> Option<String> {
        let (_, value) = self.headers.iter().rev().find(|(found, _)| found == name)?;
        Some(String::from_utf8_lossy(value.as_deref()?).into_owned())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.value.as_deref().unwrap_or_default()).into_owned()
    }
}

impl From<&BorrowedMessage<'_>> for TestRecord {
    fn from(message: &BorrowedMessage<'_>) -> Self {
        let headers = message.headers().map(|headers| {
            headers.iter().map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect()
        });
        Self {
            partition: message.partition(),
            offset: message.offset(),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            timestamp: message.timestamp().to_millis(),
            headers: headers.unwrap_or_default(),
        }
    }
}
