//! Holds what comes out against what was sent, record by record.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::transactions::Transaction;

/// Knows the records that are under way, and of the others no more than a bit each.
#[derive(Debug, Default)]
pub(crate) struct Checker {
    under_way: HashMap<u64, UnderWay>,
    /// One bit for each number that was sent.
    arrived: Vec<u64>,
    /// The highest number that arrived of each partition.
    highest: BTreeMap<i32, u64>,
    counts: Counts,
    latencies: Latencies,
}

#[derive(Debug)]
struct UnderWay {
    envelope: String,
    partition: i32,
    /// Since the start.
    sent: Duration,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) sent: u64,
    /// Each once, in an envelope as it must be.
    pub(crate) right: u64,
    pub(crate) duplicated: u64,
    /// Not an envelope around a record that was sent, to the byte; or in another partition.
    pub(crate) corrupted: u64,
    pub(crate) out_of_order: u64,
}

/// Counts in buckets, each 2 % wider than the one before: a percentile is right to 2 %.
#[derive(Debug)]
struct Latencies {
    buckets: Vec<u64>,
}

// === impl Checker ===

impl Checker {
    pub(crate) fn sent(&mut self, transaction: &Transaction, partition: i32, at: Duration) {
        let under_way = UnderWay { envelope: transaction.envelope(), partition, sent: at };
        self.under_way.insert(transaction.number, under_way);
        self.counts.sent += 1;
    }

    pub(crate) fn arrived(&mut self, partition: i32, output: &[u8], at: Duration) {
        let number = std::str::from_utf8(output).ok().and_then(Transaction::number_in);
        let Some(number) = number else {
            self.counts.corrupted += 1;
            return;
        };
        let Some(expected) = self.under_way.remove(&number) else {
            if self.has_arrived(number) {
                self.counts.duplicated += 1
            } else {
                self.counts.corrupted += 1
            }
            return;
        };
        self.mark_arrived(number);
        if expected.envelope.as_bytes() != output || expected.partition != partition {
            self.counts.corrupted += 1;
            return;
        }
        self.counts.right += 1;
        let highest = self.highest.entry(partition).or_insert(number);
        self.counts.out_of_order += u64::from(number < *highest);
        *highest = number.max(*highest);
        self.latencies.count(at.saturating_sub(expected.sent));
    }

    fn mark_arrived(&mut self, number: u64) {
        let word = (number / 64) as usize;
        if self.arrived.len() <= word {
            self.arrived.resize(word + 1, 0);
        }
        self.arrived[word] |= 1 << (number % 64);
    }

    fn has_arrived(&self, number: u64) -> bool {
        self.arrived.get((number / 64) as usize).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    /// Sent, and not read back yet. At the end these are the lost ones.
    pub(crate) fn under_way(&self) -> u64 {
        self.under_way.len() as u64
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// The latency that `percent` of the records stay below; `None` before the first.
    pub(crate) fn latency(&self, percent: f64) -> Option<Duration> {
        self.latencies.percentile(percent)
    }

    pub(crate) fn is_clean(&self) -> bool {
        let Counts { sent, right, duplicated, corrupted, out_of_order } = self.counts;
        sent == right && (self.under_way(), duplicated, corrupted, out_of_order) == (0, 0, 0, 0)
    }
}

// === impl Latencies ===

impl Default for Latencies {
    fn default() -> Self {
        Self { buckets: vec![0; 1200] }
    }
}

impl Latencies {
    const STEP: f64 = 1.02;

    fn count(&mut self, latency: Duration) {
        let bucket = (latency.as_micros().max(1) as f64).log(Self::STEP) as usize;
        let last = self.buckets.len() - 1;
        self.buckets[bucket.min(last)] += 1;
    }

    fn percentile(&self, percent: f64) -> Option<Duration> {
        let all: u64 = self.buckets.iter().sum();
        let rank = (all as f64 * percent / 100.0).ceil() as u64;
        let mut below = 0;
        let bucket = self.buckets.iter().position(|count| {
            below += count;
            below >= rank
        });
        let micros = Self::STEP.powi(bucket.filter(|_| all > 0)? as i32 + 1);
        Some(Duration::from_micros(micros as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Duration = Duration::from_millis(1);

    /// Ten records in two partitions, and their outputs.
    fn ten() -> (Checker, Vec<(i32, String)>) {
        let mut checker = Checker::default();
        let outputs = (0..10).map(|number| {
            let transaction = Transaction::new(number);
            checker.sent(&transaction, number as i32 % 2, Duration::ZERO);
            (number as i32 % 2, transaction.envelope())
        });
        let outputs = outputs.collect();
        (checker, outputs)
    }

    fn check(mut checker: Checker, outputs: &[(i32, String)]) -> Checker {
        outputs.iter().for_each(|(partition, output)| checker.arrived(*partition, output.as_bytes(), AT));
        checker
    }

    #[test]
    fn a_clean_run_is_clean() {
        let (checker, outputs) = ten();
        let checker = check(checker, &outputs);
        assert!(checker.is_clean());
        assert_eq!(checker.counts(), Counts { sent: 10, right: 10, ..Counts::default() });
        let latency = checker.latency(50.0).expect("ten latencies");
        assert!((980..=1020).contains(&latency.as_micros()), "{latency:?}");
    }

    #[test]
    fn a_lost_record_is_seen() {
        let (checker, mut outputs) = ten();
        outputs.remove(4);
        let checker = check(checker, &outputs);
        assert!(!checker.is_clean());
        assert_eq!(checker.under_way(), 1);
    }

    #[test]
    fn a_swapped_pair_is_seen() {
        let (checker, mut outputs) = ten();
        outputs.swap(2, 4);
        let checker = check(checker, &outputs);
        assert!(!checker.is_clean());
        assert_eq!(checker.counts().out_of_order, 1);
    }

    #[test]
    fn a_record_that_comes_twice_is_seen() {
        let (checker, mut outputs) = ten();
        outputs.push(outputs[0].clone());
        let checker = check(checker, &outputs);
        assert!(!checker.is_clean());
        assert_eq!(checker.counts().duplicated, 1);
    }

    #[test]
    fn a_changed_digit_is_seen() {
        for (from, to) in [("1500", "1500.0"), ("eventType", "event_type"), ("withdraw", "deposit"), ("{", "")] {
            let (checker, mut outputs) = ten();
            outputs[0].1 = outputs[0].1.replacen(from, to, 1);
            let checker = check(checker, &outputs);
            assert!(!checker.is_clean(), "{from}");
            assert_eq!(checker.counts().corrupted, 1, "{from}");
        }
    }

    #[test]
    fn a_stranger_and_a_wrong_partition_are_seen() {
        let (checker, mut outputs) = ten();
        outputs.push((0, Transaction::new(99).envelope()));
        outputs[1].0 = 0;
        let checker = check(checker, &outputs);
        assert!(!checker.is_clean());
        assert_eq!(checker.counts().corrupted, 2);
    }
}
