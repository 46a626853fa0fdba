//! The book of what librdkafka has been given: which reports are still to come, and who waits for them.

use std::sync::Arc;

use rdkafka::error::RDKafkaErrorCode;
use stampmill_core::record::Epoch;

use crate::ack::Ack;
use crate::messages::{Held, Work};

/// Each track has a key, which travels through librdkafka with the record, beside the record's place in its batch.
#[derive(Default)]
pub(super) struct Tracks {
    slots: Vec<Option<Track>>,
    free: Vec<usize>,
}

/// Records handed to librdkafka, or about to be, that are reported together.
pub(super) struct Track {
    pub(super) lane: usize,
    /// Reports still to come, and one more while the batch is being handed over; or, at the end of one of which records
    /// were refused, while its lane is yet to hear of that.
    pub(super) left: usize,
    pub(super) failed: Failed,
    pub(super) then: Then,
}

/// Places in the batch, and why.
pub(super) type Failed = Vec<(usize, RDKafkaErrorCode)>;

pub(super) enum Then {
    Settle {
        work: Arc<Work>,
        ack: Ack,
        /// Where the batch was cut short, if it was.
        held: Option<Held>,
    },
    Tell {
        epoch: Epoch,
    },
    /// Given up before it was complete, or told already.
    Nothing,
}

/// A track of which nothing is left to come.
pub(super) struct Finished {
    pub(super) lane: usize,
    pub(super) then: Then,
    pub(super) failed: Failed,
}

// === impl Tracks ===

impl Tracks {
    pub(super) fn insert(&mut self, track: Track) -> usize {
        if let Some(free) = self.free.pop() {
            self.slots[free] = Some(track);
            return free;
        }
        self.slots.push(Some(track));
        self.slots.len() - 1
    }

    pub(super) fn get(&self, key: usize) -> Option<&Track> {
        self.slots.get(key)?.as_ref()
    }

    /// Whether anything of a lane is still to be reported, or to be told to the lane.
    pub(super) fn is_out(&self, lane: usize) -> bool {
        self.slots.iter().flatten().any(|track| track.lane == lane)
    }

    /// Changes a track, and returns it when nothing is left to come. Its slot is free then; but if `is_told` says that a
    /// lane has to be told of it, only when one more report has come: that it knows.
    pub(super) fn change(
        &mut self,
        key: usize,
        change: impl FnOnce(&mut Track),
        is_told: impl FnOnce(&Finished) -> bool,
    ) -> Option<Finished> {
        let track = self.slots.get_mut(key)?.as_mut()?;
        change(track);
        if track.left > 0 {
            return None;
        }
        let finished = Finished {
            lane: track.lane,
            then: std::mem::replace(&mut track.then, Then::Nothing),
            failed: std::mem::take(&mut track.failed),
        };
        if is_told(&finished) {
            track.left = 1;
        } else {
            self.slots[key] = None;
            self.free.push(key);
        }
        Some(finished)
    }
}
