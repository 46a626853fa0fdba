//! How many records a second a `throttle` step lets through.

use std::time::Duration;

/// Tokens that come at a steady rate, of which a second's worth can be kept. Times are of any clock that goes forward.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    per_second: f64,
    tokens: f64,
    at: Duration,
}

// === impl Bucket ===

impl Bucket {
    /// Full, at the time 0.
    pub fn new(per_second: u32) -> Self {
        let per_second = f64::from(per_second.max(1));
        Self { per_second, tokens: per_second, at: Duration::ZERO }
    }

    /// Takes so many, and goes into debt for them if need be: so a batch of more than a second's worth passes, too. Returns
    /// how long to wait, and takes nothing, while there is a debt from before.
    pub fn take(&mut self, count: usize, now: Duration) -> Option<Duration> {
        let passed = now.saturating_sub(self.at);
        self.at = self.at.max(now);
        self.tokens = (self.tokens + passed.as_secs_f64() * self.per_second).min(self.per_second);
        if self.tokens < 0.0 {
            return Some(Duration::from_secs_f64(-self.tokens / self.per_second));
        }
        self.tokens -= count as f64;
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Over any time no more passes than its rate, a second's worth that was kept, and one batch in debt.
        #[test]
        fn no_more_than_its_rate_passes(
            per_second in 1_u32..10_000,
            batches in prop::collection::vec((1_usize..1_000, 0_u64..2_000), 1..200),
        ) {
            let mut bucket = Bucket::new(per_second);
            let (mut now, mut passed, mut largest) = (Duration::ZERO, 0, 0);
            for (count, pause) in batches {
                now += Duration::from_millis(pause);
                while let Some(wait) = bucket.take(count, now) {
                    prop_assert!(wait > Duration::ZERO);
                    now += wait + Duration::from_nanos(1);
                }
                (passed, largest) = (passed + count, largest.max(count));
                let allowed = f64::from(per_second) * (now.as_secs_f64() + 1.0) + largest as f64 + 1.0;
                prop_assert!(passed as f64 <= allowed, "{} of {}", passed, allowed);
            }
        }
    }

    #[test]
    fn a_clock_that_stands_lets_a_second_through() {
        let mut bucket = Bucket::new(10);
        assert_eq!(bucket.take(10, Duration::ZERO), None);
        assert_eq!(bucket.take(5, Duration::ZERO), None);
        assert_eq!(bucket.take(1, Duration::ZERO), Some(Duration::from_millis(500)));
        assert_eq!(bucket.take(1, Duration::from_millis(500)), None);
    }
}
