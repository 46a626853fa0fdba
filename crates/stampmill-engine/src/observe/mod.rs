//! What a pipeline has done, in numbers that anyone may read at any time.

pub(crate) mod board;
pub(crate) mod failures;
pub(crate) mod roster;
pub(crate) mod tally;
pub(crate) mod timings;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use self::board::Board;
use self::failures::Failures;
use self::roster::{RestartCause, Role, Roster};
use self::tally::Tally;
use self::timings::Timings;
use crate::health::HealthCell;

/// Counted per batch or per fault, never per record.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) health: HealthCell,
    pub(crate) board: Board,
    pub(crate) roster: Roster,
    pub(crate) failures: Failures,
    pub(crate) timings: Timings,
    /// 0 for the one that it was started with.
    pub(crate) reloads: AtomicU64,
    pub(crate) rebalances: AtomicU64,
    pub(crate) partitions: AtomicU64,
    pub(crate) records_in: AtomicU64,
    pub(crate) bytes_in: AtomicU64,
    pub(crate) records_out: AtomicU64,
    pub(crate) bytes_out: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) dead_letters: AtomicU64,
    pub(crate) skipped: AtomicU64,
    pub(crate) aborts: AtomicU64,
    pub(crate) rewinds: AtomicU64,
    pub(crate) stale_acks: AtomicU64,
    pub(crate) commits: AtomicU64,
    pub(crate) restarts: Tally<(Role, RestartCause)>,
    pub(crate) failed_at: Tally<FailureKind>,
    /// By the step that let a record, or a part of one, not through.
    pub(crate) filtered: Tally<String>,
    pub(crate) pipeline_restarts: AtomicU64,
}

/// What a record that could not be processed is counted under.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FailureKind {
    /// The step that failed; `sink` where a broker refused the record for good.
    pub step: String,
    /// As `FaultClass::as_str` has it.
    pub class: &'static str,
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
    /// Bytes of their keys, payloads and headers.
    pub bytes_in: u64,
    /// Records whose outputs are delivered, dead letters included.
    pub records_out: u64,
    /// Bytes of their rendered payloads.
    pub bytes_out: u64,
    /// Records that brokers refused; each is sent again or goes to its policy.
    pub refused: u64,
    /// Records sent to the dead letters; more than once, where a batch was sent again.
    pub dead_letters: u64,
    /// Records left out because `on_failure.then` is `skip`.
    pub skipped: u64,
    /// Transactions that were aborted.
    pub aborts: u64,
    /// Times that unsettled batches of a partition were sent again.
    pub rewinds: u64,
    /// Acknowledgements that came after their epoch was over.
    pub stale_acks: u64,
    pub commits: u64,
    /// Times that its steps were changed while it ran.
    pub reloads: u64,
    /// Times that partitions were given or taken away.
    pub rebalances: u64,
    /// Restarts of all actors.
    pub restarts: u64,
    /// The same by role and cause; those that there were.
    pub restarts_by: BTreeMap<(Role, RestartCause), u64>,
    /// Records that could not be processed.
    pub failed_at: BTreeMap<FailureKind, u64>,
    /// Records, and parts of records, of which nothing goes out, by the step that decided it; `sinks` for those that no sink
    /// takes.
    pub filtered: BTreeMap<String, u64>,
    /// Times that the whole pipeline began anew.
    pub pipeline_restarts: u64,
}

// === impl Counters ===

impl Counters {
    pub(crate) fn add(counter: &AtomicU64, count: usize) {
        counter.fetch_add(count as u64, Ordering::Relaxed);
    }

    pub(crate) fn observe(&self, pipeline: &str) -> Observation {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let restarts_by = self.restarts.get();
        Observation {
            pipeline: pipeline.into(),
            ready: self.health.get().is_ready(),
            partitions: read(&self.partitions),
            records_in: read(&self.records_in),
            bytes_in: read(&self.bytes_in),
            records_out: read(&self.records_out),
            bytes_out: read(&self.bytes_out),
            refused: read(&self.refused),
            dead_letters: read(&self.dead_letters),
            skipped: read(&self.skipped),
            aborts: read(&self.aborts),
            rewinds: read(&self.rewinds),
            stale_acks: read(&self.stale_acks),
            commits: read(&self.commits),
            reloads: read(&self.reloads),
            rebalances: read(&self.rebalances),
            pipeline_restarts: read(&self.pipeline_restarts),
            restarts: restarts_by.values().sum(),
            restarts_by,
            failed_at: self.failed_at.get(),
            filtered: self.filtered.get(),
        }
    }
}
