//! How far a partition has got, for the control thread to commit and to watch.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use stampmill_core::completed::Completed;
use stampmill_core::record::CommitOffset;

/// Shared by a ConsumerActor, which writes it, and the control thread.
#[derive(Clone, Debug)]
pub(crate) struct Standing(Arc<Mutex<Progress>>);

/// All at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Every record below it is settled. It only rises.
    pub(crate) watermark: CommitOffset,
    /// What is settled above.
    pub(crate) completed: Completed,
    /// The next record to read.
    pub(crate) end: CommitOffset,
    /// Of what is in flight.
    pub(crate) oldest: Option<Oldest>,
    /// The timestamp of the last record that was read, in milliseconds since 1970.
    pub(crate) read: Option<i64>,
}

/// The oldest batch that is not settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Oldest {
    /// When it was read.
    pub(crate) since: Instant,
    /// Of its first record, in milliseconds since 1970.
    pub(crate) timestamp: Option<i64>,
}

// === impl Standing ===

impl Standing {
    /// Nothing is in flight at the start of an assignment.
    pub(crate) fn new(start: CommitOffset, completed: Completed) -> Self {
        Self(Arc::new(Mutex::new(Progress { watermark: start, completed, end: start, oldest: None, read: None })))
    }

    pub(crate) fn get(&self) -> Progress {
        self.lock().clone()
    }

    pub(crate) fn watermark(&self) -> CommitOffset {
        self.lock().watermark
    }

    pub(super) fn read_to(&self, end: CommitOffset, read: Option<i64>, oldest: impl FnOnce() -> Option<Oldest>) {
        let mut progress = self.lock();
        (progress.end, progress.read) = (end, read.or(progress.read));
        if progress.oldest.is_none() {
            progress.oldest = oldest();
        }
    }

    pub(super) fn set(&self, watermark: CommitOffset, completed: Completed, end: CommitOffset, oldest: Option<Oldest>) {
        let mut progress = self.lock();
        *progress = Progress { watermark, completed, end, oldest, read: progress.read };
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
