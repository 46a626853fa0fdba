//! The fate of a batch, on its way back to the ConsumerActor that sent it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actix::Addr;
use stampmill_core::record::{BatchNumber, Epoch};

use crate::consumer::ConsumerActor;
use crate::messages::{Fate, Settled};

/// The way back to a ConsumerActor, and the epoch that it is in.
pub(crate) struct Upstream {
    pub(crate) addr: Addr<ConsumerActor>,
    /// The partition's number within the pipeline, the same in every assignment.
    pub(crate) lane: usize,
    epoch: AtomicU64,
}

/// Travels with a batch, and is used up when the batch is delivered.
///
/// Dropping it means *not delivered*: whatever goes wrong on the way (a panic, a mailbox that closes, a purge), the
/// ConsumerActor hears of it and sends the batch again. There is no way to lose a batch without dropping its ack.
#[must_use]
pub(crate) struct Ack {
    upstream: Arc<Upstream>,
    epoch: Epoch,
    number: BatchNumber,
    fate: Fate,
}

/// Hands out epochs; each is above all before it, whichever partition it is for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Epochs(Arc<AtomicU64>);

/// Above every epoch: nothing is current any more.
const FENCED: u64 = u64::MAX;

// === impl Upstream ===

impl Upstream {
    pub(crate) fn new(addr: Addr<ConsumerActor>, lane: usize, epoch: Epoch) -> Arc<Self> {
        Arc::new(Self { addr, lane, epoch: AtomicU64::new(epoch.0) })
    }

    /// Begins a new epoch, unless the partition was fenced: what is fenced stays fenced.
    pub(crate) fn begin(&self, epoch: Epoch) {
        self.epoch.fetch_max(epoch.0, Ordering::AcqRel);
    }

    /// From now on every batch of this assignment is stale, and whoever holds one may drop it.
    pub(crate) fn fence(&self) {
        self.epoch.store(FENCED, Ordering::Release);
    }

    pub(crate) fn is_fenced(&self) -> bool {
        self.epoch.load(Ordering::Acquire) == FENCED
    }

    pub(crate) fn ack(self: &Arc<Self>, epoch: Epoch, number: BatchNumber) -> Ack {
        Ack { upstream: Arc::clone(self), epoch, number, fate: Fate::Dropped }
    }
}

// === impl Ack ===

impl Ack {
    pub(crate) fn delivered(mut self) {
        self.fate = Fate::Delivered;
    }

    /// Nobody waits for this batch any more: its epoch is over.
    pub(crate) fn is_stale(&self) -> bool {
        self.upstream.epoch.load(Ordering::Acquire) != self.epoch.0
    }

    pub(crate) fn lane(&self) -> usize {
        self.upstream.lane
    }

    pub(crate) fn epoch(&self) -> Epoch {
        self.epoch
    }

    pub(crate) fn number(&self) -> BatchNumber {
        self.number
    }
}

impl Drop for Ack {
    /// Runs while a panic unwinds, too: nothing here may panic.
    fn drop(&mut self) {
        self.upstream.addr.do_send(Settled { epoch: self.epoch, number: self.number, fate: self.fate });
    }
}

// === impl Epochs ===

impl Epochs {
    pub(crate) fn next(&self) -> Epoch {
        Epoch(self.0.fetch_add(1, Ordering::Relaxed) + 1)
    }
}
