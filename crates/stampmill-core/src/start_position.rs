//! Where reading starts in a partition that a group has been given.
//!
//! `start` counts only the first time a group meets a topic. What appears later is read from its beginning, or what
//! was written to it before anyone noticed it would be lost. So the first commit in a topic carries a [`Mark`] that
//! says when the group met it and how many partitions there were, and every later commit carries it on.

use crate::record::CommitOffset;

/// What a group remembers of its first meeting with a topic, in the metadata of its commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Partitions that the topic had then.
    pub partitions: i32,
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
    /// With start `latest`, a partition that was there at the first meeting but was never committed: all that was
    /// written since then is to be read.
    Since {
        timestamp: i64,
    },
}

/// Clocks of senders and of this instance may differ by that much without a record being passed over.
const CLOCK_TOLERANCE_MS: i64 = 60_000;

// === impl Mark ===

impl Mark {
    const PREFIX: &str = "stampmill:1:";

    /// The form in a commit's metadata: `stampmill:1:<partitions>:<milliseconds>`.
    pub fn encode(self) -> String {
        format!("{}{}:{}", Self::PREFIX, self.partitions, self.met_at)
    }

    /// `None` for anything that is not a mark of this version.
    pub fn decode(metadata: &str) -> Option<Self> {
        let (partitions, met_at) = metadata.strip_prefix(Self::PREFIX)?.split_once(':')?;
        Some(Self { partitions: partitions.parse().ok()?, met_at: met_at.parse().ok()? })
    }
}

pub fn start_position(known: Known, start_at_end: bool) -> StartPosition {
    match (known.committed, known.topic) {
        (Some(committed), _) => StartPosition::Resume(committed),
        (None, TopicHistory::NeverMet) => StartPosition::AsConfigured,
        (None, TopicHistory::Met(mark)) if start_at_end && known.partition < mark.partitions => {
            StartPosition::Since { timestamp: mark.met_at - CLOCK_TOLERANCE_MS }
        }
        (None, TopicHistory::Met(_) | TopicHistory::MetUnmarked | TopicHistory::CameLater) => StartPosition::Beginning,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: Mark = Mark { partitions: 4, met_at: 1_700_000_000_000 };

    fn at(partition: i32, topic: TopicHistory, latest: bool) -> StartPosition {
        start_position(Known { partition, committed: None, topic }, latest)
    }

    #[test]
    fn a_commit_decides_before_all_else() {
        for topic in
            [TopicHistory::NeverMet, TopicHistory::CameLater, TopicHistory::Met(MARK), TopicHistory::MetUnmarked]
        {
            let known = Known { partition: 9, committed: Some(CommitOffset::new(5)), topic };
            assert_eq!(start_position(known, true), StartPosition::Resume(CommitOffset::new(5)));
        }
    }

    #[test]
    fn start_counts_at_the_first_meeting_only() {
        assert_eq!(at(0, TopicHistory::NeverMet, true), StartPosition::AsConfigured);
        assert_eq!(at(4, TopicHistory::Met(MARK), true), StartPosition::Beginning, "a partition that was added later");
        assert_eq!(at(0, TopicHistory::CameLater, true), StartPosition::Beginning);
        assert_eq!(at(0, TopicHistory::MetUnmarked, true), StartPosition::Beginning);
    }

    #[test]
    fn a_partition_whose_owner_died_before_its_first_commit_loses_nothing() {
        assert_eq!(at(3, TopicHistory::Met(MARK), true), StartPosition::Since { timestamp: MARK.met_at - 60_000 });
        assert_eq!(at(3, TopicHistory::Met(MARK), false), StartPosition::Beginning);
    }

    #[test]
    fn a_mark_survives_the_metadata_of_a_commit() {
        assert_eq!(Mark::decode(&MARK.encode()), Some(MARK));
        for foreign in ["", "stampmill:2:4:1", "stampmill:1:4", "stampmill:1:x:1", "something else"] {
            assert_eq!(Mark::decode(foreign), None, "{foreign}");
        }
    }
}
