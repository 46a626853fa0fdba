//! Reads one partition for as long as it is assigned, and knows what of it may be committed.

mod handlers;
pub(crate) mod lanes;
pub(crate) mod standing;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::time::Duration;

use actix::{AsyncContext, Context};
use fail::fail_point;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaResult;
use rdkafka::{Offset, TopicPartitionList};
use stampmill_core::batch_size::BatchSize;
use stampmill_core::completed::Completed;
use stampmill_core::offset_tracker::{OffsetTracker, Settled as Tracked};
use stampmill_core::record::{self, Batch, BatchNumber, Epoch};

use self::lanes::{Lanes, Part};
use self::standing::{Oldest, Progress, Standing};
use crate::ack::{Epochs, Place, Upstream};
use crate::credits::Credits;
use crate::kafka::PartitionId;
use crate::kafka::consumer::GroupContext;
use crate::kafka::ffi::{PartitionQueue, Taken};
use crate::messages::{ChargedBatch, Held, HeldBy, Render, Report, Settled, Wake};
use crate::observe::Counters;
use crate::pool::Pool;
use crate::settings::{self, Pace};
use crate::supervise::Pulse;

/// What a ConsumerActor is made from, and made from again after a panic.
#[derive(Clone)]
pub(crate) struct ConsumerSpec {
    pub(crate) partition: PartitionId,
    pub(crate) assignment: u64,
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) standing: Standing,
    /// What was settled above the start before it was assigned to us.
    pub(crate) completed: Completed,
    pub(crate) epochs: Epochs,
    pub(crate) pool: Pool,
    pub(crate) workers: usize,
    pub(crate) ordering: settings::Ordering,
    pub(crate) credits: Arc<Credits>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) pace: Pace,
    /// Bytes of a batch, at about the most.
    pub(crate) batch_bytes: usize,
    /// When the breaker has tripped: how long to pause, and how many records to try then.
    pub(crate) pause: Duration,
    pub(crate) probe: usize,
    pub(crate) control: Sender<Report>,
    pub(crate) wake_is_due: Arc<AtomicBool>,
    /// It begins paused: as after that drain.
    pub(crate) drained: Option<u64>,
    pub(crate) pulse: Pulse,
}

pub(crate) struct ConsumerActor {
    spec: ConsumerSpec,
    queue: PartitionQueue<GroupContext>,
    tracker: OffsetTracker<Part>,
    lanes: Lanes,
    state: State,
    /// Its number, while one is on.
    drain: Option<u64>,
    batch_size: BatchSize,
    /// Dropped after the queue, for fields are dropped in this order: only then may the partition be split off again.
    _closed: ClosedNotice,
}

#[derive(Clone, Debug)]
enum State {
    Reading,
    /// The queue stands elsewhere than the tracker: nothing is read before a seek has set it right.
    OutOfPlace {
        probing: bool,
    },
    /// After a pause of the breaker: one small batch is read, and the next when it is settled.
    Probing,
    /// The probe is settled. That it went well is known when a batch behind it is settled, too.
    Probed,
    /// A record holds the partition back, and what is before it is still in flight.
    Stopping(Held),
    /// Nothing is in flight, and nothing is read.
    Stopped {
        by_breaker: bool,
    },
}

struct ClosedNotice {
    assignment: u64,
    control: Sender<Report>,
}

/// A partition with a backlog would take all the credits otherwise, before the next has a turn. With less at a time all
/// partitions hold fetched batches of which a part is taken, and with large ones memory grows far beyond the plan (261 MiB
/// where 1 MiB at a time was taken, 111 with this).
const RECORDS_AT_A_TIME: usize = 8_000;
const BYTES_AT_A_TIME: usize = 4 << 20;
const SEEK_TIMEOUT: Duration = Duration::from_secs(1);
const SEEK_AGAIN: Duration = Duration::from_millis(200);

// === impl ConsumerActor ===

impl ConsumerActor {
    /// The queue stands where the standing says: the partition was assigned with that offset.
    pub(crate) fn new(spec: ConsumerSpec, epoch: Epoch, queue: PartitionQueue<GroupContext>) -> Self {
        let tracker = OffsetTracker::resume(epoch, spec.standing.watermark(), spec.completed.clone());
        let lanes = Lanes::new(spec.ordering, spec.upstream.lane, spec.workers);
        let batch_size = BatchSize::new(spec.pace.batch_records, spec.batch_bytes);
        let closed = ClosedNotice { assignment: spec.assignment, control: spec.control.clone() };
        let drain = spec.drained;
        Self { spec, queue, tracker, lanes, state: State::Reading, drain, batch_size, _closed: closed }
    }

