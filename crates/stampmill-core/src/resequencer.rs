//! Puts the batches of a partition back in order after the pool has worked on them.

use std::collections::BTreeMap;

use crate::record::{BatchNumber, Epoch};

/// The order of one partition: hands out batches 0, 1, 2, … of the newest epoch it has seen.
#[derive(Debug)]
pub struct Resequencer<T> {
    epoch: Epoch,
    next: BatchNumber,
    waiting: BTreeMap<BatchNumber, T>,
}

/// What became of a batch that was put in.
#[derive(Debug, PartialEq, Eq)]
pub enum Put<T> {
    Taken,
    /// The first of a new epoch: these were still waiting and belong to the one before.
    NewEpoch(Vec<T>),
    /// From an epoch that is over, or a number that went out before: handed back.
    Stale(T),
}

// === impl Resequencer ===

impl<T> Resequencer<T> {
    pub fn new(epoch: Epoch) -> Self {
        Self { epoch, next: 0, waiting: BTreeMap::new() }
    }

    pub fn put(&mut self, epoch: Epoch, number: BatchNumber, batch: T) -> Put<T> {
        if epoch < self.epoch || (epoch == self.epoch && (number < self.next || self.waiting.contains_key(&number))) {
            return Put::Stale(batch);
        }
        let left_over = if epoch > self.epoch { self.begin(epoch) } else { Vec::new() };
        self.waiting.insert(number, batch);
        if left_over.is_empty() { Put::Taken } else { Put::NewEpoch(left_over) }
    }

    fn begin(&mut self, epoch: Epoch) -> Vec<T> {
        self.epoch = epoch;
        self.next = 0;
        std::mem::take(&mut self.waiting).into_values().collect()
    }

    /// The next batch in order, if it is there.
    pub fn pop(&mut self) -> Option<T> {
        let batch = self.waiting.remove(&self.next)?;
        self.next += 1;
        Some(batch)
    }

    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_come_out_in_order() {
        let mut order = Resequencer::new(Epoch(1));
        assert_eq!(order.put(Epoch(1), 1, "b"), Put::Taken);
        assert_eq!(order.pop(), None);
        assert_eq!(order.put(Epoch(1), 0, "a"), Put::Taken);
        assert_eq!((order.pop(), order.pop(), order.pop()), (Some("a"), Some("b"), None));
        assert_eq!(order.put(Epoch(1), 1, "again"), Put::Stale("again"));
    }

    #[test]
    fn a_new_epoch_gives_back_what_waited_and_begins_at_nought() {
        let mut order = Resequencer::new(Epoch(1));
        order.put(Epoch(1), 2, "old");
        assert_eq!(order.put(Epoch(3), 1, "new 1"), Put::NewEpoch(vec!["old"]));
        assert_eq!(order.put(Epoch(2), 0, "late"), Put::Stale("late"));
        assert_eq!(order.pop(), None);
        order.put(Epoch(3), 0, "new 0");
        assert_eq!((order.pop(), order.pop()), (Some("new 0"), Some("new 1")));
    }
}
