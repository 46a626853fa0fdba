//! What the control thread sees of an actor from outside, for an actor that hangs cannot be asked.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Counts what an actor has got done, and says whether it is at work.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pulse(Arc<State>);

#[derive(Debug, Default)]
struct State {
    done: AtomicU64,
    at_work: AtomicBool,
    /// Waits that its current work is in: for a log that is full, say.
    waits: AtomicU32,
}

/// Looks at a pulse again and again.
#[derive(Debug)]
pub(crate) struct PulseWatch {
    pulse: Pulse,
    /// What was done when it was seen to move last, and when that was.
    last: (u64, Instant),
}

thread_local! {
    /// Whose work the current thread does.
    static CURRENT: RefCell<Option<Pulse>> = const { RefCell::new(None) };
}

/// Runs what may wait for somebody outside: the actor at work here is not taken for frozen meanwhile.
pub(crate) fn waiting<T>(wait: impl FnOnce() -> T) -> T {
    let current = CURRENT.with_borrow(Clone::clone);
    let _wait = current.as_ref().map(Wait::begin);
    wait()
}

/// Ends with a panic, too.
struct Wait<'a>(&'a Pulse);

/// The same for a piece of work.
struct Work<'a>(&'a Pulse);

// === impl Pulse ===

impl Pulse {
    /// To be called on the actor's own thread alone, for each record perhaps: to add across threads would cost more.
    pub(crate) fn made(&self) {
        self.0.done.store(self.done() + 1, Ordering::Relaxed);
    }

    pub(super) fn done(&self) -> u64 {
        self.0.done.load(Ordering::Relaxed)
    }

    /// Runs one piece of the actor's work.
    pub(super) fn work<T>(&self, work: impl FnOnce() -> T) -> T {
        let _work = Work::begin(self);
        work()
    }

    fn may_be_frozen(&self) -> bool {
        self.0.at_work.load(Ordering::Acquire) && self.0.waits.load(Ordering::Acquire) == 0
    }
}

// === impl PulseWatch ===

impl PulseWatch {
    pub(crate) fn new(pulse: Pulse, now: Instant) -> Self {
        Self { last: (pulse.done(), now), pulse }
    }

    /// For how long it has been at work without getting anything done, waits left aside.
    pub(crate) fn frozen_for(&mut self, now: Instant) -> Duration {
        let done = self.pulse.done();
        if done != self.last.0 || !self.pulse.may_be_frozen() {
            self.last = (done, now);
        }
        now.duration_since(self.last.1)
    }
}

// === impl Wait, Work ===

impl<'a> Wait<'a> {
    fn begin(pulse: &'a Pulse) -> Self {
        pulse.0.waits.fetch_add(1, Ordering::AcqRel);
        Self(pulse)
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.0.0.waits.fetch_sub(1, Ordering::AcqRel);
    }
}

impl<'a> Work<'a> {
    fn begin(pulse: &'a Pulse) -> Self {
        CURRENT.set(Some(pulse.clone()));
        pulse.0.at_work.store(true, Ordering::Release);
        Self(pulse)
    }
}

impl Drop for Work<'_> {
    fn drop(&mut self) {
        self.0.0.at_work.store(false, Ordering::Release);
        CURRENT.set(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn only_work_without_progress_is_frozen() {
        let (pulse, start) = (Pulse::default(), Instant::now());
        let mut watch = PulseWatch::new(pulse.clone(), start);
        assert_eq!(watch.frozen_for(start + SECOND), Duration::ZERO, "idle");
        pulse.work(|| {
            assert_eq!(watch.frozen_for(start + 3 * SECOND), 2 * SECOND);
            pulse.made();
            assert_eq!(watch.frozen_for(start + 4 * SECOND), Duration::ZERO, "it moves");
            waiting(|| assert_eq!(watch.frozen_for(start + 9 * SECOND), Duration::ZERO, "it waits"));
            assert_eq!(watch.frozen_for(start + 11 * SECOND), 2 * SECOND);
        });
        assert_eq!(watch.frozen_for(start + 20 * SECOND), Duration::ZERO);
    }
}
