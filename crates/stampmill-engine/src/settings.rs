//! All that a pipeline is told: plain values, checked by whoever builds them.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::error::RDKafkaErrorCode;
use stampmill_core::breaker::BreakerSettings;
use stampmill_core::transform::Transforms;

use crate::credentials::{Credentials, FIRST_TRY, Unready};
use crate::kafka::denial::Denial;
use crate::tables::TopicTable;
use crate::traces::Tracer;

/// librdkafka properties under their own names, and what of them changes while clients live.
#[derive(Clone, Debug, Default)]
pub struct Properties {
    set: BTreeMap<String, String>,
    pub credentials: Option<Arc<Credentials>>,
}

#[derive(Clone, Debug)]
pub struct PipelineSettings {
    /// `[a-z0-9-]+`; in logs, metrics and dead letters.
    pub name: String,
    pub source: Source,
    pub transforms: Arc<Transforms>,
    /// All that are kept from topics, for any pipeline: what its steps read of these must be ready before a record is read.
    pub tables: Arc<[TopicTable]>,
    /// Of the sinks' connection and of the sinks; none that the engine owns.
    pub producer: Properties,
    /// One at the least.
    pub sinks: Vec<Sink>,
    pub actors: Actors,
    pub on_failure: OnFailure,
    pub delivery: Delivery,
    pub ordering: Ordering,
    pub pace: Pace,
    pub memory: Memory,
    pub supervision: Supervision,
    /// It starts paused.
    pub suspended: bool,
    /// Records are traced.
    pub tracer: Option<Tracer>,
    pub run: RunOptions,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    AtLeastOnce,
    /// Outputs and offsets in transactions, each for that long. Source and sink must be on one cluster, there must be
    /// one ProducerActor, and the ordering must be [`Ordering::Partition`].
    ExactlyOnce {
        interval: Duration,
    },
}

impl fmt::Display for Delivery {
    /// For people.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::AtLeastOnce => "at least once",
            Self::ExactlyOnce { .. } => "exactly once",
        })
    }
}

/// What stays in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ordering {
    /// The records of a source partition.
    Partition,
    /// Those of a source partition with one key.
    Key,
    None,
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
    /// As what fails there is called: `sink`, or `sinks[1]`.
    pub name: String,
    pub topic: String,
    pub partition: SinkPartition,
    pub key: SinkKey,
    /// Added to the input's headers; one of the same name is replaced. Their templates are the last of the sink's.
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
    /// The first template of the sink.
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

/// What becomes of a record that cannot be processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    DeadLetter,
    /// The partition stops there.
    Halt,
    /// It is counted, and logged, and left out.
    Skip,
}

#[derive(Clone, Debug)]
pub struct OnFailure {
    /// How often a record that makes a transform panic is tried again on a fresh actor.
    pub retries: u32,
    pub then: Then,
    pub breaker: BreakerSettings,
    /// How long a partition pauses when its breaker has tripped.
    pub breaker_pause: Duration,
    /// Records that are tried after the pause.
    pub breaker_probe: usize,
    /// Where records go that cannot be processed.
    pub dead_letter_topic: String,
    /// Make that topic at start if it is missing.
    pub create_topic: bool,
}

/// How much may fail before what is above it is told.
#[derive(Clone, Copy, Debug)]
pub struct Supervision {
    /// Restarts of one actor within the window; one more, and the pipeline begins anew.
    pub actor_restarts: u32,
    pub window: Duration,
    /// Times that the pipeline begins anew within the longer window; one more, and it has failed.
    pub pipeline_restarts: u32,
    pub pipeline_window: Duration,
    /// An actor that works for so long without getting anything done hangs, and is replaced.
    pub frozen_after: Duration,
    /// A partition that does not move for so long is looked into.
    pub stalled_after: Duration,
}

// === impl PipelineSettings ===

impl PipelineSettings {
    /// Whether there is a token that has not expired, where one is needed.
    ///
    /// # Errors
    /// Why not, for people.
    pub(crate) fn has_token(&self) -> Result<(), String> {
        self.credentials().try_for_each(|credentials| credentials.has_token())
    }

