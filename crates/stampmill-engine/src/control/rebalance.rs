//! Partitions come and go.
//!
//! A revoke is: read no more, finish what is in flight, commit it, fence, give the queue back, and only then give the
//! partition back. A partition that is lost belongs to another already: it is fenced, and nothing is committed.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rdkafka::consumer::{Consumer as _, RebalanceProtocol};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use stampmill_core::record::CommitOffset;

use super::{Assigned, Change, Control, PipelineError, WorkOn};
use crate::kafka::PartitionId;
use crate::kafka::consumer::{self, GroupContext};
use crate::kafka::ffi::PartitionQueue;
use crate::messages::{Close, Drain};

/// Partitions, each with the offset to read next.
type Positions = Vec<(PartitionId, CommitOffset)>;

const BETWEEN_TRIES: Duration = Duration::from_millis(200);
/// For an actor to give its queue back. It does so as soon as it gets a turn.
const CLOSE_PATIENCE: Duration = Duration::from_secs(10);

impl Control {
    pub(super) fn assign(&mut self, partitions: Vec<PartitionId>) -> Result<(), PipelineError> {
        let Some(starts) = self.start_patiently(&partitions)? else {
            return self.assign_unread(&partitions);
        };
        // Split before the assign: what is fetched in between would go to the main queue.
        let queues = self.split(&starts)?;
        consumer::assign(&self.consumer, &starts)?;
        for ((partition, start), queue) in starts.into_iter().zip(queues) {
            let lane = self.lane(&partition);
            self.assignments += 1;
            let actor = self.topology.start_consumer(&partition, self.assignments, lane, start, queue);
            self.keep(partition, WorkOn::Reading(actor), start);
        }
        self.announce();
        Ok(())
    }

    /// Tries until it is known and committed where to read. `None` if the group moved on meanwhile, or we are to stop.
    fn start_patiently(&mut self, partitions: &[PartitionId]) -> Result<Option<Positions>, PipelineError> {
        while !self.stop.is_requested() {
            match self.try_start(partitions) {
                Ok(starts) => return Ok(Some(starts)),
                Err(PipelineError::Kafka(error)) if has_moved_on(&error) => {
                    log::info!("{}: the group moved on: {error}", self.settings.name);
                    return Ok(None);
                }
                Err(PipelineError::Kafka(error)) => {
                    self.complain(&format!("where to start reading is not known yet: {error}"));
                    self.poll(BETWEEN_TRIES)?;
                }
                Err(fault) => return Err(fault),
            }
        }
        Ok(None)
    }

    fn try_start(&mut self, partitions: &[PartitionId]) -> Result<Positions, PipelineError> {
        let starts = self.resolve(partitions)?;
        let fresh =
            starts.iter().filter(|start| !start.is_committed).map(|start| (start.partition.clone(), start.position));
        let fresh: Vec<_> = fresh.collect();
        if !fresh.is_empty() {
            self.commit_starts(&fresh)?;
        }
        Ok(starts.into_iter().map(|start| (start.partition, start.position)).collect())
    }

    /// Answers the assignment, for librdkafka waits for that, and reads nothing: it is about to be taken away.
    fn assign_unread(&mut self, partitions: &[PartitionId]) -> Result<(), PipelineError> {
        let starts: Positions = partitions.iter().map(|partition| (partition.clone(), CommitOffset::new(0))).collect();
        let queues = self.split(&starts)?;
        consumer::assign(&self.consumer, &starts)?;
        for ((partition, start), queue) in starts.into_iter().zip(queues) {
            self.assignments += 1;
            self.keep(partition, WorkOn::Nothing { _queue: queue }, start);
        }
        Ok(())
    }

    fn split(&self, starts: &Positions) -> Result<Vec<PartitionQueue<GroupContext>>, PipelineError> {
        let split = |(partition, _): &(PartitionId, CommitOffset)| {
            PartitionQueue::split(&self.consumer, &partition.topic, partition.partition)
                .ok_or_else(|| KafkaError::Subscription(format!("{partition} has no queue")).into())
        };
        starts.iter().map(split).collect()
    }

    fn keep(&mut self, partition: PartitionId, work: WorkOn, committed: CommitOffset) {
        let (drained, closed) = match &work {
            WorkOn::Reading(_) => (false, false),
            WorkOn::Nothing { .. } => (true, true),
        };
        let assigned = Assigned { number: self.assignments, work, committed, drained, closed };
        self.assigned.insert(partition, assigned);
        self.count_partitions();
    }

    fn announce(&self) {
        let counters = self.topology.counters();
        let names: Vec<String> = self.assigned.keys().map(ToString::to_string).collect();
        log::info!(
            "{}: partitions: {}",
            self.settings.name,
            if names.is_empty() { "none, on standby".into() } else { names.join(", ") }
        );
        if !counters.ready.swap(true, Ordering::AcqRel) {
            log::info!("pipeline `{}` is ready", self.settings.name);
        }
    }

    fn count_partitions(&self) {
        self.topology.counters().partitions.store(self.assigned.len() as u64, Ordering::Relaxed);
    }

