//! Restarts an actor that panics, with fresh state and its mailbox as it was.
//!
//! actix's own `Supervisor` does not do this: it is part of the task that dies, the mailbox closes for good and what
//! was in it is gone. So an actor runs inside a [`Guard`], a future that catches the panic of one poll, waits, and goes
//! on with the same context. All that a panic can lose is the message in hand, and that one's ack tells upstream.

use std::any::Any;
use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use actix::dev::ContextFut;
use actix::dev::channel::{AddressReceiver, channel};
use actix::{Actor, Addr, ArbiterHandle, Context, Supervised};
use actix_rt::time::{Sleep, sleep};

use crate::observe::{Counters, Role};

/// Who is watched, and where its restarts are counted.
pub(crate) struct Watch {
    pub(crate) role: Role,
    /// For the log: `transform 2 of bank-audit`.
    pub(crate) name: String,
    pub(crate) counters: Arc<Counters>,
    /// Raised by the actor whenever it gets something done: then the next restart is quick again.
    pub(crate) progress: Progress,
}

/// Counts what an actor has got done.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress(Arc<AtomicU64>);

/// An actor's mailbox before the actor runs.
pub(crate) struct Mailbox<A: Actor>(AddressReceiver<A>);

struct Guard<A: Actor<Context = Context<A>> + Supervised> {
    actor: ContextFut<A, Context<A>>,
    /// Not over yet: the mailbox keeps what comes meanwhile.
    pause: Option<Pin<Box<Sleep>>>,
    restart_is_due: bool,
    watch: Watch,
    backoff: Backoff,
}

/// The pause before the next restart: doubled each time, short again after progress.
#[derive(Debug, Default)]
struct Backoff {
    restarts_without_progress: u32,
    progress_at_last_restart: u64,
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
    let spawned = arbiter.spawn_fn(move || {
        let context = Context::with_receiver(mailbox.0);
        let actor = context.into_future(make());
        actix::spawn(Guard { actor, pause: None, restart_is_due: false, watch, backoff: Backoff::default() });
    });
    assert!(spawned, "the arbiter of an actor outlives it");
}

// === impl Guard ===

impl<A: Actor<Context = Context<A>> + Supervised> Future for Guard<A> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<()> {
        let this = self.get_mut();
        loop {
            if let Some(pause) = &mut this.pause {
                ready!(pause.as_mut().poll(task));
                this.pause = None;
            }
            let caught = catch_unwind(AssertUnwindSafe(|| {
                // It fails to restart only when nobody holds its address any more: then it has ended.
                if mem::take(&mut this.restart_is_due) && !this.actor.restart() {
                    return Poll::Ready(());
                }
                Pin::new(&mut this.actor).poll(task)
            }));
            match caught {
                Ok(state) => return state,
                Err(panic) => {
                    this.restart_is_due = true;
                    this.pause = Some(Box::pin(sleep(this.watch.panicked(&mut this.backoff, &*panic))));
                }
            }
        }
    }
}

impl<A: Actor<Context = Context<A>> + Supervised> Unpin for Guard<A> {}

// === impl Watch ===

impl Watch {
    fn panicked(&self, backoff: &mut Backoff, panic: &(dyn Any + Send)) -> Duration {
        let pause = backoff.next(self.progress.get());
        self.counters.count_restart(self.role);
        log::warn!("{} panicked (`{}`): restarted in {} ms", self.name, message(panic), pause.as_millis());
        pause
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

// === impl Progress ===

impl Progress {
    pub(crate) fn made(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

// === impl Backoff ===

impl Backoff {
    fn next(&mut self, progress: u64) -> Duration {
        if progress != self.progress_at_last_restart {
            self.restarts_without_progress = 0;
        }
        self.progress_at_last_restart = progress;
        let pause = SHORTEST_PAUSE.saturating_mul(2u32.saturating_pow(self.restarts_without_progress));
        self.restarts_without_progress += 1;
        pause.min(LONGEST_PAUSE)
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
        done: mpsc::Sender<(u32, u32)>,
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

    #[test]
    fn a_panic_loses_only_the_message_in_hand() {
        let system = System::new();
        let arbiter = Arbiter::new();
        let (done, results) = mpsc::channel();
        let counters = Arc::new(Counters::default());
        let watch = Watch {
            role: Role::Transform,
            name: "doubler".into(),
            counters: counters.clone(),
            progress: Progress::default(),
        };
        let (addr, mailbox) = mailbox();
        for number in [1, 2, 2, 3, 4] {
            addr.do_send(Number(number));
        }
        run(&arbiter.handle(), mailbox, watch, move || Doubler { panics_left: 2, state: 0, done });
        // The channel closes when the actor has stopped: nothing is waited for longer than it takes.
        let seen: Vec<_> = results.iter().collect();
        assert_eq!(seen, [(1, 1), (3, 1), (4, 2)], "fresh state after each panic, messages kept in order");
        assert_eq!(counters.observe("p").restarts, 2);
        arbiter.stop();
        drop(system);
    }

    #[test]
    fn the_pause_doubles_to_a_bound_and_is_short_again_after_progress() {
        let mut backoff = Backoff::default();
        let pauses: Vec<_> = (0..12).map(|_| backoff.next(0).as_millis()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000, 1000]);
        assert_eq!(backoff.next(1).as_millis(), 1);
    }
}
