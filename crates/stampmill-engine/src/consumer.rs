//! Reads one partition for as long as it is assigned, and knows what of it may be committed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::mpsc::Sender;
use std::time::Duration;

use actix::{Actor, ActorContext, Addr, AsyncContext, Context, Handler, Supervised};
use fail::fail_point;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaResult;
use rdkafka::{Offset, TopicPartitionList};
use stampmill_core::batch_size::BatchSize;
use stampmill_core::offset_tracker::{OffsetTracker, Settled as Tracked};
use stampmill_core::record::{Batch, BatchNumber, CommitOffset, Epoch};

use crate::ack::{Epochs, Upstream};
use crate::credits::Credits;
use crate::kafka::PartitionId;
use crate::kafka::consumer::GroupContext;
use crate::kafka::ffi::{PartitionQueue, Taken};
use crate::messages::{ChargedBatch, Close, Drain, Fate, Render, Report, Settled, Wake};
use crate::observe::Counters;
use crate::settings::Pace;
use crate::supervise::Progress;
use crate::transform::TransformActor;

/// What a ConsumerActor is made from, and made from again after a panic.
#[derive(Clone)]
pub(crate) struct ConsumerSpec {
    pub(crate) partition: PartitionId,
    pub(crate) assignment: u64,
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) watermark: Watermark,
    pub(crate) epochs: Epochs,
    pub(crate) transforms: Arc<[Addr<TransformActor>]>,
    pub(crate) credits: Arc<Credits>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) pace: Pace,
    pub(crate) control: Sender<Report>,
    pub(crate) wake_is_due: Arc<AtomicBool>,
    pub(crate) progress: Progress,
}

pub(crate) struct ConsumerActor {
    spec: ConsumerSpec,
    queue: PartitionQueue<GroupContext>,
    tracker: OffsetTracker<Arc<ChargedBatch>>,
    state: State,
    batch_size: BatchSize,
    /// Dropped after the queue, for fields are dropped in this order: only then may the partition be split off again.
    _closed: ClosedNotice,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Reading,
    /// The queue stands elsewhere than the tracker: nothing is read before a seek has set it right.
    OutOfPlace,
    Draining,
}

/// The watermark of an assignment, for the control thread to commit. It only rises.
#[derive(Clone, Debug)]
pub(crate) struct Watermark(Arc<AtomicI64>);

struct ClosedNotice {
    assignment: u64,
    control: Sender<Report>,
}

const SEEK_TIMEOUT: Duration = Duration::from_secs(1);
const SEEK_AGAIN: Duration = Duration::from_millis(200);
/// The wake-up that comes even if librdkafka's does not.
const SAFETY_POLL: Duration = Duration::from_secs(1);

// === impl ConsumerActor ===

impl ConsumerActor {
    /// `start` is where the queue stands: the partition was assigned with that offset.
    pub(crate) fn new(spec: ConsumerSpec, epoch: Epoch, queue: PartitionQueue<GroupContext>) -> Self {
        let tracker = OffsetTracker::new(epoch, spec.watermark.get());
        let batch_size = BatchSize::new(spec.pace.batch_records);
        let closed = ClosedNotice { assignment: spec.assignment, control: spec.control.clone() };
        Self { spec, queue, tracker, state: State::Reading, batch_size, _closed: closed }
    }

    /// Takes what is there, batch by batch, as far as the credits go.
    fn read(&mut self) {
        while self.state == State::Reading && self.has_credit() {
            let mut batch = Batch::new(Arc::clone(&self.spec.partition.topic), self.spec.partition.partition);
            let taken = self.queue.take(&mut batch, self.tracker.end().get(), self.batch_size.next());
            self.note(&taken);
            let Some(last) = batch.last() else { return };
            self.batch_size.learn(&batch);
            Counters::add(&self.spec.counters.records_in, batch.len());
            let charge = self.spec.credits.charge(batch.bytes());
            let batch = Arc::new(ChargedBatch { batch, charge });
            let number = self.tracker.track(last, Arc::clone(&batch));
            fail_point!("consumer::dispatch");
            self.dispatch(number, batch);
            self.spec.progress.made();
        }
    }

    /// One batch is always allowed, so that no partition waits for another's credit.
    fn has_credit(&self) -> bool {
        let in_flight = self.tracker.in_flight();
        in_flight == 0 || (in_flight < self.spec.pace.window && self.spec.credits.admits())
    }

    fn note(&self, taken: &Taken) {
        if taken.regressed > 0 {
            log::warn!("{}: left out {} records that were read before", self.spec.partition, taken.regressed);
        }
        if let Some(error) = taken.error {
            self.report(Report::PartitionError { assignment: self.spec.assignment, error });
        }
    }

    fn dispatch(&self, number: BatchNumber, batch: Arc<ChargedBatch>) {
        let transforms = &self.spec.transforms;
        let turn = self.spec.upstream.lane.wrapping_add(number as usize) % transforms.len();
        let ack = self.spec.upstream.ack(self.tracker.epoch(), number);
        transforms[turn].do_send(Render { batch, ack });
    }

