//! Writes single records and waits for them: for replays.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use stampmill_core::record::Record;
use thiserror::Error;

use super::cluster::{self, Topics};
use super::ffi::{Live, add_header};
use super::producer;
use crate::settings::Properties;

/// An idempotent producer, and what its cluster has.
pub struct TopicWriter {
    producer: Arc<Live<BaseProducer<Outcomes>>>,
    topics: Topics,
}

#[derive(Debug, Error)]
pub enum WriteError {
    #[error("{0}")]
    Client(#[from] KafkaError),
    #[error("{0}")]
    NoCredentials(String),
    #[error("the brokers `{servers}` do not answer: {source}")]
    Unreachable { servers: String, source: KafkaError },
    #[error("the record cannot be sent: {0}")]
    Refused(RDKafkaErrorCode),
}

/// A record that was not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undelivered {
    /// The number that it was sent with.
    pub number: usize,
    pub error: RDKafkaErrorCode,
}

/// What became of the records.
#[derive(Default)]
pub(crate) struct Outcomes(Mutex<Counted>);

#[derive(Default)]
struct Counted {
    reported: usize,
    failed: Vec<Undelivered>,
}

/// A pipeline waits for ever; who waits for a command does not.
const GIVE_UP_MS: &str = "120000";
/// The most that librdkafka takes: the brokers decide.
const MOST_BYTES: &str = "1000000000";
const POLL: Duration = Duration::from_millis(20);

// === impl TopicWriter ===

impl TopicWriter {
    /// # Errors
    /// The brokers do not answer.
    pub fn open(properties: &Properties) -> Result<Self, WriteError> {
        properties.await_credentials().map_err(WriteError::NoCredentials)?;
        let mut config = producer::config(properties, false);
        config.set("message.timeout.ms", GIVE_UP_MS).set("message.max.bytes", MOST_BYTES);
        config.set("log_level", "2").set_log_level(RDKafkaLogLevel::Critical);
        let producer = config.create_with_context(Outcomes::default())?;
        let producer = Live::producer(producer, properties.credentials.as_ref());
        let topics = cluster::topics(producer.client()).map_err(|source| {
            let servers = properties.get("bootstrap.servers").cloned().unwrap_or_default();
            WriteError::Unreachable { servers, source }
        })?;
        Ok(Self { producer: Arc::new(producer), topics })
    }

    /// How many partitions a topic had when this was opened. A record for a topic that is not there could create it.
    pub fn partitions(&self, topic: &str) -> Option<i32> {
        self.topics.get(topic).copied().filter(|partitions| *partitions > 0)
    }

    /// Sends a record as it is to its own topic and partition. `number` comes back if it is not delivered.
    ///
    /// # Errors
    /// librdkafka does not take it.
    pub fn send(&self, record: &Record<'_>, number: usize) -> Result<(), WriteError> {
        self.queue(|producer| {
            let mut out = BaseRecord::<[u8], [u8], usize>::with_opaque_to(record.topic, number);
            out.partition = Some(record.partition);
            out.key = record.key;
            out.payload = record.payload;
            out.timestamp = record.timestamp;
            out.headers = headers(record);
            let sent = producer.send(out);
            sent.map_err(|(error, _)| error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail))
        })
    }

    /// Hands something to librdkafka, as soon as there is room for it.
    pub(crate) fn queue(
        &self,
        mut send: impl FnMut(&Arc<Live<BaseProducer<Outcomes>>>) -> Result<(), RDKafkaErrorCode>,
    ) -> Result<(), WriteError> {
        loop {
            match send(&self.producer) {
                Err(RDKafkaErrorCode::QueueFull) => self.serve(POLL),
                sent => return sent.map_err(WriteError::Refused),
            }
        }
    }

    /// Takes delivery reports, and waits that long for them.
    pub fn serve(&self, wait: Duration) {
        self.producer.poll(wait);
    }

    /// Waits until `sent` records have been reported since the last call, and returns those that were not delivered.
    /// Each is given up after two minutes, so this ends.
    pub fn settle(&self, sent: usize) -> Vec<Undelivered> {
        while self.outcomes().reported < sent {
            self.serve(POLL);
        }
        std::mem::take(&mut *self.outcomes()).failed
    }

    fn outcomes(&self) -> MutexGuard<'_, Counted> {
        self.producer.context().0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn headers(record: &Record<'_>) -> Option<OwnedHeaders> {
    if record.headers.is_empty() {
        return None;
    }
    let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
    record.headers.iter().for_each(|(name, value)| add_header(&mut headers, name, value));
    Some(headers)
}

impl ClientContext for Outcomes {
    fn error(&self, _: KafkaError, _: &str) {}
}

impl ProducerContext for Outcomes {
    type DeliveryOpaque = usize;

    fn delivery(&self, report: &DeliveryResult<'_>, number: usize) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.reported += 1;
        if let Err((error, _)) = report {
            let error = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
            counted.failed.push(Undelivered { number, error });
        }
    }
}