    /// Takes what is there, batch by batch, as far as the credits go, and lets others take theirs in between.
    fn read(&mut self) {
        fail_point!("consumer::deaf", |_| ());
        let (mut records, mut bytes) = (0, 0);
        while self.may_read() {
            if records >= RECORDS_AT_A_TIME || bytes >= BYTES_AT_A_TIME {
                return self.read_on();
            }
            let mut batch = Batch::new(Arc::clone(&self.spec.partition.topic), self.spec.partition.partition);
            let most = match self.state {
                State::Probing => self.spec.probe,
                _ => self.batch_size.next(),
            };
            let taken = self.queue.take(&mut batch, self.tracker.end().get(), most, &self.spec.completed);
            self.note(&taken);
            (records, bytes) = (records + batch.len(), bytes + batch.bytes());
            if let (Some(first), Some(last)) = (batch.first(), batch.last()) {
                self.take_up(batch, first, last);
            }
            match taken.completed {
                Some(last) => {
                    self.tracker.leave_out(last);
                    self.publish();
                }
                None if taken.records == 0 => return,
                None => {}
            }
            self.spec.pulse.made();
        }
    }

    /// When the others have had their turn.
    fn read_on(&self) {
        if !self.spec.wake_is_due.swap(true, Ordering::AcqRel) {
            self.spec.upstream.addr.do_send(Wake);
        }
    }

    fn take_up(&mut self, batch: Batch, first: record::Offset, last: record::Offset) {
        self.batch_size.learn(&batch);
        Counters::add(&self.spec.counters.records_in, batch.len());
        Counters::add(&self.spec.counters.bytes_in, batch.bytes());
        let read = batch.record(batch.len() - 1).timestamp;
        let parts = self.lanes.cut(batch, self.tracker.next_number(), &self.spec.credits);
        let number = self.tracker.track(first, last, parts);
        self.spec.standing.read_to(self.tracker.end(), read, || oldest(&self.tracker));
        fail_point!("consumer::dispatch");
        let (epoch, lanes) = (self.tracker.epoch(), &mut self.lanes);
        let parts = self.tracker.parts(epoch, number);
        let parts: Vec<_> =
            parts.map(|(index, part)| (lanes.place(part, number, index), Arc::clone(&part.batch))).collect();
        parts.into_iter().for_each(|(place, batch)| self.dispatch(place, batch));
    }

    /// One batch is always allowed, so that no partition waits for another's credit.
    fn may_read(&self) -> bool {
        let in_flight = self.tracker.in_flight();
        let has_credit = in_flight == 0 || (in_flight < self.spec.pace.window && self.spec.credits.admits());
        self.drain.is_none()
            && match self.state {
                State::Reading => has_credit,
                State::Probing | State::Probed => in_flight == 0,
                State::OutOfPlace { .. } | State::Stopping(_) | State::Stopped { .. } => false,
            }
    }

    fn note(&self, taken: &Taken) {
        if taken.regressed > 0 {
            log::warn!("{}: left out {} records that were read before", self.spec.partition, taken.regressed);
        }
        if let Some(error) = taken.error {
            self.report(Report::PartitionError { assignment: self.spec.assignment, error });
        }
    }

    fn dispatch(&self, place: Place, batch: Arc<ChargedBatch>) {
        let ack = self.spec.upstream.ack(self.tracker.epoch(), place);
        self.spec.pool.send(self.lanes.worker(place), Render { batch, ack });
    }

    /// Sends all that is not settled once more, under a new epoch.
    fn rewind(&mut self) {
        let epoch = self.begin_epoch();
        let lanes = &mut self.lanes;
        let again = self.tracker.rewind(epoch);
        let again: Vec<_> =
            again.map(|(number, index, part)| (lanes.place(part, number, index), Arc::clone(&part.batch))).collect();
        log::info!("{}: {} batches are sent again", self.spec.partition, again.len());
        again.into_iter().for_each(|(place, batch)| self.dispatch(place, batch));
    }

    fn begin_epoch(&mut self) -> Epoch {
        let epoch = self.spec.epochs.next();
        self.spec.upstream.begin(epoch);
        self.lanes.begin();
        Counters::add(&self.spec.counters.rewinds, 1);
        epoch
    }

    /// Reads again from the watermark. Until librdkafka's queue stands there, nothing is read.
    fn start_over(&mut self, probing: bool, context: &mut Context<Self>) {
        // What was delivered in a transaction is committed, whatever became of the acks.
        let Progress { watermark, completed, .. } = self.spec.standing.get();
        let watermark = self.spec.upstream.committed().map_or(watermark, |committed| committed.max(watermark));
        let epoch = self.begin_epoch();
        self.spec.completed = completed;
        self.tracker = OffsetTracker::resume(epoch, watermark, self.spec.completed.clone());
        self.publish();
        self.state = State::OutOfPlace { probing };
        self.seek(context);
    }

