//! What a ConsumerActor is told, and what it does then.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Supervised};
use stampmill_core::batch_size::BatchSize;
use stampmill_core::offset_tracker::{OffsetTracker, Settled as Tracked};

use super::{ConsumerActor, State};
use crate::messages::{Close, Drain, Fate, Move, Refetch, Report, Resume, SendAgain, Settled, Wake};
use crate::observe::Counters;

/// The wake-up that comes even if librdkafka's does not.
const SAFETY_POLL: Duration = Duration::from_secs(1);

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
    /// After a panic the tracker is not trusted: only the standing is, for it is written last.
    fn restarting(&mut self, context: &mut Context<Self>) {
        self.batch_size = BatchSize::new(self.spec.pace.batch_records, self.spec.batch_bytes);
        self.spec.wake_is_due.store(false, Ordering::Release);
        self.start_over(false, context);
        self.report_if_drained();
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

    fn handle(&mut self, mut settled: Settled, context: &mut Context<Self>) {
        if self.spec.upstream.is_fenced() {
            // Another instance may own the partition by now. To send again what is dropped because of the fence would
            // never end.
            return Counters::add(&self.spec.counters.stale_acks, 1);
        }
        let Settled { epoch, number, part, .. } = settled;
        match std::mem::replace(&mut settled.fate, Fate::Dropped) {
            Fate::Dropped if self.tracker.awaits(epoch, number, part) => self.rewind(),
            Fate::Dropped => Counters::add(&self.spec.counters.stale_acks, 1),
            Fate::Held(held) => self.hold(&settled, *held),
            Fate::Delivered => {
                let records = self.records_of(epoch, number, part);
                match self.tracker.settle(epoch, number, part, records) {
                    Tracked::Advanced(_) | Tracked::Waiting => {}
                    Tracked::Stale => Counters::add(&self.spec.counters.stale_acks, 1),
                }
            }
        }
        self.publish();
        self.go_on_after_probe();
        self.stop_if_held(context);
        self.read();
        self.report_if_drained();
    }
}

impl Handler<SendAgain> for ConsumerActor {
    type Result = ();

    fn handle(&mut self, _: SendAgain, _: &mut Context<Self>) {
        if !self.tracker.is_drained() {
            self.rewind();
        }
    }
}

impl Handler<Refetch> for ConsumerActor {
    type Result = ();

    /// librdkafka begins a new fetch after a seek.
    fn handle(&mut self, _: Refetch, context: &mut Context<Self>) {
        if matches!(self.state, State::Reading) && self.tracker.is_drained() {
            self.state = State::OutOfPlace { probing: false };
            self.seek(context);
            self.read();
        }
    }
}

impl Handler<Drain> for ConsumerActor {
    type Result = ();

    fn handle(&mut self, Drain { number }: Drain, _: &mut Context<Self>) {
        self.drain = Some(number);
        self.report_if_drained();
    }
}

impl Handler<Resume> for ConsumerActor {
    type Result = ();

    fn handle(&mut self, _: Resume, context: &mut Context<Self>) {
        self.drain = None;
        // A breaker has its own time.
        if let State::Stopped { by_breaker: false } = self.state {
            self.start_over(false, context);
            self.report(Report::Resumed { assignment: self.spec.assignment });
        }
        self.read();
    }
}

impl Handler<Move> for ConsumerActor {
    type Result = ();

    fn handle(&mut self, moved: Move, context: &mut Context<Self>) {
        let Move { upstream, standing, epoch, start, completed } = moved;
        self.spec.completed = completed.clone();
        (self.spec.upstream, self.spec.standing) = (upstream, standing);
        self.tracker = OffsetTracker::resume(epoch, start, completed);
        self.lanes.begin();
        self.state = State::OutOfPlace { probing: false };
        self.seek(context);
        self.read();
    }
}

impl Handler<Close> for ConsumerActor {
    type Result = ();

    fn handle(&mut self, _: Close, context: &mut Context<Self>) {
        context.stop();
    }
}
