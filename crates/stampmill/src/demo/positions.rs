//! What the broker itself says about how far everything has come.

use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};

use super::{DEAD_LETTERS, INPUT, OUTPUT, PARTITIONS};

/// Asks the broker, as a member of the pipeline's group that never joins it.
pub(crate) struct Inquiry {
    consumer: BaseConsumer,
}

/// At one moment, in records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Positions {
    /// Of each input partition: committed by the group, and there.
    pub(crate) input: Vec<(i64, i64)>,
    /// There, over all output partitions.
    pub(crate) output: i64,
    pub(crate) dead_letters: i64,
}

const ANSWER: Duration = Duration::from_secs(5);

// === impl Inquiry ===

impl Inquiry {
    pub(crate) fn new(clients: &ClientConfig, group: &str) -> anyhow::Result<Self> {
        let consumer = clients.clone().set("group.id", group).set("enable.auto.commit", "false").create()?;
        Ok(Self { consumer })
    }

    /// # Errors
    /// No answer within 5 s.
    pub(crate) fn positions(&self) -> anyhow::Result<Positions> {
        let mut list = TopicPartitionList::new();
        list.add_partition_range(INPUT, 0, PARTITIONS - 1);
        let committed = self.consumer.committed_offsets(list, ANSWER)?;
        let mut positions = Positions { dead_letters: self.end(DEAD_LETTERS, 0)?, ..Positions::default() };
        for partition in 0..PARTITIONS {
            let committed = committed.find_partition(INPUT, partition).map(|entry| entry.offset());
            // A group that has committed nothing yet has no offset.
            let committed = if let Some(Offset::Offset(offset)) = committed { offset } else { 0 };
            positions.input.push((committed, self.end(INPUT, partition)?));
            positions.output += self.end(OUTPUT, partition)?;
        }
        Ok(positions)
    }

    fn end(&self, topic: &str, partition: i32) -> anyhow::Result<i64> {
        Ok(self.consumer.fetch_watermarks(topic, partition, ANSWER)?.1)
    }
}

// === impl Positions ===

impl Positions {
    pub(crate) fn committed(&self) -> i64 {
        self.input.iter().map(|(committed, _)| committed).sum()
    }

    pub(crate) fn ends(&self) -> i64 {
        self.input.iter().map(|(_, end)| end).sum()
    }

    /// Partitions whose every record is committed.
    pub(crate) fn settled(&self) -> usize {
        self.input.iter().filter(|(committed, end)| committed == end).count()
    }
}
