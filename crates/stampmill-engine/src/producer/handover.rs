//! Hands the outputs of a batch to librdkafka, one by one.

use std::sync::Arc;

use rdkafka::error::RDKafkaErrorCode;

use super::deliveries::{Deliveries, PLACE_BITS};
use super::lane::{Advanced, LONGEST_RETRY, Outlet, QUEUE_FULL_PAUSE, SHORTEST_RETRY};
use super::outgoing::{Form, Refusal, count_if_dead, form_of, next_form};
use super::tracks;
use super::transaction::{Open, Turn};
use crate::ack::{Ack, Upstream};
use crate::kafka::classify::{Disposition, classify};
use crate::messages::{Held, HeldBy, Work};
use crate::observe::Counters;
use crate::outputs::OutputKind;
use crate::settings::Then;

/// A batch on its way into librdkafka. Dropping it before [`Handover::complete`] gives the batch up: its ack is
/// dropped, and what was handed over already will be sent twice.
pub(super) struct Handover {
    deliveries: Arc<Deliveries>,
    track: usize,
    upstream: Arc<Upstream>,
    pub(super) work: Arc<Work>,
    /// The place of the next output to hand over.
    pub(super) next: usize,
    /// What else there is of the record goes nowhere: it was refused as a whole.
    leaves_rest: bool,
    is_over: bool,
}

/// Of a record that was not handed over, because one before it was refused.
const NOT_SENT: RDKafkaErrorCode = RDKafkaErrorCode::PurgeQueue;

/// What is done with a record.
enum Todo {
    Send(Form),
    LeaveOut,
    Hold(Held),
}

/// How far a batch was handed over.
pub(super) enum HandedOver {
    Whole,
    /// Up to a record that is not to be passed.
    UpTo(Held),
    /// Nobody waits for it any more.
    Stale,
}

/// Goes on where it stopped.
///
/// It looks for a fence under the lock of the transaction. Who takes partitions away fences them first and looks then
/// whether the transaction holds any of theirs: so what is handed over behind a fence is never committed.
pub(super) fn hand_over(
    handover: &mut Handover,
    outlet: &Outlet<'_>,
    mut open: Option<&mut Open<'_>>,
) -> Result<HandedOver, Advanced> {
    if handover.is_stale() {
        return Ok(HandedOver::Stale);
    }
    while handover.next < handover.work.outputs.list.len() {
        let turn = match open.as_deref_mut() {
            None => Turn::Go,
            Some(open) => handover.turn(open),
        };
        let mut todo = match turn {
            Turn::Wait => return Err(Advanced::Gated),
            Turn::Done => {
                handover.skip_record();
                continue;
            }
            Turn::Go | Turn::Alone if handover.leaves_rest => Todo::LeaveOut,
            Turn::Go | Turn::Alone => first_try(&handover.work, handover.next, outlet),
            Turn::Refused(refusal) => {
                handover.leaves_rest = true;
                let form = form_of(&handover.work, handover.next);
                after_refusal(handover, outlet, &form, refusal)
            }
        };
        let is_sent = loop {
            match todo {
                Todo::Hold(held) => return Ok(HandedOver::UpTo(held)),
                Todo::LeaveOut => break false,
                Todo::Send(form) => match outlet.send(&handover.work, handover.next, &form, handover.opaque()) {
                    Ok(()) => {
                        count_if_dead(outlet.counters, &handover.work, handover.next, &form);
                        break true;
                    }
                    // librdkafka itself looks at each record alone, so this one needs no second try.
                    Err(error) => match (&form, refusal(error)?, open.as_deref_mut()) {
                        // There is nothing smaller to send.
                        (Form::Stub(_), ..) => return Err(Advanced::LaneBlocked(LONGEST_RETRY, error)),
                        (_, refusal, Some(open)) if !handover.is_at_first() => {
                            let offset = handover.work.record(handover.next).offset;
                            open.refused(handover.upstream(), offset, refusal);
                            return Err(Advanced::Gated);
                        }
                        (form, refusal, open) => {
                            handover.leaves_rest = open.is_some();
                            todo = after_refusal(handover, outlet, form, refusal);
                        }
                    },
                },
            }
        };
        if let Some(open) = open.as_deref_mut() {
            open.handed(handover.upstream(), &handover.work, handover.next, is_sent, matches!(turn, Turn::Alone));
        }
        handover.go_on(is_sent);
    }
    Ok(HandedOver::Whole)
}

/// What of the batch is still to go out, and the record that is not to be passed, if there is one.
pub(super) fn rest(handover: &Handover, outlet: &Outlet<'_>) -> (Vec<usize>, Option<Held>) {
    let mut unsent = Vec::new();
    for place in handover.next..handover.work.outputs.list.len() {
        match first_try(&handover.work, place, outlet) {
            Todo::Send(_) => unsent.push(place),
            Todo::LeaveOut => {}
            Todo::Hold(held) => return (unsent, Some(held)),
        }
    }
    (unsent, None)
}

fn first_try(work: &Work, place: usize, outlet: &Outlet<'_>) -> Todo {
    let then = outlet.destination.then;
    match &work.outputs.list[place].kind {
        OutputKind::Skipped => Todo::LeaveOut,
        OutputKind::Send(_) => Todo::Send(Form::AsRendered),
        OutputKind::DeadLetter(letter) => match then {
            Then::DeadLetter => Todo::Send(Form::AsRendered),
            Then::Skip => {
                Counters::add(&outlet.counters.skipped, 1);
                Todo::LeaveOut
            }
            Then::Halt => {
                let reason = format!("{}: {}", letter.step, letter.fault.reason);
                hold(work, place, letter.fault.class.as_str(), reason)
            }
        },
    }
}

