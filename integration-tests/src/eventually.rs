//! Waiting for a condition, with a deadline.

use std::time::{Duration, Instant};

/// How long a test waits for what should come soon. `STAMPMILL_TEST_PATIENCE_SECS` changes it for slow machines.
pub fn patience() -> Duration {
    let seconds = std::env::var("STAMPMILL_TEST_PATIENCE_SECS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(90))
}

/// Looks again and again until there is something, and panics with `what` when patience ends.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + patience();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {:?} in vain for {what}", patience());
        std::thread::park_timeout(Duration::from_millis(20));
    }
}
