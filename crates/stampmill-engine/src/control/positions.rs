//! Finds out where to read partitions from.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaResult;
use rdkafka::{Offset, TopicPartitionList};
use stampmill_core::commit_note::CommitNote;
use stampmill_core::completed::Completed;
use stampmill_core::record::CommitOffset;
use stampmill_core::start_position::{Known, StartPosition, TopicHistory, first_mark, start_position};

use super::{Control, PipelineError};
use crate::kafka::cluster::{ANSWER, partition_count, topics};
use crate::kafka::offsets::{held, offsets_at};
use crate::kafka::reader::Held;
use crate::kafka::{PartitionId, ffi};
use crate::settings::{self, OnOffsetGap};

/// Where to start in a partition.
pub(super) struct Start {
    pub(super) partition: PartitionId,
    pub(super) position: CommitOffset,
    pub(super) is_committed: bool,
    /// What was settled above it already.
    pub(super) completed: Completed,
}

/// What the group committed in a partition.
struct Committed {
    partition: PartitionId,
    offset: Option<CommitOffset>,
    note: CommitNote,
}

impl Control {
    /// The next offset to read in each partition.
    pub(super) fn resolve(&mut self, partitions: &[PartitionId]) -> Result<Vec<Start>, PipelineError> {
        let committed = self.committed(partitions)?;
        let partitions: Vec<_> = committed.iter().map(|entry| entry.partition.clone()).collect();
        // After the commits: of what is asked for earlier, a commit could lie behind the end.
        let held = held(&self.consumer, &partitions, ANSWER)?;
        let mut histories: HashMap<Arc<str>, TopicHistory> = HashMap::new();
        let mut starts = Vec::with_capacity(partitions.len());
        for (Committed { partition, offset, note }, held) in committed.into_iter().zip(held) {
            if let Some(mark) = note.mark {
                self.marks.insert(Arc::clone(&partition.topic), mark);
            }
            let topic = match (offset, histories.get(&partition.topic)) {
                (Some(_), _) => TopicHistory::MetUnmarked, // Not looked at: the commit decides.
                (None, Some(history)) => *history,
                (None, None) => {
                    let history = self.history(&partition.topic)?;
                    histories.insert(Arc::clone(&partition.topic), history);
                    history
                }
            };
            let known = Known { partition: partition.partition, committed: offset, topic };
            let position = self.locate(&partition, start_position(known), held)?;
            let is_committed = offset == Some(position);
            let completed = if is_committed { note.completed } else { Completed::default() };
            starts.push(Start { partition, position, is_committed, completed });
        }
        Ok(starts)
    }

    fn committed(&self, partitions: &[PartitionId]) -> KafkaResult<Vec<Committed>> {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for partition in partitions {
            list.add_partition(&partition.topic, partition.partition);
        }
        let list = self.consumer.committed_offsets(list, ANSWER)?;
        let metadata = ffi::commit_metadata(&list);
        let entries = list.elements().into_iter().zip(metadata).map(|(entry, metadata)| {
            entry.error()?;
            let offset = match entry.offset() {
                Offset::Offset(offset) => Some(CommitOffset::new(offset)),
                _ => None,
            };
            let partition = PartitionId::new(entry.topic(), entry.partition());
            let note = offset.zip(metadata.as_deref());
            let note = note.map_or_else(CommitNote::default, |(offset, text)| CommitNote::decode(offset, text));
            Ok(Committed { partition, offset, note })
        });
        entries.collect()
    }

    /// What the group knows of a topic in which it has a partition without a commit.
    fn history(&mut self, topic: &Arc<str>) -> KafkaResult<TopicHistory> {
        let partitions = partition_count(self.consumer.client(), topic).unwrap_or(0);
        let all: Vec<_> = (0..partitions).map(|number| PartitionId::new(topic, number)).collect();
        let committed = self.committed(&all)?;
        let mark = committed.iter().filter_map(|entry| entry.note.mark).min_by_key(|mark| mark.met_at);
        let history = match mark {
            Some(mark) => TopicHistory::Met(mark),
            None if committed.iter().any(|entry| entry.offset.is_some()) => TopicHistory::MetUnmarked,
            None if self.came_later(topic)? => TopicHistory::CameLater,
            None => TopicHistory::NeverMet,
        };
        // From here on the topic is met, and whoever commits in it says so.
        let at_end = self.settings.source.start == settings::Start::Latest;
        self.marks.entry(Arc::clone(topic)).or_insert_with(|| first_mark(history, at_end, partitions, now()));
        Ok(history)
    }

    /// Whether the group had begun before the topic was there. Of a topic that only a pattern names, that is so if the
    /// group has committed in any other.
    fn came_later(&self, topic: &str) -> KafkaResult<bool> {
        if !self.known_topics.contains_key(topic) {
            return Ok(true);
        }
        if self.settings.source.topics.iter().any(|named| named == topic) {
            return Ok(false);
        }
        let topics = topics(self.consumer.client())?;
        let all: Vec<_> = topics
            .iter()
            .filter(|(topic, _)| !topic.starts_with("__"))
            .flat_map(|(topic, partitions)| (0..*partitions).map(|number| PartitionId::new(topic, number)))
            .collect();
        Ok(self.committed(&all)?.iter().any(|entry| entry.offset.is_some()))
    }

    fn locate(
        &self,
        partition: &PartitionId,
        start: StartPosition,
        Held { low, high, .. }: Held,
    ) -> Result<CommitOffset, PipelineError> {
        let offset = match (start, self.settings.source.start) {
            (StartPosition::Resume(offset), _) if (low..=high).contains(&offset.get()) => return Ok(offset),
            (StartPosition::Resume(offset), _) => self.behind_gap(partition, offset.get(), low, high)?,
            (StartPosition::AsConfigured, settings::Start::Latest) => high,
            (StartPosition::AsConfigured, settings::Start::Earliest) | (StartPosition::Beginning, _) => low,
            (StartPosition::Since { timestamp }, _) => self.at_time(partition, timestamp)?.unwrap_or(high),
        };
        log::info!("{}: {partition} starts at offset {offset}", self.settings.name);
        Ok(CommitOffset::new(offset))
    }

    /// Where to go on when what was committed is not in the partition any more, or not yet.
    fn behind_gap(&self, partition: &PartitionId, committed: i64, low: i64, high: i64) -> Result<i64, PipelineError> {
        let to = match self.settings.source.on_offset_gap {
            OnOffsetGap::Halt => {
                return Err(PipelineError::OffsetGap { partition: partition.to_string(), committed, low, high });
            }
            OnOffsetGap::Earliest => low,
            OnOffsetGap::Latest => high,
        };
        let passed_over = (to - committed).max(0);
        log::error!("{partition}: offset {committed} is gone, going on at {to}: {passed_over} records were never read");
        Ok(to)
    }

    /// The first record of that time or later; `None` if there is none yet.
    pub(super) fn at_time(&self, partition: &PartitionId, timestamp: i64) -> KafkaResult<Option<i64>> {
        let at = Offset::Offset(timestamp);
        let found = offsets_at(&self.consumer, std::slice::from_ref(partition), at, ANSWER)?;
        found.into_iter().next().unwrap_or(Ok(None))
    }
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
