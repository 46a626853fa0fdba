//! Out-of-order acknowledgements in, the offset that may be committed out.

use std::collections::VecDeque;

use crate::record::{BatchNumber, CommitOffset, Epoch, Offset};

/// Follows the batches of one partition, and keeps each (`T`) until it is settled.
///
/// The watermark is the commit that is safe at any moment: every record below it is settled. It follows the records
/// that were seen, not arithmetic, for offsets are not consecutive (compaction and transaction markers leave gaps).
#[derive(Debug)]
pub struct OffsetTracker<T> {
    epoch: Epoch,
    watermark: CommitOffset,
    /// The number that the next batch gets.
    next: BatchNumber,
    /// In order of offsets and numbers. The front is never settled, else it would not be here.
    in_flight: VecDeque<InFlight<T>>,
}

#[derive(Debug)]
struct InFlight<T> {
    number: BatchNumber,
    last: Offset,
    /// What to send again should it get lost; `None` once it is settled.
    unsettled: Option<T>,
}

/// What an acknowledgement did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Everything up to here is settled now.
    Advanced(CommitOffset),
    /// Taken, but a batch before it is not settled yet.
    Waiting,
    /// It belongs to another epoch, or its batch was settled before or never tracked: nothing changed.
    Stale,
}

// === impl OffsetTracker ===

impl<T> OffsetTracker<T> {
    /// `start` is the next record to read: nothing below it is ours to settle.
    pub fn new(epoch: Epoch, start: CommitOffset) -> Self {
        Self { epoch, watermark: start, next: 0, in_flight: VecDeque::new() }
    }

    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Takes in the next batch by the offset of its last record, and numbers it.
    ///
    /// # Panics
    /// When `last` does not lie beyond every batch before it: what is read twice would be committed wrongly.
    pub fn track(&mut self, last: Offset, batch: T) -> BatchNumber {
        assert!(last.next() > self.end(), "offset `{last:?}` is not beyond `{:?}`", self.end());
        let number = self.next;
        self.next += 1;
        self.in_flight.push_back(InFlight { number, last, unsettled: Some(batch) });
        number
    }

    pub fn settle(&mut self, epoch: Epoch, number: BatchNumber) -> Settled {
        if epoch != self.epoch {
            return Settled::Stale;
        }
        let Ok(index) = self.in_flight.binary_search_by_key(&number, |batch| batch.number) else {
            return Settled::Stale;
        };
        match self.in_flight[index].unsettled.take() {
            None => Settled::Stale,
            Some(_) => self.advance(),
        }
    }

    fn advance(&mut self) -> Settled {
        let before = self.watermark;
        while let Some(front) = self.in_flight.front()
            && front.unsettled.is_none()
        {
            self.watermark = front.last.next();
            self.in_flight.pop_front();
        }
        if self.watermark > before { Settled::Advanced(self.watermark) } else { Settled::Waiting }
    }

    /// Begins again under a new epoch with all that is not settled, in order, to be sent once more.
    ///
    /// A settled batch that waits for one before it is not sent again: it is folded into the one before.
    pub fn rewind(&mut self, epoch: Epoch) -> impl Iterator<Item = (BatchNumber, &T)> {
        self.epoch = epoch;
        self.next = 0;
        let mut kept: VecDeque<InFlight<T>> = VecDeque::with_capacity(self.in_flight.len());
        for mut batch in self.in_flight.drain(..) {
            match kept.back_mut() {
                Some(before) if batch.unsettled.is_none() => before.last = batch.last,
                _ => {
                    batch.number = self.next;
                    self.next += 1;
                    kept.push_back(batch);
                }
            }
        }
        self.in_flight = kept;
        self.in_flight.iter().filter_map(|batch| Some((batch.number, batch.unsettled.as_ref()?)))
    }

    pub fn watermark(&self) -> CommitOffset {
        self.watermark
    }

    /// The next record to read.
    pub fn end(&self) -> CommitOffset {
        self.in_flight.back().map_or(self.watermark, |batch| batch.last.next())
    }

    /// Batches at or above the watermark, those included that are settled and wait for one before them.
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    pub fn is_drained(&self) -> bool {
        self.in_flight.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Epoch = Epoch(7);

    fn tracker(lasts: &[i64]) -> OffsetTracker<i64> {
        let mut tracker = OffsetTracker::new(NOW, CommitOffset::new(10));
        for (number, last) in lasts.iter().enumerate() {
            assert_eq!(tracker.track(Offset::new(*last), *last), number as u64);
        }
        tracker
    }

    #[test]
    fn the_watermark_waits_for_the_batch_in_front() {
        let mut tracker = tracker(&[12, 20, 21]);
        assert_eq!(tracker.settle(NOW, 1), Settled::Waiting);
        assert_eq!(tracker.watermark(), CommitOffset::new(10));
        assert_eq!(tracker.settle(NOW, 0), Settled::Advanced(CommitOffset::new(21)));
        assert!(!tracker.is_drained());
        assert_eq!(tracker.settle(NOW, 2), Settled::Advanced(CommitOffset::new(22)));
        assert!(tracker.is_drained());
    }

    #[test]
    fn late_and_repeated_acknowledgements_change_nothing() {
        let mut tracker = tracker(&[12, 20, 21]);
        assert_eq!(tracker.settle(Epoch(6), 0), Settled::Stale);
        assert_eq!(tracker.settle(NOW, 3), Settled::Stale);
        assert_eq!(tracker.settle(NOW, 1), Settled::Waiting);
        assert_eq!(tracker.settle(NOW, 1), Settled::Stale);
        assert_eq!(tracker.settle(NOW, 0), Settled::Advanced(CommitOffset::new(21)));
        assert_eq!(tracker.settle(NOW, 0), Settled::Stale);
    }

    #[test]
    fn a_rewind_sends_again_only_what_is_not_settled() {
        let mut tracker = tracker(&[12, 20, 21, 30]);
        tracker.settle(NOW, 1);
        let again: Vec<_> = tracker.rewind(Epoch(8)).map(|(number, last)| (number, *last)).collect();
        assert_eq!(again, [(0, 12), (1, 21), (2, 30)]);
        assert_eq!(tracker.settle(NOW, 0), Settled::Stale);
        assert_eq!(tracker.settle(Epoch(8), 0), Settled::Advanced(CommitOffset::new(21)));
        assert_eq!(tracker.end(), CommitOffset::new(31));
    }

    #[test]
    #[should_panic(expected = "is not beyond")]
    fn reading_twice_is_a_bug() {
        tracker(&[12, 12]);
    }
}
