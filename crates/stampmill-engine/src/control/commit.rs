//! Tells the broker what is settled.

use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};
use stampmill_core::record::CommitOffset;

use super::{Control, PipelineError};
use crate::kafka::{PartitionId, ffi};
use crate::observe::Counters;

/// The commit that is under way. There is one at a time: a later one could be overtaken.
#[derive(Debug, Default)]
pub(super) struct Pending {
    sent: Option<Instant>,
    last_due: Option<Instant>,
    results: Vec<CommitResult>,
}

pub(super) type CommitResult = (PartitionId, Result<CommitOffset, RDKafkaErrorCode>);

/// librdkafka reports every commit; this is for the case that it does not.
const REPORT_OVERDUE: Duration = Duration::from_secs(60);
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);
/// How long a drain goes on trying to commit, for commits fail while a group moves.
const COMMIT_PATIENCE: Duration = Duration::from_secs(10);

impl Control {
    pub(super) fn commit_if_due(&mut self) {
        let due = self.commits.last_due.is_none_or(|last| last.elapsed() >= self.settings.pace.commit_interval);
        if due && !self.commits.under_way() {
            self.commits.last_due = Some(Instant::now());
            self.commit_async();
        }
    }

    /// What is settled and not committed yet. Nothing of a partition that is not ours is in here: the broker would take
    /// it, over the head of the new owner.
    fn uncommitted(&self) -> Vec<(PartitionId, CommitOffset)> {
        self.assigned
            .iter()
            .filter_map(|(partition, assigned)| {
                let watermark = assigned.consumer()?.watermark.get();
                (watermark != assigned.committed).then(|| (partition.clone(), watermark))
            })
            .collect()
    }

    fn commit_async(&mut self) {
        let offsets = self.uncommitted();
        if offsets.is_empty() || self.consumer.assignment_lost() {
            return;
        }
        if let Err(error) = self.send_commit(&offsets) {
            self.complain(&format!("commit: {error}"));
        }
    }

    fn send_commit(&mut self, offsets: &[(PartitionId, CommitOffset)]) -> KafkaResult<()> {
        let list = self.commit_list(offsets)?;
        ffi::commit_async(&self.consumer, &list)?;
        self.commits.sent = Some(Instant::now());
        self.commits.results.clear();
        Ok(())
    }

    /// A list to commit, each entry with the mark of its topic.
    fn commit_list(&self, offsets: &[(PartitionId, CommitOffset)]) -> KafkaResult<TopicPartitionList> {
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for (partition, offset) in offsets {
            let mut entry = list.add_partition(&partition.topic, partition.partition);
            entry.set_offset(Offset::Offset(offset.get()))?;
            if let Some(mark) = self.marks.get(&partition.topic) {
                entry.set_metadata(mark.encode());
            }
        }
        Ok(list)
    }

    /// Commits where reading starts, and waits for the broker to say so: should this instance die, the next one must
    /// not take a later `latest` for the start. No record flows before this has returned.
    pub(super) fn commit_starts(&mut self, starts: &[(PartitionId, CommitOffset)]) -> Result<(), PipelineError> {
        self.await_report()?;
        self.send_commit(starts)?;
        self.await_report()?;
        match self.commits.results.iter().find_map(|(_, result)| result.err()) {
            Some(error) => Err(KafkaError::ConsumerCommit(error).into()),
            None if self.commits.results.len() < starts.len() => {
                Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::OperationTimedOut).into())
            }
            None => Ok(()),
        }
    }

    fn await_report(&mut self) -> Result<(), PipelineError> {
        while self.commits.under_way() && !self.stop.is_requested() {
            self.poll(BETWEEN_LOOKS)?;
        }
        Ok(())
    }

    pub(super) fn take_commit_results(&mut self, results: Vec<CommitResult>) {
        self.commits.sent = None;
        for (partition, result) in &results {
            match (*result, self.assigned.get_mut(partition)) {
                (Ok(offset), Some(assigned)) => {
                    assigned.committed = offset;
                    Counters::add(&self.topology.counters().commits, 1);
                }
                (Ok(_), None) => {}
                // It stays uncommitted, and so goes into the next commit.
                (Err(error), _) => self.complain(&format!("{partition}: commit: {error}")),
            }
        }
        self.commits.results = results;
    }

    /// Commits all that is settled, and goes on polling until the broker has said so or patience ends.
    pub(super) fn commit_and_wait(&mut self) -> Result<(), PipelineError> {
        let deadline = Instant::now() + COMMIT_PATIENCE;
        while Instant::now() < deadline {
            if !self.commits.under_way() {
                if self.uncommitted().is_empty() || self.consumer.assignment_lost() {
                    return Ok(());
                }
                self.commit_async();
            }
            self.poll(BETWEEN_LOOKS)?;
        }
        let left = self.uncommitted().len();
        if left > 0 {
            log::warn!(
                "{}: {left} partitions could not be committed: their last records come again",
                self.settings.name
            );
        }
        Ok(())
    }
}

// === impl Pending ===

impl Pending {
    fn under_way(&self) -> bool {
        self.sent.is_some_and(|sent| sent.elapsed() < REPORT_OVERDUE)
    }
}
