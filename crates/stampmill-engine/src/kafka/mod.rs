//! All that knows Kafka's client library.

pub mod embedded;
pub mod engine_properties;
pub mod follow;
pub mod reader;
pub mod sample;
pub mod scratch;
pub mod writer;

pub(crate) mod classify;
pub(crate) mod cluster;
pub(crate) mod consumer;
pub(crate) mod ffi;
pub(crate) mod producer;

use std::fmt;
use std::sync::Arc;

use rdkafka::error::KafkaError;

/// A partition of a topic, in the order of names and numbers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PartitionId {
    pub(crate) topic: Arc<str>,
    pub(crate) partition: i32,
}

// === impl PartitionId ===

impl PartitionId {
    pub(crate) fn new(topic: &str, partition: i32) -> Self {
        Self { topic: topic.into(), partition }
    }
}

impl fmt::Display for PartitionId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.topic, self.partition)
    }
}

/// A line of librdkafka's own log; `level` is one of syslog's.
pub(crate) fn log_line(level: i32, facility: &str, line: &str) {
    let level = match level {
        ..=3 => log::Level::Error,
        4 => log::Level::Warn,
        5 | 6 => log::Level::Info,
        _ => log::Level::Debug,
    };
    log::log!(target: "librdkafka", level, "librdkafka: {facility} {line}");
}

/// What a client of librdkafka reports of its own accord. It has written a line of its log about it already, and goes
/// on trying by itself.
pub(crate) fn log_client_error(client: &str, error: &KafkaError, reason: &str) {
    log::debug!("{client}: {error}: {reason}");
}
