//! The producer of a ProducerActor: its properties, and the thread that polls it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::KafkaResult;
use rdkafka::producer::BaseProducer;

use crate::producer::deliveries::Deliveries;
use crate::settings::Sink;

pub(crate) type SinkProducer = BaseProducer<Deliveries>;

/// Serves the delivery reports. It outlives the actor's restarts, so that reports are counted whatever happens there.
pub(crate) struct PollThread {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What the engine sets itself; the program refuses these in a configuration.
const OWNED: [(&str, &str); 4] = [
    ("enable.idempotence", "true"),
    ("acks", "all"),
    // A record never fails for having waited: between delivered ones it would leave a gap.
    ("message.timeout.ms", "0"),
    // For dead letters only; the partition of an output is worked out by the engine.
    ("partitioner", "murmur2_random"),
];

/// What a configuration may change.
const DEFAULTS: [(&str, &str); 5] = [
    ("linger.ms", "5"),
    ("queue.buffering.max.messages", "500000"),
    ("topic.metadata.refresh.interval.ms", "30000"),
    // librdkafka's compiled-in path is that of its own OpenSSL, which no system has.
    ("ssl.ca.location", "probe"),
    ("client.id", "stampmill"),
];

const POLL: Duration = Duration::from_millis(50);

pub(crate) fn create(sink: &Sink, deliveries: Deliveries) -> KafkaResult<SinkProducer> {
    let mut config = ClientConfig::new();
    for (name, value) in DEFAULTS {
        config.set(name, value);
    }
    for (name, value) in &sink.properties {
        config.set(name, value);
    }
    for (name, value) in OWNED {
        config.set(name, value);
    }
    config.set_log_level(RDKafkaLogLevel::Warning).create_with_context(deliveries)
}

// === impl PollThread ===

impl PollThread {
    pub(crate) fn start(name: &str, producer: Arc<SinkProducer>) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name(format!("reports {name}")).spawn(move || {
            while !stopped.load(Ordering::Acquire) {
                // A panic in here would end all delivery reports without a word.
                if catch_unwind(AssertUnwindSafe(|| producer.poll(POLL))).is_err() {
                    log::error!("a delivery report panicked");
                }
            }
            // The last reference: a client is dropped on the thread that polls it.
            drop(producer);
        })?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for PollThread {
    /// Waits for the thread. To be dropped when nothing is in flight any more: what still is would be purged.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            log::error!("the thread of the delivery reports had panicked");
        }
    }
}
