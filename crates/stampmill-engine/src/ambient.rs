//! The clock and the randomness that templates may ask for.

use std::time::{SystemTime, UNIX_EPOCH};

use stampmill_core::template::Ambient;

/// Those of the machine.
pub const AMBIENT: Ambient = Ambient { now, random };

fn now() -> i128 {
    let nanoseconds = |duration: std::time::Duration| i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX);
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => nanoseconds(since),
        Err(before) => -nanoseconds(before.duration()),
    }
}

/// # Panics
/// Where the machine has no randomness to give. A predictable number must not pass for a random one.
fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).unwrap_or_else(|error| panic!("the system gives no random bytes: {error}"));
    bytes
}
