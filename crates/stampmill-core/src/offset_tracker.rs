//! Out-of-order acknowledgements in, the offset that may be committed out.

use std::collections::VecDeque;

use crate::completed::Completed;
use crate::record::{BatchNumber, CommitOffset, Epoch, Offset};

/// As many parts as a batch may be cut into.
pub const MAX_PARTS: usize = 64;

/// Follows the batches of one partition, and keeps the parts of each (`T`) until they are settled.
///
/// The watermark is the commit that is safe at any moment: every record below it is settled. It follows the records
/// that were seen, not arithmetic, for offsets are not consecutive (compaction and transaction markers leave gaps).
#[derive(Debug)]
pub struct OffsetTracker<T> {
    epoch: Epoch,
    watermark: CommitOffset,
    /// The number that the next batch gets.
    next: BatchNumber,
    /// In order of offsets. The front is never settled, else it would not be here.
    in_flight: VecDeque<InFlight<T>>,
    /// Above the watermark and settled, but by no batch in flight: the caller leaves these records out.
    done_before: Completed,
}

#[derive(Debug)]
struct InFlight<T> {
    /// Means nothing any more once the batch is settled: a rewind may give it to another.
    number: BatchNumber,
    first: Offset,
    end: CommitOffset,
    /// What to send again should it get lost; `None` for a part that is settled, and no parts once all are.
    parts: Vec<Option<T>>,
    /// The records of its settled parts, as long as others are not.
    done: Completed,
}

/// What an acknowledgement did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Everything up to here is settled now.
    Advanced(CommitOffset),
    /// Taken, but something before it, or another part of its batch, is not settled yet.
    Waiting,
    /// It belongs to another epoch, or it was settled before or never tracked: nothing changed.
    Stale,
}

// === impl OffsetTracker ===

impl<T> OffsetTracker<T> {
    /// `start` is the next record to read: nothing below it is ours to settle.
    pub fn new(epoch: Epoch, start: CommitOffset) -> Self {
        Self::resume(epoch, start, Completed::default())
    }

    /// Goes on where another left off. The caller leaves out the records that are `completed`.
    pub fn resume(epoch: Epoch, start: CommitOffset, completed: Completed) -> Self {
        let mut tracker = Self { epoch, watermark: start, next: 0, in_flight: VecDeque::new(), done_before: completed };
        tracker.pass_over_done();
        tracker
    }

    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Takes in the next batch by its first and its last offset, cut into parts, and numbers it.
    ///
    /// # Panics
    /// When it does not lie beyond every batch before it: what is read twice would be committed wrongly. And when it
    /// has no parts, or more than [`MAX_PARTS`].
    pub fn track(&mut self, first: Offset, last: Offset, parts: Vec<T>) -> BatchNumber {
        assert!(first >= self.read_to().reads(), "offset `{first:?}` is not beyond `{:?}`", self.read_to());
        assert!(first <= last, "a batch from `{first:?}` does not end at `{last:?}`");
        assert!((1..=MAX_PARTS).contains(&parts.len()), "a batch does not come in {} parts", parts.len());
        let number = self.next;
        self.next += 1;
        let parts = parts.into_iter().map(Some).collect();
        self.in_flight.push_back(InFlight { number, first, end: last.next(), parts, done: Completed::default() });
        number
    }

    /// Everything that was read up to `last`, and not tracked, was left out: without this the watermark would wait
    /// before a gap that lies in front of it until another record comes.
    pub fn leave_out(&mut self, last: Offset) -> Settled {
        let before = self.watermark;
        let end = self.in_flight.back_mut().map_or(&mut self.watermark, |batch| &mut batch.end);
        *end = last.next().max(*end);
        self.advance(before)
    }

    /// `records` are those of the part. They count as [`OffsetTracker::completed`] while other parts of the batch are not
    /// settled; where a batch is one part, there need not be any.
    pub fn settle(
        &mut self,
        epoch: Epoch,
        number: BatchNumber,
        part: usize,
        records: impl IntoIterator<Item = Offset>,
    ) -> Settled {
        let Some(index) = self.find(epoch, number) else { return Settled::Stale };
        let batch = &mut self.in_flight[index];
        if batch.parts.get_mut(part).and_then(Option::take).is_none() {
            return Settled::Stale;
        }
        if batch.parts.iter().all(Option::is_none) {
            batch.parts.clear();
            batch.done = Completed::default();
        } else {
            records.into_iter().for_each(|record| batch.done.insert(record, record.next()));
        }
        self.advance(self.watermark)
    }

