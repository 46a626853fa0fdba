//! Carries out what an operator wants.
//!
//! A pause is a drain that is not followed by anything. To go on elsewhere, a partition is drained and committed like one
//! that is given away, its new place is committed, and only then its ConsumerActor is moved there: whatever fails in
//! between leaves it where it was.

use std::sync::Arc;
use std::time::Instant;

use rdkafka::consumer::Consumer as _;
use stampmill_core::completed::Completed;
use stampmill_core::record::CommitOffset;

use super::rebalance::Budget;
use super::{Assigned, Control, PipelineError};
use crate::ack::Upstream;
use crate::consumer::standing::{Progress, Standing};
use crate::kafka::PartitionId;
use crate::kafka::cluster::ANSWER;
use crate::messages::{Move, Reload, Resume};
use crate::observe::Counters;
use crate::orders::{Order, OrderError, Place, Position, Task};

/// The first kind of error is the operator's to see, the second ends the pipeline.
type Done = Result<Result<(), OrderError>, PipelineError>;

impl Control {
    pub(super) fn take_orders(&mut self) -> Result<(), PipelineError> {
        while let Some(given) = self.orders.take() {
            let done = self.carry_out(&given.task)?;
            // Whoever hears of it may look at once.
            self.tell_health();
            self.tell_status(Instant::now());
            given.answer(done);
        }
        Ok(())
    }

    fn carry_out(&mut self, task: &Task) -> Done {
        match task {
            Task::Reload(reload) => {
                self.reload(reload);
                Ok(Ok(()))
            }
            Task::Order(Order::Pause(place)) => Ok(self.pause(place.as_ref())),
            Task::Order(Order::Resume(place)) => Ok(self.resume(place.as_ref())),
            Task::Order(Order::Drain) => self.drain_all(),
            Task::Order(Order::Seek { place, to }) => self.seek(place, *to),
            Task::Order(Order::Skip { place, offset }) => self.skip(place, *offset),
        }
    }

    fn pause(&mut self, place: Option<&Place>) -> Result<(), OrderError> {
        let partitions = self.meant(place)?;
        self.orders.pause(place.map(Place::id));
        self.send_drain(&partitions);
        Ok(())
    }

    fn resume(&mut self, place: Option<&Place>) -> Result<(), OrderError> {
        let partitions = self.meant(place)?;
        if place.is_some() && self.orders.is_all_paused() {
            return Err(OrderError::AllPaused);
        }
        self.orders.resume(place.map(Place::id).as_ref());
        self.send_resume(&partitions);
        Ok(())
    }

    fn drain_all(&mut self) -> Done {
        let partitions = self.meant(None).unwrap_or_default();
        self.orders.pause(None);
        let budget = self.budget();
        if !self.drain(&partitions, &budget)? {
            return Ok(Err(OrderError::NotDrained(self.settings.pace.drain_timeout)));
        }
        self.commit_and_wait(budget.over)?;
        Ok(Ok(()))
    }

    fn seek(&mut self, place: &Place, to: Position) -> Done {
        let found = self.meant(Some(place)).and_then(|_| self.find(place, to));
        match found {
            Err(refused) => Ok(Err(refused)),
            // All that is there is to be read again.
            Ok(offset) => self.go_to(place, |_| Ok((CommitOffset::new(offset), Completed::default()))),
        }
    }

    /// What was settled above it stays settled.
    fn skip(&mut self, place: &Place, offset: i64) -> Done {
        let skipped = self.go_to(place, |progress| match progress.watermark.get() {
            stands if stands == offset => Ok((CommitOffset::new(offset + 1), progress.completed)),
            stands => Err(OrderError::NotThere { place: place.clone(), offset, stands }),
        })?;
        if skipped.is_ok() {
            log::warn!("{}: {place} offset {offset} is left out, as it was told to", self.settings.name);
            Counters::add(&self.topology.counters().skipped, 1);
        }
        Ok(skipped)
    }

    /// `to` says where, and what is settled above, once it is known where the partition stands.
    fn go_to(
        &mut self,
        place: &Place,
        to: impl FnOnce(Progress) -> Result<(CommitOffset, Completed), OrderError>,
    ) -> Done {
        if let Err(refused) = self.meant(Some(place)) {
            return Ok(Err(refused));
        }
        let partition = place.id();
        let moved = self.settle_and_move(&partition, to);
        if !self.orders.is_paused(&partition) {
            self.send_resume(std::slice::from_ref(&partition));
        }
        moved
    }