/// What the policy says of a record that is refused for good.
fn after_refusal(handover: &Handover, outlet: &Outlet<'_>, form: &Form, refusal: Refusal) -> Todo {
    let (work, place) = (&handover.work, handover.next);
    if let (Form::AsRendered, OutputKind::Send(_)) = (form, &work.outputs.list[place].kind) {
        outlet.count_refusal(work, place, refusal.class);
    }
    match (form_or_own(form, handover), outlet.destination.then) {
        (Form::AsRendered, Then::Skip) => {
            refusal.log_skipped(work, place);
            Counters::add(&outlet.counters.skipped, 1);
            Todo::LeaveOut
        }
        (Form::AsRendered, Then::Halt) => hold(work, place, refusal.class.as_str(), refusal.reason()),
        (form, _) => match next_form(&form, refusal, outlet.sink_of(work, place)) {
            Some(next) => Todo::Send(next),
            None => Todo::Send(form),
        },
    }
}

fn hold(work: &Work, place: usize, class: &'static str, reason: String) -> Todo {
    Todo::Hold(Held { at: work.record(place).offset, cause: HeldBy::Policy { class, reason } })
}

/// A record that was dead already before it was sent keeps its reason.
fn form_or_own(form: &Form, handover: &Handover) -> Form {
    match form {
        Form::AsRendered => form_of(&handover.work, handover.next),
        form => form.clone(),
    }
}

fn refusal(error: RDKafkaErrorCode) -> Result<Refusal, Advanced> {
    match classify(error) {
        Disposition::Poison(class) => Ok(Refusal { class, error, attempts: 1, since: None }),
        Disposition::Fatal => Err(Advanced::Fatal(error)),
        Disposition::Retry if error == RDKafkaErrorCode::QueueFull => Err(Advanced::Full(QUEUE_FULL_PAUSE)),
        Disposition::Retry => Err(Advanced::LaneBlocked(SHORTEST_RETRY, error)),
    }
}

// === impl Handover ===

impl Handover {
    pub(super) fn begin(deliveries: &Arc<Deliveries>, work: Arc<Work>, ack: Ack) -> Self {
        let upstream = Arc::clone(ack.upstream());
        let track = deliveries.open(&work, ack);
        Self { deliveries: Arc::clone(deliveries), track, upstream, work, next: 0, leaves_rest: false, is_over: false }
    }

    /// What is to be done with the next output, in a transaction: it is decided for all of a record at its first.
    fn turn(&self, open: &mut Open<'_>) -> Turn {
        let offset = self.work.record(self.next).offset;
        match (self.is_at_first(), open.goes_on()) {
            (true, _) => open.turn(&self.upstream, self.work.lane, offset),
            (false, true) => Turn::Go,
            (false, false) => Turn::Wait,
        }
    }

    fn is_at_first(&self) -> bool {
        self.work.outputs.is_first(self.next)
    }

    /// To the next output. One that is not sent counts as reported.
    fn go_on(&mut self, is_sent: bool) {
        self.leaves_rest &= !self.work.outputs.is_last(self.next);
        self.next += 1;
        if !is_sent {
            self.deliveries.with_track(self.track, |track| track.left -= 1);
        }
    }

    /// Nothing of the next record goes out.
    fn skip_record(&mut self) {
        while !self.work.outputs.is_last(self.next) {
            self.go_on(false);
        }
        self.go_on(false);
    }

    /// Its epoch is over.
    pub(super) fn is_stale(&self) -> bool {
        !self.upstream.is_in(self.work.epoch)
    }

    pub(super) fn upstream(&self) -> &Arc<Upstream> {
        &self.upstream
    }

    /// Grows as it is handed over; no other batch of its lane and epoch has the same.
    pub(super) fn place(&self) -> u64 {
        self.work.number << PLACE_BITS | self.next as u64
    }

    /// The number to send the next record with.
    pub(super) fn opaque(&self) -> usize {
        self.track << PLACE_BITS | self.next
    }

    /// Every record is with librdkafka now.
    pub(super) fn complete(self) {
        debug_assert_eq!(self.next, self.work.outputs.list.len());
        // `drop` gives up what was not handed over, which is nothing but the one that kept the track open.
    }

    /// Nothing more of it is handed over here: `unsent` goes with what is refused of it.
    pub(super) fn give_back(mut self, unsent: Vec<usize>, at: Option<Held>) {
        self.is_over = true;
        let after = self.work.outputs.list.len() - self.next;
        self.deliveries.with_track(self.track, |track| {
            track.failed.extend(unsent.iter().map(|place| (*place, NOT_SENT)));
            track.left -= after + 1;
            if let tracks::Then::Settle { held, .. } = &mut track.then {
                *held = at;
            }
        });
    }

    /// Whether a record of it was refused already, and is to be sent again before the rest: a transaction is aborted
    /// instead.
    pub(super) fn is_refused(&self) -> bool {
        self.next > 0 && self.deliveries.transaction().is_none() && self.deliveries.is_refused(self.track)
    }

    /// The batch is cut short before the next record, and settled that far.
    pub(super) fn hold(mut self, at: Held) {
        self.is_over = true;
        let unsent = self.work.outputs.list.len() - self.next;
        self.deliveries.with_track(self.track, |track| {
            track.left -= unsent + 1;
            if let tracks::Then::Settle { held, .. } = &mut track.then {
                *held = Some(at);
            }
        });
    }
}

impl Drop for Handover {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        if let Some(transaction) = self.deliveries.transaction() {
            transaction.leave(self.work.lane);
        }
        let unsent = self.work.outputs.list.len() - self.next;
        if unsent == 0 {
            self.deliveries.with_track(self.track, |track| track.left -= 1);
        } else {
            self.deliveries.abandon(self.track, unsent + 1);
        }
    }
}
