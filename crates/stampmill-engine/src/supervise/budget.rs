//! How often something may be restarted, and after which pause.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// So many restarts within a window of time; what needs more is not mended by restarting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    pub(crate) restarts: u32,
    pub(crate) window: Duration,
}

#[derive(Debug)]
pub(crate) struct Budget {
    limit: Limit,
    /// Those within the window, oldest first.
    spent: VecDeque<Instant>,
}

/// The pause before the next restart: doubled each time, short again after progress. Half of it is left to chance, so
/// that what failed together does not come back together.
#[derive(Debug)]
pub(crate) struct Backoff {
    shortest: Duration,
    longest: Duration,
    restarts_without_progress: u32,
    progress_at_last_restart: u64,
}

// === impl Budget ===

impl Budget {
    pub(crate) fn new(limit: Limit) -> Self {
        Self { limit, spent: VecDeque::new() }
    }

    /// Takes one restart; `false` if none is left.
    pub(crate) fn spend(&mut self, now: Instant) -> bool {
        while self.spent.front().is_some_and(|oldest| now.duration_since(*oldest) >= self.limit.window) {
            self.spent.pop_front();
        }
        let left = self.spent.len() < self.limit.restarts as usize;
        if left {
            self.spent.push_back(now);
        }
        left
    }
}

// === impl Backoff ===

impl Backoff {
    pub(crate) fn new(shortest: Duration, longest: Duration) -> Self {
        Self { shortest, longest, restarts_without_progress: 0, progress_at_last_restart: 0 }
    }

    pub(crate) fn next(&mut self, progress: u64) -> Duration {
        jittered(self.next_full(progress))
    }

    fn next_full(&mut self, progress: u64) -> Duration {
        if progress != self.progress_at_last_restart {
            self.restarts_without_progress = 0;
        }
        self.progress_at_last_restart = progress;
        let pause = self.shortest.saturating_mul(2u32.saturating_pow(self.restarts_without_progress));
        self.restarts_without_progress += 1;
        pause.min(self.longest)
    }
}

/// Half of it for certain, and the other half by chance.
pub(crate) fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(0.5 + 0.5 * chance())
}

/// From 0 up to 1. Without randomness all pauses are full: that is no reason to fail.
fn chance() -> f64 {
    let mut bytes = [0; 4];
    match getrandom::fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_budget_is_full_again_when_the_window_has_passed() {
        let start = Instant::now();
        let mut budget = Budget::new(Limit { restarts: 2, window: 10 * SECOND });
        assert!(budget.spend(start) && budget.spend(start + 4 * SECOND));
        assert!(!budget.spend(start + 9 * SECOND));
        assert!(budget.spend(start + 10 * SECOND), "the first is forgotten");
        assert!(!budget.spend(start + 11 * SECOND));
    }

    #[test]
    fn the_pause_doubles_to_a_bound_and_is_short_again_after_progress() {
        let mut backoff = Backoff::new(Duration::from_millis(1), SECOND);
        let pauses: Vec<_> = (0..12).map(|_| backoff.next_full(0).as_millis()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000, 1000]);
        assert_eq!(backoff.next_full(1).as_millis(), 1);
        let pause = backoff.next(1);
        assert!(pause >= Duration::from_millis(1) && pause <= Duration::from_millis(2));
    }
}