    /// The partition stops at `at`, a record of that batch which is not to be passed: what is behind it is forgotten,
    /// and what is before it counts as settled as soon as all batches before are.
    ///
    /// What is settled of the batches behind it stays [`OffsetTracker::completed`]: it was delivered, and would be again.
    ///
    /// # Panics
    /// When `at` does not lie within the batch.
    pub fn give_up(&mut self, epoch: Epoch, number: BatchNumber, at: CommitOffset) -> Settled {
        let Some(index) = self.find(epoch, number) else { return Settled::Stale };
        let batch = &mut self.in_flight[index];
        assert!((batch.first..batch.end.reads()).contains(&at.reads()), "`{at:?}` is not within the batch it ends");
        batch.end = at;
        batch.parts.clear();
        batch.done = Completed::default();
        for behind in self.in_flight.drain(index + 1..) {
            behind.completed(&mut self.done_before);
        }
        self.done_before.forget_around(at.reads());
        self.advance(self.watermark)
    }

    /// The window is small and what comes is mostly near the front.
    fn find(&self, epoch: Epoch, number: BatchNumber) -> Option<usize> {
        let is_it = |batch: &InFlight<T>| batch.number == number && !batch.is_settled();
        (epoch == self.epoch).then(|| self.in_flight.iter().position(is_it))?
    }

    fn advance(&mut self, before: CommitOffset) -> Settled {
        while let Some(front) = self.in_flight.front()
            && front.is_settled()
        {
            self.watermark = front.end;
            self.in_flight.pop_front();
        }
        self.pass_over_done();
        if self.watermark > before { Settled::Advanced(self.watermark) } else { Settled::Waiting }
    }

    fn pass_over_done(&mut self) {
        self.done_before.forget_below(self.watermark);
        self.watermark = self.done_before.jump(self.watermark);
        self.done_before.forget_below(self.watermark);
    }

    /// Begins again under a new epoch with all parts that are not settled, in order, to be sent once more.
    ///
    /// The batches that have such parts are numbered 0, 1, 2, … again.
    pub fn rewind(&mut self, epoch: Epoch) -> impl Iterator<Item = (BatchNumber, usize, &T)> {
        self.epoch = epoch;
        self.next = 0;
        for batch in self.in_flight.iter_mut().filter(|batch| !batch.is_settled()) {
            batch.number = self.next;
            self.next += 1;
        }
        self.in_flight.iter().flat_map(|batch| {
            let parts = batch.parts.iter().enumerate();
            parts.filter_map(|(part, unsettled)| Some((batch.number, part, unsettled.as_ref()?)))
        })
    }

    /// Whether that part is in flight: its loss matters.
    pub fn awaits(&self, epoch: Epoch, number: BatchNumber, part: usize) -> bool {
        let batch = self.find(epoch, number).map(|index| &self.in_flight[index]);
        batch.and_then(|batch| batch.parts.get(part)).is_some_and(Option::is_some)
    }

    /// The parts of a batch that are not settled, each with its index.
    pub fn parts(&self, epoch: Epoch, number: BatchNumber) -> impl Iterator<Item = (usize, &T)> {
        let batch = self.find(epoch, number).map(|index| &self.in_flight[index]);
        let parts = batch.into_iter().flat_map(|batch| batch.parts.iter().enumerate());
        parts.filter_map(|(part, unsettled)| Some((part, unsettled.as_ref()?)))
    }

    /// A part of the oldest batch in flight that is not settled.
    pub fn oldest(&self) -> Option<&T> {
        self.in_flight.iter().find_map(|batch| batch.parts.iter().flatten().next())
    }

    /// The number that the next batch gets.
    pub fn next_number(&self) -> BatchNumber {
        self.next
    }

    pub fn watermark(&self) -> CommitOffset {
        self.watermark
    }

    /// What is settled above the watermark.
    pub fn completed(&self) -> Completed {
        let mut completed = self.done_before.clone();
        self.in_flight.iter().for_each(|batch| batch.completed(&mut completed));
        completed
    }

    /// The next record to read.
    pub fn end(&self) -> CommitOffset {
        self.done_before.jump(self.read_to())
    }

    fn read_to(&self) -> CommitOffset {
        self.in_flight.back().map_or(self.watermark, |batch| batch.end)
    }

