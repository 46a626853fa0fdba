//! How long things take, in seconds, observed once a batch.

use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

/// Clones count together.
#[derive(Clone, Debug)]
pub struct Timings {
    /// To log and render a batch.
    pub render: Histogram,
    /// From the moment a batch is read to that when it is settled.
    pub settle: Histogram,
    /// From the timestamp of a batch's first record to its delivery. What its producer's clock says counts.
    pub delivery: Histogram,
}

// === impl Timings ===

impl Default for Timings {
    fn default() -> Self {
        // 50 us to 1.6 s, 0.5 ms to 16 s, and 1 ms to 9 hours.
        Self {
            render: Histogram::new(exponential_buckets(50e-6, 2.0, 16)),
            settle: Histogram::new(exponential_buckets(0.5e-3, 2.0, 16)),
            delivery: Histogram::new(exponential_buckets(1e-3, 4.0, 14)),
        }
    }
}
