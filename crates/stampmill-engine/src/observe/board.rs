//! Where the partitions stand, as the control thread has last looked.

use std::sync::{Mutex, PoisonError};

use crate::status::{Memory, PartitionStatus};

#[derive(Debug, Default)]
pub(crate) struct Board(Mutex<(Vec<PartitionStatus>, Memory)>);

// === impl Board ===

impl Board {
    pub(crate) fn put(&self, partitions: Vec<PartitionStatus>, memory: Memory) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (partitions, memory);
    }

    pub(crate) fn get(&self) -> (Vec<PartitionStatus>, Memory) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
