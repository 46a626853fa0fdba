//! Why a pipeline ends, and whether to begin anew can mend it.

use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use thiserror::Error;

use super::startup::StartError;
use crate::supervise::ExitReason;
use crate::topology::BuildError;

/// Why a pipeline ended other than by being told to.
#[derive(Debug, Error)]
pub enum PipelineError {
    #[error("{0}")]
    Start(#[from] StartError),
    #[error("{0}")]
    Build(#[from] BuildError),
    #[error("kafka: {0}")]
    Kafka(#[from] KafkaError),
    #[error("the consumer can do no more: {0}")]
    ConsumerFatal(RDKafkaErrorCode),
    #[error(
        "the group still has a member of this `group.instance.id`: one that crashed keeps its place until its session ends (the brokers' `group.consumer.session.timeout.ms`), and an instance that runs needs an id of its own"
    )]
    PlaceTaken,
    #[error("the producer can do no more: {error}: {reason}")]
    ProducerFatal { error: RDKafkaErrorCode, reason: String },
    #[error(
        "{partition}: the committed offset {committed} is outside of what the partition holds, {low} to {high}: records were deleted before they were read, or the topic was made anew; set `on_offset_gap` to `earliest` or `latest` to go on"
    )]
    OffsetGap { partition: String, committed: i64, low: i64, high: i64 },
    #[error("{0}: records were deleted before they were read, and only a new consumer can go on behind them")]
    RecordsDeleted(String),
    #[error("{partition} stands still at offset {offset}, though there are records to read")]
    Stalled { partition: String, offset: i64 },
    #[error("{name} has given up: {reason}")]
    GaveUp { name: String, reason: ExitReason },
    #[error("{last}; it has begun anew {restarts} times within {} s", window.as_secs())]
    RestartsUsedUp { last: Box<PipelineError>, restarts: u32, window: Duration },
    #[error("{0}: a record came by the main queue, where nobody would have processed it")]
    StrayRecord(String),
    #[error("{0} did not stop in time")]
    Stuck(String),
    #[error("the control thread panicked (`{0}`)")]
    Panicked(String),
}

// === impl PipelineError ===

impl PipelineError {
    /// By what librdkafka says of a consumer that is over for good.
    pub(super) fn fatal(error: RDKafkaErrorCode) -> Self {
        match error {
            // KIP-848. By the classic protocol the newer of two takes the place of the older, which is `FencedInstanceId` then.
            RDKafkaErrorCode::UnreleasedInstanceId => Self::PlaceTaken,
            error => Self::ConsumerFatal(error),
        }
    }

    /// Whether a new beginning, with new clients and new actors, may mend it.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Start(_) | Self::OffsetGap { .. } | Self::Stuck(_) | Self::RestartsUsedUp { .. } => false,
            // What hangs and could not be replaced holds on to what a second one would need.
            Self::GaveUp { reason: ExitReason::Frozen { .. }, .. } => false,
            // Properties that librdkafka does not take, or not together.
            Self::Kafka(error) | Self::Build(BuildError::Producer(error)) if is_refused(error) => false,
            Self::Build(_)
            | Self::Kafka(_)
            | Self::ConsumerFatal(_)
            | Self::PlaceTaken
            | Self::ProducerFatal { .. }
            | Self::RecordsDeleted(_)
            | Self::Stalled { .. }
            | Self::GaveUp { .. }
            | Self::StrayRecord(_)
            | Self::Panicked(_) => true,
        }
    }

    /// What mends itself in time: to begin anew until then is no failure, and counts against no budget.
    pub(crate) fn passes_in_time(&self) -> bool {
        matches!(self, Self::PlaceTaken)
    }
}

fn is_refused(error: &KafkaError) -> bool {
    matches!(error, KafkaError::ClientCreation(_) | KafkaError::ClientConfig(..))
}
