//! The records of one lane of a source partition on their way out, in order.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::error::RDKafkaErrorCode;
use stampmill_core::breaker::{Breaker, Verdict};
use stampmill_core::fault::FaultClass;
use stampmill_core::record::Epoch;
use stampmill_core::resequencer::Resequencer;

use super::deliveries::Deliveries;
use super::handover::{HandedOver, Handover, hand_over, rest};
use super::outgoing::{Destination, Form, Partitions, SinkTopics};
use super::refused::Refused;
use super::transaction::Open;
use crate::logging::LogRoutes;
use crate::messages::{Held, HeldBy, Rendered, Undelivered, Work};
use crate::observe::{Counters, FailureKind};
use crate::ordered::Throttles;
use crate::outputs::OutputKind;
use crate::supervise::Backoff;

pub(crate) struct Lane {
    number: usize,
    order: Resequencer<Rendered>,
    /// The batch that comes next, and waits for its turn by a `throttle` step.
    throttled: Option<Rendered>,
    /// The batch that is being handed to librdkafka.
    handover: Option<Handover>,
    /// Batches of which records were refused, in order. Nothing new goes out before they are settled.
    refused: VecDeque<Refused>,
    /// Something was refused, and what is still out may be refused, too. Nothing is sent before that is known: it would
    /// pass what comes back.
    is_draining: bool,
    /// What was last sent again was taken. Until then one record at a time is tried: of many, which go out in several
    /// requests, the last could be taken when the first was still refused.
    is_taken: bool,
    breaker: Breaker,
    backoff: Backoff,
    /// A record of this epoch is not to be passed: what comes behind it is dropped.
    is_held: bool,
}

/// What a lane works with.
pub(crate) struct Outlet<'a> {
    pub(crate) topics: &'a SinkTopics<Deliveries>,
    pub(crate) deliveries: &'a Arc<Deliveries>,
    pub(crate) destination: &'a Destination,
    pub(crate) partitions: &'a Partitions,
    /// The aborts of transactions that the lanes know of.
    pub(crate) generation: u64,
    pub(crate) counters: &'a Counters,
    pub(crate) log: &'a LogRoutes,
    pub(crate) throttles: &'a Throttles,
    /// Records that were refused for good, for the lane's breaker.
    pub(crate) refusals: Cell<u64>,
}

/// How far a lane got.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Advanced {
    /// There is nothing more to do until a message comes.
    Idle,
    /// librdkafka is full: all lanes wait that long.
    Full(Duration),
    /// A record cannot be sent now: this lane waits that long.
    LaneBlocked(Duration, RDKafkaErrorCode),
    /// Something was refused: this lane waits for what else it has sent.
    Draining(Duration),
    /// A `throttle` step lets nothing through for so long.
    Throttled(Duration),
    /// The transaction is being ended: all lanes wait for the next.
    Gated,
    Fatal(RDKafkaErrorCode),
}

/// Space comes free as soon as librdkafka has sent something.
pub(super) const QUEUE_FULL_PAUSE: Duration = Duration::from_millis(2);
const DRAIN_PAUSE: Duration = Duration::from_millis(5);
pub(super) const SHORTEST_RETRY: Duration = Duration::from_millis(50);
pub(super) const LONGEST_RETRY: Duration = Duration::from_secs(5);

// === impl Lane ===

impl Lane {
    pub(crate) fn new(number: usize, epoch: Epoch, breaker: Breaker) -> Self {
        let order = Resequencer::new(epoch);
        let backoff = Backoff::new(SHORTEST_RETRY, LONGEST_RETRY);
        Self {
            number,
            order,
            throttled: None,
            handover: None,
            refused: VecDeque::new(),
            is_draining: false,
            is_taken: true,
            breaker,
            backoff,
            is_held: false,
        }
    }

    /// What is stale is dropped here, and its ack with it.
    pub(crate) fn put(&mut self, rendered: Rendered) {
        let (epoch, turn) = (rendered.ack.epoch(), rendered.ack.turn());
        if epoch > self.order.epoch() {
            self.throttled = None;
            self.handover = None;
            self.refused.clear();
            self.is_held = false;
        }
        if !self.is_held {
            drop(self.order.put(epoch, turn, rendered));
        }
    }

    pub(crate) fn refuse(&mut self, undelivered: Undelivered, outlet: &Outlet<'_>) {
        if undelivered.ack.is_stale() || undelivered.work.epoch != self.order.epoch() {
            return;
        }
        self.give_back(outlet);
        let at = self.refused.partition_point(|batch| batch.work.number < undelivered.work.number);
        self.refused.insert(at, Refused::new(undelivered));
    }

    /// The batch that is being handed over comes after what was refused, and goes its way from here.
    fn give_back(&mut self, outlet: &Outlet<'_>) {
        (self.is_draining, self.is_taken) = (true, false);
        let Some(handover) = self.handover.take() else { return };
        let (unsent, held) = rest(&handover, outlet);
        self.is_held |= held.is_some();
        handover.give_back(unsent, held);
    }

