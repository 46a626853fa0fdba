//! Says of what is told again and again when to tell it, and how often it was not.

use std::fmt;
use std::time::{Duration, Instant};

#[derive(Clone, Debug)]
pub struct Repeats {
    every: Duration,
    last: Option<Instant>,
    left_out: u64,
}

/// Complaints of one place: each is told when it is new, and then as [`Repeats`] has it.
#[derive(Clone, Debug)]
pub struct Complaints {
    every: Duration,
    /// Those that were told within `every`, with how often each came since.
    recent: Vec<(String, Repeats)>,
    /// Of those for which there was no more room there: together they are told as one.
    others: Repeats,
}

/// As many are told at once, and no more: each may have a number of its own in it.
const MOST: usize = 8;

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
        if self.is_early(now) {
            self.left_out += count;
            return None;
        }
        self.last = Some(now);
        Some(LeftOut(std::mem::take(&mut self.left_out)))
    }

    fn is_early(&self, now: Instant) -> bool {
        self.last.is_some_and(|last| now.saturating_duration_since(last) < self.every)
    }
}

// === impl Complaints ===

impl Complaints {
    pub fn new(every: Duration) -> Self {
        Self { every, recent: Vec::new(), others: Repeats::new(every) }
    }

    /// `None` if it is too early to tell `complaint` again.
    pub fn admit(&mut self, complaint: &str, now: Instant) -> Option<LeftOut> {
        if let Some((_, repeats)) = self.recent.iter_mut().find(|(known, _)| known == complaint) {
            return repeats.admit(1, now);
        }
        self.recent.retain(|(_, repeats)| repeats.is_early(now));
        if self.recent.len() == MOST {
            return self.others.admit(1, now);
        }
        let mut repeats = Repeats::new(self.every);
        let told = repeats.admit(1, now);
        self.recent.push((complaint.to_owned(), repeats));
        told
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
    fn another_complaint_is_told_at_once() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut complaints = Complaints::new(second);
        assert_eq!(complaints.admit("gone", start), Some(LeftOut(0)));
        assert_eq!(complaints.admit("refused", start), Some(LeftOut(0)));
        assert_eq!(complaints.admit("gone", start + second / 2), None);
        assert_eq!(complaints.admit("gone", start + second), Some(LeftOut(1)));
        assert_eq!(complaints.admit("refused", start + second), Some(LeftOut(0)));
    }

    #[test]
    fn complaints_that_all_differ_fill_no_log() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut complaints = Complaints::new(second);
        let told = |complaints: &mut Complaints, at| {
            (0..1_000).filter(|number| complaints.admit(&format!("at {number}"), at).is_some()).count()
        };
        assert_eq!(told(&mut complaints, start), MOST + 1);
        assert_eq!(told(&mut complaints, start + second / 2), 0);
        assert_eq!(told(&mut complaints, start + second), MOST + 1);
    }

    #[test]
    fn a_clock_that_goes_back_tells_nothing_twice() {
        let (start, second) = (Instant::now() + Duration::from_secs(10), Duration::from_secs(1));
        let mut repeats = Repeats::new(second);
        assert_eq!(repeats.admit(1, start), Some(LeftOut(0)));
        assert_eq!(repeats.admit(1, start - second), None);
    }
}
