//! Before a group is joined: the brokers answer, and every topic is there.

use std::time::{Duration, Instant};

use stampmill_core::memory_plan::{self, Demand, Share, TooSmall};
use thiserror::Error;

use super::Stop;
use super::look::{self, DeadLetterTopic, Seen};
use crate::credentials::Unready;
use crate::health::{Health, Trouble};
use crate::kafka::cluster::{Admin, AdminError, Topics};
use crate::kafka::consumer::PREFETCH;
use crate::producer::outgoing::Partitions;
use crate::settings::PipelineSettings;

#[derive(Debug, Error)]
pub enum StartError {
    #[error("{0}")]
    NoCredentials(String),
    #[error("the brokers cannot be reached: {0}")]
    Unreachable(String),
    #[error("the brokers keep this client out: {0}")]
    KeptOut(String),
    #[error("{0}")]
    NotReady(String),
    #[error(
        "the embedded broker takes transactions and does not keep to them: `delivery: exactly_once` needs a real Kafka"
    )]
    NoTransactions,
    #[error(
        "the dead-letter topic `{topic}` does not exist and could not be made: {source}; make it, or name another under `on_failure.topic`"
    )]
    DeadLetterTopic { topic: String, source: AdminError },
    #[error(
        "the dead-letter topic `{0}` does not exist, and `on_failure.create_topic` is `false`: make it, for example with kafka-topics.sh --create, or name another under `on_failure.topic`"
    )]
    NoDeadLetterTopic(String),
    #[error(
        "the pipeline's part of `memory` is {} MiB, and {} partitions, all that its topics have, need {} MiB: raise `memory`, or say under `memory.max_partitions` how many this instance owns at the most",
        mib(.0.given), .0.partitions, mib(.0.needed)
    )]
    TooLittleMemory(TooSmall),
}

impl StartError {
    /// Waiting would not help.
    fn is_final(&self) -> bool {
        match self {
            Self::NoCredentials(_) | Self::Unreachable(_) | Self::KeptOut(_) | Self::NotReady(_) => false,
            Self::NoTransactions
            | Self::DeadLetterTopic { .. }
            | Self::NoDeadLetterTopic(_)
            | Self::TooLittleMemory(_) => true,
        }
    }
}

/// What a pipeline begins with.
pub(super) struct Cluster {
    /// All topics of the source's cluster.
    pub(super) topics: Topics,
    pub(super) sink: SinkFacts,
}

/// What is known of the topics that are written to.
#[derive(Clone, Debug)]
pub(crate) struct SinkFacts {
    pub(crate) partitions: Partitions,
    /// What each takes in one batch, where that can be read.
    pub(crate) most_bytes: Option<usize>,
}

/// For a token endpoint to answer, while a stop waits.
const PATIENCE: Duration = Duration::from_secs(1);
const BETWEEN_TRIES: Duration = Duration::from_millis(250);
const BETWEEN_WARNINGS: Duration = Duration::from_secs(10);

/// Waits until new clients can prove who they are; `false` if it is stopped before. With `fail_fast` the first failure is
/// an error. A client that is made without a token would have nothing to do.
pub(super) fn await_credentials(
    settings: &PipelineSettings,
    stop: &Stop,
    tell: impl Fn(Health),
) -> Result<bool, StartError> {
    while !stop.is_requested() {
        let tried = settings.credentials().try_for_each(|credentials| credentials.await_first(PATIENCE));
        match tried {
            Ok(()) => return Ok(true),
            Err(Unready::Refused(reason)) if settings.run.fail_fast => return Err(StartError::NoCredentials(reason)),
            Err(Unready::Refused(reason)) => {
                tell(Health::NotReady(vec![Trouble::KeptOut { reason }]));
                std::thread::sleep(BETWEEN_TRIES);
            }
            // For the first answer.
            Err(Unready::Waiting(_)) => {}
        }
    }
    Ok(false)
}

