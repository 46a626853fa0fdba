//! Where reading starts in a partition that a group has been given.
//!
//! `start` counts only the first time a group meets a topic. What appears later is read from its beginning, or what
//! was written to it before anyone noticed it would be lost. So the first commit in a topic carries a [`Mark`] that
//! says when the group met it and which partitions it was to read from their end, and every later commit carries it on.

use crate::record::CommitOffset;

/// What a group remembers of its first meeting with a topic, in the metadata of its commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The partitions below this number were to be read from their end: all that there were, with start `latest`, and
    /// none for a topic that came later or that another program had committed in.
    pub from_end: i32,
    /// When it was, in milliseconds since 1970 (UTC), by the clock of the instance that met it.
    pub met_at: i64,
}

/// What is known of a partition when it is assigned.
#[derive(Clone, Copy, Debug)]
pub struct Known {
    pub partition: i32,
    pub committed: Option<CommitOffset>,
    /// The mark of the topic's commits, or that there are commits without one.
    pub topic: TopicHistory,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopicHistory {
    /// The group never committed in this topic, and the topic was there before the group looked for it.
    NeverMet,
    /// The topic came after the group had begun.
    CameLater,
    Met(Mark),
    /// Commits without a mark of ours: made by another program, or by a tool.
    MetUnmarked,
}

/// Where to start, in words that only the broker can turn into a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartPosition {
    Resume(CommitOffset),
    /// As `start` says: this is the first meeting.
    AsConfigured,
    Beginning,
    /// A partition that was to be read from its end at the first meeting but was never committed: all that was written
    /// since then is to be read.
    Since {
        timestamp: i64,
    },
}

/// Clocks of senders and of this instance may differ by that much without a record being passed over.
const CLOCK_TOLERANCE_MS: i64 = 60_000;

// === impl Mark ===

impl Mark {
    pub(crate) const PREFIX: &str = "stampmill:1:";

    /// The form in a commit's metadata: `stampmill:1:<from_end>:<milliseconds>`.
    pub fn encode(self) -> String {
        format!("{}{}:{}", Self::PREFIX, self.from_end, self.met_at)
    }

    /// `None` for anything that is not a mark of this version. What a [`CommitNote`](crate::commit_note::CommitNote)
    /// has behind it may follow.
    pub fn decode(metadata: &str) -> Option<Self> {
        let mut fields = metadata.strip_prefix(Self::PREFIX)?.splitn(3, ':');
        Some(Self { from_end: fields.next()?.parse().ok()?, met_at: fields.next()?.parse().ok()? })
    }
}

/// The mark for a topic that has none: `partitions` is how many it has.
pub fn first_mark(topic: TopicHistory, start_at_end: bool, partitions: i32, now: i64) -> Mark {
    match topic {
        TopicHistory::Met(mark) => mark,
        TopicHistory::NeverMet if start_at_end => Mark { from_end: partitions, met_at: now },
        TopicHistory::NeverMet | TopicHistory::CameLater | TopicHistory::MetUnmarked => {
            Mark { from_end: 0, met_at: now }
        }
    }
}

pub fn start_position(known: Known) -> StartPosition {
    match (known.committed, known.topic) {
        (Some(committed), _) => StartPosition::Resume(committed),
        (None, TopicHistory::NeverMet) => StartPosition::AsConfigured,
        (None, TopicHistory::Met(mark)) if known.partition < mark.from_end => {
            StartPosition::Since { timestamp: mark.met_at - CLOCK_TOLERANCE_MS }
        }
        (None, TopicHistory::Met(_) | TopicHistory::MetUnmarked | TopicHistory::CameLater) => StartPosition::Beginning,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: Mark = Mark { from_end: 4, met_at: 1_700_000_000_000 };

    fn at(partition: i32, topic: TopicHistory) -> StartPosition {
        start_position(Known { partition, committed: None, topic })
    }

    #[test]
    fn a_commit_decides_before_all_else() {
        for topic in
            [TopicHistory::NeverMet, TopicHistory::CameLater, TopicHistory::Met(MARK), TopicHistory::MetUnmarked]
        {
            let known = Known { partition: 9, committed: Some(CommitOffset::new(5)), topic };
            assert_eq!(start_position(known), StartPosition::Resume(CommitOffset::new(5)));
        }
    }

    #[test]
    fn start_counts_at_the_first_meeting_only() {
        assert_eq!(at(0, TopicHistory::NeverMet), StartPosition::AsConfigured);
        assert_eq!(at(4, TopicHistory::Met(MARK)), StartPosition::Beginning, "a partition that was added later");
        assert_eq!(at(0, TopicHistory::CameLater), StartPosition::Beginning);
        assert_eq!(at(0, TopicHistory::MetUnmarked), StartPosition::Beginning);
    }

    #[test]
    fn a_partition_whose_owner_died_before_its_first_commit_loses_nothing() {
        assert_eq!(at(3, TopicHistory::Met(MARK)), StartPosition::Since { timestamp: MARK.met_at - 60_000 });
    }

    /// What one instance decides at the first meeting, another that comes to it later must decide, too.
    #[test]
    fn the_mark_passes_the_decision_on() {
        let next = |topic, at_end| at(0, TopicHistory::Met(first_mark(topic, at_end, 4, MARK.met_at)));
        assert_eq!(next(TopicHistory::NeverMet, true), StartPosition::Since { timestamp: MARK.met_at - 60_000 });
        for from_the_beginning in [TopicHistory::CameLater, TopicHistory::MetUnmarked] {
            assert_eq!(next(from_the_beginning, true), StartPosition::Beginning);
        }
        assert_eq!(next(TopicHistory::NeverMet, false), StartPosition::Beginning);
        assert_eq!(first_mark(TopicHistory::Met(MARK), false, 9, 1), MARK);
    }

    #[test]
    fn a_mark_survives_the_metadata_of_a_commit() {
        assert_eq!(Mark::decode(&MARK.encode()), Some(MARK));
        assert_eq!(Mark::decode(&format!("{}:1+2", MARK.encode())), Some(MARK), "more may follow");
        for foreign in
            ["", "stampmill:2:4:1", "stampmill:1:::1+2", "stampmill:1:4", "stampmill:1:x:1", "something else"]
        {
            assert_eq!(Mark::decode(foreign), None, "{foreign}");
        }
    }
}
