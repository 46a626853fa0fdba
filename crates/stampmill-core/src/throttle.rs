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

    /// How long to wait before more may be taken.
    pub fn wait(&self, now: Duration) -> Option<Duration> {
        let tokens = self.tokens(now);
        (tokens < 0.0).then(|| Duration::from_secs_f64(-tokens / self.per_second))
    }

    /// Takes so many, and goes into debt for them if need be: so a batch of more than a second's worth passes, too, and
    /// who comes next waits for it.
    pub fn take(&mut self, count: usize, now: Duration) {
        self.tokens = self.tokens(now) - count as f64;
        self.at = self.at.max(now);
    }

    fn tokens(&self, now: Duration) -> f64 {
        let passed = now.saturating_sub(self.at);
        (self.tokens + passed.as_secs_f64() * self.per_second).min(self.per_second)
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
                while let Some(wait) = bucket.wait(now) {
                    now += wait + Duration::from_nanos(1);
                }
                bucket.take(count, now);
                (passed, largest) = (passed + count, largest.max(count));
                let allowed = f64::from(per_second) * (now.as_secs_f64() + 1.0) + largest as f64 + 1.0;
                prop_assert!(passed as f64 <= allowed, "{} of {}", passed, allowed);
            }
        }
    }

    #[test]
    fn a_clock_that_stands_lets_a_second_through() {
        let mut bucket = Bucket::new(10);
        bucket.take(10, Duration::ZERO);
        assert_eq!(bucket.wait(Duration::ZERO), None);
        bucket.take(5, Duration::ZERO);
        assert_eq!(bucket.wait(Duration::ZERO), Some(Duration::from_millis(500)));
        assert_eq!(bucket.wait(Duration::from_millis(500)), None);
    }
}
