//! Too many failures hold a partition back, instead of pouring it into the dead letters.

use std::collections::VecDeque;
use std::fmt;

/// What is too many.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BreakerSettings {
    /// Of the records in the window, a larger share than this must not fail.
    pub max_ratio: f64,
    /// So many records are looked back at. As long as there were fewer, the ratio says nothing.
    pub window_records: u64,
    /// So many failures in a row trip it, whatever the ratio.
    pub max_run: u64,
}

/// Watches over the records of one partition, batch by batch, before their outputs go out.
///
/// Once it has tripped, one batch may pass as a probe. Only a good one closes it; after a bad one it trips again, so
/// that whoever admits decides how long to wait between probes.
#[derive(Debug)]
pub struct Breaker {
    settings: BreakerSettings,
    state: State,
}

#[derive(Debug)]
enum State {
    Closed(Seen),
    /// Tripped: the next batch is the probe.
    Probing,
    ProbeFailed(Count),
}

/// What has passed since the breaker was closed.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// Of each batch: no more of them than it takes to fill the window.
    batches: VecDeque<Count>,
    /// Their sum.
    window: Count,
    /// The failures since the last success.
    run: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    failed: u64,
    records: u64,
}

/// One batch, as the failures before it make it.
#[derive(Clone, Copy, Debug)]
struct Outcome {
    count: Count,
    longest_run: u64,
    last_run: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    Pass,
    /// The batch is to be held back, and was not counted: it may be admitted again.
    Trip(Trip),
}

/// Which limit was passed, and by how much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Trip {
    Run { failed: u64, limit: u64 },
    Ratio { failed: u64, records: u64, limit: f64 },
    Probe { failed: u64, records: u64 },
}

// === impl Breaker ===

impl Breaker {
    pub fn new(settings: BreakerSettings) -> Self {
        Self { settings, state: State::Closed(Seen::default()) }
    }

    /// Decides on the next batch of the partition by what became of its records: `true` is a failure. A batch without
    /// records passes and changes nothing.
    pub fn admit(&mut self, outcomes: impl Iterator<Item = bool>) -> Verdict {
        let run = if let State::Closed(seen) = &self.state { seen.run } else { 0 };
        let batch = Outcome::of(outcomes, run);
        if batch.count.records == 0 {
            return Verdict::Pass;
        }
        match &mut self.state {
            State::Closed(seen) => {
                let trip = seen.add(&self.settings, batch);
                trip.map_or(Verdict::Pass, |trip| self.trip(trip))
            }
            State::Probing => {
                self.state = self.settings.after_probe(batch);
                Verdict::Pass
            }
            State::ProbeFailed(Count { failed, records }) => {
                let trip = Trip::Probe { failed: *failed, records: *records };
                self.trip(trip)
            }
        }
    }

    /// A record that was admitted as good was refused afterwards. It counts as one of the newest batch, and the next one
    /// is held back if that makes too many.
    pub fn refused_later(&mut self) {
        if let State::Closed(seen) = &mut self.state {
            seen.refused_later();
        }
    }

    fn trip(&mut self, trip: Trip) -> Verdict {
        self.state = State::Probing;
        Verdict::Trip(trip)
    }

    /// It has tripped, and no good probe has passed since.
    pub fn is_open(&self) -> bool {
        !matches!(self.state, State::Closed(_))
    }
}

// === impl BreakerSettings ===

impl BreakerSettings {
    fn is_run_too_long(&self, run: u64) -> bool {
        run >= self.max_run.max(1)
    }

    /// By division: of whole numbers it gives the very value that a limit like `0.29` is read as.
    fn is_share_too_large(&self, count: Count) -> bool {
        count.failed as f64 / count.records as f64 > self.max_ratio
    }

    fn after_probe(&self, probe: Outcome) -> State {
        if self.is_share_too_large(probe.count) || self.is_run_too_long(probe.last_run) {
            State::ProbeFailed(probe.count)
        } else {
            State::Closed(Seen { run: probe.last_run, ..Seen::default() })
        }
    }
}

// === impl Seen ===

impl Seen {
    /// Counts the batch, and says which limit is passed with it.
    fn add(&mut self, settings: &BreakerSettings, batch: Outcome) -> Option<Trip> {
        self.batches.push_back(batch.count);
        self.window = self.window + batch.count;
        self.run = batch.last_run;
        while let Some(oldest) = self.batches.front()
            && self.window.records - oldest.records >= settings.window_records
        {
            self.window = self.window - *oldest;
            self.batches.pop_front();
        }
        let Count { failed, records } = self.window;
        if settings.is_run_too_long(batch.longest_run) {
            Some(Trip::Run { failed: batch.longest_run, limit: settings.max_run })
        } else if records >= settings.window_records && settings.is_share_too_large(self.window) {
            Some(Trip::Ratio { failed, records, limit: settings.max_ratio })
        } else {
            None
        }
    }

    fn refused_later(&mut self) {
        if let Some(newest) = self.batches.back_mut()
            && newest.failed < newest.records
        {
            newest.failed += 1;
            self.window.failed += 1;
        }
    }
}

// === impl Outcome ===

