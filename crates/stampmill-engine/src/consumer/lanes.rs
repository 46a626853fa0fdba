//! Cuts the batches of a partition into lanes. What is in one lane stays in order; lanes know nothing of each other.

use std::sync::Arc;
use std::time::Instant;

use stampmill_core::lanes::cut;
use stampmill_core::offset_tracker::MAX_PARTS;
use stampmill_core::record::{Batch, BatchNumber, Offset};

use crate::ack::Place;
use crate::credits::{Charge, Credits};
use crate::messages::ChargedBatch;
use crate::settings::Ordering;

/// The lanes of one partition.
#[derive(Debug)]
pub(crate) struct Lanes {
    ordering: Ordering,
    /// The number of the first within the pipeline.
    first: usize,
    /// What the next batch of each lane is numbered.
    turns: Vec<u64>,
}

/// What goes down a lane, kept until it is settled.
pub(crate) struct Part {
    lane: usize,
    pub(crate) batch: Arc<ChargedBatch>,
    /// The first record of the batch that it was cut from.
    pub(crate) first_of_batch: Offset,
}

// === impl Lanes ===

impl Lanes {
    /// `partition` is the partition's number within the pipeline, and `workers` the size of the pool.
    pub(crate) fn new(ordering: Ordering, partition: usize, workers: usize) -> Self {
        let count = match ordering {
            Ordering::Partition => 1,
            // A worker for each lane: so what is in one stays in order without being put back in order.
            Ordering::Key | Ordering::None => workers.min(MAX_PARTS),
        };
        Self { ordering, first: partition * count, turns: vec![0; count] }
    }

    /// Whether the partition is one lane, so that nothing behind a record is settled before it.
    pub(crate) fn is_one(&self) -> bool {
        self.turns.len() == 1
    }

    /// A new epoch: every lane begins anew.
    pub(crate) fn begin(&mut self) {
        self.turns.fill(0);
    }

    pub(crate) fn cut(&self, batch: Batch, number: u64, credits: &Arc<Credits>) -> Vec<Part> {
        let Some(first_of_batch) = batch.first() else { return Vec::new() };
        let since = Instant::now();
        let part = |lane: usize, batch: Batch| {
            let charge: Charge = credits.charge(batch.bytes());
            Part { lane: self.first + lane, batch: Arc::new(ChargedBatch { batch, charge, since }), first_of_batch }
        };
        match self.ordering {
            Ordering::Partition => vec![part(0, batch)],
            Ordering::None => vec![part(number as usize % self.turns.len(), batch)],
            Ordering::Key => cut(&batch, self.turns.len())
                .into_iter()
                .map(|(lane, records)| part(lane, batch.pick(&records)))
                .collect(),
        }
    }

    /// The next place in the part's lane.
    pub(crate) fn place(&mut self, part: &Part, number: BatchNumber, index: usize) -> Place {
        let turn = &mut self.turns[part.lane - self.first];
        *turn += 1;
        Place { number, part: index, lane: part.lane, turn: *turn - 1 }
    }

    /// Which worker takes it: any, where the order is put right afterwards; the lane's own otherwise.
    pub(crate) fn worker(&self, place: Place) -> usize {
        match self.ordering {
            Ordering::Partition => place.lane.wrapping_add(place.turn as usize),
            Ordering::Key | Ordering::None => place.lane,
        }
    }
}
