//! What an event cost, by the output alone.

use std::collections::{BTreeMap, BTreeSet};

use crate::client::TestRecord;
use crate::judge::identify;
use crate::scale::fleet::INSTANCE;

/// An envelope in the output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// When the broker appended it, in milliseconds.
    pub at: i64,
    pub partition: i32,
    /// Of the record that is in it.
    pub number: u64,
    /// The instance that made it.
    pub by: String,
}

/// From one moment to another, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub from: i64,
    pub to: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// The longest time that each partition got nothing, in milliseconds, the shortest first.
    still: Vec<i64>,
    /// Partitions that another instance delivered at some time than before.
    pub moved: usize,
    /// How often that happened: a partition that goes and comes back counts twice.
    pub moves: usize,
    /// Records that had been delivered before.
    pub twice: Vec<Delivery>,
}

/// A partition that gets nothing for so long stands still; the load has some for it every 200 ms.
pub const STILL_MS: i64 = 1000;

// === impl Delivery ===

impl Delivery {
    /// The envelope of a numbered record, which says in a header who made it.
    pub fn of(record: &TestRecord) -> Option<Self> {
        let (partition, number) = identify(&record.text())?;
        Some(Self { at: record.timestamp?, partition, number, by: record.header(INSTANCE)? })
    }
}

// === impl Window ===

impl Window {
    fn holds(self, at: i64) -> bool {
        (self.from..=self.to).contains(&at)
    }
}

// === impl Cost ===

impl Cost {
    /// `deliveries` are all from the beginning of the output, those of a partition in order.
    pub fn of(deliveries: &[Delivery], window: Window) -> Self {
        let mut partitions: BTreeMap<i32, Vec<&Delivery>> = BTreeMap::new();
        deliveries.iter().for_each(|delivery| partitions.entry(delivery.partition).or_default().push(delivery));
        let mut cost = Self::default();
        partitions.values().for_each(|of_one| cost.add(of_one, window));
        cost.still.sort_unstable();
        cost
    }

    fn add(&mut self, of_one: &[&Delivery], window: Window) {
        // What begins before the window and ends in it counts: it stood still then, too.
        let steps = of_one.windows(2).filter(|step| window.holds(step[1].at));
        let (mut longest, mut moves) = (0, 0);
        for step in steps {
            longest = longest.max(step[1].at - step[0].at);
            moves += usize::from(step[0].by != step[1].by);
        }
        self.still.push(longest);
        self.moves += moves;
        self.moved += usize::from(moves > 0);
        let mut seen = BTreeSet::new();
        let again = of_one.iter().filter(|delivery| !seen.insert(delivery.number));
        self.twice.extend(again.filter(|delivery| window.holds(delivery.at)).map(|delivery| (*delivery).clone()));
    }

    /// Of the partitions in the middle and of the one that stood still for longest, in milliseconds.
    pub fn median_ms(&self) -> i64 {
        self.still.get(self.still.len() / 2).copied().unwrap_or(0)
    }

    pub fn longest_ms(&self) -> i64 {
        self.still.last().copied().unwrap_or(0)
    }

    /// How many partitions stood still for [`STILL_MS`] and more.
    pub fn stood_still(&self) -> usize {
        self.still.iter().filter(|still| **still >= STILL_MS).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(partition: i32, at: i64, number: u64, by: &str) -> Delivery {
        Delivery { at, partition, number, by: by.into() }
    }

    #[test]
    fn what_stood_still_moved_and_came_twice_is_counted_within_the_window() {
        let deliveries = [
            delivery(0, 0, 0, "a"),
            delivery(0, 5_000, 1, "a"), // before
            delivery(0, 7_000, 2, "b"),
            delivery(0, 7_010, 1, "b"),
            delivery(0, 7_020, 3, "a"),
            delivery(0, 20_000, 3, "c"), // after
            delivery(1, 5_990, 0, "b"),
            delivery(1, 6_040, 1, "b"),
            delivery(1, 6_090, 2, "b"),
        ];
        let cost = Cost::of(&deliveries, Window { from: 6_000, to: 10_000 });
        assert_eq!(cost.still, [50, 2_000], "the gap that began before the window counts as a whole");
        assert_eq!((cost.moved, cost.moves, cost.stood_still()), (1, 2, 1));
        assert_eq!(cost.twice, [delivery(0, 7_010, 1, "b")]);
        assert_eq!((cost.median_ms(), cost.longest_ms()), (2_000, 2_000));
    }

    #[test]
    fn a_partition_that_gets_nothing_any_more_is_told_by_its_next_record() {
        let deliveries = [delivery(0, 0, 0, "a"), delivery(0, 9_000, 1, "a")];
        assert_eq!(Cost::of(&deliveries, Window { from: 1_000, to: 5_000 }).longest_ms(), 0);
        assert_eq!(Cost::of(&deliveries, Window { from: 1_000, to: 9_000 }).longest_ms(), 9_000);
    }
}
