//! Reads topics as they grow, without a group: for people who look on.

use std::ops::ControlFlow;
use std::sync::Arc;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};
use stampmill_core::completed::Completed;
use stampmill_core::record::Batch;

use super::PartitionId;
use super::cluster::{ANSWER, Topics};
use super::ffi::{Live, PartitionQueue};
use super::offsets::held;
use super::reader::{BATCH, Held, POLL, Quiet, ReadError, client, topics};
use crate::control::read_topics;
use crate::settings::PipelineSettings;

/// The partitions of a pipeline's source, or of another topic of its cluster, and how far each is read.
pub struct Follower {
    consumer: Arc<Live<BaseConsumer<Quiet>>>,
    followed: Vec<Followed>,
}

/// Where in each partition to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    Beginning,
    /// What is there already is left out.
    End,
    Offset(i64),
    /// So many offsets before the end.
    Last(i64),
}

struct Followed {
    topic: Arc<str>,
    partition: i32,
    next: i64,
    queue: PartitionQueue<Quiet>,
}

/// Nothing is committed for it, and nobody joins it.
const GROUP: &str = "stampmill-tap";

// === impl Follower ===

impl Follower {
    /// Of `topic`, or of all that the pipeline reads; of one partition, or of all. What comes from now on is not missed.
    ///
    /// # Errors
    /// The brokers do not answer, or have no such topic or partition.
    pub fn open(
        settings: &PipelineSettings,
        topic: Option<&str>,
        partition: Option<i32>,
        begin: Begin,
    ) -> Result<Self, ReadError> {
        let properties = &settings.source.properties;
        let consumer = client(properties, GROUP)?;
        let mut chosen_partitions = Vec::new();
        for (topic, partitions) in chosen(settings, topic, &topics(&consumer, properties)?)? {
            let numbers = match partition {
                None => 0..partitions,
                Some(partition) if (0..partitions).contains(&partition) => partition..partition + 1,
                Some(partition) => return Err(ReadError::NoPartition { topic, partition, partitions }),
            };
            chosen_partitions.extend(numbers.map(|number| PartitionId::new(&topic, number)));
        }
        let held = held(&consumer, &chosen_partitions, ANSWER)?;
        let mut follower = Self { consumer: Arc::new(consumer), followed: Vec::new() };
        for (PartitionId { topic, .. }, held) in chosen_partitions.into_iter().zip(held) {
            follower.add(topic, held, begin)?;
        }
        follower.assign()?;
        Ok(follower)
    }

    /// Topic and number of each partition.
    pub fn partitions(&self) -> impl Iterator<Item = (&str, i32)> {
        self.followed.iter().map(|followed| (&*followed.topic, followed.partition))
    }

    /// Hands over what is there and whatever comes, in batches, until `each` has had enough.
    ///
    /// # Errors
    /// A partition that can no longer be read. While brokers are away it waits, and logs why.
    pub fn follow(mut self, each: &mut dyn FnMut(&Batch) -> ControlFlow<()>) -> Result<(), ReadError> {
        loop {
            let mut is_idle = true;
            for followed in &mut self.followed {
                let batch = followed.take()?;
                is_idle &= batch.is_empty();
                if !batch.is_empty() && each(&batch).is_break() {
                    return Ok(());
                }
            }
            // The client's own errors come here, and the records do not. librdkafka goes on trying by itself.
            if is_idle && let Some(Err(error)) = self.consumer.poll(POLL) {
                log::warn!("the brokers: {error}");
            }
        }
    }

    /// Splits the partition's queue off before it is assigned, or what is fetched at once would stay in the main queue.
    fn add(&mut self, topic: Arc<str>, held: Held, begin: Begin) -> Result<(), ReadError> {
        let (partition, next) = (held.partition, begin.within(&topic, held));
        let queue = PartitionQueue::split(&self.consumer, &topic, partition);
        let queue = queue.ok_or_else(|| ReadError::NoTopic(topic.to_string()))?;
        self.followed.push(Followed { topic, partition, next, queue });
        Ok(())
    }

    fn assign(&self) -> Result<(), ReadError> {
        let mut assignment = TopicPartitionList::new();
        for Followed { topic, partition, next, .. } in &self.followed {
            assignment.add_partition_offset(topic, *partition, Offset::Offset(*next))?;
        }
        Ok(self.consumer.assign(&assignment)?)
    }
}

/// The topics to follow, with their numbers of partitions; at least one.
fn chosen(settings: &PipelineSettings, topic: Option<&str>, topics: &Topics) -> Result<Vec<(String, i32)>, ReadError> {
    if let Some(topic) = topic {
        let partitions = topics.get(topic).ok_or_else(|| ReadError::NoTopic(topic.to_owned()))?;
        return Ok(vec![(topic.to_owned(), *partitions)]);
    }
    let mut named = settings.source.topics.iter().filter(|topic| !topic.starts_with('^'));
    if let Some(missing) = named.find(|topic| !topics.contains_key(*topic)) {
        return Err(ReadError::NoTopic(missing.clone()));
    }
    match read_topics(settings, topics) {
        none if none.is_empty() => Err(ReadError::NoTopic(settings.source.topics.join(", "))),
        found => Ok(found),
    }
}

// === impl Begin ===

impl Begin {
    fn within(self, topic: &str, Held { partition, low, high }: Held) -> i64 {
        match self {
            Self::Beginning => low,
            Self::End => high,
            Self::Last(count) => high.saturating_sub(count).max(low),
            Self::Offset(offset) => {
                let next = offset.clamp(low, high);
                if next != offset {
                    log::warn!("{topic}/{partition} holds {low} up to {high}, without {offset}: it begins at {next}");
                }
                next
            }
        }
    }
}

// === impl Followed ===

impl Followed {
    /// What has come; nothing, if nothing has.
    fn take(&mut self) -> Result<Batch, ReadError> {
        let mut batch = Batch::new(Arc::clone(&self.topic), self.partition);
        let taken = self.queue.take(&mut batch, self.next, BATCH, &Completed::default());
        if let Some(last) = batch.last() {
            self.next = last.next().get();
        }
        match taken.error {
            None | Some(RDKafkaErrorCode::PartitionEOF) => Ok(batch),
            Some(error) => {
                Err(ReadError::Partition { topic: self.topic.to_string(), partition: self.partition, error })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_within_what_the_partition_holds() {
        let within = |from: Begin| from.within("t", Held { partition: 0, low: 10, high: 20 });
        assert_eq!((within(Begin::Beginning), within(Begin::End)), (10, 20));
        assert_eq!((within(Begin::Last(3)), within(Begin::Last(11)), within(Begin::Last(i64::MAX))), (17, 10, 10));
        assert_eq!((within(Begin::Offset(12)), within(Begin::Offset(3)), within(Begin::Offset(99))), (12, 10, 20));
    }
}
