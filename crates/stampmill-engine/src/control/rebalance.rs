//! Partitions come and go.
//!
//! A revoke is: read no more, finish what is in flight, commit it, fence, give the queue back, and only then give the
//! partition back. A partition that is lost belongs to another already: it is fenced, and nothing is committed.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rdkafka::consumer::{Consumer as _, RebalanceProtocol};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use stampmill_core::record::CommitOffset;

use super::commit::Settlement;
use super::positions::Start;
use super::{Assigned, Change, Control, PipelineError, WorkOn};
use crate::kafka::PartitionId;
use crate::kafka::consumer::{self, GroupContext};
use crate::kafka::ffi::PartitionQueue;
use crate::messages::{Close, Drain};
use crate::observe::Counters;
use crate::topology::Beginning;

/// Partitions, each with the offset to read next.
type Positions = Vec<(PartitionId, CommitOffset)>;

/// The number of a drain that is told by none.
const FIRST_DRAIN: u64 = 0;
const BETWEEN_TRIES: Duration = Duration::from_millis(200);
/// For an actor to give its queue back. It does so as soon as it gets a turn.
const CLOSE_PATIENCE: Duration = Duration::from_secs(10);
/// For the group to hear that a member leaves for good.
const LEAVE_PATIENCE: Duration = Duration::from_secs(2);

/// The budget of a revoke or a stop. What is settled has to be committed in it, too: a drain that took all of it would
/// have everything come again.
pub(super) struct Budget {
    drained: Instant,
    pub(super) over: Instant,
}

impl Control {
    pub(super) fn assign(&mut self, partitions: Vec<PartitionId>) -> Result<(), PipelineError> {
        let Some(starts) = self.start_patiently(&partitions)? else {
            return self.assign_unread(&partitions);
        };
        let positions: Positions = starts.iter().map(|start| (start.partition.clone(), start.position)).collect();
        // Split before the assign: what is fetched in between would go to the main queue.
        let queues = self.split(&positions)?;
        consumer::assign(&self.consumer, &positions)?;
        for (Start { partition, position, completed, .. }, queue) in starts.into_iter().zip(queues) {
            let lane = self.lane(&partition);
            self.assignments += 1;
            let mark = self.marks.get(&partition.topic).copied();
            let drained = self.orders.is_paused(&partition).then_some(FIRST_DRAIN);
            let beginning = Beginning { start: position, completed, mark, drained };
            let actor = self.topology.start_consumer(&partition, self.assignments, lane, beginning, queue);
            self.keep(partition, WorkOn::Reading(actor), position);
        }
        self.announce();
        Ok(())
    }

    /// Tries until it is known and committed where to read. `None` if the group moved on meanwhile, or we are to stop.
    fn start_patiently(&mut self, partitions: &[PartitionId]) -> Result<Option<Vec<Start>>, PipelineError> {
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

    fn try_start(&mut self, partitions: &[PartitionId]) -> Result<Vec<Start>, PipelineError> {
        let starts = self.resolve(partitions)?;
        let fresh =
            starts.iter().filter(|start| !start.is_committed).map(|start| (start.partition.clone(), start.position));
        let fresh: Vec<_> = fresh.collect();
        if !fresh.is_empty() {
            self.commit_starts(&fresh)?;
        }
        Ok(starts)
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
            WorkOn::Reading(_) => (self.orders.is_paused(&partition), false),
            WorkOn::Nothing { .. } => (true, true),
        };
        let (number, committed) = (self.assignments, Settlement::at(committed));
        let drain = FIRST_DRAIN;
        let assigned = Assigned { number, work, committed, drain, drained, closed, held: None, stillness: None };
        self.assigned.insert(partition, assigned);
        self.count_partitions();
    }

    fn announce(&mut self) {
        let names: Vec<String> = self.assigned.keys().map(ToString::to_string).collect();
        log::info!(
            "{}: partitions: {}",
            self.settings.name,
            if names.is_empty() { "none, on standby".into() } else { names.join(", ") }
        );
        self.is_ready = true;
        Counters::add(&self.topology.counters().rebalances, 1);
        self.tell_health();
        self.tell_status(Instant::now());
    }

    fn count_partitions(&self) {
        self.ends.assign(self.assigned.keys());
        self.topology.counters().partitions.store(self.assigned.len() as u64, Ordering::Relaxed);
    }

    pub(super) fn revoke(&mut self, partitions: Vec<PartitionId>) -> Result<(), PipelineError> {
        if self.consumer.assignment_lost() {
            log::warn!(
                "{}: {} partitions are lost: what was in flight may come again",
                self.settings.name,
                partitions.len()
            );
            self.end_transaction(&partitions, Instant::now())?;
        } else {
            let budget = self.budget();
            self.drain(&partitions, &budget)?;
            self.commit_and_wait(budget.over)?;
            self.end_transaction(&partitions, budget.over)?;
        }
        self.close(&partitions)?;
        consumer::unassign(&self.consumer, &partitions);
        Counters::add(&self.topology.counters().rebalances, 1);
        self.tell_health();
        self.tell_status(Instant::now());
        Ok(())
    }

    pub(super) fn budget(&self) -> Budget {
        let (now, all) = (Instant::now(), self.settings.pace.drain_timeout);
        Budget { drained: now + all * 3 / 4, over: now + all }
    }

