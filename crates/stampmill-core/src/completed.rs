//! What is settled beyond the watermark, so that it need not be done again after a restart.

use crate::record::{CommitOffset, Offset};

/// Offsets that are settled although one before them is not: ranges in ascending order, none of which touches another.
///
/// A range covers offsets, not records: within it there may be offsets that no record has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completed {
    ranges: Vec<Range>,
}

/// Never empty: `first` is completed, `end` is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    first: Offset,
    end: CommitOffset,
}

// === impl Completed ===

impl Completed {
    pub fn contains(&self, offset: Offset) -> bool {
        let place = self.ranges.partition_point(|range| range.end.reads() <= offset);
        self.ranges.get(place).is_some_and(|range| range.first <= offset)
    }

    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Behind the range that begins exactly at `at`, or `at` itself if none does.
    ///
    /// Behind a range there is never another at once, for two that touch are one.
    pub fn jump(&self, at: CommitOffset) -> CommitOffset {
        match self.ranges.binary_search_by_key(&at.reads(), |range| range.first) {
            Ok(place) => self.ranges[place].end,
            Err(_) => at,
        }
    }

    /// The ranges as they follow the watermark: so many offsets that are not completed, `+`, so many that are.
    ///
    /// A commit's metadata has little room: what does not fit into `limit` bytes is left off from the highest down, and
    /// is done again after a restart.
    pub fn encode(&self, watermark: CommitOffset, limit: usize) -> String {
        let mut text = String::new();
        let mut before = watermark;
        for range in self.ranges.iter().filter(|range| range.end > watermark) {
            let first = range.first.max(before.reads());
            let comma = if text.is_empty() { "" } else { "," };
            let next = format!("{comma}{}+{}", first.get() - before.get(), range.end.get() - first.get());
            if text.len() + next.len() > limit {
                break;
            }
            text += &next;
            before = range.end;
        }
        text
    }

    /// `None` for whatever [`Completed::encode`] would not write. Anybody may write metadata, so nothing is trusted.
    pub fn decode(watermark: CommitOffset, text: &str) -> Option<Self> {
        let mut completed = Self::default();
        if text.is_empty() {
            return Some(completed);
        }
        let mut before = watermark.get();
        for range in text.split(',') {
            let (skipped, length) = range.split_once('+')?;
            let first = before.checked_add(number(skipped)?)?;
            let end = first.checked_add(number(length)?)?;
            if first < 0 || first == end || (skipped == "0" && !completed.is_empty()) {
                return None;
            }
            completed.ranges.push(Range { first: Offset::new(first), end: CommitOffset::new(end) });
            before = end;
        }
        Some(completed)
    }

    /// Takes in every offset from `first` to below `end`, whatever is there of it already.
    pub(crate) fn insert(&mut self, first: Offset, end: CommitOffset) {
        if first >= end.reads() {
            return;
        }
        let below = self.ranges.partition_point(|range| range.end.reads() < first);
        let touched = below..self.ranges.partition_point(|range| range.first <= end.reads());
        let merged = self.ranges[touched.clone()].iter().fold(Range { first, end }, |merged, range| Range {
            first: merged.first.min(range.first),
            end: merged.end.max(range.end),
        });
        self.ranges.splice(touched, [merged]);
    }

    pub(crate) fn extend(&mut self, other: &Self) {
        other.ranges.iter().for_each(|range| self.insert(range.first, range.end));
    }

    /// Forgets what lies below the watermark.
    pub(crate) fn forget_below(&mut self, watermark: CommitOffset) {
        self.ranges.retain(|range| range.end > watermark);
        if let Some(range) = self.ranges.first_mut() {
            range.first = range.first.max(watermark.reads());
        }
    }

    /// Forgets the range that `offset` lies in.
    pub(crate) fn forget_around(&mut self, offset: Offset) {
        self.ranges.retain(|range| offset < range.first || range.end.reads() <= offset);
    }
}

/// From the first offset to the last one, both included.
impl FromIterator<(Offset, Offset)> for Completed {
    fn from_iter<I: IntoIterator<Item = (Offset, Offset)>>(ranges: I) -> Self {
        let mut completed = Self::default();
        ranges.into_iter().for_each(|(first, last)| completed.insert(first, last.next()));
        completed
    }
}

/// As it is written: `parse` would take a sign and zeros in front, too.
fn number(text: &str) -> Option<i64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    is_plain.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    const WATERMARK: CommitOffset = CommitOffset::new(100);

    fn completed(ranges: &[(i64, i64)]) -> Completed {
        ranges.iter().map(|(first, last)| (Offset::new(*first), Offset::new(*last))).collect()
    }

    #[test]
    fn ranges_that_touch_or_overlap_are_one() {
        assert_eq!(completed(&[(103, 104), (100, 102)]), completed(&[(100, 104)]));
        assert_eq!(completed(&[(100, 103), (102, 106), (90, 91), (101, 101)]), completed(&[(90, 91), (100, 106)]));
        assert_ne!(completed(&[(100, 101), (103, 104)]), completed(&[(100, 104)]));
    }

    #[test]
    fn a_jump_leads_behind_the_range_that_begins_there() {
        let completed = completed(&[(105, 109), (111, 111)]);
        for (at, behind) in [(104, 104), (105, 110), (106, 106), (110, 110), (111, 112), (112, 112)] {
            assert_eq!(completed.jump(CommitOffset::new(at)), CommitOffset::new(behind), "{at}");
        }
    }

    #[test]
    fn the_text_says_how_far_it_is_and_how_long() {
        let completed = completed(&[(105, 109), (111, 111), (200, 299)]);
        assert_eq!(completed.encode(WATERMARK, 100), "5+5,1+1,88+100");
        assert_eq!(completed.encode(WATERMARK, 13), "5+5,1+1");
        assert_eq!(completed.encode(WATERMARK, 2), "");
        assert_eq!(completed.encode(CommitOffset::new(107), 7), "0+3,1+1", "only what lies above the watermark");
    }

    #[test]
    fn what_was_not_written_here_is_not_read() {
        assert_eq!(Completed::decode(WATERMARK, ""), Some(Completed::default()));
        assert_eq!(Completed::decode(WATERMARK, "0+1"), Some(completed(&[(100, 100)])));
        for foreign in [
            "1",
            "1+",
            "+1",
            "1+0",
            "-1+2",
            "1+-2",
            "++1+2",
            "1+2,",
            ",1+2",
            "1+2,0+1",
            "1+2,00+1",
            "01+2",
            "1+2;1+2",
            " 1+2",
            "1+2+3",
            "x+y",
            "9223372036854775807+1",
            "1+9223372036854775807",
            "99999999999999999999+1",
        ] {
            assert_eq!(Completed::decode(WATERMARK, foreign), None, "{foreign}");
        }
        assert_eq!(Completed::decode(CommitOffset::new(-1), "0+5"), None);
    }

    #[test]
    fn what_is_below_the_watermark_is_forgotten() {
        let mut ranges = completed(&[(100, 104), (106, 109)]);
        ranges.forget_below(CommitOffset::new(105));
        assert_eq!(ranges, completed(&[(106, 109)]));
        ranges.forget_below(CommitOffset::new(108));
        assert_eq!(ranges, completed(&[(108, 109)]));
    }
}