    /// Hands over all that there is, as far as librdkafka takes it.
    pub(crate) fn advance(&mut self, outlet: &Outlet<'_>) -> Advanced {
        loop {
            self.count_refusals(outlet);
            self.refused.retain(|batch| !batch.ack.is_stale());
            if self.refused.front().is_some_and(Refused::is_done) {
                self.refused.pop_front().into_iter().for_each(|batch| batch.settle(outlet.counters));
                continue;
            }
            if self.refused.front().is_some_and(Refused::is_awaited) {
                return Advanced::Idle;
            }
            self.is_draining = self.is_draining && outlet.deliveries.is_out(self.number);
            if self.is_draining {
                return Advanced::Draining(DRAIN_PAUSE);
            }
            if let Some(batch) = self.refused.front_mut() {
                return batch.send_next(self.number, self.is_taken, outlet);
            }
            if self.handover.as_ref().is_some_and(Handover::is_refused) {
                self.give_back(outlet);
                continue;
            }
            if let Some(handover) = &mut self.handover {
                // The transaction is locked no longer than this: to complete a batch may settle it there.
                let handed = outlet.open().and_then(|mut open| hand_over(handover, outlet, open.as_mut()));
                match handed {
                    Ok(HandedOver::Whole) => self.handover.take().into_iter().for_each(Handover::complete),
                    Ok(HandedOver::Stale) => self.handover = None,
                    Ok(HandedOver::UpTo(held)) => {
                        self.is_held = true;
                        self.handover.take().into_iter().for_each(|handover| handover.hold(held.clone()));
                    }
                    Err(Advanced::LaneBlocked(_, error)) => {
                        return Advanced::LaneBlocked(self.backoff.next(handover.place()), error);
                    }
                    Err(stopped) => return stopped,
                }
            }
            match self.throttled.take().or_else(|| self.order.pop().map(|next| leave_out(next, outlet))) {
                None => return Advanced::Idle,
                Some(Rendered { ack, .. }) if self.is_held || ack.is_stale() => drop(ack),
                Some(next) => {
                    if let Some(pause) = outlet.throttles.take(&next.work) {
                        self.throttled = Some(next);
                        return Advanced::Throttled(pause);
                    }
                    self.begin(next, outlet);
                }
            }
        }
    }

    fn begin(&mut self, Rendered { work, ack }: Rendered, outlet: &Outlet<'_>) {
        match self.breaker.admit(work.outputs.failures()) {
            Verdict::Pass => {
                outlet.log.write_shared(&work.outputs.lines);
                self.handover = Some(Handover::begin(outlet.deliveries, Arc::from(work), ack));
            }
            Verdict::Trip(trip) => {
                self.is_held = true;
                let first = work.batch.batch.record(0).offset;
                ack.held(Held { at: first, cause: HeldBy::Breaker(trip) });
            }
        }
    }

    /// Takes in what became of records that were sent again, and says how long to wait before the next.
    pub(crate) fn sent_again(
        &mut self,
        epoch: Epoch,
        failed: Vec<(usize, RDKafkaErrorCode)>,
        outlet: &Outlet<'_>,
    ) -> Result<Duration, RDKafkaErrorCode> {
        let Some(batch) = self.refused.front_mut().filter(|batch| batch.is_awaited() && batch.work.epoch == epoch)
        else {
            return Ok(Duration::ZERO);
        };
        self.is_taken = failed.is_empty();
        let pause = batch.take(&failed.into_iter().collect(), outlet);
        self.count_refusals(outlet);
        pause
    }

    fn count_refusals(&mut self, outlet: &Outlet<'_>) {
        (0..outlet.refusals.take()).for_each(|_| self.breaker.refused_later());
    }
}

/// A batch that comes in its turn, without what `dedupe` steps have met before.
fn leave_out(mut next: Rendered, outlet: &Outlet<'_>) -> Rendered {
    next.ack.upstream().windows.leave_out(&mut next.work, outlet.counters);
    next
}

// === impl Outlet ===

impl Outlet<'_> {
    pub(super) fn count_refusal(&self, work: &Work, place: usize, class: FaultClass) {
        self.refusals.set(self.refusals.get() + 1);
        let step = self.sink_of(work, place).to_owned();
        self.counters.failed_at.add(FailureKind { step, class: class.as_str() }, 1);
    }

    /// What the sink is called that an output is for.
    pub(super) fn sink_of(&self, work: &Work, place: usize) -> &str {
        match &work.outputs.list[place].kind {
            OutputKind::Send(send) => &self.destination.sinks[send.sink].name,
            OutputKind::DeadLetter(_) | OutputKind::Skipped => "sink",
        }
    }

    /// The transaction to hand over in, if any, for as long as it is locked.
    fn open(&self) -> Result<Option<Open<'_>>, Advanced> {
        let Some(transaction) = self.deliveries.transaction() else { return Ok(None) };
        let open = transaction.open();
        // Aborted just now: the message about it is on its way.
        if open.generation() == self.generation { Ok(Some(open)) } else { Err(Advanced::Gated) }
    }

    pub(super) fn send(&self, work: &Work, place: usize, form: &Form, opaque: usize) -> Result<(), RDKafkaErrorCode> {
        self.destination.send(self.topics, self.partitions, work, place, form, opaque)
    }
}
