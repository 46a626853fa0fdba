//! Before a group is joined: the brokers answer, and every topic is there.

use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaError;
use thiserror::Error;

use super::Stop;
use crate::kafka::cluster::{self, CreateTopicError, Topics};
use crate::kafka::consumer::GroupConsumer;
use crate::settings::{PipelineSettings, SinkPartition};
use crate::topology::{Outlet, sink_client};

#[derive(Debug, Error)]
pub enum StartError {
    #[error("the brokers cannot be reached: {0}")]
    Unreachable(String),
    #[error("{0}")]
    NotReady(String),
    #[error(
        "the dead-letter topic `{topic}` does not exist and could not be made: {source}; make it, or name another under `on_failure.topic`"
    )]
    DeadLetterTopic { topic: String, source: CreateTopicError },
}

/// What was found.
pub(super) struct Cluster {
    /// All topics of the source's cluster.
    pub(super) topics: Topics,
    pub(super) sink_partitions: i32,
}

const BETWEEN_TRIES: Duration = Duration::from_millis(250);
const BETWEEN_WARNINGS: Duration = Duration::from_secs(10);

/// Waits until everything is there, and says every ten seconds what is missing; `None` if it is stopped before. With
/// `fail_fast` the first thing that is missing is an error.
pub(super) fn await_cluster(
    settings: &PipelineSettings,
    consumer: &GroupConsumer,
    outlets: &[Outlet],
    stop: &Stop,
) -> Result<Option<Cluster>, StartError> {
    let mut last_warning: Option<Instant> = None;
    while !stop.is_requested() {
        match look(settings, consumer, outlets) {
            Ok(cluster) => return Ok(Some(cluster)),
            Err(fatal @ StartError::DeadLetterTopic { .. }) => return Err(fatal),
            Err(error) if settings.pace.fail_fast => return Err(error),
            Err(error) => {
                if last_warning.is_none_or(|last| last.elapsed() >= BETWEEN_WARNINGS) {
                    last_warning = Some(Instant::now());
                    log::warn!("{}: waiting: {error}", settings.name);
                }
                // Serves librdkafka's own events meanwhile; nothing is subscribed yet, so no record can come.
                let _ = consumer.poll(BETWEEN_TRIES);
            }
        }
    }
    Ok(None)
}

fn look(settings: &PipelineSettings, consumer: &GroupConsumer, outlets: &[Outlet]) -> Result<Cluster, StartError> {
    let unreachable = |properties: &crate::settings::Properties| {
        let servers = properties.get("bootstrap.servers").cloned().unwrap_or_default();
        move |error: KafkaError| StartError::Unreachable(format!("`{servers}`: {error}"))
    };
    let topics = cluster::topics(consumer.client()).map_err(unreachable(&settings.source.properties))?;
    for topic in settings.source.topics.iter().filter(|topic| !topic.starts_with('^')) {
        partitions_of(&topics, topic, "source")?;
    }
    let Some(client) = sink_client(outlets) else {
        return Err(StartError::NotReady("`actors.producers` is 0".into()));
    };
    let sink_topics = cluster::topics(client).map_err(unreachable(&settings.sink.properties))?;
    let sink_partitions = partitions_of(&sink_topics, &settings.sink.topic, "sink")?;
    check_partition(settings, &topics, sink_partitions)?;
    let dead_letters = &settings.on_failure.dead_letter_topic;
    if !sink_topics.contains_key(dead_letters) {
        make_dead_letter_topic(settings, dead_letters, source_partitions(settings, &topics).unwrap_or(1))?;
    }
    Ok(Cluster { topics, sink_partitions })
}

fn partitions_of(topics: &Topics, topic: &str, side: &str) -> Result<i32, StartError> {
    topics.get(topic).copied().filter(|partitions| *partitions > 0).ok_or_else(|| {
        StartError::NotReady(format!("the {side}'s topic `{topic}` does not exist on its cluster: make it, for example with kafka-topics.sh --create"))
    })
}

/// The most partitions that a topic of the source has, patterns left aside.
fn source_partitions(settings: &PipelineSettings, topics: &Topics) -> Option<i32> {
    settings.source.topics.iter().filter_map(|topic| topics.get(topic)).copied().max()
}

/// A partition that the sink does not have would block everything behind its first record.
fn check_partition(settings: &PipelineSettings, topics: &Topics, sink_partitions: i32) -> Result<(), StartError> {
    let sink = &settings.sink.topic;
    let needed = match settings.sink.partition {
        SinkPartition::ByKey => 1,
        SinkPartition::Number(number) => number + 1,
        SinkPartition::Source => source_partitions(settings, topics).unwrap_or(1),
    };
    if needed > sink_partitions {
        let text = format!(
            "the sink's topic `{sink}` has {sink_partitions} partitions, and `sink.partition` asks for {needed}"
        );
        return Err(StartError::NotReady(text));
    }
    Ok(())
}

fn make_dead_letter_topic(settings: &PipelineSettings, topic: &str, partitions: i32) -> Result<(), StartError> {
    let made = cluster::create_topic(&settings.sink.properties, topic, partitions);
    made.map_err(|source| StartError::DeadLetterTopic { topic: topic.into(), source })?;
    log::info!("{}: made the dead-letter topic `{topic}` with {partitions} partitions", settings.name);
    Ok(())
}
