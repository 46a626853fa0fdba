//! The latest records that could not be processed or were refused, for people to see.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub at: SystemTime,
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    /// The step that failed, or `broker`.
    pub step: String,
    pub class: String,
    pub reason: String,
    /// More of the same batch that failed.
    pub more: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Failures(Mutex<VecDeque<Failure>>);

const KEPT: usize = 50;

// === impl Failures ===

impl Failures {
    pub(crate) fn add(&self, failure: Failure) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.truncate(KEPT - 1);
        kept.push_front(failure);
    }

    /// Newest first.
    pub(crate) fn latest(&self) -> Vec<Failure> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_kept() {
        let failures = Failures::default();
        for offset in 0..60 {
            let (topic, step, class, reason) = ("t".into(), "s".into(), "c".into(), "r".into());
            failures.add(Failure { at: SystemTime::now(), topic, partition: 0, offset, step, class, reason, more: 0 });
        }
        let offsets: Vec<i64> = failures.latest().iter().map(|failure| failure.offset).collect();
        assert_eq!(offsets, (10..60).rev().collect::<Vec<_>>());
    }
}