    fn settle_and_move(
        &mut self,
        partition: &PartitionId,
        to: impl FnOnce(Progress) -> Result<(CommitOffset, Completed), OrderError>,
    ) -> Done {
        let all = std::slice::from_ref(partition);
        let budget: Budget = self.budget();
        if !self.drain(all, &budget)? {
            return Ok(Err(OrderError::NotDrained(self.settings.pace.drain_timeout)));
        }
        self.commit_and_wait(budget.over)?;
        let consumer = self.assigned.get(partition).and_then(Assigned::consumer);
        let Some(stands) = consumer.map(|consumer| consumer.standing.get()) else {
            return Ok(Err(OrderError::NotRunning));
        };
        let (start, completed) = match to(stands.clone()) {
            Ok(to) => to,
            Err(refused) => return Ok(Err(refused)),
        };
        self.end_transaction(all, budget.over)?;
        if let Err(error) = self.commit_starts(&[(partition.clone(), start)]) {
            // The fence stays: only a new upstream goes on, from where the partition stood.
            self.move_consumer(partition, stands.watermark, &stands.completed);
            return match error {
                PipelineError::Kafka(error) => Ok(Err(OrderError::Kafka(error.to_string()))),
                fatal => Err(fatal),
            };
        }
        log::warn!("{}: {partition} goes on at offset {}, as it was told to", self.settings.name, start.get());
        self.move_consumer(partition, start, &completed);
        Ok(Ok(()))
    }

    fn move_consumer(&mut self, partition: &PartitionId, start: CommitOffset, completed: &Completed) {
        let (epoch, mark) = (self.topology.next_epoch(), self.marks.get(&partition.topic).copied());
        let Some(assigned) = self.assigned.get_mut(partition) else { return };
        (assigned.held, assigned.stillness) = (None, None);
        let Some(consumer) = assigned.consumer_mut() else { return };
        let lane = consumer.upstream.lane;
        let upstream = Upstream::new(consumer.addr.clone(), partition.clone(), lane, mark, epoch);
        let standing = Standing::new(start, completed.clone());
        (consumer.upstream, consumer.standing) = (Arc::clone(&upstream), standing.clone());
        consumer.addr.do_send(Move { upstream, standing, epoch, start, completed: completed.clone() });
        self.tell_health();
    }

    fn find(&self, place: &Place, to: Position) -> Result<i64, OrderError> {
        let kafka = |error: rdkafka::error::KafkaError| OrderError::Kafka(error.to_string());
        let (low, high) = self.consumer.fetch_watermarks(&place.topic, place.partition, ANSWER).map_err(kafka)?;
        match to {
            Position::Beginning => Ok(low),
            Position::End => Ok(high),
            Position::Offset(offset) if (low..=high).contains(&offset) => Ok(offset),
            Position::Offset(offset) => Err(OrderError::OutOfRange { place: place.clone(), offset, low, high }),
            Position::Time(at) => Ok(self.at_time(&place.id(), at).map_err(kafka)?.unwrap_or(high)),
        }
    }

    /// The partitions that an order is about.
    fn meant(&self, place: Option<&Place>) -> Result<Vec<PartitionId>, OrderError> {
        match place {
            None => Ok(self.assigned.keys().cloned().collect()),
            Some(place) => {
                let reads = |partition: &PartitionId| self.assigned.get(partition)?.consumer().map(|_| ());
                let partition = place.id();
                reads(&partition).map(|()| vec![partition]).ok_or_else(|| OrderError::NotAssigned(place.clone()))
            }
        }
    }

    fn send_resume(&mut self, partitions: &[PartitionId]) {
        for partition in partitions {
            let Some(assigned) = self.assigned.get_mut(partition) else { continue };
            // A report of the drain that is over may still come, and must not count for the next.
            assigned.drain += 1;
            assigned.drained = false;
            if let Some(consumer) = assigned.consumer() {
                consumer.addr.do_send(Resume);
            }
        }
    }

    /// Producers first: a line of the new steps must not come to one that does not know the way for it.
    fn reload(&mut self, reload: &Reload) {
        self.settings = Arc::clone(&reload.settings);
        self.topology.reload(reload);
    }
}
