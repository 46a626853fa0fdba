//! What a commit carries beside its offset, for whoever reads the partition next.

use crate::completed::Completed;
use crate::record::CommitOffset;
use crate::start_position::Mark;

/// Brokers refuse a commit with longer metadata than their `offset.metadata.max.bytes`, which is 4096 if nobody set it.
pub const LIMIT: usize = 4_000;

/// The metadata of a commit: `stampmill:1:<from_end>:<met_at>`, and `:<completed>` behind it if anything is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommitNote {
    pub mark: Option<Mark>,
    pub completed: Completed,
}

// === impl CommitNote ===

impl CommitNote {
    /// The mark is always written; of what is completed, as much as `limit` bytes leave room for.
    pub fn encode(&self, watermark: CommitOffset, limit: usize) -> String {
        let mark = self.mark.map(Mark::encode);
        let without_mark = || format!("{}:", Mark::PREFIX);
        let room = limit.saturating_sub(mark.as_ref().map_or_else(|| without_mark().len(), String::len) + 1);
        match (mark, self.completed.encode(watermark, room)) {
            (mark, completed) if completed.is_empty() => mark.unwrap_or_default(),
            (mark, completed) => format!("{}:{completed}", mark.unwrap_or_else(without_mark)),
        }
    }

    /// What cannot be read is not there: another program may have made the commit. Without a note, records are done
    /// again, and none is lost.
    pub fn decode(watermark: CommitOffset, metadata: &str) -> Self {
        let completed = || Completed::decode(watermark, metadata.strip_prefix(Mark::PREFIX)?.splitn(3, ':').nth(2)?);
        Self { mark: Mark::decode(metadata), completed: completed().unwrap_or_default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Offset;

    const WATERMARK: CommitOffset = CommitOffset::new(100);
    const MARK: Mark = Mark { from_end: 4, met_at: 1_700_000_000_000 };

    fn note(mark: Option<Mark>, ranges: &[(i64, i64)]) -> CommitNote {
        let completed = ranges.iter().map(|(first, last)| (Offset::new(*first), Offset::new(*last))).collect();
        CommitNote { mark, completed }
    }

    #[test]
    fn a_note_survives_the_metadata_of_a_commit() {
        for (note, metadata) in [
            (note(None, &[]), ""),
            (note(Some(MARK), &[]), "stampmill:1:4:1700000000000"),
            (note(Some(MARK), &[(102, 103)]), "stampmill:1:4:1700000000000:2+2"),
            (note(None, &[(102, 103), (105, 105)]), "stampmill:1:::2+2,1+1"),
        ] {
            assert_eq!(note.encode(WATERMARK, LIMIT), metadata);
            assert_eq!(CommitNote::decode(WATERMARK, metadata), note);
        }
    }

    #[test]
    fn the_mark_comes_before_what_is_completed() {
        let note = note(Some(MARK), &[(102, 103), (105, 105)]);
        assert_eq!(note.encode(WATERMARK, 31), "stampmill:1:4:1700000000000:2+2");
        assert_eq!(note.encode(WATERMARK, 30), "stampmill:1:4:1700000000000");
        assert_eq!(note.encode(WATERMARK, 0), "stampmill:1:4:1700000000000");
        let unmarked = CommitNote { mark: None, ..note };
        assert_eq!(unmarked.encode(WATERMARK, 17), "stampmill:1:::2+2");
        assert_eq!(unmarked.encode(WATERMARK, 16), "");
    }

    #[test]
    fn what_cannot_be_read_costs_nothing_else() {
        let mark_alone = note(Some(MARK), &[]);
        for unreadable in ["x", "2+2:3+3", "2+", ""] {
            assert_eq!(CommitNote::decode(WATERMARK, &format!("{}:{unreadable}", MARK.encode())), mark_alone);
        }
        assert_eq!(CommitNote::decode(WATERMARK, "stampmill:1:x:y:2+2"), note(None, &[(102, 103)]));
        for foreign in ["stampmill:2:4:1:2+2", "something else", "stampmill:1:4"] {
            assert_eq!(CommitNote::decode(WATERMARK, foreign), CommitNote::default(), "{foreign}");
        }
    }
}
