//! Waiting for a condition, with a deadline.

use std::fmt::Display;
use std::time::{Duration, Instant};

/// How long a test waits for what should come soon. `STAMPMILL_TEST_PATIENCE_SECS` changes it for slow machines.
pub fn patience() -> Duration {
    let seconds = std::env::var("STAMPMILL_TEST_PATIENCE_SECS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(90))
}

/// Looks again and again until there is something, and panics with `what` when patience ends.
#[track_caller]
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    eventually_ok(what, || look().ok_or("nothing yet"))
}

/// As [`eventually`], of what fails for a reason: the panic tells the last.
#[track_caller]
pub fn eventually_ok<T, E: Display>(what: &str, mut look: impl FnMut() -> Result<T, E>) -> T {
    let deadline = Instant::now() + patience();
    loop {
        match look() {
            Ok(found) => return found,
            Err(reason) => {
                assert!(Instant::now() < deadline, "waited {:?} in vain for {what}: {reason}", patience());
            }
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
}
