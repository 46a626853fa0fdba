//! Reads a topic from its beginning to its end, and then on as it grows, without a group: for tables.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};
use stampmill_core::completed::Completed;
use stampmill_core::record::Batch;

use super::PartitionId;
use super::cluster::{ANSWER, partition_count};
use super::ffi::{Live, PartitionQueue};
use super::offsets::held;
use super::reader::{BATCH, Held, Quiet, ReadError, client, topics};
use crate::settings::Properties;

pub(crate) struct Changelog {
    consumer: Arc<Live<BaseConsumer<Quiet>>>,
    topic: Arc<str>,
    /// By their numbers.
    partitions: Vec<Partition>,
}

struct Partition {
    queue: PartitionQueue<Quiet>,
    next: i64,
    /// Where it ended when it was met; none, once it is read up to there.
    end: Option<i64>,
}

/// Nothing is committed for it, and nobody joins it.
const GROUP: &str = "stampmill-table";

// === impl Changelog ===

impl Changelog {
    /// # Errors
    /// The brokers do not answer, or have no such topic.
    pub(crate) fn open(properties: &Properties, topic: &str) -> Result<Self, ReadError> {
        let consumer = client(properties, GROUP)?;
        let count = topics(&consumer, properties)?.get(topic).copied().filter(|count| *count > 0);
        let count = count.ok_or_else(|| ReadError::NoTopic(topic.to_owned()))?;
        let mut opened = Self { consumer: Arc::new(consumer), topic: Arc::from(topic), partitions: Vec::new() };
        opened.extend_to(count)?;
        Ok(opened)
    }

    /// Whether each partition is read to where it ended when it was met.
    pub(crate) fn is_read(&self) -> bool {
        self.partitions.iter().all(|partition| partition.end.is_none())
    }

    /// Hands over what has come, in batches; `false` if nothing has.
    ///
    /// # Errors
    /// A partition that can no longer be read from where it stands.
    pub(crate) fn take(&mut self, each: &mut dyn FnMut(&Batch)) -> Result<bool, ReadError> {
        let mut has_come = false;
        for (number, partition) in (0..).zip(&mut self.partitions) {
            let mut batch = Batch::new(Arc::clone(&self.topic), number);
            partition.take(&mut batch).map_err(|error| {
                let topic = self.topic.to_string();
                ReadError::Partition { topic, partition: number, error }
            })?;
            if !batch.is_empty() {
                has_come = true;
                each(&batch);
            }
        }
        Ok(has_come)
    }

    /// Gives librdkafka time; what its client complains of meanwhile. It goes on trying by itself.
    pub(crate) fn wait(&self, most: Duration) -> Option<KafkaError> {
        let error = self.consumer.poll(most)?.err();
        // librdkafka asks for the group's coordinator, be there use for it or not.
        error.filter(|error| error.rdkafka_error_code() != Some(RDKafkaErrorCode::GroupAuthorizationFailed))
    }

    /// Takes in partitions that the topic has been given since.
    ///
    /// # Errors
    /// They cannot be read.
    pub(crate) fn look_for_partitions(&mut self) -> Result<(), ReadError> {
        match partition_count(self.consumer.client(), &self.topic) {
            Some(count) if usize::try_from(count).is_ok_and(|count| count > self.partitions.len()) => {
                log::info!("topic `{}` has {count} partitions now", self.topic);
                self.extend_to(count)
            }
            // Where the brokers do not answer now, they will the next time.
            _ => Ok(()),
        }
    }

    /// Splits the queues of new partitions off before they are assigned, or what is fetched at once would stay in the main
    /// queue.
    fn extend_to(&mut self, count: i32) -> Result<(), ReadError> {
        let known = i32::try_from(self.partitions.len()).unwrap_or(i32::MAX);
        let new: Vec<_> = (known..count).map(|number| PartitionId::new(&self.topic, number)).collect();
        for Held { partition: number, low, high } in held(&self.consumer, &new, ANSWER)? {
            let queue = PartitionQueue::split(&self.consumer, &self.topic, number);
            let queue = queue.ok_or_else(|| ReadError::NoTopic(self.topic.to_string()))?;
            self.partitions.push(Partition { queue, next: low, end: (low < high).then_some(high) });
        }
        let mut assignment = TopicPartitionList::new();
        for (number, partition) in (0..).zip(&self.partitions) {
            assignment.add_partition_offset(&self.topic, number, Offset::Offset(partition.next))?;
        }
        Ok(self.consumer.assign(&assignment)?)
    }
}

// === impl Partition ===

impl Partition {
    fn take(&mut self, batch: &mut Batch) -> Result<(), RDKafkaErrorCode> {
        let taken = self.queue.take(batch, self.next, BATCH, &Completed::default());
        if let Some(last) = batch.last() {
            self.next = last.next().get();
        }
        match taken.error {
            None => {}
            // What is left up to the end are marks of transactions, or was compacted away.
            Some(RDKafkaErrorCode::PartitionEOF) => self.end = None,
            Some(error) => return Err(error),
        }
        if self.end.is_some_and(|end| self.next >= end) {
            self.end = None;
        }
        Ok(())
    }
}
