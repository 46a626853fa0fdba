//! The producer of a ProducerActor: its properties, and the thread that polls it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::KafkaResult;
use rdkafka::producer::{BaseProducer, Producer as _};

use super::engine_properties::{self, EngineProperties};
use super::ffi::{self, Live, ProducerEvents};
use crate::producer::deliveries::Deliveries;
use crate::settings::{Properties, Sink};

pub(crate) type SinkProducer = Live<BaseProducer<Deliveries>>;

/// Serves the delivery reports. It outlives the actor's restarts, so that reports are counted whatever happens there.
pub(crate) struct PollThread {
    /// The thread has the last reference.
    producer: Weak<SinkProducer>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Records do not linger in librdkafka as long as this lives.
pub(crate) struct Flushing {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

const LIBRDKAFKA_BATCH_SIZE: usize = 1_000_000;
const LIBRDKAFKA_MOST_BYTES: usize = 1_000_000;
const LIBRDKAFKA_MOST_OF_ALL: usize = 1_000_000_000;
const POLL: Duration = Duration::from_millis(50);
/// The longest that somebody waits who has flushed enough.
const FLUSH: Duration = Duration::from_millis(20);

/// `most_bytes` is what the sink's topic takes at once, where that is known: then a batch that is refused for its size is
/// a single record, and librdkafka itself refuses none that the topic takes. `transactional_id` is unique to this instance.
pub(crate) fn create(
    sink: &Sink,
    deliveries: Deliveries,
    most_bytes: Option<usize>,
    transactional_id: Option<&str>,
) -> KafkaResult<SinkProducer> {
    let mut config = config(&sink.properties, transactional_id.is_some());
    if let Some(most) = most_bytes {
        let wanted = sink.properties.get("batch.size").and_then(|text| text.parse().ok());
        config.set("batch.size", most.min(wanted.unwrap_or(LIBRDKAFKA_BATCH_SIZE)).to_string());
        if most > LIBRDKAFKA_MOST_BYTES && !sink.properties.contains_key("message.max.bytes") {
            config.set("message.max.bytes", most.min(LIBRDKAFKA_MOST_OF_ALL).to_string());
        }
    }
    if let Some(id) = transactional_id {
        config.set("transactional.id", id);
    }
    let client = config.set_log_level(RDKafkaLogLevel::Warning).create_with_context(deliveries)?;
    Ok(Live::producer(client, sink.properties.credentials.as_ref()))
}

pub(crate) fn config(properties: &Properties, in_transactions: bool) -> ClientConfig {
    let EngineProperties { defaults, owned, .. } = engine_properties::of_producer(in_transactions);
    let mut config = ClientConfig::new();
    for (name, value) in defaults {
        config.set(name, value);
    }
    for (name, value) in properties.in_force() {
        config.set(name, value);
    }
    for (name, value) in owned {
        config.set(name, value);
    }
    config
}

/// A panic in here would end all delivery reports without a word.
fn serve(producer: &SinkProducer, stopped: &AtomicBool) {
    let Some(mut events) = ProducerEvents::of(producer) else {
        return log::error!("a producer has no queue of events");
    };
    while !stopped.load(Ordering::Acquire) {
        let served = catch_unwind(AssertUnwindSafe(|| producer.context().take_reports(events.poll(POLL))));
        if served.is_err() {
            log::error!("a delivery report panicked");
        }
    }
}

// === impl PollThread ===

impl PollThread {
    pub(crate) fn start(name: &str, producer: Arc<SinkProducer>) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, weak) = (Arc::clone(&stop), Arc::downgrade(&producer));
        let thread = std::thread::Builder::new().name(format!("reports {name}")).spawn(move || {
            serve(&producer, &stopped);
            // The last reference: a client is dropped on the thread that polls it.
            drop(producer);
        })?;
        Ok(Self { producer: weak, stop, thread: Some(thread) })
    }

    /// librdkafka flushes for as long as a call of it is under way: so a thread calls it, and this one goes on polling.
    pub(crate) fn flush(&self) -> Option<Flushing> {
        let (producer, stop) = (self.producer.upgrade()?, Arc::new(AtomicBool::new(false)));
        let stopped = Arc::clone(&stop);
        let flush = move || {
            while !stopped.load(Ordering::Acquire) {
                if ffi::flush(producer.client(), FLUSH) {
                    // More may come as long as actors drain.
                    std::thread::park_timeout(FLUSH);
                }
            }
        };
        match std::thread::Builder::new().name("flush".into()).spawn(flush) {
            Ok(thread) => Some(Flushing { stop, thread: Some(thread) }),
            Err(error) => {
                log::warn!("what lingers is not sent before its time: {error}");
                None
            }
        }
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

// === impl Flushing ===

impl Drop for Flushing {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            log::error!("the thread that flushes had panicked");
        }
    }
}