    fn seek(&mut self, context: &mut Context<Self>) {
        let State::OutOfPlace { probing } = self.state else { return };
        match self.try_seek() {
            Ok(()) if probing => self.state = State::Probing,
            Ok(()) => self.state = State::Reading,
            Err(error) => {
                log::warn!(
                    "{}: could not go back to offset {}: {error}",
                    self.spec.partition,
                    self.tracker.end().get()
                );
                context.run_later(SEEK_AGAIN, |actor, context| {
                    actor.seek(context);
                    actor.read();
                });
            }
        }
    }

    fn try_seek(&self) -> KafkaResult<()> {
        let mut list = TopicPartitionList::new();
        let (topic, partition) = (&self.spec.partition.topic, self.spec.partition.partition);
        list.add_partition_offset(topic, partition, Offset::Offset(self.tracker.end().get()))?;
        let sought = self.queue.consumer().seek_partitions(list, SEEK_TIMEOUT)?;
        sought.elements().iter().try_for_each(|entry| entry.error())
    }

    /// A record of that batch is not to be passed.
    fn hold(&mut self, settled: &Settled, held: Held) {
        // Where a batch went down several lanes, what is before the record is not all delivered.
        let part = self.tracker.parts(settled.epoch, settled.number).find(|(index, _)| *index == settled.part);
        let first = part.map(|(_, part)| part.first_of_batch);
        let at = if self.lanes.is_one() { held.at } else { first.unwrap_or(held.at) };
        match self.tracker.give_up(settled.epoch, settled.number, at.before()) {
            Tracked::Stale => Counters::add(&self.spec.counters.stale_acks, 1),
            Tracked::Advanced(_) | Tracked::Waiting => self.state = State::Stopping(held),
        }
    }

    /// Gives back all that was read beyond the record, once what is before it is settled.
    fn stop_if_held(&mut self, context: &mut Context<Self>) {
        let State::Stopping(held) = &self.state else { return };
        if !self.tracker.is_drained() {
            return;
        }
        let by_breaker = matches!(held.cause, HeldBy::Breaker(_));
        if by_breaker {
            context.run_later(self.spec.pause, |actor, context| {
                // It may have been moved meanwhile, and have halted for another reason.
                if matches!(actor.state, State::Stopped { by_breaker: true }) {
                    actor.start_over(true, context);
                    actor.read();
                }
            });
        }
        self.report(Report::Held { assignment: self.spec.assignment, held: held.clone() });
        self.state = State::Stopped { by_breaker };
        let epoch = self.begin_epoch();
        self.spec.completed = self.tracker.completed();
        self.tracker = OffsetTracker::resume(epoch, self.tracker.watermark(), self.spec.completed.clone());
        self.publish();
    }

    /// One batch behind the probe was settled: the breaker has closed.
    fn go_on_after_probe(&mut self) {
        if !self.tracker.is_drained() {
            return;
        }
        match self.state {
            State::Probing => self.state = State::Probed,
            State::Probed => {
                self.state = State::Reading;
                self.report(Report::Resumed { assignment: self.spec.assignment });
            }
            _ => {}
        }
    }

    /// Where a partition is one lane, a batch is settled as a whole, and nobody asks for its records.
    pub(super) fn records_of(&self, epoch: Epoch, number: BatchNumber, part: usize) -> Vec<record::Offset> {
        if self.lanes.is_one() {
            return Vec::new();
        }
        let found = self.tracker.parts(epoch, number).find(|(index, _)| *index == part);
        let batch = found.map(|(_, part)| &part.batch.batch);
        batch.into_iter().flat_map(|batch| (0..batch.len()).map(|place| batch.record(place).offset)).collect()
    }

    fn publish(&self) {
        let (watermark, end) = (self.tracker.watermark(), self.tracker.end());
        let (completed, oldest) = (self.tracker.completed(), oldest(&self.tracker));
        self.spec.standing.set(watermark, completed, end, oldest);
    }

    fn report_if_drained(&self) {
        if let Some(number) = self.drain.filter(|_| self.tracker.is_drained()) {
            self.report(Report::Drained { assignment: self.spec.assignment, number });
        }
    }

    fn report(&self, report: Report) {
        // The control thread outlives its ConsumerActors, but for a forced end, when nobody needs the report.
        let _ = self.spec.control.send(report);
    }
}

fn oldest(tracker: &OffsetTracker<Part>) -> Option<Oldest> {
    let batch = &tracker.oldest()?.batch;
    Some(Oldest { since: batch.since, timestamp: batch.batch.record(0).timestamp })
}

// === impl ClosedNotice ===

impl Drop for ClosedNotice {
    fn drop(&mut self) {
        let _ = self.control.send(Report::Closed { assignment: self.assignment });
    }
}
