//! Follows the output record by record and knows at any moment what has been delivered.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::client::TestRecord;
use crate::verdict::{Passed, Verdict, envelope};

/// Which numbers are not for the output but for the dead letters.
pub type Odd = fn(u64) -> bool;

/// Counts by source partition; order by first appearance, for each source and sink partition.
pub struct Judge {
    odd: Odd,
    lanes: BTreeMap<i32, Lane>,
    highest: BTreeMap<(i32, i32), u64>,
    duplicated: u64,
    reordered: u64,
    first_passed: Option<Passed>,
    corrupted: u64,
}

/// What of one source partition has been delivered.
#[derive(Default)]
struct Lane {
    /// All below it has been, or is odd.
    next: u64,
    above: BTreeSet<u64>,
}

// === impl Judge ===

impl Judge {
    pub fn new(odd: Odd) -> Self {
        let (lanes, highest) = (BTreeMap::new(), BTreeMap::new());
        Self { odd, lanes, highest, duplicated: 0, reordered: 0, first_passed: None, corrupted: 0 }
    }

    /// Looks at the next record of the output.
    pub fn see(&mut self, record: &TestRecord) {
        let Some((partition, number)) = identify(&record.text()).filter(|(_, number)| !(self.odd)(*number)) else {
            self.corrupted += 1;
            return;
        };
        if !self.take(partition, number) {
            self.duplicated += 1;
            return;
        }
        let highest = self.highest.entry((partition, record.partition)).or_insert(number);
        if number < *highest {
            self.reordered += 1;
            self.first_passed.get_or_insert(Passed { partition, number, by: *highest });
        }
        *highest = number.max(*highest);
    }

    /// Whether it is the first of that number.
    fn take(&mut self, partition: i32, number: u64) -> bool {
        let lane = self.lanes.entry(partition).or_default();
        let first = number >= lane.next && lane.above.insert(number);
        while lane.above.remove(&lane.next) || (self.odd)(lane.next) {
            lane.next += 1;
        }
        first
    }

    /// Numbers that are not to be delivered, by what is documented: from now on they would count as duplicates.
    pub fn excuse(&mut self, partition: i32, numbers: std::ops::Range<u64>) {
        for number in numbers {
            self.take(partition, number);
        }
    }

    /// How many of a partition have been delivered, those once counted that came twice.
    pub fn delivered(&self, partition: i32) -> u64 {
        self.lanes.get(&partition).map_or(0, |lane| lane.next + lane.above.len() as u64)
    }

    /// Up to where everything has been delivered.
    pub fn complete(&self, partition: i32) -> u64 {
        self.lanes.get(&partition).map_or_else(|| u64::from((self.odd)(0)), |lane| lane.next)
    }

    /// Whether all of `sent`, the numbers of records in each partition, are known to be dealt with. Of odd ones at the end,
    /// which come out elsewhere, that cannot be seen here.
    pub fn has_all(&self, sent: &BTreeMap<i32, u64>) -> bool {
        let ends_odd = |records: u64| records > 0 && (self.odd)(records - 1);
        sent.iter().all(|(partition, records)| self.complete(*partition) >= *records && !ends_odd(*records))
    }

    pub fn verdict(&self, sent: &BTreeMap<i32, u64>) -> Verdict {
        let numbers = |records: &u64| (0..*records).filter(|number| !(self.odd)(*number)).count() as u64;
        let missing = sent.iter().map(|(partition, records)| self.missing(*partition, *records));
        // Of no record that was sent.
        let foreign = self.lanes.iter().map(|(partition, lane)| {
            let records = sent.get(partition).copied().unwrap_or(0);
            let passed = (records..lane.next).filter(|number| !(self.odd)(*number)).count();
            (lane.above.range(records..).count() + passed) as u64
        });
        Verdict {
            expected: sent.values().map(numbers).sum(),
            lost: missing.sum(),
            duplicated: self.duplicated,
            reordered: self.reordered,
            first_passed: self.first_passed,
            corrupted: self.corrupted + foreign.sum::<u64>(),
            ..Verdict::default()
        }
    }

    fn missing(&self, partition: i32, records: u64) -> u64 {
        let above = |number: &u64| self.lanes.get(&partition).is_some_and(|lane| lane.above.contains(number));
        let missing = (self.complete(partition)..records).filter(|number| !(self.odd)(*number) && !above(number));
        missing.count() as u64
    }
}

/// The partition and number of the record that an envelope is around; `None` if it is not exactly that.
pub(crate) fn identify(text: &str) -> Option<(i32, u64)> {
    let found: Value = serde_json::from_str(text).ok()?;
    let partition = i32::try_from(found["data"]["p"].as_i64()?).ok()?;
    let number = found["data"]["n"].as_u64()?;
    (text == envelope(partition, number)).then_some((partition, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn see(judge: &mut Judge, numbers: &[u64]) {
        numbers.iter().for_each(|number| judge.see(&TestRecord::value(0, envelope(0, *number))));
    }

    #[test]
    fn what_is_complete_ends_at_the_first_that_is_missing() {
        let mut judge = Judge::new(|_| false);
        see(&mut judge, &[0, 1, 3, 3]);
        assert_eq!((judge.complete(0), judge.delivered(0)), (2, 3));
        let verdict = judge.verdict(&BTreeMap::from([(0, 5)]));
        assert_eq!((verdict.expected, verdict.lost, verdict.duplicated), (5, 2, 1));
    }

    #[test]
    fn odd_numbers_are_not_expected_and_not_welcome() {
        let mut judge = Judge::new(|number| number % 2 == 0);
        see(&mut judge, &[1, 3, 4]);
        let verdict = judge.verdict(&BTreeMap::from([(0, 5)]));
        assert_eq!((verdict.expected, verdict.lost, verdict.corrupted), (2, 0, 1));
        assert!(judge.has_all(&BTreeMap::from([(0, 4)])));
        assert!(!judge.has_all(&BTreeMap::from([(0, 5)])), "4 is odd: what becomes of it is not seen");
    }

    #[test]
    fn what_was_never_sent_and_what_was_excused_are_seen() {
        let mut judge = Judge::new(|_| false);
        see(&mut judge, &[0]);
        judge.excuse(0, 1..3);
        see(&mut judge, &[2, 3, 4, 9]);
        let verdict = judge.verdict(&BTreeMap::from([(0, 4)]));
        assert_eq!((verdict.lost, verdict.duplicated, verdict.corrupted), (0, 1, 2));
    }
}
