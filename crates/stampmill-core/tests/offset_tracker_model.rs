//! The offset tracker against the plainest model there is: a list of records, each settled or not.

use std::ops::Range;

use proptest::prelude::*;
use stampmill_core::completed::Completed;
use stampmill_core::offset_tracker::{OffsetTracker, Settled};
use stampmill_core::record::{CommitOffset, Epoch, Offset};

#[derive(Clone, Debug)]
enum Action {
    /// Read so many records, and cut what is new of them into parts: a record goes to the part of its digit.
    Read(Vec<usize>),
    /// Acknowledge any part that was ever sent, in whatever epoch it was sent: late and repeated ones among them.
    Settle(prop::sample::Index),
    /// Begin a new epoch.
    Rewind,
    /// Stop at a record of a batch that is not settled.
    GiveUp(prop::sample::Index, prop::sample::Index),
    /// Another instance goes on from the commit, with so many bytes of metadata.
    Resume(usize),
}

#[derive(Debug)]
struct Record {
    offset: i64,
    /// Settled, and known to be so whatever becomes of the batch it was read in.
    done: bool,
}

/// What was read at once.
#[derive(Debug)]
struct Chunk {
    /// `None` if there was nothing more to settle in it when it was last numbered.
    number: Option<u64>,
    records: Range<usize>,
    /// The next offset to read behind it.
    end: i64,
    /// By part; none if all of it was left out.
    acked: Vec<bool>,
    /// The records that were new, each with its part.
    parts: Vec<(usize, usize)>,
}

struct Model {
    tracker: OffsetTracker<Sent>,
    log: Vec<Record>,
    /// The place in `log` that is read next.
    read: usize,
    chunks: Vec<Chunk>,
    /// Every part ever sent: its epoch, number, and part.
    sent: Vec<(u64, u64, usize)>,
    epoch: u64,
}

/// The part itself: the first offset of its batch, and which of its parts it is.
type Sent = (i64, usize);

const START: i64 = 100;

impl Chunk {
    fn is_settled(&self) -> bool {
        self.acked.iter().all(|acked| *acked)
    }

    /// By itself, or with all the batch it was read in.
    fn has_settled(&self, record: usize) -> bool {
        let by_itself = |(its, part): &(usize, usize)| *its == record && self.acked[*part];
        self.records.contains(&record) && (self.is_settled() || self.parts.iter().any(by_itself))
    }
}

impl Model {
    fn new(gaps: &[i64]) -> Self {
        let mut offset = START - 1;
        let log = gaps.iter().map(|gap| {
            offset += gap;
            Record { offset, done: false }
        });
        let log = log.collect();
        let tracker = OffsetTracker::new(Epoch(0), CommitOffset::new(START));
        Self { tracker, log, read: 0, chunks: Vec::new(), sent: Vec::new(), epoch: 0 }
    }

    fn act(&mut self, action: &Action) -> Result<(), TestCaseError> {
        match action {
            Action::Read(parts) => self.read(parts),
            Action::Settle(_) if self.sent.is_empty() => Ok(()),
            Action::Settle(index) => self.settle(index.index(self.sent.len())),
            Action::Rewind => self.rewind(),
            Action::GiveUp(chunk, at) => self.give_up(chunk, at),
            Action::Resume(room) => self.resume(*room),
        }
    }

    fn read(&mut self, parts: &[usize]) -> Result<(), TestCaseError> {
        let records = self.read..self.log.len().min(self.read + parts.len());
        if records.is_empty() {
            return Ok(());
        }
        self.read = records.end;
        let new: Vec<usize> = records.clone().filter(|record| !self.log[*record].done).collect();
        let last = self.log[records.end - 1].offset;
        let (Some(first), mut count) = (new.first(), 0) else {
            self.expect(true, |tracker| tracker.leave_out(Offset::new(last)))?;
            self.chunks.push(Chunk { number: None, records, end: last + 1, acked: Vec::new(), parts: Vec::new() });
            return Ok(());
        };
        parts[..new.len()].iter().for_each(|part| count = count.max(part + 1));
        let first = self.log[*first].offset;
        let number =
            self.tracker.track(Offset::new(first), Offset::new(last), (0..count).map(|part| (first, part)).collect());
        self.sent.extend((0..count).map(|part| (self.epoch, number, part)));
        let parts = new.into_iter().zip(parts.iter().copied()).collect();
        self.chunks.push(Chunk { number: Some(number), records, end: last + 1, acked: vec![false; count], parts });
        Ok(())
    }

