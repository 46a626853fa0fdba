//! How far a partition has got, for the control thread to commit and to watch.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
}

// === impl Standing ===

impl Standing {
    /// Nothing is in flight at the start of an assignment.
    pub(crate) fn new(start: CommitOffset, completed: Completed) -> Self {
        Self(Arc::new(Mutex::new(Progress { watermark: start, completed, end: start })))
    }

    pub(crate) fn get(&self) -> Progress {
        self.lock().clone()
    }

    pub(crate) fn watermark(&self) -> CommitOffset {
        self.lock().watermark
    }

    pub(super) fn read_to(&self, end: CommitOffset) {
        self.lock().end = end;
    }

    pub(super) fn set(&self, progress: Progress) {
        *self.lock() = progress;
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
