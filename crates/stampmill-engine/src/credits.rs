//! How much may be in flight.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::status::Memory;

/// Bytes in flight over all partitions of a pipeline.
///
/// Asked before a batch is taken and charged after, so that the last batch taken may go beyond the limit, and one
/// record larger than the limit passes, alone. A partition with nothing in flight need not ask: so a blocked partition
/// starves no other, and nobody has to be woken when credit comes free.
#[derive(Debug)]
pub(crate) struct Credits {
    limit: usize,
    used: AtomicUsize,
}

/// Bytes taken from the credits, given back when dropped.
#[derive(Debug)]
pub(crate) struct Charge {
    credits: Arc<Credits>,
    bytes: usize,
}

// === impl Credits ===

impl Credits {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, used: AtomicUsize::new(0) })
    }

    pub(crate) fn admits(&self) -> bool {
        self.used.load(Ordering::Relaxed) < self.limit
    }

    pub(crate) fn memory(&self) -> Memory {
        Memory { in_flight: self.used.load(Ordering::Relaxed) as u64, limit: self.limit as u64 }
    }

    pub(crate) fn charge(self: &Arc<Self>, bytes: usize) -> Charge {
        self.used.fetch_add(bytes, Ordering::Relaxed);
        Charge { credits: Arc::clone(self), bytes }
    }
}

// === impl Charge ===

impl Charge {
    /// Rendered bytes are charged, too.
    pub(crate) fn again(&self, bytes: usize) -> Charge {
        self.credits.charge(bytes)
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.credits.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credit_comes_back_when_a_charge_is_dropped() {
        let credits = Credits::new(100);
        let batch = credits.charge(60);
        assert!(credits.admits());
        let rendered = batch.again(500);
        assert!(!credits.admits());
        drop(batch);
        assert!(!credits.admits());
        drop(rendered);
        assert!(credits.admits());
    }
}