    fn settle(&mut self, sent: usize) -> Result<(), TestCaseError> {
        let (epoch, number, part) = self.sent[sent];
        let is_it = |chunk: &&mut Chunk| epoch == self.epoch && chunk.number == Some(number) && !chunk.acked[part];
        let found = self.chunks.iter_mut().find(is_it);
        let counts = found.is_some();
        let mut records = Vec::new();
        if let Some(chunk) = found {
            chunk.acked[part] = true;
            let of_part = chunk.parts.iter().filter(|(_, its)| *its == part);
            records.extend(of_part.map(|(record, _)| Offset::new(self.log[*record].offset)));
        }
        self.expect(counts, |tracker| tracker.settle(Epoch(epoch), number, part, records))
    }

    fn rewind(&mut self) -> Result<(), TestCaseError> {
        self.epoch += 1;
        let mut expected = Vec::new();
        let mut next = 0;
        for chunk in &mut self.chunks {
            chunk.number = (!chunk.is_settled()).then_some(next);
            next += u64::from(chunk.number.is_some());
            let Some(number) = chunk.number else { continue };
            let first = self.log[chunk.records.clone()].iter().find(|record| !record.done).map(|record| record.offset);
            let unsettled = (0..chunk.acked.len()).filter(|part| !chunk.acked[*part]);
            expected.extend(unsettled.map(|part| (number, part, (first.unwrap_or_default(), part))));
        }
        let again: Vec<_> =
            self.tracker.rewind(Epoch(self.epoch)).map(|(number, part, sent)| (number, part, *sent)).collect();
        self.sent.extend(again.iter().map(|(number, part, _)| (self.epoch, *number, *part)));
        prop_assert_eq!(again, expected);
        Ok(())
    }

    fn give_up(&mut self, chunk: &prop::sample::Index, at: &prop::sample::Index) -> Result<(), TestCaseError> {
        let unsettled: Vec<usize> = (0..self.chunks.len()).filter(|chunk| !self.chunks[*chunk].is_settled()).collect();
        if unsettled.is_empty() {
            return Ok(());
        }
        let place = unsettled[chunk.index(unsettled.len())];
        let mut behind = self.chunks.split_off(place).into_iter();
        let Some((mut chunk, number)) = behind.next().and_then(|chunk| chunk.number.map(|number| (chunk, number)))
        else {
            return Err(TestCaseError::fail("what is not settled has a number"));
        };
        let new: Vec<usize> = chunk.records.clone().filter(|record| !self.log[*record].done).collect();
        let at = new[at.index(new.len())];
        self.log[chunk.records.start..at].iter_mut().for_each(|record| record.done = true);
        for chunk in behind {
            let done: Vec<usize> = chunk.records.clone().filter(|record| chunk.has_settled(*record)).collect();
            done.into_iter().for_each(|record| self.log[record].done = true);
        }
        let stop = self.log[at].offset;
        self.read = at;
        (chunk.number, chunk.records.end, chunk.end, chunk.acked) = (None, at, stop, vec![true]);
        chunk.parts.clear();
        self.chunks.push(chunk);
        let epoch = Epoch(self.epoch);
        self.expect(true, |tracker| tracker.give_up(epoch, number, CommitOffset::new(stop)))?;
        prop_assert_eq!(self.tracker.end().get(), stop);
        if self.chunks.iter().all(Chunk::is_settled) {
            prop_assert_eq!(self.tracker.watermark().get(), stop, "no further");
        }
        Ok(())
    }

