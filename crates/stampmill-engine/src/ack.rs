//! The fate of a batch, on its way back to the ConsumerActor that sent it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use actix::Addr;
use stampmill_core::record::{BatchNumber, CommitOffset, Epoch};
use stampmill_core::start_position::Mark;

use crate::consumer::ConsumerActor;
use crate::kafka::PartitionId;
use crate::messages::{Fate, Held, Settled};
use crate::ordered::Windows;

/// The way back to a ConsumerActor, and the epoch that it is in.
pub(crate) struct Upstream {
    pub(crate) addr: Addr<ConsumerActor>,
    pub(crate) partition: PartitionId,
    /// The partition's number within the pipeline, the same in every assignment.
    pub(crate) lane: usize,
    /// What every commit of its topic says of the first meeting.
    pub(crate) mark: Option<Mark>,
    epoch: AtomicU64,
    /// What this assignment has committed in transactions; it outlives every actor.
    committed: AtomicI64,
    /// What `dedupe` steps have met of the partition.
    pub(crate) windows: Windows,
}

/// Travels with a batch, and is used up when the batch is delivered.
///
/// Dropping it means *not delivered*: whatever goes wrong on the way (a panic, a mailbox that closes, a purge), the
/// ConsumerActor hears of it and sends the batch again. There is no way to lose a batch without dropping its ack.
#[must_use]
pub(crate) struct Ack {
    upstream: Arc<Upstream>,
    epoch: Epoch,
    place: Place,
    fate: Fate,
}

/// Which part of which batch it is, and its place in the order of a lane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) number: BatchNumber,
    pub(crate) part: usize,
    pub(crate) lane: usize,
    /// 0, 1, 2, … within the epoch.
    pub(crate) turn: u64,
}

/// Hands out epochs; each is above all before it, whichever partition it is for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Epochs(Arc<AtomicU64>);

/// Below every offset.
const NOTHING: i64 = -1;

/// Above every epoch: nothing is current any more.
const FENCED: u64 = u64::MAX;

// === impl Upstream ===

impl Upstream {
    pub(crate) fn new(
        addr: Addr<ConsumerActor>,
        partition: PartitionId,
        lane: usize,
        mark: Option<Mark>,
        epoch: Epoch,
    ) -> Arc<Self> {
        let (epoch, committed) = (AtomicU64::new(epoch.0), AtomicI64::new(NOTHING));
        Arc::new(Self { addr, partition, lane, mark, epoch, committed, windows: Windows::default() })
    }

    pub(crate) fn committed(&self) -> Option<CommitOffset> {
        let committed = self.committed.load(Ordering::Acquire);
        (committed != NOTHING).then(|| CommitOffset::new(committed))
    }

    pub(crate) fn commit(&self, offset: CommitOffset) {
        self.committed.store(offset.get(), Ordering::Release);
    }

    /// Begins a new epoch, unless the partition was fenced: what is fenced stays fenced.
    pub(crate) fn begin(&self, epoch: Epoch) {
        self.epoch.fetch_max(epoch.0, Ordering::AcqRel);
    }

    /// From now on every batch of this assignment is stale, and whoever holds one may drop it.
    pub(crate) fn fence(&self) {
        self.epoch.store(FENCED, Ordering::Release);
    }

    pub(crate) fn is_in(&self, epoch: Epoch) -> bool {
        self.epoch.load(Ordering::Acquire) == epoch.0
    }

    pub(crate) fn is_fenced(&self) -> bool {
        self.epoch.load(Ordering::Acquire) == FENCED
    }

    pub(crate) fn ack(self: &Arc<Self>, epoch: Epoch, place: Place) -> Ack {
        Ack { upstream: Arc::clone(self), epoch, place, fate: Fate::Dropped }
    }
}

// === impl Ack ===

impl Ack {
    pub(crate) fn delivered(mut self) {
        self.fate = Fate::Delivered;
    }

    /// Whatever stands before that record is delivered, and nothing else of this batch or of those behind it will be.
    pub(crate) fn held(mut self, held: Held) {
        self.fate = Fate::Held(Box::new(held));
    }

    /// Nobody waits for this batch any more: its epoch is over.
    pub(crate) fn is_stale(&self) -> bool {
        !self.upstream.is_in(self.epoch)
    }

    pub(crate) fn lane(&self) -> usize {
        self.place.lane
    }

    pub(crate) fn epoch(&self) -> Epoch {
        self.epoch
    }

    pub(crate) fn turn(&self) -> u64 {
        self.place.turn
    }

    pub(crate) fn upstream(&self) -> &Arc<Upstream> {
        &self.upstream
    }
}

impl Drop for Ack {
    /// Runs while a panic unwinds, too: nothing here may panic.
    fn drop(&mut self) {
        let fate = std::mem::replace(&mut self.fate, Fate::Dropped);
        let Place { number, part, .. } = self.place;
        self.upstream.addr.do_send(Settled { epoch: self.epoch, number, part, fate });
    }
}

// === impl Epochs ===

impl Epochs {
    pub(crate) fn next(&self) -> Epoch {
        Epoch(self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }
}
