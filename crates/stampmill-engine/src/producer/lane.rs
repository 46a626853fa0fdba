//! The records of one source partition on their way out, in order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::error::RDKafkaErrorCode;
use stampmill_core::fault::{Fault, FaultClass};
use stampmill_core::record::Epoch;
use stampmill_core::resequencer::{Put, Resequencer};

use super::deliveries::{Deliveries, Handover};
use super::outgoing::{Destination, Form};
use crate::ack::Ack;
use crate::kafka::classify::{Disposition, classify};
use crate::kafka::producer::SinkProducer;
use crate::logging::LogRoutes;
use crate::messages::{Rendered, Undelivered, Work};
use crate::observe::Counters;
use crate::outputs::{DeadLetter, Output};

pub(crate) struct Lane {
    number: usize,
    order: Resequencer<Rendered>,
    /// The batch that is being handed to librdkafka.
    handover: Option<Handover>,
    /// Batches of which records were refused. Nothing new goes out before they are settled.
    refused: VecDeque<Refused>,
}

/// A batch of which records were refused. They are sent again one at a time, in order, for a broker refuses whole
/// batches, and only what is refused alone is known to be at fault.
struct Refused {
    work: Arc<Work>,
    ack: Ack,
    /// The places of the records, and in which form they go out.
    todo: VecDeque<(usize, Form)>,
    /// The first of them is with librdkafka.
    awaited: bool,
    attempts: u32,
}

/// What a lane works with.
pub(crate) struct Outlet<'a> {
    pub(crate) producer: &'a SinkProducer,
    pub(crate) deliveries: &'a Arc<Deliveries>,
    pub(crate) destination: &'a Destination,
    pub(crate) partitions: i32,
    pub(crate) counters: &'a Counters,
    pub(crate) log: &'a LogRoutes,
}

/// How far a lane got.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Advanced {
    /// There is nothing more to do until a message comes.
    Idle,
    /// librdkafka did not take a record: all lanes wait that long. The error is worth a warning if there is one.
    Blocked(Duration, Option<RDKafkaErrorCode>),
    Fatal(RDKafkaErrorCode),
}

/// Space comes free as soon as librdkafka has sent something.
const QUEUE_FULL_PAUSE: Duration = Duration::from_millis(2);
const SHORTEST_RETRY: Duration = Duration::from_millis(50);
const LONGEST_RETRY: Duration = Duration::from_secs(5);

// === impl Lane ===

impl Lane {
    pub(crate) fn new(number: usize, epoch: Epoch) -> Self {
        Self { number, order: Resequencer::new(epoch), handover: None, refused: VecDeque::new() }
    }

    /// What is stale is dropped here, and its ack with it.
    pub(crate) fn put(&mut self, rendered: Rendered) {
        let (epoch, number) = (rendered.ack.epoch(), rendered.ack.number());
        match self.order.put(epoch, number, rendered) {
            Put::Taken | Put::Stale(_) => {}
            Put::NewEpoch(_) => {
                self.handover = None;
                self.refused.clear();
            }
        }
    }

    pub(crate) fn refuse(&mut self, undelivered: Undelivered) {
        let Undelivered { work, ack, mut failed } = undelivered;
        if ack.is_stale() || work.epoch != self.order.epoch() {
            return;
        }
        failed.sort_unstable_by_key(|(place, _)| *place);
        let todo = failed.into_iter().map(|(place, _)| (place, form_of(&work, place))).collect();
        self.refused.push_back(Refused { work, ack, todo, awaited: false, attempts: 1 });
    }

    /// Hands over all that there is, as far as librdkafka takes it.
    pub(crate) fn advance(&mut self, outlet: &Outlet<'_>) -> Advanced {
        loop {
            self.refused.retain(|batch| !batch.ack.is_stale());
            if let Some(batch) = self.refused.front_mut() {
                return if batch.awaited { Advanced::Idle } else { batch.send_next(self.number, outlet) };
            }
            if let Some(handover) = &mut self.handover {
                match hand_over(handover, outlet) {
                    Advanced::Idle => self.handover.take().into_iter().for_each(Handover::complete),
                    blocked => return blocked,
                }
            }
            match self.order.pop() {
                None => return Advanced::Idle,
                Some(Rendered { ack, .. }) if ack.is_stale() => {}
                Some(Rendered { work, ack }) => {
                    outlet.log.write_shared(&work.outputs.lines);
                    self.handover = Some(outlet.deliveries.open(work, ack));
                }
            }
        }
    }

    /// Takes in what became of the record that was sent alone, and says how long to wait before the next.
    pub(crate) fn sent_alone(
        &mut self,
        epoch: Epoch,
        result: Result<(), RDKafkaErrorCode>,
        counters: &Counters,
    ) -> Result<Duration, RDKafkaErrorCode> {
        let Some(batch) = self.refused.front_mut().filter(|batch| batch.awaited && batch.work.epoch == epoch) else {
            return Ok(Duration::ZERO);
        };
        batch.awaited = false;
        let pause = match result {
            Ok(()) => batch.settle_first(counters),
            Err(error) => batch.refuse_first(error)?,
        };
        if batch.todo.is_empty() {
            self.refused.pop_front().into_iter().for_each(|batch| {
                counters.count_delivered(&batch.work);
                batch.ack.delivered();
            });
        }
        Ok(pause)
    }
}