    /// Fences the partitions. What could not be drained must not be committed in a transaction once they are another's:
    /// should the abort take too long, the commit sees the fence itself.
    pub(super) fn end_transaction(
        &mut self,
        partitions: &[PartitionId],
        deadline: Instant,
    ) -> Result<(), PipelineError> {
        // First: what is handed over after this look sees the fence, and what was before is seen by it.
        self.consumers(partitions).for_each(|consumer| consumer.upstream.fence());
        let Some(transaction) = self.topology.transaction().cloned() else { return Ok(()) };
        let lanes: Vec<usize> = self.consumers(partitions).map(|consumer| consumer.upstream.lane).collect();
        if transaction.holds(&lanes) {
            transaction.fail("partitions are taken away");
        }
        while transaction.holds(&lanes) && Instant::now() < deadline {
            self.poll(Duration::from_millis(5))?;
        }
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
        let budget = self.budget();
        self.drain(&partitions, &budget)?;
        self.commit_and_wait(budget.over)?;
        self.end_transaction(&partitions, budget.over)?;
        self.close(&partitions)?;
        // Only the cooperative protocol can give a single partition back.
        if !matches!(self.consumer.rebalance_protocol(), RebalanceProtocol::Cooperative) {
            let start = self.resolve(&partitions)?;
            return Err(PipelineError::RecordsDeleted(start.iter().map(|start| start.partition.to_string()).collect()));
        }
        consumer::unassign(&self.consumer, &partitions);
        self.assign(partitions)
    }

    pub(super) fn send_drain(&mut self, partitions: &[PartitionId]) {
        for partition in partitions {
            let Some(assigned) = self.assigned.get_mut(partition) else { continue };
            let Some(consumer) = assigned.consumer() else { continue };
            consumer.addr.do_send(Drain { number: assigned.drain + 1 });
            (assigned.drain, assigned.drained) = (assigned.drain + 1, false);
        }
    }

    /// Lets the actors finish what they have in flight, and goes on polling, for as long as the budget lasts; whether that
    /// was enough.
    pub(super) fn drain(&mut self, partitions: &[PartitionId], budget: &Budget) -> Result<bool, PipelineError> {
        self.send_drain(partitions);
        let _flushing = self.topology.flush();
        let drained = self.poll_until(partitions, budget.drained, |assigned| assigned.drained)?;
        if !drained {
            log::warn!(
                "{}: not all was settled within `drain_timeout_ms`: the rest comes again, and may have been delivered",
                self.settings.name
            );
        }
        Ok(drained)
    }

    /// Fences the partitions, and waits for the actors to give the queues back: to split one off again while the old
    /// one lives would leave the new one without wake-ups.
    fn close(&mut self, partitions: &[PartitionId]) -> Result<(), PipelineError> {
        for consumer in self.consumers(partitions) {
            consumer.upstream.fence();
            consumer.addr.do_send(Close);
        }
        let deadline = Instant::now() + CLOSE_PATIENCE;
        let open = |assigned: &BTreeMap<PartitionId, Assigned>| {
            partitions.iter().filter_map(|partition| assigned.get(partition)).any(|assigned| !assigned.closed)
        };
        while open(&self.assigned) && Instant::now() < deadline {
            // The queues have to come back whatever else goes wrong meanwhile, and those of a lost assignment as well:
            // before that, the next one cannot have them.
            if let Err(error) = self.poll(Duration::from_millis(5)) {
                log::debug!("{}: while partitions are closed: {error}", self.settings.name);
            }
        }
        if open(&self.assigned) {
            return Err(PipelineError::Stuck(format!("a ConsumerActor of {}", self.settings.name)));
        }
        for partition in partitions {
            let gone = self.assigned.remove(partition);
            if let Some(consumer) = gone.as_ref().and_then(Assigned::consumer) {
                consumer.leave();
            }
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
        deadline: Instant,
        done: impl Fn(&Assigned) -> bool,
    ) -> Result<bool, PipelineError> {
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
        if clean {
            let budget = self.budget();
            if !self.consumer.assignment_lost() {
                self.drain(&all, &budget)?;
                self.commit_and_wait(budget.over)?;
            }
            self.end_transaction(&all, budget.over)?;
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
        if clean && self.settings.run.leave {
            self.leave_for_good();
        }
        consumer::unassign(&self.consumer, &[]);
        self.topology.stop();
        drop(self.ends);
        // The drop leaves the group, but for a static member; nobody else holds the consumer, so it happens here, where
        // it was polled.
        drop(self.consumer);
        Ok(())
    }

    /// librdkafka keeps the place of a static member (KIP-345) when it is closed, but not when it ends its subscription
    /// first. The newer protocol (KIP-848) has no such way: there it keeps its place until its session ends.
    fn leave_for_good(&self) {
        self.consumer.unsubscribe();
        let deadline = Instant::now() + LEAVE_PATIENCE;
        while self.consumer.assignment().is_ok_and(|left| left.count() > 0) && Instant::now() < deadline {
            // Serves the revoke, which the context answers by itself now; no record can come, for nothing is read.
            let _ = self.consumer.poll(Duration::from_millis(5));
        }
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
