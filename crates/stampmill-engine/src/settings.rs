//! All that a pipeline is told: plain values, checked by whoever builds them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use stampmill_core::transform::Transforms;

/// librdkafka properties under their own names.
pub type Properties = BTreeMap<String, String>;

#[derive(Clone, Debug)]
pub struct PipelineSettings {
    /// `[a-z0-9-]+`; in logs, metrics and dead letters.
    pub name: String,
    pub source: Source,
    pub transforms: Arc<Transforms>,
    pub sink: Sink,
    pub actors: Actors,
    pub on_failure: OnFailure,
    pub pace: Pace,
}

#[derive(Clone, Debug)]
pub struct Source {
    /// Of the connection and the source; none that the engine owns.
    pub properties: Properties,
    /// Names, or `^` and a pattern (librdkafka's regular expressions).
    pub topics: Vec<String>,
    pub group: String,
    pub start: Start,
    pub on_offset_gap: OnOffsetGap,
}

/// Where a group begins in a topic that it meets for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    Earliest,
    Latest,
}

/// What to do when the committed offset is no longer (or not yet) in the partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnOffsetGap {
    Halt,
    Earliest,
    Latest,
}

#[derive(Clone, Debug)]
pub struct Sink {
    /// Of the connection and the sink; none that the engine owns.
    pub properties: Properties,
    pub topic: String,
    pub partition: SinkPartition,
    pub key: SinkKey,
    /// Added to the input's headers; one of the same name is replaced. Their templates are the last of those that
    /// [`Transforms`] was made with, in this order.
    pub headers: Vec<String>,
    pub timestamp: SinkTimestamp,
    /// Written as the header `content-type`, in place of the input's.
    pub content_type: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SinkPartition {
    /// By the output's key, as the Java client does; null keys stay together per batch.
    ByKey,
    /// The number that the record had in its source.
    Source,
    Number(i32),
}

#[derive(Clone, Debug)]
pub enum SinkKey {
    /// The input's, null included.
    Source,
    /// None at all.
    Null,
    /// The first template that [`Transforms`] was made with.
    Template,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SinkTimestamp {
    /// The input's.
    Source,
    /// The moment of sending.
    Now,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actors {
    /// TransformActors, each with a thread of its own.
    pub transforms: usize,
    /// ProducerActors, each with a thread and a librdkafka producer of its own.
    pub producers: usize,
}

#[derive(Clone, Debug)]
pub struct OnFailure {
    /// How often a record that makes a transform panic is tried again on a fresh actor.
    pub retries: u32,
    /// Where records go that cannot be processed.
    pub dead_letter_topic: String,
}

#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Between two commits of a partition that moves.
    pub commit_interval: Duration,
    /// How long a revoke or a stop waits for what is in flight.
    pub drain_timeout: Duration,
    /// Give up with an error when the brokers cannot be reached at start, instead of waiting for them.
    pub fail_fast: bool,
    /// Records in a batch, at the most.
    pub batch_records: usize,
    /// Unsettled batches per partition, at the most.
    pub window: usize,
    /// Bytes in flight over all partitions of the pipeline; each partition may have one batch beyond that.
    pub bytes_in_flight: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            commit_interval: Duration::from_secs(1),
            drain_timeout: Duration::from_secs(20),
            fail_fast: false,
            batch_records: 500,
            window: 32,
            bytes_in_flight: 64 << 20,
        }
    }
}
