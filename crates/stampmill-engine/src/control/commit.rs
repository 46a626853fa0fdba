//! Tells the broker what is settled.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use fail::fail_point;

use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};
use stampmill_core::commit_note::{self, CommitNote};
use stampmill_core::completed::Completed;
use stampmill_core::record::CommitOffset;

use super::{Control, PipelineError};
use crate::consumer::standing::Progress;
use crate::kafka::{PartitionId, ffi};
use crate::observe::Counters;

/// The commit that is under way. There is one at a time: a later one could be overtaken.
#[derive(Debug, Default)]
pub(super) struct Pending {
    sent: Option<Instant>,
    last_due: Option<Instant>,
    /// What was sent; the results tell the offsets alone.
    asked: HashMap<PartitionId, Settlement>,
    results: Vec<CommitResult>,
    /// Bytes that a commit may carry beside its offset, where the broker takes fewer than usual.
    note_limit: Option<usize>,
}

/// What a commit says of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settlement {
    watermark: CommitOffset,
    /// What is settled above it, so that it need not be done again after a crash.
    completed: Completed,
}

pub(super) type CommitResult = (PartitionId, Result<CommitOffset, RDKafkaErrorCode>);

/// librdkafka reports every commit; this is for the case that it does not.
const REPORT_OVERDUE: Duration = Duration::from_secs(60);
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

impl Control {
    pub(super) fn commit_if_due(&mut self) {
        let due = self.commits.last_due.is_none_or(|last| last.elapsed() >= self.settings.pace.commit_interval);
        if due && !self.commits.under_way() {
            self.commits.last_due = Some(Instant::now());
            self.commit_async();
        }
    }

    /// What is settled and not committed yet. Nothing of a partition that is not ours is in here: the broker would take
    /// it, over the head of the new owner. What goes into transactions is committed there.
    fn uncommitted(&self) -> Vec<(PartitionId, Settlement)> {
        if self.topology.transaction().is_some() && !commits_unsettled() {
            return Vec::new();
        }
        self.assigned
            .iter()
            .filter_map(|(partition, assigned)| {
                let settled = Settlement::of(assigned.consumer()?.standing.get());
                (settled != assigned.committed).then(|| (partition.clone(), settled))
            })
            .collect()
    }

    fn commit_async(&mut self) {
        let offsets = self.uncommitted();
        if offsets.is_empty() || self.consumer.assignment_lost() {
            return;
        }
        fail_point!("commit::before");
        if let Err(error) = self.send_commit(offsets) {
            self.complain(&format!("commit: {error}"));
        }
    }

    fn send_commit(&mut self, offsets: Vec<(PartitionId, Settlement)>) -> KafkaResult<()> {
        let list = self.commit_list(&offsets)?;
        ffi::commit_async(&self.consumer, &list)?;
        self.commits.sent = Some(Instant::now());
        self.commits.asked = offsets.into_iter().collect();
        self.commits.results.clear();
        Ok(())
    }

    /// A list to commit, each entry with the mark of its topic and what is settled above.
    fn commit_list(&self, offsets: &[(PartitionId, Settlement)]) -> KafkaResult<TopicPartitionList> {
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for (partition, Settlement { watermark, completed }) in offsets {
            let mut entry = list.add_partition(&partition.topic, partition.partition);
            entry.set_offset(Offset::Offset(watermark.get()))?;
            let mark = self.marks.get(&partition.topic).copied();
            if mark.is_some() || !completed.is_empty() {
                let note = CommitNote { mark, completed: completed.clone() };
                entry.set_metadata(note.encode(*watermark, self.commits.note_limit.unwrap_or(commit_note::LIMIT)));
            }
        }
        Ok(list)
    }

    /// Commits where reading starts, and waits for the broker to say so: should this instance die, the next one must
    /// not take a later `latest` for the start. No record flows before this has returned.
    pub(super) fn commit_starts(&mut self, starts: &[(PartitionId, CommitOffset)]) -> Result<(), PipelineError> {
        self.await_report()?;
        let starts: Vec<_> =
            starts.iter().map(|(partition, start)| (partition.clone(), Settlement::at(*start))).collect();
        let count = starts.len();
        self.send_commit(starts)?;
        self.await_report()?;
        match self.commits.results.iter().find_map(|(_, result)| result.err()) {
            Some(error) => Err(KafkaError::ConsumerCommit(error).into()),
            None if self.commits.results.len() < count => {
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
        fail_point!("commit::after");
        self.commits.sent = None;
        for (partition, result) in &results {
            match (*result, self.assigned.get_mut(partition)) {
                (Ok(offset), Some(assigned)) => {
                    let asked = self.commits.asked.remove(partition).filter(|asked| asked.watermark == offset);
                    assigned.committed = asked.unwrap_or_else(|| Settlement::at(offset));
                    Counters::add(&self.topology.counters().commits, 1);
                }
                (Ok(_), None) => {}
                // The next one carries the mark alone, which every broker takes.
                (Err(RDKafkaErrorCode::OffsetMetadataTooLarge), _) => self.commits.note_limit = Some(0),
                // It stays uncommitted, and so goes into the next commit.
                (Err(error), _) => self.complain(&format!("{partition}: commit: {error}")),
            }
        }
        self.commits.results = results;
    }

    /// Commits all that is settled, again and again, for commits fail while a group moves; goes on polling until the
    /// broker has said so or the time is over.
    pub(super) fn commit_and_wait(&mut self, deadline: Instant) -> Result<(), PipelineError> {
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

/// For a test that shows that a commit before delivery would be found out.
fn commits_unsettled() -> bool {
    fail_point!("control::commit_unsettled", |_| true);
    false
}

// === impl Settlement ===

impl Settlement {
    pub(super) fn at(watermark: CommitOffset) -> Self {
        Self { watermark, completed: Completed::default() }
    }

    pub(super) fn watermark(&self) -> CommitOffset {
        self.watermark
    }

    fn of(progress: Progress) -> Self {
        if commits_unsettled() {
            return Self::at(progress.end);
        }
        Self { watermark: progress.watermark, completed: progress.completed }
    }
}

// === impl Pending ===

impl Pending {
    fn under_way(&self) -> bool {
        self.sent.is_some_and(|sent| sent.elapsed() < REPORT_OVERDUE)
    }
}