    pub(super) fn revoke(&mut self, partitions: Vec<PartitionId>) -> Result<(), PipelineError> {
        if self.consumer.assignment_lost() {
            log::warn!(
                "{}: {} partitions are lost: what was in flight may come again",
                self.settings.name,
                partitions.len()
            );
        } else {
            self.drain(&partitions)?;
            self.commit_and_wait()?;
        }
        self.close(&partitions)?;
        consumer::unassign(&self.consumer, &partitions);
        Ok(())
    }

    /// The records to read next were deleted while we were behind. The partition is taken up again from scratch, which
    /// finds the gap and does what `on_offset_gap` says.
    pub(super) fn take_up_again(&mut self, assignment: u64) -> Result<(), PipelineError> {
        let Some(partition) = self.partition_of(assignment) else {
            return Ok(());
        };
        let partitions = vec![partition];
        // What was read before the gap is there no more to be read again: it has to be finished now.
        self.drain(&partitions)?;
        self.commit_and_wait()?;
        self.close(&partitions)?;
        // Only the cooperative protocol can give a single partition back.
        if !matches!(self.consumer.rebalance_protocol(), RebalanceProtocol::Cooperative) {
            let start = self.resolve(&partitions)?;
            return Err(PipelineError::MustRestart(start.iter().map(|start| start.partition.to_string()).collect()));
        }
        consumer::unassign(&self.consumer, &partitions);
        self.assign(partitions)
    }

    /// Lets the actors finish what they have in flight, and goes on polling, for as long as the budget lasts.
    fn drain(&mut self, partitions: &[PartitionId]) -> Result<(), PipelineError> {
        for consumer in self.consumers(partitions) {
            consumer.addr.do_send(Drain);
        }
        let drained = self.poll_until(partitions, self.settings.pace.drain_timeout, |assigned| assigned.drained)?;
        if !drained {
            log::warn!("{}: not all was settled within the drain's time: the rest comes again", self.settings.name);
        }
        Ok(())
    }

    /// Fences the partitions, and waits for the actors to give the queues back: to split one off again while the old
    /// one lives would leave the new one without wake-ups.
    fn close(&mut self, partitions: &[PartitionId]) -> Result<(), PipelineError> {
        for consumer in self.consumers(partitions) {
            consumer.upstream.fence();
            consumer.addr.do_send(Close);
        }
        let closed = self.poll_until(partitions, CLOSE_PATIENCE, |assigned| assigned.closed)?;
        if !closed {
            return Err(PipelineError::Stuck(format!("a ConsumerActor of {}", self.settings.name)));
        }
        for partition in partitions {
            self.assigned.remove(partition);
        }
        self.count_partitions();
        Ok(())
    }

    fn consumers(&self, partitions: &[PartitionId]) -> impl Iterator<Item = &crate::topology::Consumer> {
        partitions.iter().filter_map(|partition| self.assigned.get(partition)?.consumer())
    }

    fn poll_until(
        &mut self,
        partitions: &[PartitionId],
        patience: Duration,
        done: impl Fn(&Assigned) -> bool,
    ) -> Result<bool, PipelineError> {
        let deadline = Instant::now() + patience;
        loop {
            if partitions.iter().filter_map(|partition| self.assigned.get(partition)).all(&done) {
                return Ok(true);
            }
            if Instant::now() >= deadline || self.consumer.assignment_lost() {
                return Ok(partitions.iter().filter_map(|partition| self.assigned.get(partition)).all(&done));
            }
            self.poll(Duration::from_millis(5))?;
            self.commit_if_due();
        }
    }

    /// Ends the pipeline. `clean` says that there is something to save: after a fault nothing is waited for.
    pub(super) fn shut_down(mut self, clean: bool) -> Result<(), PipelineError> {
        let all: Vec<PartitionId> = self.assigned.keys().cloned().collect();
        if clean && !self.consumer.assignment_lost() {
            self.drain(&all)?;
            self.commit_and_wait()?;
        }
        self.close(&all)?;
        // From here on librdkafka is answered on the spot. What was noted before that still waits for its answer, and
        // the drop below would wait with it.
        self.consumer.context().close();
        while let Some(change) = self.changes.pop_front() {
            if let Change::Assign(partitions) = change {
                self.assign_unread(&partitions)?;
            }
        }
        self.assigned.clear();
        consumer::unassign(&self.consumer, &[]);
        self.topology.stop();
        // The drop leaves the group; nobody else holds the consumer, so it happens here, where it was polled.
        drop(self.consumer);
        log::info!("pipeline `{}` has stopped", self.settings.name);
        Ok(())
    }
}

/// These say that the assignment is of the past: a revoke follows.
fn has_moved_on(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::IllegalGeneration
                | RDKafkaErrorCode::UnknownMemberId
                | RDKafkaErrorCode::RebalanceInProgress
                | RDKafkaErrorCode::FencedInstanceId
                | RDKafkaErrorCode::StaleMemberEpoch
                | RDKafkaErrorCode::AssignmentLost
        )
    )
}
