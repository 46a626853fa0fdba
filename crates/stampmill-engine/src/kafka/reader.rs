//! Reads ranges of a topic without joining a group: for people and for replays.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset as KafkaOffset, TopicPartitionList};
use stampmill_core::completed::Completed;
use stampmill_core::record::{Batch, CommitOffset, Offset};
use thiserror::Error;

use super::PartitionId;
use super::cluster::{self, ANSWER, Topics};
use super::ffi::{Live, PartitionQueue};
use super::offsets::held;
use crate::settings::Properties;

/// A topic, and the partitions that it has.
pub struct TopicReader {
    consumer: Arc<Live<BaseConsumer<Quiet>>>,
    topic: Arc<str>,
    partitions: i32,
}

/// The offsets of a partition, from the first that is there to the one that comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    pub partition: i32,
    pub low: i64,
    pub high: i64,
}

#[derive(Debug, Error)]
pub enum ReadError {
    #[error("{0}")]
    Client(#[from] KafkaError),
    #[error("{0}")]
    NoCredentials(String),
    #[error("the brokers `{servers}` do not answer: {source}")]
    Unreachable { servers: String, source: KafkaError },
    #[error("the brokers know no topic `{0}`; look at its name and at `bootstrap.servers`")]
    NoTopic(String),
    #[error("`{topic}` has no partition {partition}: it has {partitions}")]
    NoPartition { topic: String, partition: i32, partitions: i32 },
    #[error("{topic}/{partition} cannot be read: {error}")]
    Partition { topic: String, partition: i32, error: RDKafkaErrorCode },
    #[error("no record of {topic}/{partition} has come within {} s", LIMIT.as_secs())]
    TooLate { topic: String, partition: i32 },
}

/// Errors are told by the calls that meet them.
pub(super) struct Quiet;

impl ClientContext for Quiet {
    fn error(&self, _: KafkaError, _: &str) {}
}

impl ConsumerContext for Quiet {}

const LIMIT: Duration = Duration::from_secs(30);
pub(super) const POLL: Duration = Duration::from_millis(10);
pub(super) const BATCH: usize = 500;

// === impl Held ===

impl Held {
    /// How many offsets; of records there may be fewer.
    pub fn offsets(&self) -> u64 {
        u64::try_from(self.high - self.low).unwrap_or_default()
    }
}

// === impl TopicReader ===

impl TopicReader {
    /// `group` is the one whose commits are read and written; it is never joined.
    ///
    /// # Errors
    /// The brokers do not answer, or know no such topic.
    pub fn open(properties: &Properties, topic: &str, group: &str) -> Result<Self, ReadError> {
        let consumer = client(properties, group)?;
        let topics = topics(&consumer, properties)?;
        let partitions = topics.get(topic).copied().filter(|partitions| *partitions > 0);
        let partitions = partitions.ok_or_else(|| ReadError::NoTopic(topic.to_owned()))?;
        Ok(Self { consumer: Arc::new(consumer), topic: Arc::from(topic), partitions })
    }

    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// What each partition holds.
    ///
    /// # Errors
    /// The brokers do not answer in time.
    pub fn held(&self) -> Result<Vec<Held>, ReadError> {
        let all: Vec<_> = (0..self.partitions).map(|partition| PartitionId::new(&self.topic, partition)).collect();
        Ok(held(&self.consumer, &all, ANSWER)?)
    }

    /// # Errors
    /// There is no such partition, or the brokers do not answer in time.
    pub fn held_by(&self, partition: i32) -> Result<Held, ReadError> {
        if !(0..self.partitions).contains(&partition) {
            let (topic, partitions) = (self.topic.to_string(), self.partitions);
            return Err(ReadError::NoPartition { topic, partition, partitions });
        }
        let (low, high) = self.consumer.fetch_watermarks(&self.topic, partition, ANSWER)?;
        Ok(Held { partition, low, high })
    }

    /// Hands the records of `from` up to `to` over in batches, until there are no more or `each` has had enough.
    ///
    /// # Errors
    /// Those of the brokers, or nothing comes for half a minute.
    pub fn read(
        &self,
        Held { partition, low: from, high: to }: Held,
        each: &mut dyn FnMut(&Batch) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        if from >= to {
            return Ok(());
        }
        let no_topic = || ReadError::NoTopic(self.topic.to_string());
        let queue = PartitionQueue::split(&self.consumer, &self.topic, partition).ok_or_else(no_topic)?;
        let mut start = TopicPartitionList::new();
        start.add_partition_offset(&self.topic, partition, KafkaOffset::Offset(from))?;
        self.consumer.assign(&start)?;
        let read = self.read_queue(&queue, Held { partition, low: from, high: to }, each);
        self.consumer.unassign()?;
        read
    }