/// A record that was dead already before it was sent keeps its reason.
fn form_of(work: &Work, place: usize) -> Form {
    match &work.outputs.records[place] {
        Output::Send { .. } | Output::Skipped => Form::AsRendered,
        Output::DeadLetter(letter) => Form::DeadLetter((**letter).clone()),
    }
}

fn hand_over(handover: &mut Handover, outlet: &Outlet<'_>) -> Advanced {
    while handover.next < handover.work.batch.batch.len() {
        if let Output::Skipped = handover.work.outputs.records[handover.next] {
            handover.skip();
            continue;
        }
        let mut form = Form::AsRendered;
        loop {
            let sent = outlet.send(&handover.work, handover.next, &form, handover.opaque());
            match sent.map_err(|error| (error, classify(error))) {
                Ok(()) => break,
                // librdkafka itself looks at each record alone, so this one needs no second try.
                Err((error, Disposition::Poison(class))) => {
                    match next_form(&form_or_own(&form, handover), class, error, 1) {
                        Some(next) => form = next,
                        None => return Advanced::Blocked(LONGEST_RETRY, Some(error)),
                    }
                }
                Err((RDKafkaErrorCode::QueueFull, _)) => return Advanced::Blocked(QUEUE_FULL_PAUSE, None),
                Err((error, Disposition::Retry)) => return Advanced::Blocked(SHORTEST_RETRY, Some(error)),
                Err((error, Disposition::Fatal)) => return Advanced::Fatal(error),
            }
        }
        count_if_died(outlet.counters, &handover.work, handover.next, &form);
        handover.next += 1;
    }
    Advanced::Idle
}

/// Counts a record that was rendered and yet went out as a dead letter; those dead before are counted with their batch.
fn count_if_died(counters: &Counters, work: &Work, place: usize, form: &Form) {
    if let (Output::Send { .. }, Form::DeadLetter(letter) | Form::Stub(letter)) = (&work.outputs.records[place], form) {
        let record = work.batch.batch.record(place);
        let (topic, partition, offset) = (record.topic, record.partition, record.offset.get());
        log::warn!("{topic}/{partition} offset {offset} went to the dead letters: {}", letter.fault.reason);
        Counters::add(&counters.dead_letters, 1);
    }
}

fn form_or_own(form: &Form, handover: &Handover) -> Form {
    match form {
        Form::AsRendered => form_of(&handover.work, handover.next),
        form => form.clone(),
    }
}

/// What to send in place of a record that was refused for good; `None` where there is nothing smaller left.
fn next_form(refused: &Form, class: FaultClass, error: RDKafkaErrorCode, attempts: u32) -> Option<Form> {
    match refused {
        Form::AsRendered => {
            let reason = format!("the sink's topic does not take the record: {error}");
            Some(Form::DeadLetter(DeadLetter { step: "sink".into(), fault: Fault { class, reason }, attempts }))
        }
        Form::DeadLetter(letter) => Some(Form::Stub(letter.clone())),
        Form::Stub(_) => None,
    }
}

// === impl Refused ===

impl Refused {
    fn send_next(&mut self, lane: usize, outlet: &Outlet<'_>) -> Advanced {
        let Some((place, form)) = self.todo.front() else {
            return Advanced::Idle;
        };
        let opaque = outlet.deliveries.open_alone(lane, self.work.epoch);
        match outlet.send(&self.work, *place, form, opaque) {
            Ok(()) => {
                self.awaited = true;
                Advanced::Idle
            }
            Err(error) => {
                outlet.deliveries.cancel_alone(opaque);
                match self.refuse_first(error) {
                    Ok(pause) => Advanced::Blocked(pause, Some(error)),
                    Err(fatal) => Advanced::Fatal(fatal),
                }
            }
        }
    }

    fn settle_first(&mut self, counters: &Counters) -> Duration {
        if let Some((place, form)) = self.todo.pop_front() {
            count_if_died(counters, &self.work, place, &form);
        }
        self.attempts = 1;
        Duration::ZERO
    }

    /// The first record was refused alone. Returns how long to wait before it is sent again, or as a dead letter; the
    /// error when the producer can do no more.
    fn refuse_first(&mut self, error: RDKafkaErrorCode) -> Result<Duration, RDKafkaErrorCode> {
        let pause = SHORTEST_RETRY.saturating_mul(2u32.saturating_pow(self.attempts.min(10) - 1)).min(LONGEST_RETRY);
        self.attempts += 1;
        match classify(error) {
            Disposition::Fatal => Err(error),
            Disposition::Retry => Ok(pause),
            Disposition::Poison(class) => match self.todo.front_mut() {
                None => Ok(Duration::ZERO),
                Some((_, form)) => match next_form(form, class, error, self.attempts) {
                    Some(next) => {
                        *form = next;
                        Ok(Duration::ZERO)
                    }
                    None => Ok(LONGEST_RETRY),
                },
            },
        }
    }
}

// === impl Outlet ===

impl Outlet<'_> {
    fn send(&self, work: &Work, place: usize, form: &Form, opaque: usize) -> Result<(), RDKafkaErrorCode> {
        self.destination.send(self.producer, self.partitions, work, place, form, opaque)
    }
}
