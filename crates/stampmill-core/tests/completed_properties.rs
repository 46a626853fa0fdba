//! Ranges of completed offsets against the plainest model there is: a set of offsets.

use std::collections::BTreeSet;

use proptest::prelude::*;
use stampmill_core::commit_note::CommitNote;
use stampmill_core::completed::Completed;
use stampmill_core::record::{CommitOffset, Offset};
use stampmill_core::start_position::Mark;

const WATERMARK: CommitOffset = CommitOffset::new(1_000);

/// First and last offset of each range: in any order, above the watermark and below it, overlapping and touching.
fn ranges() -> impl Strategy<Value = Vec<(i64, i64)>> {
    prop::collection::vec((980i64..1_100, 0i64..12), 0..12)
        .prop_map(|ranges| ranges.into_iter().map(|(first, more)| (first, first + more)).collect())
}

fn completed(ranges: &[(i64, i64)]) -> Completed {
    ranges.iter().map(|(first, last)| (Offset::new(*first), Offset::new(*last))).collect()
}

fn offsets(completed: &Completed) -> BTreeSet<i64> {
    (900..1_200).filter(|offset| completed.contains(Offset::new(*offset))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_ranges_hold_what_was_put_in(ranges in ranges()) {
        let expected: BTreeSet<i64> = ranges.iter().flat_map(|(first, last)| *first..=*last).collect();
        prop_assert_eq!(offsets(&completed(&ranges)), expected);
        let reversed: Vec<_> = ranges.iter().rev().copied().collect();
        prop_assert_eq!(completed(&reversed), completed(&ranges), "one set has one form");
    }

    #[test]
    fn a_jump_ends_at_the_first_offset_that_is_not_completed(ranges in ranges(), at in 980i64..1_120) {
        let completed = completed(&ranges);
        let there = offsets(&completed);
        let begins_there = there.contains(&at) && !there.contains(&(at - 1));
        let expected = if begins_there { (at..).find(|offset| !there.contains(offset)).unwrap_or(at) } else { at };
        prop_assert_eq!(completed.jump(CommitOffset::new(at)), CommitOffset::new(expected));
    }

    #[test]
    fn what_fits_is_read_back_and_the_rest_is_its_upper_end(ranges in ranges(), limit in 0usize..60) {
        let completed = completed(&ranges);
        let above: BTreeSet<i64> = offsets(&completed).split_off(&WATERMARK.get());
        let whole = completed.encode(WATERMARK, usize::MAX);
        let decoded = Completed::decode(WATERMARK, &whole);
        prop_assert_eq!(decoded.as_ref().map(offsets), Some(above.clone()));

        let text = completed.encode(WATERMARK, limit);
        prop_assert!(text.len() <= limit && whole.starts_with(&text));
        prop_assert!(text.len() < whole.len() || limit >= whole.len(), "what fits is written");
        let kept = Completed::decode(WATERMARK, &text).as_ref().map(offsets).unwrap_or_default();
        let lowest: BTreeSet<i64> = above.iter().take(kept.len()).copied().collect();
        prop_assert_eq!(kept, lowest);
    }

    #[test]
    fn a_text_is_refused_or_as_it_would_be_written(text in "[0-9+,:a-z-]{0,12}|([0-9]{1,3}\\+[0-9]{1,19},?){1,4}") {
        if let Some(completed) = Completed::decode(WATERMARK, &text) {
            prop_assert_eq!(completed.encode(WATERMARK, usize::MAX), text);
        }
    }

    #[test]
    fn any_metadata_can_be_read(metadata in "(stampmill:1:)?[0-9+,:-]{0,40}|\\PC{0,40}", watermark in any::<i64>()) {
        let note = CommitNote::decode(CommitOffset::new(watermark), &metadata);
        prop_assert_eq!(note.mark, Mark::decode(&metadata));
    }

    #[test]
    fn a_note_is_read_back(ranges in ranges(), marked in any::<bool>(), from_end in any::<i32>(), met_at in any::<i64>()) {
        let above = completed(&ranges.into_iter().filter(|(first, _)| *first >= WATERMARK.get()).collect::<Vec<_>>());
        let note = CommitNote { mark: marked.then_some(Mark { from_end, met_at }), completed: above };
        prop_assert_eq!(CommitNote::decode(WATERMARK, &note.encode(WATERMARK, usize::MAX)), note);
    }
}
