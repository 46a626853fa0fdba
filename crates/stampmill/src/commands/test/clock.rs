//! The clock and the randomness of a case: the same every time that it runs.

use std::cell::Cell;

use jiff::Timestamp;
use stampmill_core::template::Ambient;

/// What [`set`] has set, for the templates of this thread.
pub(super) const AMBIENT: Ambient = Ambient { now: || NOW.get(), random };

thread_local! {
    /// Nanoseconds since 1970.
    static NOW: Cell<i128> = const { Cell::new(0) };
    static DRAWN: Cell<u128> = const { Cell::new(0) };
}

/// Stops the clock at a moment, and begins to draw anew.
pub(super) fn set(now: Timestamp) {
    NOW.set(now.as_nanosecond());
    DRAWN.set(0);
}

/// 1, 2, 3, …: no two are equal within a case.
fn random() -> [u8; 16] {
    DRAWN.set(DRAWN.get() + 1);
    DRAWN.get().to_be_bytes()
}
