//! What happens to a fleet, and when that was.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::scale::cost::{Cost, Delivery, Window};
use crate::scale::fleet::Fleet;

/// From the moment that it began to the first record of every partition after the group had settled.
#[derive(Clone, Debug)]
pub struct Event {
    pub what: String,
    pub window: Window,
    /// How long it took until the partitions were spread evenly again.
    pub settled_after: Duration,
}

// === impl Event ===

impl Event {
    /// Makes it happen, and waits until the group has settled and every partition has gone on.
    pub fn watch(what: &str, fleet: &mut Fleet, happen: impl FnOnce(&mut Fleet)) -> Self {
        let (from, began) = (now_ms(), Instant::now());
        happen(fleet);
        fleet.await_settled();
        let settled_after = began.elapsed();
        fleet.await_progress();
        Self { what: what.into(), window: Window { from, to: now_ms() }, settled_after }
    }

    pub fn cost(&self, deliveries: &[Delivery]) -> Cost {
        Cost::of(deliveries, self.window)
    }
}

/// As the brokers have it, which run on this machine.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock");
    i64::try_from(since.as_millis()).expect("a time of this age")
}
