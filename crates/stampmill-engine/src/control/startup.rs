//! Before a group is joined: the brokers answer, and every topic is there.

use std::time::{Duration, Instant};

use rdkafka::error::KafkaError;
use regex_lite::Regex;
use stampmill_core::memory_plan::{self, Demand, Share, TooSmall};
use thiserror::Error;

use super::Stop;
use crate::kafka::cluster::{Admin, AdminError, Topics};
use crate::kafka::consumer::PREFETCH;
use crate::producer::outgoing::Partitions;
use crate::settings::{Delivery, PipelineSettings, SinkPartition, Then};

#[derive(Debug, Error)]
pub enum StartError {
    #[error("the brokers cannot be reached: {0}")]
    Unreachable(String),
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
            Self::Unreachable(_) | Self::NotReady(_) => false,
            Self::NoTransactions
            | Self::DeadLetterTopic { .. }
            | Self::NoDeadLetterTopic(_)
            | Self::TooLittleMemory(_) => true,
        }
    }
}

/// What was found.
pub(super) struct Cluster {
    /// All topics of the source's cluster.
    pub(super) topics: Topics,
    pub(super) sink: SinkFacts,
}

/// What is known of the topics that are written to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SinkFacts {
    pub(crate) partitions: Partitions,
    /// What the sink's takes in one batch, where that can be read.
    pub(crate) most_bytes: Option<usize>,
}

const BETWEEN_TRIES: Duration = Duration::from_millis(250);
const BETWEEN_WARNINGS: Duration = Duration::from_secs(10);