/// Waits until everything is there, and says every ten seconds what is missing; `None` if it is stopped before. With
/// `fail_fast` the first thing that is missing is an error.
pub(super) fn await_cluster(
    settings: &PipelineSettings,
    mut source: Admin,
    stop: &Stop,
    tell: impl Fn(Health),
) -> Result<Option<Cluster>, StartError> {
    let (mut last_warning, mut certificates) = (None::<Instant>, settings.certificates());
    let mut kept_out: Option<String> = None;
    while !stop.is_requested() {
        if settings.certificates() != certificates {
            certificates = settings.certificates();
            source =
                Admin::open(&settings.source.properties).map_err(|error| StartError::NotReady(error.to_string()))?;
        }
        match prepare(settings, &source).map_err(|error| still(error, &mut kept_out)) {
            Ok(cluster) => return Ok(Some(cluster)),
            Err(error) if settings.run.fail_fast || error.is_final() => return Err(error),
            Err(error) => {
                tell(match &error {
                    StartError::KeptOut(_) => Health::NotReady(vec![Trouble::KeptOut { reason: error.to_string() }]),
                    _ => Health::Starting,
                });
                if last_warning.is_none_or(|last| last.elapsed() >= BETWEEN_WARNINGS) {
                    last_warning = Some(Instant::now());
                    log::warn!("{}: waiting: {error}", settings.name);
                }
                std::thread::sleep(BETWEEN_TRIES);
            }
        }
    }
    Ok(None)
}

/// librdkafka tells a refusal once in half a minute, however often it is refused: in between all that is known is that
/// there was no answer.
fn still(error: StartError, kept_out: &mut Option<String>) -> StartError {
    if let (StartError::Unreachable(_), Some(reason)) = (&error, kept_out.as_ref()) {
        return StartError::KeptOut(reason.clone());
    }
    *kept_out = match &error {
        StartError::KeptOut(reason) => Some(reason.clone()),
        _ => None,
    };
    error
}

fn prepare(settings: &PipelineSettings, source: &Admin) -> Result<Cluster, StartError> {
    let sink = Admin::open(&settings.producer).map_err(|error| StartError::NotReady(error.to_string()))?;
    let Seen { topics, sinks, dead_letters } = look::look(settings, source, &sink)?;
    let read = look::read_topics(settings, &topics);
    // Where the brokers do not tell, they will when it is tried.
    let _unknown = look::check_permissions(settings, (source, &read), &sink, dead_letters)?;
    for (seen, sink) in sinks.iter().zip(&settings.sinks) {
        if let Err(error) = &seen.takes {
            log::info!(
                "{}: `max.message.bytes` of `{}` cannot be read ({error}): should it refuse a batch, its records are sent again one by one; with DESCRIBE_CONFIGS there, no batch is made larger than the topic takes",
                settings.name,
                sink.topic
            );
        }
    }
    let dead_letters = match dead_letters {
        DeadLetterTopic::Unused => 0,
        DeadLetterTopic::There { partitions } => partitions,
        DeadLetterTopic::Missing { partitions } => make_dead_letter_topic(settings, &sink, partitions)?,
    };
    let partitions = Partitions { sinks: sinks.iter().map(|sink| sink.partitions).collect(), dead_letters };
    // What all of them take: a producer knows but one limit.
    let most_bytes = sinks.iter().filter_map(|sink| *sink.takes.as_ref().ok()?).min();
    Ok(Cluster { topics, sink: SinkFacts { partitions, most_bytes } })
}

fn make_dead_letter_topic(settings: &PipelineSettings, admin: &Admin, partitions: i32) -> Result<i32, StartError> {
    let topic = &settings.on_failure.dead_letter_topic;
    let made = admin.create_topic(topic, partitions);
    made.map_err(|source| StartError::DeadLetterTopic { topic: topic.into(), source })?;
    log::info!("{}: made the dead-letter topic `{topic}` with {partitions} partitions", settings.name);
    Ok(partitions)
}

/// For the case that all partitions are ours.
pub(super) fn plan_memory(settings: &PipelineSettings, topics: &Topics) -> Result<Share, StartError> {
    let all: i32 = look::read_topics(settings, topics).iter().map(|(_, partitions)| partitions).sum();
    let all = usize::try_from(all).unwrap_or(usize::MAX).max(1);
    let partitions = settings.memory.max_partitions.unwrap_or(all);
    let demand = Demand { partitions, prefetch: PREFETCH, in_flight: settings.pace.bytes_in_flight };
    memory_plan::share(settings.memory.bytes, demand).map_err(StartError::TooLittleMemory)
}

/// Rounded up.
fn mib(bytes: usize) -> usize {
    bytes.div_ceil(1 << 20)
}