    /// Sends all that is not settled once more, under a new epoch.
    fn rewind(&mut self) {
        let epoch = self.begin_epoch();
        let again: Vec<_> = self.tracker.rewind(epoch).map(|(number, batch)| (number, Arc::clone(batch))).collect();
        log::info!("{}: {} batches are sent again", self.spec.partition, again.len());
        again.into_iter().for_each(|(number, batch)| self.dispatch(number, batch));
    }

    fn begin_epoch(&self) -> Epoch {
        let epoch = self.spec.epochs.next();
        self.spec.upstream.begin(epoch);
        Counters::add(&self.spec.counters.rewinds, 1);
        epoch
    }

    /// Reads again from the watermark. Until librdkafka's queue stands there, nothing is read.
    fn start_over(&mut self, context: &mut Context<Self>) {
        self.tracker = OffsetTracker::new(self.begin_epoch(), self.spec.watermark.get());
        self.state = State::OutOfPlace;
        self.seek(context);
    }

    fn seek(&mut self, context: &mut Context<Self>) {
        match self.try_seek() {
            Ok(()) => self.state = State::Reading,
            Err(error) => {
                log::warn!(
                    "{}: could not go back to offset {}: {error}",
                    self.spec.partition,
                    self.tracker.end().get()
                );
                context.run_later(SEEK_AGAIN, |actor, context| {
                    if actor.state == State::OutOfPlace {
                        actor.seek(context);
                        actor.read();
                    }
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

    fn report_if_drained(&self) {
        if self.state == State::Draining && self.tracker.is_drained() {
            self.report(Report::Drained { assignment: self.spec.assignment });
        }
    }

    fn report(&self, report: Report) {
        // The control thread outlives its ConsumerActors, but for a forced end, when nobody needs the report.
        let _ = self.spec.control.send(report);
    }
}

impl Actor for ConsumerActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        let (addr, wake_is_due) = (context.address(), Arc::clone(&self.spec.wake_is_due));
        self.queue.on_nonempty(move || {
            if !wake_is_due.swap(true, Ordering::AcqRel) {
                addr.do_send(Wake);
            }
        });
        context.run_interval(SAFETY_POLL, |actor, _| actor.read());
        // What came before the callback was set has woken nobody.
        self.read();
    }
}

impl Supervised for ConsumerActor {
    /// After a panic the tracker is not trusted: only the watermark is, for it is written last.
    fn restarting(&mut self, context: &mut Context<Self>) {
        let draining = self.state == State::Draining;
        self.batch_size = BatchSize::new(self.spec.pace.batch_records);
        self.spec.wake_is_due.store(false, Ordering::Release);
        self.start_over(context);
        if draining {
            self.state = State::Draining;
            self.report_if_drained();
        }
        self.started(context);
    }
}

impl Handler<Wake> for ConsumerActor {
    type Result = ();

    fn handle(&mut self, _: Wake, _: &mut Context<Self>) {
        // Before reading: a record that arrives after the last read must be able to wake again.
        self.spec.wake_is_due.store(false, Ordering::Release);
        self.read();
    }
}

impl Handler<Settled> for ConsumerActor {
    type Result = ();

    fn handle(&mut self, Settled { epoch, number, fate }: Settled, _: &mut Context<Self>) {
        if self.spec.upstream.is_fenced() {
            // Another instance may own the partition by now. To send again what is dropped because of the fence would
            // never end.
            return Counters::add(&self.spec.counters.stale_acks, 1);
        }
        match fate {
            Fate::Dropped if epoch == self.tracker.epoch() => self.rewind(),
            Fate::Dropped => Counters::add(&self.spec.counters.stale_acks, 1),
            Fate::Delivered => match self.tracker.settle(epoch, number) {
                Tracked::Advanced(watermark) => self.spec.watermark.set(watermark),
                Tracked::Waiting => {}
                Tracked::Stale => Counters::add(&self.spec.counters.stale_acks, 1),
            },
        }
        self.read();
        self.report_if_drained();
    }
}

impl Handler<Drain> for ConsumerActor {
    type Result = ();

    fn handle(&mut self, _: Drain, _: &mut Context<Self>) {
        self.state = State::Draining;
        self.report_if_drained();
    }
}

impl Handler<Close> for ConsumerActor {
    type Result = ();

    fn handle(&mut self, _: Close, context: &mut Context<Self>) {
        context.stop();
    }
}

// === impl Watermark ===

impl Watermark {
    pub(crate) fn new(start: CommitOffset) -> Self {
        Self(Arc::new(AtomicI64::new(start.get())))
    }

    pub(crate) fn get(&self) -> CommitOffset {
        CommitOffset::new(self.0.load(Ordering::Acquire))
    }

    fn set(&self, watermark: CommitOffset) {
        self.0.store(watermark.get(), Ordering::Release);
    }
}

// === impl ClosedNotice ===

impl Drop for ClosedNotice {
    fn drop(&mut self) {
        let _ = self.control.send(Report::Closed { assignment: self.assignment });
    }
}
