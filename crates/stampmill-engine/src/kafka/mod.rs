//! All that knows Kafka's client library.

pub mod embedded;
pub mod engine_properties;
pub mod follow;
pub mod reader;
pub mod sample;
pub mod scratch;
pub mod writer;

pub(crate) mod certificate;
pub(crate) mod changelog;
pub(crate) mod classify;
pub(crate) mod cluster;
pub(crate) mod consumer;
pub(crate) mod denial;
pub(crate) mod ffi;
pub(crate) mod offsets;
pub(crate) mod producer;

use std::fmt;
use std::sync::Arc;

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

/// A line of librdkafka's own log; `level` is one of syslog's. Of a connection that failed its client reports an error, too,
/// and that is told in our words.
pub(crate) fn log_line(level: i32, facility: &str, line: &str) {
    let level = match level {
        _ if facility == "FAIL" => log::Level::Debug,
        ..=3 => log::Level::Error,
        4 => log::Level::Warn,
        5 | 6 => log::Level::Info,
        _ => log::Level::Debug,
    };
    log::log!(target: "librdkafka", level, "librdkafka: {facility} {line}");
}