impl Outcome {
    fn of(outcomes: impl Iterator<Item = bool>, run_before: u64) -> Self {
        let none = Self { count: Count::default(), longest_run: 0, last_run: run_before };
        outcomes.fold(none, |batch, has_failed| {
            let last_run = if has_failed { batch.last_run + 1 } else { 0 };
            let count = batch.count + Count { failed: has_failed.into(), records: 1 };
            Self { count, longest_run: batch.longest_run.max(last_run), last_run }
        })
    }
}

// === impl Count ===

impl std::ops::Add for Count {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { failed: self.failed + other.failed, records: self.records + other.records }
    }
}

impl std::ops::Sub for Count {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { failed: self.failed - other.failed, records: self.records - other.records }
    }
}

// === impl Trip ===

impl fmt::Display for Trip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run { failed, limit } => write!(f, "{failed} failures in a row (limit {limit})"),
            Self::Ratio { failed, records, limit } => {
                write!(f, "{failed} of the last {records} records failed (limit {limit})")
            }
            Self::Probe { failed, records } => write!(f, "{failed} of {records} records of the probe failed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker(max_ratio: f64, window_records: u64, max_run: u64) -> Breaker {
        Breaker::new(BreakerSettings { max_ratio, window_records, max_run })
    }

    /// Admits a batch in which `x` is a failure.
    fn admit(breaker: &mut Breaker, batch: &str) -> Option<String> {
        match breaker.admit(batch.bytes().map(|record| record == b'x')) {
            Verdict::Pass => None,
            Verdict::Trip(trip) => Some(trip.to_string()),
        }
    }

    #[test]
    fn a_run_counts_over_the_ends_of_batches() {
        let mut breaker = breaker(1.0, 1_000, 4);
        assert_eq!(admit(&mut breaker, "..xx"), None);
        assert_eq!(admit(&mut breaker, "x.xx"), None);
        assert_eq!(admit(&mut breaker, "xxx..").as_deref(), Some("5 failures in a row (limit 4)"));
        assert!(breaker.is_open());
    }

    #[test]
    fn what_is_refused_later_counts_in_the_window() {
        let mut breaker = breaker(0.5, 10, 100);
        assert_eq!(admit(&mut breaker, "xx........"), None);
        (0..3).for_each(|_| breaker.refused_later());
        assert_eq!(admit(&mut breaker, ""), None, "an empty batch decides nothing");
        assert_eq!(admit(&mut breaker, "x").as_deref(), Some("6 of the last 11 records failed (limit 0.5)"));
        breaker.refused_later();
        assert!(breaker.is_open(), "what comes after the trip changes nothing");
    }

    #[test]
    fn no_more_are_refused_later_than_there_were() {
        let mut breaker = breaker(0.5, 4, 100);
        breaker.refused_later();
        assert_eq!(admit(&mut breaker, ".."), None);
        (0..9).for_each(|_| breaker.refused_later());
        assert_eq!(admit(&mut breaker, ".."), None, "2 of 4 are just the limit");
    }

    #[test]
    fn the_ratio_counts_once_the_window_is_full() {
        let mut breaker = breaker(0.5, 10, 100);
        assert_eq!(admit(&mut breaker, "xxxxx"), None, "fewer records than the window say nothing");
        assert_eq!(admit(&mut breaker, "....."), None, "a share of just the limit is not too large");
        assert_eq!(admit(&mut breaker, "....."), None);
        assert_eq!(admit(&mut breaker, "xxxxx"), None, "the oldest five failures are out of the window");
        assert_eq!(admit(&mut breaker, "x").as_deref(), Some("6 of the last 11 records failed (limit 0.5)"));
    }

    #[test]
    fn a_limit_that_is_just_reached_does_not_trip() {
        for percent in 0..100u64 {
            let mut breaker = breaker(format!("0.{percent:02}").parse().expect("a number"), 100, 1_000);
            let batch = |failed: u64| (0..100u64).map(move |record| record < failed);
            assert_eq!(breaker.admit(batch(percent)), Verdict::Pass, "{percent}");
            assert_ne!(breaker.admit(batch(percent + 1)), Verdict::Pass, "{percent}");
        }
    }

    #[test]
    fn only_a_good_probe_closes_it() {
        let mut breaker = breaker(0.5, 4, 100);
        assert!(admit(&mut breaker, "xxx.").is_some());
        assert_eq!(admit(&mut breaker, "xxx."), None, "the probe passes");
        assert!(breaker.is_open());
        assert_eq!(admit(&mut breaker, "....").as_deref(), Some("3 of 4 records of the probe failed"));
        assert_eq!(admit(&mut breaker, ""), None, "a batch without records is no probe");
        assert!(breaker.is_open());
        assert_eq!(admit(&mut breaker, "xx.."), None);
        assert!(!breaker.is_open());
        assert_eq!(admit(&mut breaker, "xxx"), None, "the window begins anew");
    }

    #[test]
    fn a_probe_that_ends_in_a_run_is_not_good() {
        let mut breaker = breaker(1.0, 4, 3);
        assert!(admit(&mut breaker, "xxx").is_some());
        assert_eq!(admit(&mut breaker, "..xxx"), None);
        assert!(breaker.is_open());
        assert_eq!(admit(&mut breaker, "x").as_deref(), Some("3 of 5 records of the probe failed"));
        assert_eq!(admit(&mut breaker, ".xx"), None);
        assert!(!breaker.is_open());
        assert_eq!(admit(&mut breaker, "x").as_deref(), Some("3 failures in a row (limit 3)"), "it goes on");
    }
}
