//! What came of a fault, and whether that is what must come of it.

use std::fmt;

use crate::chaos::run::{Delivery, Expects};
use crate::in_flight::InFlight;
use crate::verdict::Verdict;

#[derive(Clone, Debug, Default)]
pub struct Outcome {
    pub repetitions: u32,
    pub verdict: Verdict,
    /// At each hit, in each partition.
    pub in_flight: Vec<InFlight>,
    /// What else was found wrong.
    pub faults: Vec<String>,
    /// What else was seen.
    pub notes: Vec<String>,
}

// === impl Outcome ===

impl Outcome {
    /// All that is not as it must be.
    pub fn failures(&self, expects: Expects, delivery: Delivery) -> Vec<String> {
        if expects == Expects::Anything {
            return Vec::new();
        }
        let mut failures = self.faults.clone();
        failures.extend(self.proves_nothing());
        match expects {
            Expects::Damage if self.lost_or_early() == 0 => failures.push("the damage was not seen".into()),
            Expects::Damage | Expects::Anything => {}
            Expects::Promise | Expects::Once => failures.extend(self.damage(expects, delivery)),
        }
        failures
    }

    fn lost_or_early(&self) -> u64 {
        self.verdict.lost + self.verdict.committed_beyond_delivered
    }

    /// A fault that hit nothing.
    fn proves_nothing(&self) -> Option<String> {
        let idle = self.in_flight.iter().any(|in_flight| in_flight.least() == 0);
        let nothing = self.verdict.hits == 0 || self.in_flight.is_empty() || idle;
        nothing.then(|| "it hit nothing: there are no hits, or none in flight in some partition".into())
    }

    fn damage(&self, expects: Expects, delivery: Delivery) -> Option<String> {
        let Verdict { lost, duplicated, reordered, corrupted, committed_beyond_delivered, .. } = self.verdict;
        let once = expects == Expects::Once || delivery == Delivery::ExactlyOnce;
        let doubled = if once { duplicated } else { 0 };
        let damaged = lost + reordered + corrupted + committed_beyond_delivered + doubled > 0;
        damaged.then(|| format!("the verdict: {}", self.verdict))
    }

    /// The fewest and the median of what was in flight, over all hits and partitions.
    pub fn in_flight_least_and_median(&self) -> (u64, u64) {
        let mut all: Vec<u64> = self.in_flight.iter().flat_map(|in_flight| in_flight.0.values().copied()).collect();
        all.sort_unstable();
        (all.first().copied().unwrap_or(0), all.get(all.len() / 2).copied().unwrap_or(0))
    }

    /// Of the same fault, run once more.
    pub fn add(&mut self, other: Self) {
        self.repetitions += other.repetitions;
        self.verdict.expected += other.verdict.expected;
        self.verdict.lost += other.verdict.lost;
        self.verdict.duplicated += other.verdict.duplicated;
        self.verdict.reordered += other.verdict.reordered;
        self.verdict.first_passed = self.verdict.first_passed.or(other.verdict.first_passed);
        self.verdict.corrupted += other.verdict.corrupted;
        self.verdict.committed_beyond_delivered += other.verdict.committed_beyond_delivered;
        self.verdict.hits += other.verdict.hits;
        self.in_flight.extend(other.in_flight);
        self.faults.extend(other.faults);
        self.notes.extend(other.notes);
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} repetitions, {}", self.repetitions, self.verdict)?;
        self.notes.iter().try_for_each(|note| write!(out, "; {note}"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn outcome(change: impl FnOnce(&mut Outcome)) -> Outcome {
        let verdict = Verdict { expected: 10, hits: 1, ..Verdict::default() };
        let in_flight = vec![InFlight(BTreeMap::from([(0, 3), (1, 1)]))];
        let mut outcome = Outcome { repetitions: 1, verdict, in_flight, ..Outcome::default() };
        change(&mut outcome);
        outcome
    }

    fn fails(outcome: &Outcome, expects: Expects, delivery: Delivery) -> bool {
        !outcome.failures(expects, delivery).is_empty()
    }

    #[test]
    fn a_fault_that_hit_nothing_fails() {
        assert!(!fails(&outcome(|_| ()), Expects::Promise, Delivery::ExactlyOnce));
        assert!(fails(&outcome(|outcome| outcome.verdict.hits = 0), Expects::Promise, Delivery::AtLeastOnce));
        let idle = outcome(|outcome| outcome.in_flight.push(InFlight(BTreeMap::from([(0, 7), (1, 0)]))));
        assert!(fails(&idle, Expects::Promise, Delivery::AtLeastOnce));
    }

    #[test]
    fn duplicates_fail_where_nothing_may_come_twice() {
        let doubled = outcome(|outcome| outcome.verdict.duplicated = 1);
        assert!(!fails(&doubled, Expects::Promise, Delivery::AtLeastOnce));
        assert!(fails(&doubled, Expects::Promise, Delivery::ExactlyOnce));
        assert!(fails(&doubled, Expects::Once, Delivery::AtLeastOnce));
    }

    #[test]
    fn damage_that_is_expected_must_be_seen() {
        assert!(fails(&outcome(|_| ()), Expects::Damage, Delivery::AtLeastOnce));
        assert!(!fails(&outcome(|outcome| outcome.verdict.lost = 1), Expects::Damage, Delivery::AtLeastOnce));
        assert!(fails(&outcome(|outcome| outcome.verdict.lost = 1), Expects::Promise, Delivery::AtLeastOnce));
    }
}
