//! Restarts an actor that panics, with fresh state and its mailbox as it was, so often as its budget allows.
//!
//! actix's own `Supervisor` does not do this: it is part of the task that dies, the mailbox closes for good and what
//! was in it is gone. So an actor runs inside a [`Guard`], a future that catches the panic of one poll, waits, and goes
//! on with the same context. All that a panic can lose is the message in hand, and that one's ack tells upstream.

mod budget;
mod exit;
pub(crate) mod pulse;

use std::any::Any;
use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as TaskContext, Poll, ready};
use std::time::{Duration, Instant};

use actix::dev::ContextFut;
use actix::dev::channel::{AddressReceiver, channel};
use actix::{Actor, Addr, ArbiterHandle, Context, Supervised};
use actix_rt::time::{Sleep, sleep};

pub(crate) use self::budget::{Backoff, Budget, Limit, jittered};
pub use self::exit::ExitReason;
pub(crate) use self::exit::message;
pub(crate) use self::pulse::{Pulse, PulseWatch};
use crate::messages::Report;
use crate::observe::Counters;
use crate::observe::roster::{ActorState, RestartCause, Role};

/// Who is watched, and where its restarts are counted.
#[derive(Clone)]
pub(crate) struct Watch {
    pub(crate) role: Role,
    pub(crate) pipeline: String,
    /// `TransformActor 2`.
    pub(crate) actor: String,
    pub(crate) counters: Arc<Counters>,
    pub(crate) pulse: Pulse,
    pub(crate) limit: Limit,
    /// Shared with whoever replaces the actor when it hangs.
    pub(crate) budget: Arc<Mutex<Budget>>,
    pub(crate) control: Sender<Report>,
}

/// An actor's mailbox before the actor runs.
pub(crate) struct Mailbox<A: Actor>(AddressReceiver<A>);

struct Guard<A: Actor<Context = Context<A>> + Supervised> {
    actor: ContextFut<A, Context<A>>,
    /// Not over yet: the mailbox keeps what comes meanwhile.
    pause: Option<Pin<Box<Sleep>>>,
    restart_is_due: bool,
    /// Its budget is used up. Actor and mailbox stay as they are until the pipeline has ended: to let go of the acks in
    /// them would have every batch sent again, to nobody. A ConsumerActor has no acks, but a queue, which has to come back
    /// before its consumer can leave the group: it ends at once.
    gave_up: bool,
    watch: Watch,
    backoff: Backoff,
}

const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// An address that takes messages at once, and the mailbox to [`run`] an actor with.
pub(crate) fn mailbox<A: Actor>() -> (Addr<A>, Mailbox<A>) {
    let (sender, receiver) = channel(16);
    (Addr::new(sender), Mailbox(receiver))
}

/// Runs the actor on an arbiter until it stops itself. `make` is called there.
pub(crate) fn run<A>(
    arbiter: &ArbiterHandle,
    mailbox: Mailbox<A>,
    watch: Watch,
    make: impl FnOnce() -> A + Send + 'static,
) where
    A: Actor<Context = Context<A>> + Supervised,
{
    watch.counters.roster.enter(&watch.actor, watch.role);
    let spawned = arbiter.spawn_fn(move || {
        let context = Context::with_receiver(mailbox.0);
        let actor = context.into_future(make());
        let backoff = Backoff::new(SHORTEST_PAUSE, LONGEST_PAUSE);
        actix::spawn(Guard { actor, pause: None, restart_is_due: false, gave_up: false, watch, backoff });
    });
    assert!(spawned, "the arbiter of an actor outlives it");
}

// === impl Guard ===

impl<A: Actor<Context = Context<A>> + Supervised> Future for Guard<A> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<()> {
        let this = self.get_mut();
        loop {
            if this.gave_up {
                return if this.watch.role == Role::Consumer { Poll::Ready(()) } else { Poll::Pending };
            }
            if let Some(pause) = &mut this.pause {
                ready!(pause.as_mut().poll(task));
                this.pause = None;
                this.watch.is_in(ActorState::Running);
            }
            let caught = catch_unwind(AssertUnwindSafe(|| {
                // It fails to restart only when nobody holds its address any more: then it has ended.
                if mem::take(&mut this.restart_is_due) && !this.actor.restart() {
                    return Poll::Ready(());
                }
                this.watch.pulse.work(|| Pin::new(&mut this.actor).poll(task))
            }));
            match caught {
                Ok(state) => return state,
                Err(panic) => {
                    this.restart_is_due = true;
                    match this.watch.panicked(&mut this.backoff, &*panic) {
                        Some(pause) => this.pause = Some(Box::pin(sleep(pause))),
                        None => this.gave_up = true,
                    }
                }
            }
        }
    }
}

impl<A: Actor<Context = Context<A>> + Supervised> Unpin for Guard<A> {}

// === impl Watch ===

impl Watch {
    /// The pause before the restart, or `None` if there is none: then the control thread has been told.
    fn panicked(&self, backoff: &mut Backoff, panic: &(dyn Any + Send)) -> Option<Duration> {
        let text = message(panic);
        self.restarts(RestartCause::Panic, &format!("panicked (`{text}`)"));
        if !self.spend() {
            self.give_up(text);
            return None;
        }
        let pause = backoff.next(self.pulse.done());
        log::warn!("{} panicked (`{text}`): restarted in {} ms", self.name(), pause.as_millis());
        Some(pause)
    }

