//! How often a log step may write, over all workers of its pipeline.

use std::sync::atomic::{AtomicU64, Ordering};

use stampmill_core::log_options::LogOptions;

/// Which lines of a step are written, and how many its rate left out.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    options: LogOptions,
    records: AtomicU64,
    /// A second in the upper half, and the lines written in it in the lower.
    window: AtomicU64,
    left_out: AtomicU64,
    /// The second of the first line that was left out and is not yet told.
    since: AtomicU64,
}

const LINES_BITS: u32 = 32;

// === impl Limits ===

impl Limits {
    pub(crate) fn new(options: LogOptions) -> Self {
        Self { options, ..Self::default() }
    }

    pub(crate) fn has_rate(&self) -> bool {
        self.options.rate.is_some()
    }

    /// Whether the line of the next record is written. `second` is asked for only where there is a rate.
    pub(crate) fn admit(&self, second: impl FnOnce() -> u32) -> bool {
        if let Some(sample) = self.options.sample
            && self.records.fetch_add(1, Ordering::Relaxed) % sample != 0
        {
            return false;
        }
        self.options.rate.is_none_or(|rate| self.admit_in(second(), rate.get()))
    }

    fn admit_in(&self, second: u32, rate: u32) -> bool {
        let next = |window: u64| {
            let (of, lines) = ((window >> LINES_BITS) as u32, window as u32);
            match second > of {
                true => Some(u64::from(second) << LINES_BITS | 1),
                // A worker whose clock was read a moment ago counts with the others.
                false => (lines < rate).then(|| window + 1),
            }
        };
        let admitted = self.window.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok();
        if !admitted && self.left_out.fetch_add(1, Ordering::Relaxed) == 0 {
            self.since.store(u64::from(second), Ordering::Relaxed);
        }
        admitted
    }

    /// How many lines were left out and are not told yet, once the second is over in which that began.
    pub(crate) fn left_out_before(&self, second: u32) -> Option<u64> {
        let is_due = self.left_out.load(Ordering::Relaxed) > 0 && self.since.load(Ordering::Relaxed) < second.into();
        if is_due { self.left_out() } else { None }
    }

    /// The same, whenever that was.
    pub(crate) fn left_out(&self) -> Option<u64> {
        Some(self.left_out.swap(0, Ordering::Relaxed)).filter(|count| *count > 0)
    }

    pub(crate) fn options(&self) -> &LogOptions {
        &self.options
    }
}

#[cfg(test)]
mod tests {
    use std::num::{NonZeroU32, NonZeroU64};

    use super::*;

    fn limits(sample: u64, rate: u32) -> Limits {
        let options =
            LogOptions { sample: NonZeroU64::new(sample), rate: NonZeroU32::new(rate), ..LogOptions::default() };
        Limits::new(options)
    }

    fn admitted(limits: &Limits, records: usize, second: u32) -> Vec<usize> {
        (0..records).filter(|_| limits.admit(|| second)).collect()
    }

    #[test]
    fn without_limits_every_line_is_written_and_no_clock_is_read() {
        let limits = limits(0, 0);
        assert!((0..10).all(|_| limits.admit(|| panic!("nobody needs the time"))));
    }

    #[test]
    fn a_sample_is_the_first_of_each_so_many() {
        let limits = limits(3, 0);
        assert_eq!(admitted(&limits, 8, 0), [0, 3, 6]);
        assert_eq!(admitted(&limits, 3, 0), [1], "counting goes on");
        assert_eq!(limits.left_out(), None, "nobody waits for what a sample leaves out");
    }

    #[test]
    fn a_rate_leaves_out_the_rest_of_the_second_and_tells_it_when_that_is_over() {
        let limits = limits(0, 2);
        assert_eq!(admitted(&limits, 5, 7), [0, 1]);
        assert_eq!(limits.left_out_before(7), None);
        assert_eq!(admitted(&limits, 1, 6), [0; 0], "a clock that is behind opens no second anew");
        assert_eq!(limits.left_out_before(8), Some(4));
        assert_eq!((limits.left_out_before(9), limits.left_out()), (None, None), "told once");
        assert_eq!(admitted(&limits, 3, 8), [0, 1]);
        assert_eq!(limits.left_out(), Some(1));
    }

    #[test]
    fn sample_and_rate_go_together() {
        let limits = limits(2, 2);
        assert_eq!(admitted(&limits, 10, 1), [0, 2]);
        assert_eq!(limits.left_out(), Some(3), "of the five that were sampled");
    }

    #[test]
    fn workers_share_a_rate() {
        let limits = limits(0, 100);
        let written: usize = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4).map(|_| scope.spawn(|| admitted(&limits, 1_000, 1).len())).collect();
            workers.into_iter().map(|worker| worker.join().expect("no panic")).sum()
        });
        assert_eq!((written, limits.left_out()), (100, Some(3_900)));
    }
}
