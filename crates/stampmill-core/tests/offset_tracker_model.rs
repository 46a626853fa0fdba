//! The offset tracker against the plainest model there is: a list of records, each settled or not.

use proptest::prelude::*;
use stampmill_core::offset_tracker::{OffsetTracker, Settled};
use stampmill_core::record::{CommitOffset, Epoch, Offset};

#[derive(Clone, Debug)]
enum Action {
    /// Read a batch of records; each is this far beyond the one before it (1 is the next offset, more is a gap).
    Track(Vec<u8>),
    /// Acknowledge any batch that was ever sent, in whatever epoch it was sent: late and repeated ones among them.
    Settle(prop::sample::Index),
    /// Begin a new epoch.
    Rewind,
}

#[derive(Default)]
struct Model {
    /// Every record read, and whether it is settled.
    records: Vec<(i64, bool)>,
    /// Every batch sent, oldest first: its epoch, its number, and its records as places in `records`.
    sent: Vec<(u64, u64, std::ops::Range<usize>)>,
    epoch: u64,
}

const START: i64 = 100;

impl Model {
    fn read(&mut self, gaps: &[u8]) -> i64 {
        let first = self.records.len();
        for gap in gaps {
            let before = self.records.last().map_or(START - 1, |(offset, _)| *offset);
            self.records.push((before + i64::from(*gap), false));
        }
        self.sent.push((self.epoch, 0, first..self.records.len()));
        self.records[self.records.len() - 1].0
    }

    fn watermark(&self) -> i64 {
        match self.records.iter().position(|(_, settled)| !settled) {
            Some(0) => START,
            Some(unsettled) => self.records[unsettled - 1].0 + 1,
            None => self.end(),
        }
    }

    fn end(&self) -> i64 {
        self.records.last().map_or(START, |(offset, _)| offset + 1)
    }

    /// The records that an acknowledgement settles: none if it is late or repeated.
    fn settle(&mut self, sent: usize) -> bool {
        let (epoch, _, records) = self.sent[sent].clone();
        let counts = epoch == self.epoch && !self.records[records.start].1;
        if counts {
            self.records[records].iter_mut().for_each(|(_, settled)| *settled = true);
        }
        counts
    }
}

fn actions() -> impl Strategy<Value = Vec<Action>> {
    let action = prop_oneof![
        4 => prop::collection::vec(1u8..5, 1..4).prop_map(Action::Track),
        5 => any::<prop::sample::Index>().prop_map(Action::Settle),
        1 => Just(Action::Rewind),
    ];
    prop::collection::vec(action, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_watermark_is_where_the_first_unsettled_record_stands(actions in actions()) {
        let mut model = Model::default();
        let mut tracker = OffsetTracker::new(Epoch(0), CommitOffset::new(START));
        for action in actions {
            match action {
                Action::Track(gaps) => {
                    let last = model.read(&gaps);
                    let sent = model.sent.len() - 1;
                    model.sent[sent].1 = tracker.track(Offset::new(last), sent);
                }
                Action::Settle(_) if model.sent.is_empty() => {}
                Action::Settle(index) => {
                    let sent = index.index(model.sent.len());
                    let (epoch, number, _) = model.sent[sent];
                    let before = model.watermark();
                    let counts = model.settle(sent);
                    let expected = match (counts, model.watermark()) {
                        (false, _) => Settled::Stale,
                        (true, now) if now > before => Settled::Advanced(CommitOffset::new(now)),
                        (true, _) => Settled::Waiting,
                    };
                    prop_assert_eq!(tracker.settle(Epoch(epoch), number), expected);
                }
                Action::Rewind => {
                    model.epoch += 1;
                    let again: Vec<_> = tracker.rewind(Epoch(model.epoch)).map(|(number, sent)| (number, *sent)).collect();
                    let unsettled: Vec<_> =
                        model.sent.iter().filter(|(_, _, records)| !model.records[records.start].1).map(|(_, _, records)| records.clone()).collect();
                    let mut expected: Vec<_> = unsettled;
                    expected.sort_by_key(|records| records.start);
                    expected.dedup();
                    prop_assert_eq!(again.iter().map(|(_, sent)| model.sent[*sent].2.clone()).collect::<Vec<_>>(), expected);
                    for (place, (number, sent)) in again.into_iter().enumerate() {
                        prop_assert_eq!(number, place as u64);
                        // From now on the batch is known by its new number only.
                        model.sent[sent].0 = model.epoch;
                        model.sent[sent].1 = number;
                    }
                }
            }
            prop_assert_eq!(tracker.watermark().get(), model.watermark());
            prop_assert_eq!(tracker.end().get(), model.end());
            prop_assert_eq!(tracker.is_drained(), model.watermark() == model.end());
        }
    }
}
