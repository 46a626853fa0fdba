//! What a pipeline has done, in numbers that anyone may read at any time.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::messages::Work;

/// Counted per batch or per fault, never per record.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) ready: AtomicBool,
    pub(crate) partitions: AtomicU64,
    pub(crate) records_in: AtomicU64,
    pub(crate) records_out: AtomicU64,
    pub(crate) dead_letters: AtomicU64,
    pub(crate) rewinds: AtomicU64,
    pub(crate) stale_acks: AtomicU64,
    pub(crate) commits: AtomicU64,
    pub(crate) consumer_restarts: AtomicU64,
    pub(crate) transform_restarts: AtomicU64,
    pub(crate) producer_restarts: AtomicU64,
}

/// A pipeline at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    pub pipeline: String,
    /// It has joined its group and knows where to read, or stands by without a partition.
    pub ready: bool,
    /// Partitions that it has been given.
    pub partitions: u64,
    pub records_in: u64,
    /// Records whose outputs are delivered, dead letters included.
    pub records_out: u64,
    pub dead_letters: u64,
    /// Times that unsettled batches of a partition were sent again.
    pub rewinds: u64,
    /// Acknowledgements that came after their epoch was over.
    pub stale_acks: u64,
    pub commits: u64,
    /// Restarts of all actors.
    pub restarts: u64,
}

/// Which kind of actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Consumer,
    Transform,
    Producer,
}

// === impl Counters ===

impl Counters {
    pub(crate) fn add(counter: &AtomicU64, count: usize) {
        counter.fetch_add(count as u64, Ordering::Relaxed);
    }

    /// A batch whose every output is delivered.
    pub(crate) fn count_delivered(&self, work: &Work) {
        Self::add(&self.records_out, work.batch.batch.len());
        Self::add(&self.dead_letters, work.outputs.dead_letters());
    }

    pub(crate) fn count_restart(&self, role: Role) {
        let counter = match role {
            Role::Consumer => &self.consumer_restarts,
            Role::Transform => &self.transform_restarts,
            Role::Producer => &self.producer_restarts,
        };
        Self::add(counter, 1);
    }

    pub(crate) fn observe(&self, pipeline: &str) -> Observation {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Observation {
            pipeline: pipeline.into(),
            ready: self.ready.load(Ordering::Relaxed),
            partitions: read(&self.partitions),
            records_in: read(&self.records_in),
            records_out: read(&self.records_out),
            dead_letters: read(&self.dead_letters),
            rewinds: read(&self.rewinds),
            stale_acks: read(&self.stale_acks),
            commits: read(&self.commits),
            restarts: read(&self.consumer_restarts) + read(&self.transform_restarts) + read(&self.producer_restarts),
        }
    }
}
