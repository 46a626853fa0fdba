//! A batch of which a broker refused records.
//!
//! What may be taken later is sent again together, as soon as the first of it is taken. What is refused for good is sent again
//! one record at a time, for a broker refuses whole batches, and only what is refused alone is known to be at fault. All of
//! it goes out in order.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::error::RDKafkaErrorCode;
use stampmill_core::fault::FaultClass;

use super::lane::{Advanced, LONGEST_RETRY, Outlet, SHORTEST_RETRY};
use super::outgoing::{Form, Refusal, count_if_dead, form_of, next_form};
use crate::ack::Ack;
use crate::kafka::classify::{Disposition, classify};
use crate::messages::{Held, HeldBy, Undelivered, Work};
use crate::observe::Counters;
use crate::outputs::now;
use crate::settings::Then;
use crate::supervise::jittered;

pub(crate) struct Refused {
    pub(super) work: Arc<Work>,
    pub(super) ack: Ack,
    /// Where the batch was cut short, if it was.
    held: Option<Held>,
    /// What is still to go out, in order.
    todo: VecDeque<Todo>,
    /// So many of them are with librdkafka.
    sent: usize,
    attempts: u32,
    /// When they were refused, in milliseconds since 1970.
    since: i64,
}

struct Todo {
    place: usize,
    form: Form,
    /// Refused for good, and not alone yet; or in another form than before. It is sent alone.
    is_suspect: bool,
}

// === impl Refused ===

impl Refused {
    pub(super) fn new(undelivered: Undelivered) -> Self {
        let Undelivered { work, ack, held, mut failed, .. } = undelivered;
        failed.sort_unstable_by_key(|(place, _)| *place);
        let todo = failed.into_iter().map(|(place, error)| {
            let is_suspect = matches!(classify(error), Disposition::Poison(_));
            Todo { place, form: form_of(&work, place), is_suspect }
        });
        let todo = todo.collect();
        Self { work, ack, held, todo, sent: 0, attempts: 1, since: now() }
    }

    /// Nothing can be done before it is known what became of what was sent.
    pub(super) fn is_awaited(&self) -> bool {
        self.sent > 0
    }

    pub(super) fn send_next(&mut self, lane: usize, is_taken: bool, outlet: &Outlet<'_>) -> Advanced {
        let count = match self.todo.front() {
            None => return Advanced::Idle,
            Some(todo) if todo.is_suspect || !is_taken => 1,
            Some(_) => self.todo.iter().take_while(|todo| !todo.is_suspect).count(),
        };
        let track = outlet.deliveries.open_again(lane, self.work.epoch, count);
        for (index, Todo { place, form, .. }) in self.todo.iter().take(count).enumerate() {
            if let Err(error) = outlet.send(&self.work, *place, form, track.opaque(*place)) {
                if index == 0 {
                    outlet.deliveries.cancel_again(track);
                    return self.refuse_first(error, outlet);
                }
                outlet.deliveries.cut_again(track, count - index);
                self.sent = index;
                return Advanced::Idle;
            }
        }
        self.sent = count;
        Advanced::Idle
    }

    /// librdkafka itself did not take the first of them. It looks at each record alone.
    fn refuse_first(&mut self, error: RDKafkaErrorCode, outlet: &Outlet<'_>) -> Advanced {
        let Some(first) = self.todo.front_mut() else { return Advanced::Idle };
        first.is_suspect |= matches!(classify(error), Disposition::Poison(_));
        let place = first.place;
        self.sent = 1;
        match self.take(&HashMap::from([(place, error)]), outlet) {
            Ok(pause) => Advanced::LaneBlocked(pause, error),
            Err(fatal) => Advanced::Fatal(fatal),
        }
    }

    /// Takes in what became of what was sent: all but `failed` is delivered. Returns how long to wait before more is
    /// sent, or the error when the producer can do no more.
    pub(super) fn take(
        &mut self,
        failed: &HashMap<usize, RDKafkaErrorCode>,
        outlet: &Outlet<'_>,
    ) -> Result<Duration, RDKafkaErrorCode> {
        let sent: Vec<Todo> = self.todo.drain(..std::mem::take(&mut self.sent)).collect();
        self.attempts = if failed.len() < sent.len() { 1 } else { self.attempts + 1 };
        let (mut again, mut pause) = (Vec::new(), Duration::ZERO);
        for todo in sent {
            let Some(error) = failed.get(&todo.place).copied() else {
                count_if_dead(outlet.counters, &self.work, todo.place, &todo.form);
                continue;
            };
            match classify(error) {
                Disposition::Fatal => return Err(error),
                Disposition::Retry => {
                    pause = self.pause();
                    again.push(todo);
                }
                Disposition::Poison(_) if !todo.is_suspect => again.push(Todo { is_suspect: true, ..todo }),
                Disposition::Poison(class) => match self.after_refusal(todo, class, error, outlet) {
                    Next::Again(next, longer) => {
                        pause = pause.max(longer);
                        again.push(next);
                    }
                    Next::LeaveOut => {}
                    Next::Hold(held) => {
                        self.held = Some(held);
                        self.todo.clear();
                        return Ok(Duration::ZERO);
                    }
                },
            }
        }
        again.into_iter().rev().for_each(|todo| self.todo.push_front(todo));
        Ok(pause)
    }

    fn pause(&self) -> Duration {
        let doublings = self.attempts.saturating_sub(2).min(10);
        jittered(SHORTEST_RETRY.saturating_mul(1 << doublings).min(LONGEST_RETRY))
    }

    /// What the policy says of a record that was refused for good, alone.
    fn after_refusal(&self, todo: Todo, class: FaultClass, error: RDKafkaErrorCode, outlet: &Outlet<'_>) -> Next {
        let refusal = Refusal { class, error, attempts: self.attempts, since: Some(self.since) };
        if let Form::AsRendered = todo.form {
            outlet.count_refusal(&self.work, todo.place, class);
        }
        match (&todo.form, outlet.destination.then) {
            (Form::AsRendered, Then::Skip) => {
                refusal.log_skipped(&self.work, todo.place);
                Counters::add(&outlet.counters.skipped, 1);
                Next::LeaveOut
            }
            (Form::AsRendered, Then::Halt) => {
                let at = self.work.record(todo.place).offset;
                let (class, reason) = (refusal.class.as_str(), refusal.reason());
                Next::Hold(Held { at, cause: HeldBy::Policy { class, reason } })
            }
            _ => match next_form(&todo.form, refusal, outlet.sink_of(&self.work, todo.place)) {
                Some(form) => Next::Again(Todo { form, is_suspect: true, ..todo }, Duration::ZERO),
                // There is nothing smaller to send.
                None => Next::Again(todo, LONGEST_RETRY),
            },
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.todo.is_empty()
    }

    pub(super) fn settle(self, counters: &Counters) {
        match self.held {
            None => {
                Counters::add(&counters.records_out, self.work.batch.batch.len());
                self.ack.delivered();
            }
            Some(held) => self.ack.held(held),
        }
    }
}

/// What is done with a record that was refused for good.
enum Next {
    Again(Todo, Duration),
    LeaveOut,
    Hold(Held),
}