    /// A panic in what works for the actor outside of it, and goes on without a restart: it counts like one, or what
    /// panics each time would go on for ever.
    pub(crate) fn panicked_beside(&self, panic: &(dyn Any + Send)) {
        self.restarts(RestartCause::Panic, &format!("its delivery reports panicked (`{}`)", message(panic)));
        self.is_in(ActorState::Running);
        if !self.spend() {
            self.give_up(message(panic));
        }
    }

    /// For the log: `bank-audit: TransformActor 2`.
    pub(crate) fn name(&self) -> String {
        format!("{}: {}", self.pipeline, self.actor)
    }

    pub(crate) fn restarts(&self, cause: RestartCause, text: &str) {
        self.counters.restarts.add((self.role, cause), 1);
        self.counters.roster.restarts(&self.actor, text);
    }

    fn is_in(&self, state: ActorState) {
        self.counters.roster.is_in(&self.actor, state);
    }

    fn give_up(&self, text: &str) {
        self.is_in(ActorState::GaveUp);
        let reason = ExitReason::panicked(text, self.limit);
        // The control thread is gone only when the pipeline has ended already.
        let _ = self.control.send(Report::GaveUp { name: self.name(), reason });
    }

    /// Takes a restart from the budget; `false` if none is left.
    pub(crate) fn spend(&self) -> bool {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner).spend(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use actix::{Arbiter, Handler, Message, System};

    use super::*;

    struct Doubler {
        panics_left: u32,
        state: u32,
        done: Sender<(u32, u32)>,
    }

    struct Number(u32);

    impl Message for Number {
        type Result = ();
    }

    impl Actor for Doubler {
        type Context = Context<Self>;
    }

    impl Supervised for Doubler {
        fn restarting(&mut self, _: &mut Context<Self>) {
            self.state = 0;
        }
    }

    impl Handler<Number> for Doubler {
        type Result = ();

        fn handle(&mut self, Number(number): Number, context: &mut Context<Self>) {
            self.state += 1;
            if number == 2 && self.panics_left > 0 {
                self.panics_left -= 1;
                panic!("planted");
            }
            if number == 4 {
                actix::ActorContext::stop(context);
            }
            self.done.send((number, self.state)).expect("the test waits");
        }
    }

    fn watch(name: &str, counters: &Arc<Counters>, restarts: u32, control: Sender<Report>) -> Watch {
        let limit = Limit { restarts, window: Duration::from_secs(60) };
        let budget = Arc::new(Mutex::new(Budget::new(limit)));
        let (pipeline, actor, counters) = ("p".to_owned(), name.to_owned(), Arc::clone(counters));
        Watch { role: Role::Transform, pipeline, actor, counters, pulse: Pulse::default(), limit, budget, control }
    }

    #[test]
    fn a_panic_loses_only_the_message_in_hand() {
        let system = System::new();
        let arbiter = Arbiter::new();
        let (done, results) = mpsc::channel();
        let counters = Arc::new(Counters::default());
        let (control, _reports) = mpsc::channel();
        let watch = watch("doubler", &counters, 10, control);
        let (addr, mailbox) = mailbox();
        for number in [1, 2, 2, 3, 4] {
            addr.do_send(Number(number));
        }
        run(&arbiter.handle(), mailbox, watch, move || Doubler { panics_left: 2, state: 0, done });
        // The channel closes when the actor has stopped: nothing is waited for longer than it takes.
        let seen: Vec<_> = results.iter().collect();
        assert_eq!(seen, [(1, 1), (3, 1), (4, 2)], "fresh state after each panic, messages kept in order");
        assert_eq!(counters.observe("p").restarts, 2);
        let actors = counters.roster.list();
        let cause = actors[0].last_cause.as_deref();
        assert_eq!(
            (actors[0].restarts, actors[0].state, cause),
            (2, ActorState::Running, Some("panicked (`planted`)"))
        );
        arbiter.stop();
        drop(system);
    }

    #[test]
    fn a_budget_that_is_used_up_is_told_with_the_reason() {
        let system = System::new();
        let arbiter = Arbiter::new();
        let (done, results) = mpsc::channel();
        let (control, reports) = mpsc::channel();
        let watch = watch("doubler", &Arc::default(), 2, control);
        let (addr, mailbox) = mailbox();
        [1, 2, 2, 2, 3].into_iter().for_each(|number| addr.do_send(Number(number)));
        run(&arbiter.handle(), mailbox, watch, move || Doubler { panics_left: 9, state: 0, done });
        let Ok(Report::GaveUp { name, reason }) = reports.recv() else { panic!("it gives up") };
        let window = Duration::from_secs(60);
        let expected = ExitReason::PanickedTooOften { message: "planted".into(), restarts: 2, window };
        assert_eq!((name.as_str(), reason), ("p: doubler", expected));
        arbiter.stop();
        arbiter.join().expect("the arbiter ends");
        assert_eq!(results.iter().collect::<Vec<_>>(), [(1, 1)], "what was behind is neither handled nor lost early");
        drop(system);
    }
}
