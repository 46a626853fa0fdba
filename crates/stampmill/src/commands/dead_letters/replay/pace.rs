//! So many a second, and no more.

use std::time::{Duration, Instant};

use stampmill_engine::kafka::writer::TopicWriter;

pub(super) struct Pace {
    between: Duration,
    next: Instant,
}

/// What a timer may be late.
const SLACK: Duration = Duration::from_millis(50);

// === impl Pace ===

impl Pace {
    pub(super) fn new(rate: Option<u32>) -> Self {
        let between = rate.map_or(Duration::ZERO, |rate| Duration::from_secs(1) / rate.max(1));
        Self { between, next: Instant::now() }
    }

    /// Until the next may go out. Deliveries are taken meanwhile.
    pub(super) fn wait(&mut self, writer: &TopicWriter) {
        loop {
            let left = self.next.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            writer.serve(left);
        }
        let now = Instant::now();
        // A pause is not made up for.
        let from = if self.next + SLACK < now { now } else { self.next };
        self.next = from + self.between;
    }
}
