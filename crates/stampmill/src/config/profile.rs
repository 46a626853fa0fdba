//! What `profile` sets, unless it is set itself: how long records wait for others to travel with.

use stampmill_engine::settings::Properties;

/// Waiting makes batches larger, and so a record cheaper and later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Profile {
    pub(crate) batch_records: usize,
    linger_ms: &'static str,
    fetch_min_bytes: &'static str,
}

pub(crate) const PROFILES: &[(&str, Profile)] =
    &[("latency", LATENCY), ("balanced", BALANCED), ("throughput", THROUGHPUT)];

const LATENCY: Profile = Profile { batch_records: 200, linger_ms: "0", fetch_min_bytes: "1" };
pub(crate) const BALANCED: Profile = Profile { batch_records: 500, linger_ms: "5", fetch_min_bytes: "1" };
const THROUGHPUT: Profile = Profile { batch_records: 1_000, linger_ms: "50", fetch_min_bytes: "65536" };

// === impl Profile ===

impl Profile {
    pub(super) fn of_consumer(self, properties: &mut Properties) {
        properties.entry("fetch.min.bytes".to_owned()).or_insert_with(|| self.fetch_min_bytes.to_owned());
    }

    pub(super) fn of_producer(self, properties: &mut Properties) {
        properties.entry("linger.ms".to_owned()).or_insert_with(|| self.linger_ms.to_owned());
    }
}