    /// Those of its source and its sink, if any change while it runs.
    pub fn credentials(&self) -> impl Iterator<Item = &Arc<Credentials>> {
        [&self.source.properties, &self.producer].into_iter().filter_map(|found| found.credentials.as_ref())
    }

    /// Another number than before says that clients that were made before have certificates or keys of the past.
    pub(crate) fn certificates(&self) -> u64 {
        self.credentials().map(|credentials| credentials.certificates()).sum()
    }
}

// === impl Properties ===

impl Properties {
    pub fn new(set: BTreeMap<String, String>, credentials: Option<Arc<Credentials>>) -> Self {
        Self { set, credentials }
    }

    /// What a new client is set to.
    pub(crate) fn in_force(&self) -> BTreeMap<String, String> {
        let mut set = self.set.clone();
        if let Some(credentials) = &self.credentials {
            credentials.keep();
            set.extend(credentials.in_force());
        }
        set
    }

    /// Another number than before asks for new clients.
    pub(crate) fn certificates(&self) -> u64 {
        self.credentials.as_ref().map_or(0, |credentials| credentials.certificates())
    }

    /// Tells whoever keeps the credentials that brokers do not know a client of these, if that is what librdkafka says.
    pub(crate) fn note_refusal(&self, code: RDKafkaErrorCode, reason: &str) {
        if let Some(credentials) = &self.credentials
            && Denial::of(code, reason) == Some(Denial::Authentication)
        {
            credentials.refuse_token();
        }
    }

    /// Whether a token expires just now, or has.
    pub(crate) fn is_token_ending(&self) -> bool {
        self.credentials.as_ref().is_some_and(|credentials| credentials.is_token_ending())
    }

    /// Waits until a client of these could prove who it is, or the first try has failed.
    ///
    /// # Errors
    /// Why it could not.
    pub(crate) fn await_credentials(&self) -> Result<(), String> {
        let tried = self.credentials.as_ref().map_or(Ok(()), |credentials| credentials.await_first(FIRST_TRY));
        tried.map_err(|(Unready::Waiting(reason) | Unready::Refused(reason))| reason)
    }
}

impl<'a> IntoIterator for &'a Properties {
    type Item = (&'a String, &'a String);
    type IntoIter = std::collections::btree_map::Iter<'a, String, String>;

    fn into_iter(self) -> Self::IntoIter {
        self.set.iter()
    }
}

impl Deref for Properties {
    type Target = BTreeMap<String, String>;

    /// As they stand in the configuration.
    fn deref(&self) -> &Self::Target {
        &self.set
    }
}

impl DerefMut for Properties {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.set
    }
}

// === defaults ===

impl Default for Supervision {
    fn default() -> Self {
        Self {
            actor_restarts: 1000,
            window: Duration::from_secs(60),
            pipeline_restarts: 5,
            pipeline_window: Duration::from_secs(600),
            frozen_after: Duration::from_secs(30),
            stalled_after: Duration::from_secs(60),
        }
    }
}

/// How it is run this time, whatever the configuration says.
#[derive(Clone, Copy, Debug, Default)]
pub struct RunOptions {
    /// Give up with an error when the brokers cannot be reached at start, instead of waiting for them.
    pub fail_fast: bool,
    /// At the stop, take a static member from its group instead of leaving its place to it until its session ends.
    pub leave: bool,
}

#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Between two commits of a partition that moves.
    pub commit_interval: Duration,
    /// How long a revoke or a stop may take: to finish what is in flight, and in the last quarter to commit it.
    pub drain_timeout: Duration,
    /// Records in a batch, at the most.
    pub batch_records: usize,
    /// Unsettled batches per partition, at the most.
    pub window: usize,
    /// Bytes in flight over all partitions of the pipeline; each partition may have one batch beyond that.
    pub bytes_in_flight: usize,
}

/// What of the process's memory is this pipeline's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    pub bytes: usize,
    /// Partitions that this instance may own at a time; all that its topics have, if `None`.
    pub max_partitions: Option<usize>,
}

impl Default for Memory {
    fn default() -> Self {
        Self { bytes: 256 << 20, max_partitions: None }
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            commit_interval: Duration::from_secs(1),
            drain_timeout: Duration::from_secs(20),
            batch_records: 500,
            window: 32,
            bytes_in_flight: 64 << 20,
        }
    }
}