    fn read_queue(
        &self,
        queue: &PartitionQueue<Quiet>,
        Held { partition, low: mut next, high: to }: Held,
        each: &mut dyn FnMut(&Batch) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let mut last_came = Instant::now();
        while next < to {
            let most = usize::try_from(to - next).map_or(BATCH, |left| left.min(BATCH));
            let mut batch = Batch::new(Arc::clone(&self.topic), partition);
            let taken = queue.take(&mut batch, next, most, &Completed::default());
            if let Some(last) = batch.last() {
                next = last.next().get();
                if each(&batch).is_break() {
                    return Ok(());
                }
                last_came = Instant::now();
            }
            match taken.error {
                // The rest are marks of transactions, or was compacted away.
                Some(RDKafkaErrorCode::PartitionEOF) => return Ok(()),
                Some(error) => return Err(ReadError::Partition { topic: self.topic.to_string(), partition, error }),
                None if last_came.elapsed() > LIMIT => {
                    return Err(ReadError::TooLate { topic: self.topic.to_string(), partition });
                }
                None if batch.is_empty() => {
                    // The client's own errors come here, such as a password that is refused. The records do not.
                    self.consumer.poll(POLL).transpose()?;
                }
                None => {}
            }
        }
        Ok(())
    }

    /// The record at that place, alone in a batch; `None` where it is no longer there.
    ///
    /// # Errors
    /// As for [`TopicReader::read`].
    pub fn one(&self, partition: i32, offset: i64) -> Result<Option<Batch>, ReadError> {
        let held = self.held_by(partition)?;
        if !(held.low..held.high).contains(&offset) {
            return Ok(None);
        }
        let mut found = None;
        self.read(Held { partition, low: offset, high: offset + 1 }, &mut |batch| {
            found = (batch.first() == Some(Offset::new(offset))).then(|| single(batch));
            ControlFlow::Break(())
        })?;
        Ok(found)
    }

    /// What the group has committed, of the partitions in which it has.
    ///
    /// # Errors
    /// The brokers do not answer in time.
    pub fn committed(&self) -> Result<BTreeMap<i32, CommitOffset>, ReadError> {
        let mut asked = TopicPartitionList::new();
        for partition in 0..self.partitions {
            asked.add_partition(&self.topic, partition);
        }
        let found = self.consumer.committed_offsets(asked, ANSWER)?;
        let mut committed = BTreeMap::new();
        for entry in found.elements() {
            entry.error()?;
            if let KafkaOffset::Offset(offset) = entry.offset() {
                committed.insert(entry.partition(), CommitOffset::new(offset));
            }
        }
        Ok(committed)
    }

    /// Commits for the group, and waits until that is done.
    ///
    /// # Errors
    /// The brokers refuse it, or do not answer.
    pub fn commit(&self, partition: i32, next: CommitOffset) -> Result<(), ReadError> {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.topic, partition, KafkaOffset::Offset(next.get()))?;
        Ok(self.consumer.commit(&list, CommitMode::Sync)?)
    }
}

/// The first record of a batch, alone.
fn single(batch: &Batch) -> Batch {
    let record = batch.record(0);
    let mut alone = Batch::new(Arc::clone(batch.topic()), batch.partition());
    alone.push(record.offset, record.timestamp, record.key, record.payload);
    record.headers.iter().for_each(|(name, value)| alone.push_header(name, value));
    alone
}

/// The topics of the cluster, with their numbers of partitions.
pub(super) fn topics(consumer: &BaseConsumer<Quiet>, properties: &Properties) -> Result<Topics, ReadError> {
    cluster::topics(consumer.client()).map_err(|source| {
        let servers = properties.get("bootstrap.servers").cloned().unwrap_or_default();
        ReadError::Unreachable { servers, source }
    })
}

pub(super) fn client(properties: &Properties, group: &str) -> Result<Live<BaseConsumer<Quiet>>, ReadError> {
    properties.await_credentials().map_err(ReadError::NoCredentials)?;
    let mut config = ClientConfig::new();
    // librdkafka's compiled-in path is that of its own OpenSSL, which no system has.
    config.set("ssl.ca.location", "probe").set("fetch.queue.backoff.ms", "10");
    for (name, value) in properties.in_force() {
        config.set(name, value);
    }
    config
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "error")
        .set("enable.partition.eof", "true")
        .set("isolation.level", "read_committed")
        // rdkafka sets the level of a client that is there: what librdkafka says of properties of a sink is said before.
        .set("log_level", "2")
        .set_log_level(RDKafkaLogLevel::Critical);
    Ok(Live::consumer(config.create_with_context(Quiet)?, properties.credentials.as_ref()))
}