    /// Batches at or above the watermark, those included that are settled and wait for one before them.
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    pub fn is_drained(&self) -> bool {
        self.in_flight.is_empty()
    }
}

// === impl InFlight ===

impl<T> InFlight<T> {
    fn is_settled(&self) -> bool {
        self.parts.is_empty()
    }

    /// Adds what is settled of it.
    fn completed(&self, completed: &mut Completed) {
        match self.is_settled() {
            true => completed.insert(self.first, self.end),
            false => completed.extend(&self.done),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Epoch = Epoch(7);
    const LATER: Epoch = Epoch(8);

    fn to(offset: i64) -> CommitOffset {
        CommitOffset::new(offset)
    }

    fn completed(ranges: &[(i64, i64)]) -> Completed {
        ranges.iter().map(|(first, last)| (Offset::new(*first), Offset::new(*last))).collect()
    }

    fn track(tracker: &mut OffsetTracker<i64>, first: i64, last: i64, parts: usize) -> BatchNumber {
        tracker.track(Offset::new(first), Offset::new(last), vec![first; parts])
    }

    /// Starts at 10, and has a batch for each of the ranges.
    fn tracker(batches: &[(i64, i64)], parts: usize) -> OffsetTracker<i64> {
        let mut tracker = OffsetTracker::new(NOW, to(10));
        for (number, (first, last)) in batches.iter().enumerate() {
            assert_eq!(track(&mut tracker, *first, *last, parts), number as u64);
        }
        tracker
    }

    #[test]
    fn the_watermark_waits_for_the_batch_in_front() {
        let mut tracker = tracker(&[(10, 12), (15, 20), (21, 21)], 1);
        assert_eq!(tracker.settle(NOW, 1, 0, []), Settled::Waiting);
        assert_eq!(tracker.watermark(), to(10));
        assert_eq!(tracker.settle(NOW, 0, 0, []), Settled::Advanced(to(21)));
        assert!(!tracker.is_drained());
        assert_eq!(tracker.settle(NOW, 2, 0, []), Settled::Advanced(to(22)));
        assert!(tracker.is_drained());
    }

    #[test]
    fn a_batch_is_settled_when_all_its_parts_are() {
        let mut tracker = tracker(&[(10, 12)], 3);
        assert_eq!(tracker.settle(NOW, 0, 2, []), Settled::Waiting);
        assert_eq!(tracker.settle(NOW, 0, 0, []), Settled::Waiting);
        assert_eq!(tracker.settle(NOW, 0, 0, []), Settled::Stale);
        assert_eq!(tracker.settle(NOW, 0, 3, []), Settled::Stale, "there is no such part");
        assert_eq!(tracker.settle(NOW, 0, 1, []), Settled::Advanced(to(13)));
    }

    #[test]
    fn late_and_repeated_acknowledgements_change_nothing() {
        let mut tracker = tracker(&[(10, 12), (13, 20), (21, 21)], 1);
        assert_eq!(tracker.settle(Epoch(6), 0, 0, []), Settled::Stale);
        assert_eq!(tracker.settle(NOW, 3, 0, []), Settled::Stale);
        assert_eq!(tracker.settle(NOW, 1, 0, []), Settled::Waiting);
        assert_eq!(tracker.settle(NOW, 1, 0, []), Settled::Stale);
        assert_eq!(tracker.settle(NOW, 0, 0, []), Settled::Advanced(to(21)));
        assert_eq!(tracker.settle(NOW, 0, 0, []), Settled::Stale);
    }

    #[test]
    fn a_rewind_sends_again_only_what_is_not_settled() {
        let mut tracker = tracker(&[(10, 12), (13, 20), (21, 21), (25, 30)], 2);
        for (number, part) in [(1, 0), (1, 1), (2, 0)] {
            tracker.settle(NOW, number, part, []);
        }
        let again: Vec<_> = tracker.rewind(LATER).map(|(number, part, first)| (number, part, *first)).collect();
        assert_eq!(again, [(0, 0, 10), (0, 1, 10), (1, 1, 21), (2, 0, 25), (2, 1, 25)]);
        assert_eq!(tracker.completed(), completed(&[(13, 20)]), "nobody has said which records the other part had");

        assert_eq!(tracker.settle(NOW, 0, 0, []), Settled::Stale);
        assert_eq!(tracker.settle(LATER, 1, 0, []), Settled::Stale, "that part was settled before the rewind");
        assert_eq!(tracker.settle(LATER, 1, 1, []), Settled::Waiting);
        assert_eq!(tracker.settle(LATER, 0, 0, []), Settled::Waiting);
        assert_eq!(tracker.settle(LATER, 0, 1, []), Settled::Advanced(to(22)));
        assert_eq!(tracker.end(), to(31));
    }

    #[test]
    fn what_is_completed_lies_above_the_watermark() {
        let mut tracker = tracker(&[(10, 12), (13, 14), (15, 20), (22, 30), (31, 40)], 2);
        for (number, part) in [(1, 0), (1, 1), (2, 0), (2, 1), (3, 0), (3, 1), (4, 0)] {
            tracker.settle(NOW, number, part, []);
        }
        assert_eq!(tracker.completed(), completed(&[(13, 20), (22, 30)]));
    }

    #[test]
    fn a_partition_that_stops_goes_to_the_record_it_stops_at() {
        let mut tracker = tracker(&[(10, 12), (13, 20), (21, 21), (25, 30)], 1);
        tracker.settle(NOW, 2, 0, []);
        assert_eq!(tracker.give_up(NOW, 1, to(15)), Settled::Waiting);
        assert_eq!((tracker.end(), tracker.in_flight()), (to(15), 2));
        for late in [1, 2, 3] {
            assert_eq!(tracker.settle(NOW, late, 0, []), Settled::Stale);
            assert_eq!(tracker.give_up(NOW, late, to(15)), Settled::Stale);
        }
        assert_eq!(tracker.settle(NOW, 0, 0, []), Settled::Advanced(to(15)));
        assert!(tracker.is_drained());
        assert_eq!(tracker.completed(), completed(&[(21, 21)]), "delivered before the stop");
    }

    #[test]
    fn a_partition_may_stop_at_the_first_record_of_a_batch() {
        let mut tracker = tracker(&[(10, 12), (15, 20)], 1);
        tracker.settle(NOW, 0, 0, []);
        assert_eq!(tracker.give_up(NOW, 1, to(15)), Settled::Advanced(to(15)));
        assert!(tracker.is_drained() && tracker.completed().is_empty());
        assert_eq!(track(&mut tracker, 15, 20, 1), 2, "it may be read again");
    }

    #[test]
    #[should_panic(expected = "is not within the batch")]
    fn a_partition_does_not_stop_at_a_record_of_another_batch() {
        tracker(&[(10, 12), (13, 20)], 1).give_up(NOW, 0, to(13));
    }

    #[test]
    fn what_was_completed_before_is_passed_over() {
        let mut tracker = OffsetTracker::resume(NOW, to(10), completed(&[(10, 12), (15, 16), (20, 22)]));
        assert_eq!((tracker.watermark(), tracker.end()), (to(13), to(13)));
        track(&mut tracker, 13, 14, 1);
        assert_eq!(tracker.end(), to(17), "the next record to read lies behind what is completed");
        track(&mut tracker, 17, 30, 1);
        assert_eq!(tracker.completed(), completed(&[(15, 16), (20, 22)]));
        assert_eq!(tracker.settle(NOW, 0, 0, []), Settled::Advanced(to(17)));
        assert_eq!(tracker.settle(NOW, 1, 0, []), Settled::Advanced(to(31)));
        assert!(tracker.completed().is_empty());
    }

    #[test]
    fn a_gap_before_what_was_left_out_holds_nothing_back() {
        let mut tracker = OffsetTracker::resume(NOW, to(10), completed(&[(12, 15), (20, 22)]));
        assert_eq!(tracker.leave_out(Offset::new(15)), Settled::Advanced(to(16)));
        track(&mut tracker, 16, 16, 1);
        assert_eq!(tracker.leave_out(Offset::new(22)), Settled::Waiting);
        assert_eq!(tracker.end(), to(23));
        assert_eq!(tracker.settle(NOW, 0, 0, []), Settled::Advanced(to(23)));
        assert_eq!(tracker.leave_out(Offset::new(15)), Settled::Waiting, "it never goes back");
    }

    #[test]
    #[should_panic(expected = "is not beyond")]
    fn reading_twice_is_a_bug() {
        tracker(&[(10, 12), (12, 13)], 1);
    }

    #[test]
    #[should_panic(expected = "does not come in 65 parts")]
    fn a_batch_has_few_parts() {
        tracker(&[(10, 99)], MAX_PARTS + 1);
    }
}