/// Waits until everything is there, and says every ten seconds what is missing; `None` if it is stopped before. With
/// `fail_fast` the first thing that is missing is an error.
pub(super) fn await_cluster(
    settings: &PipelineSettings,
    source: &Admin,
    stop: &Stop,
) -> Result<Option<Cluster>, StartError> {
    let mut last_warning: Option<Instant> = None;
    while !stop.is_requested() {
        match look(settings, source) {
            Ok(cluster) => return Ok(Some(cluster)),
            Err(error) if settings.run.fail_fast || error.is_final() => return Err(error),
            Err(error) => {
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

fn look(settings: &PipelineSettings, source: &Admin) -> Result<Cluster, StartError> {
    let unreachable = |properties: &crate::settings::Properties| {
        let servers = properties.get("bootstrap.servers").cloned().unwrap_or_default();
        move |error: KafkaError| StartError::Unreachable(format!("`{servers}`: {error}"))
    };
    let topics = source.topics().map_err(unreachable(&settings.source.properties))?;
    for topic in settings.source.topics.iter().filter(|topic| !topic.starts_with('^')) {
        partitions_of(&topics, topic, "source")?;
    }
    let admin = Admin::open(&settings.sink.properties).map_err(|error| StartError::NotReady(error.to_string()))?;
    let sink_topics = admin.topics().map_err(unreachable(&settings.sink.properties))?;
    let sink_partitions = partitions_of(&sink_topics, &settings.sink.topic, "sink")?;
    check_partition(settings, &topics, sink_partitions)?;
    let dead_letters = &settings.on_failure.dead_letter_topic;
    let dead_letters = match (settings.on_failure.then, sink_topics.get(dead_letters)) {
        (Then::Halt | Then::Skip, _) => 0,
        (Then::DeadLetter, Some(partitions)) => *partitions,
        (Then::DeadLetter, None) => make_dead_letter_topic(settings, &admin, source_partitions(settings, &topics))?,
    };
    let is_embedded = admin.is_embedded();
    if is_embedded && settings.delivery != Delivery::AtLeastOnce {
        return Err(StartError::NoTransactions);
    }
    let most_bytes = if is_embedded { None } else { most_bytes(settings, &admin) };
    let partitions = Partitions { sink: sink_partitions, dead_letters };
    let sink = SinkFacts { partitions, most_bytes };
    Ok(Cluster { topics, sink })
}

fn most_bytes(settings: &PipelineSettings, admin: &Admin) -> Option<usize> {
    let most = admin.most_bytes(&settings.sink.topic);
    if let Err(error) = &most {
        log::info!(
            "{}: `max.message.bytes` of `{}` cannot be read ({error}): should it refuse a batch, its records are sent again one by one",
            settings.name,
            settings.sink.topic
        );
    }
    most.ok()
}

fn partitions_of(topics: &Topics, topic: &str, side: &str) -> Result<i32, StartError> {
    topics.get(topic).copied().filter(|partitions| *partitions > 0).ok_or_else(|| {
        StartError::NotReady(format!("the {side}'s topic `{topic}` does not exist on its cluster: make it, for example with kafka-topics.sh --create"))
    })
}

/// The most partitions that a topic of the source has; 1 where a pattern has not met any.
fn source_partitions(settings: &PipelineSettings, topics: &Topics) -> i32 {
    source_counts(settings, topics).max().unwrap_or(1)
}

/// How many partitions each topic of the source has.
fn source_counts<'a>(settings: &'a PipelineSettings, topics: &'a Topics) -> impl Iterator<Item = i32> + 'a {
    settings.source.topics.iter().flat_map(|topic| match topic.starts_with('^') {
        false => topics.get(topic).copied().into_iter().collect(),
        true => matching(topic, topics),
    })
}

/// For the case that all partitions are ours.
pub(super) fn plan_memory(settings: &PipelineSettings, topics: &Topics) -> Result<Share, StartError> {
    let all: i32 = source_counts(settings, topics).sum();
    let all = usize::try_from(all).unwrap_or(usize::MAX).max(1);
    let partitions = settings.memory.max_partitions.unwrap_or(all);
    let demand = Demand { partitions, prefetch: PREFETCH, in_flight: settings.pace.bytes_in_flight };
    let share = memory_plan::share(settings.memory.bytes, demand).map_err(StartError::TooLittleMemory)?;
    log::info!(
        "{}: memory for {} partitions: {:.1} MiB fetched ahead and batches of {:.1} MiB in each, {:.1} MiB in flight; {} MiB at the most",
        settings.name,
        share.partitions,
        share.prefetch as f64 / MIB,
        share.batch as f64 / MIB,
        share.in_flight as f64 / MIB,
        mib(share.worst_case())
    );
    if share.beyond() > 0 {
        log::info!(
            "{}: where its topics were written in large batches, of up to 1 MiB, {} MiB more may be taken: a broker answers with whole ones",
            settings.name,
            mib(share.beyond())
        );
    }
    Ok(share)
}

const MIB: f64 = 1_048_576.0;

/// Rounded up.
fn mib(bytes: usize) -> usize {
    bytes.div_ceil(1 << 20)
}

/// librdkafka matches by regular expressions of its own, and this only decides how wide a new topic is: what it does not
/// understand matches nothing.
fn matching(pattern: &str, topics: &Topics) -> Vec<i32> {
    let Ok(pattern) = Regex::new(pattern) else { return Vec::new() };
    topics.iter().filter(|(topic, _)| pattern.is_match(topic)).map(|(_, partitions)| *partitions).collect()
}

/// A partition that the sink does not have would block everything behind its first record.
fn check_partition(settings: &PipelineSettings, topics: &Topics, sink_partitions: i32) -> Result<(), StartError> {
    let sink = &settings.sink.topic;
    let needed = match settings.sink.partition {
        SinkPartition::ByKey => 1,
        SinkPartition::Number(number) => number + 1,
        SinkPartition::Source => source_partitions(settings, topics),
    };
    if needed > sink_partitions {
        let text = format!(
            "the sink's topic `{sink}` has {sink_partitions} partitions, and `sink.partition` asks for {needed}"
        );
        return Err(StartError::NotReady(text));
    }
    Ok(())
}

fn make_dead_letter_topic(settings: &PipelineSettings, admin: &Admin, partitions: i32) -> Result<i32, StartError> {
    let topic = &settings.on_failure.dead_letter_topic;
    if !settings.on_failure.create_topic {
        return Err(StartError::NoDeadLetterTopic(topic.clone()));
    }
    let made = admin.create_topic(topic, partitions);
    made.map_err(|source| StartError::DeadLetterTopic { topic: topic.into(), source })?;
    log::info!("{}: made the dead-letter topic `{topic}` with {partitions} partitions", settings.name);
    Ok(partitions)
}
