//! A pipeline at one moment, as values: what it does, where its partitions stand, how its actors fare.

use std::time::Duration;

use crate::health::{Health, Trouble};
use crate::observe::Observation;
use crate::settings::Delivery;

pub use crate::observe::failures::Failure;
pub use crate::observe::roster::{ActorState, ActorStatus, RestartCause, Role};

#[derive(Clone, Debug)]
pub struct PipelineStatus {
    pub name: String,
    pub health: Health,
    pub delivery: Delivery,
    /// An operator has paused all of it.
    pub paused: bool,
    /// 1 at the start, and one more with each reload that changed it.
    pub generation: u64,
    pub counts: Observation,
    /// Those that it has been given, in the order of their names; looked at once a second.
    pub partitions: Vec<PartitionStatus>,
    /// In the order of their names.
    pub actors: Vec<ActorStatus>,
    /// The latest, newest first.
    pub failures: Vec<Failure>,
    pub memory: Memory,
}

/// Bytes in flight, of those that may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    pub in_flight: u64,
    pub limit: u64,
}

/// Offsets are those of the next record: so a partition that has `end` for its watermark is read and settled to its end.
#[derive(Clone, Debug, PartialEq)]
pub struct PartitionStatus {
    pub topic: String,
    pub partition: i32,
    /// Every record below it is settled.
    pub watermark: i64,
    pub committed: i64,
    /// The next record to read.
    pub position: i64,
    /// Where the partition ends, as far as is known.
    pub end: Option<i64>,
    /// How old the oldest record is that is not settled, by its own timestamp; nothing where all that is there is settled.
    pub behind: Option<Duration>,
    /// How long the oldest batch has been in flight.
    pub in_flight_for: Option<Duration>,
    pub paused: bool,
    pub trouble: Option<Trouble>,
}

// === impl PartitionStatus ===

impl PartitionStatus {
    /// Records that are there and not settled.
    pub fn lag(&self) -> Option<u64> {
        self.end.map(|end| u64::try_from(end - self.watermark).unwrap_or(0))
    }

    /// Records between the watermark and what was read.
    pub fn in_flight(&self) -> u64 {
        u64::try_from(self.position - self.watermark).unwrap_or(0)
    }
}
