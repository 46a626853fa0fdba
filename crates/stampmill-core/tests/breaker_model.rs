//! The breaker against the plainest model: it keeps every record, and looks at all of them each time.

use proptest::prelude::*;
use stampmill_core::breaker::{Breaker, BreakerSettings, Trip, Verdict};

struct Model {
    settings: BreakerSettings,
    /// Batches that passed since it was closed, oldest first.
    batches: Vec<Vec<bool>>,
    /// Records that passed since it was last open, and those of the probe that closed it.
    records: Vec<bool>,
    open: Option<Open>,
}

enum Open {
    Probing,
    ProbeFailed(Trip),
}

fn failed(records: &[bool]) -> u64 {
    records.iter().filter(|failed| **failed).count() as u64
}

fn longest_run(records: &[bool]) -> u64 {
    records.split(|failed| !failed).map(|run| run.len() as u64).max().unwrap_or_default()
}

fn last_run(records: &[bool]) -> u64 {
    records.iter().rev().take_while(|failed| **failed).count() as u64
}

impl Model {
    fn admit(&mut self, batch: &[bool]) -> Verdict {
        if batch.is_empty() {
            return Verdict::Pass;
        }
        match self.open.take() {
            None => self.admit_closed(batch),
            Some(Open::Probing) => {
                self.probe(batch);
                Verdict::Pass
            }
            Some(Open::ProbeFailed(trip)) => {
                self.open = Some(Open::Probing);
                Verdict::Trip(trip)
            }
        }
    }

    fn admit_closed(&mut self, batch: &[bool]) -> Verdict {
        self.batches.push(batch.to_vec());
        self.records.extend(batch);
        match self.limit_passed() {
            None => Verdict::Pass,
            Some(trip) => {
                self.open = Some(Open::Probing);
                Verdict::Trip(trip)
            }
        }
    }

    fn limit_passed(&self) -> Option<Trip> {
        let BreakerSettings { max_ratio, window_records, max_run } = self.settings;
        let run = longest_run(&self.records);
        if run >= max_run {
            return Some(Trip::Run { failed: run, limit: max_run });
        }
        // As few of the latest batches as fill the window.
        let mut window = Vec::new();
        for batch in self.batches.iter().rev() {
            if window.len() as u64 >= window_records {
                break;
            }
            window.extend(batch);
        }
        let (failed, records) = (failed(&window), window.len() as u64);
        let is_too_large = records >= window_records && failed as f64 / records as f64 > max_ratio;
        is_too_large.then_some(Trip::Ratio { failed, records, limit: max_ratio })
    }

    fn probe(&mut self, batch: &[bool]) {
        let (failed, records) = (failed(batch), batch.len() as u64);
        if failed as f64 / records as f64 > self.settings.max_ratio || last_run(batch) >= self.settings.max_run {
            self.open = Some(Open::ProbeFailed(Trip::Probe { failed, records }));
        } else {
            self.batches.clear();
            self.records = batch[batch.len() - last_run(batch) as usize..].to_vec();
        }
    }
}

/// Batches of which some are good, some bad and some mixed.
fn batches() -> impl Strategy<Value = Vec<Vec<bool>>> {
    let batch = prop_oneof![Just(0.1), Just(0.5), Just(0.9)]
        .prop_flat_map(|share| prop::collection::vec(prop::bool::weighted(share), 0..8));
    prop::collection::vec(batch, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_trips_as_one_that_keeps_every_record(
        batches in batches(),
        percent in 0u32..=100,
        window_records in 1u64..20,
        max_run in 1u64..12,
    ) {
        let settings = BreakerSettings { max_ratio: f64::from(percent) / 100.0, window_records, max_run };
        let mut breaker = Breaker::new(settings);
        let mut model = Model { settings, batches: Vec::new(), records: Vec::new(), open: None };
        for batch in batches {
            prop_assert_eq!(breaker.admit(batch.iter().copied()), model.admit(&batch));
            prop_assert_eq!(breaker.is_open(), model.open.is_some());
        }
    }
}