    fn resume(&mut self, room: usize) -> Result<(), TestCaseError> {
        let (watermark, completed) = (self.tracker.watermark(), self.tracker.completed());
        let kept = Completed::decode(watermark, &completed.encode(watermark, room));
        let kept = kept.ok_or_else(|| TestCaseError::fail("it cannot be read back"))?;
        prop_assert!(room < 1_000 || kept == completed);
        for record in 0..self.log.len() {
            let is_kept = kept.contains(Offset::new(self.log[record].offset));
            prop_assert!(!is_kept || self.is_settled(record));
            self.log[record].done = is_kept || self.log[record].offset < watermark.get();
        }
        self.epoch += 1;
        self.tracker = OffsetTracker::resume(Epoch(self.epoch), watermark, kept);
        self.chunks.clear();
        let from = self.tracker.end().get();
        self.read = self.log.iter().position(|record| record.offset >= from).unwrap_or(self.log.len());
        Ok(())
    }

    /// What it says is what happens to the watermark.
    fn expect(
        &mut self,
        counts: bool,
        act: impl FnOnce(&mut OffsetTracker<Sent>) -> Settled,
    ) -> Result<(), TestCaseError> {
        let before = self.tracker.watermark();
        let settled = act(&mut self.tracker);
        let expected = match self.tracker.watermark() {
            _ if !counts => Settled::Stale,
            now if now > before => Settled::Advanced(now),
            _ => Settled::Waiting,
        };
        prop_assert_eq!(settled, expected);
        prop_assert!(counts || self.tracker.watermark() == before);
        Ok(())
    }

    fn is_settled(&self, record: usize) -> bool {
        self.log[record].done || self.chunks.iter().any(|chunk| chunk.has_settled(record))
    }

    fn check(&self, before: CommitOffset) -> Result<(), TestCaseError> {
        let (watermark, end) = (self.tracker.watermark(), self.tracker.end());
        prop_assert!(watermark >= before, "it never goes back");
        let waiting = self.chunks.iter().position(|chunk| !chunk.is_settled()).unwrap_or(self.chunks.len());
        if let Some(settled) = waiting.checked_sub(1) {
            prop_assert!(watermark.get() >= self.chunks[settled].end, "it waits for nothing that is settled");
        }
        let completed = self.tracker.completed();
        for (place, record) in self.log.iter().enumerate() {
            let offset = Offset::new(record.offset);
            let is_below = offset < watermark.reads();
            prop_assert!(!is_below || self.is_settled(place), "the watermark passes {}", record.offset);
            prop_assert_eq!(completed.contains(offset), !is_below && self.is_settled(place), "{}", record.offset);
            let is_new = place >= self.read && !record.done;
            prop_assert!(!is_new || offset >= end.reads(), "{} would not be read", record.offset);
        }
        let tracked = self.chunks[waiting..].iter().filter(|chunk| !chunk.acked.is_empty()).count();
        prop_assert_eq!(self.tracker.in_flight(), tracked);
        prop_assert_eq!(self.tracker.is_drained(), waiting == self.chunks.len());
        Ok(())
    }

    fn settle_all(&mut self) -> Result<(), TestCaseError> {
        self.rewind()?;
        (0..self.sent.len()).try_for_each(|sent| self.settle(sent))?;
        prop_assert!(self.tracker.is_drained());
        prop_assert!(self.tracker.watermark() == self.tracker.end());
        Ok(())
    }
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let action = prop_oneof![
        8 => prop::collection::vec(0usize..3, 1..5).prop_map(Action::Read),
        16 => any::<prop::sample::Index>().prop_map(Action::Settle),
        2 => Just(Action::Rewind),
        1 => any::<(prop::sample::Index, prop::sample::Index)>().prop_map(|(chunk, at)| Action::GiveUp(chunk, at)),
        1 => prop_oneof![Just(1_000), 0usize..10].prop_map(Action::Resume),
    ];
    prop::collection::vec(action, 1..80)
}

/// How far each record is beyond the one before it: 1 is the next offset, more is a gap.
fn gaps() -> impl Strategy<Value = Vec<i64>> {
    prop::collection::vec(prop_oneof![3 => Just(1i64), 1 => 2i64..4], 60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_watermark_passes_what_is_settled_and_nothing_else(gaps in gaps(), actions in actions()) {
        let mut model = Model::new(&gaps);
        for action in actions {
            let before = model.tracker.watermark();
            model.act(&action)?;
            model.check(before)?;
        }
        model.settle_all()?;
    }
}
