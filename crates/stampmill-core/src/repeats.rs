//! Says of what is told again and again when to tell it, and how often it was not.

use std::fmt;
use std::time::{Duration, Instant};

#[derive(Clone, Debug)]
pub struct Repeats {
    every: Duration,
    last: Option<Instant>,
    left_out: u64,
}

/// How often it was not told since the last time, as the end of a message: nothing, or how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeftOut(pub u64);

// === impl Repeats ===

impl Repeats {
    pub fn new(every: Duration) -> Self {
        Self { every, last: None, left_out: 0 }
    }

    /// `None` if it is too early to tell it again; `count` of them happened now.
    pub fn admit(&mut self, count: u64, now: Instant) -> Option<LeftOut> {
        if self.last.is_some_and(|last| now.saturating_duration_since(last) < self.every) {
            self.left_out += count;
            return None;
        }
        self.last = Some(now);
        Some(LeftOut(std::mem::take(&mut self.left_out)))
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => Ok(()),
            count => write!(out, " ({count} like it were left out before)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_and_those_after_it_are_counted() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut repeats = Repeats::new(second);
        assert_eq!(repeats.admit(5, start), Some(LeftOut(0)));
        assert_eq!(repeats.admit(2, start + second / 2), None);
        assert_eq!(repeats.admit(1, start + second * 9 / 10), None);
        assert_eq!(repeats.admit(7, start + second), Some(LeftOut(3)));
        assert_eq!(repeats.admit(1, start + second * 3), Some(LeftOut(0)));
        assert_eq!(format!("gone{}{}", LeftOut(0), LeftOut(3)), "gone (3 like it were left out before)");
    }

    #[test]
    fn a_clock_that_goes_back_tells_nothing_twice() {
        let (start, second) = (Instant::now() + Duration::from_secs(10), Duration::from_secs(1));
        let mut repeats = Repeats::new(second);
        assert_eq!(repeats.admit(1, start), Some(LeftOut(0)));
        assert_eq!(repeats.admit(1, start - second), None);
    }
}
