//! What the brokers say of a pipeline before its group is joined. Nothing is made.

use std::collections::BTreeSet;

use regex_lite::Regex;
use stampmill_core::memory_plan::Share;

use super::startup::{self, StartError};
use super::tables::{self, TableSeen};
use crate::kafka::cluster::{Admin, AdminError, Topics, Unanswered};
use crate::kafka::denial;
use crate::settings::{Delivery, PipelineSettings, Properties, Sink, SinkPartition, Then};

/// What is there, and is enough.
pub(super) struct Seen {
    /// All topics of the source's cluster.
    pub(super) topics: Topics,
    /// In the order of the sinks.
    pub(super) sinks: Vec<SinkSeen>,
    pub(super) dead_letters: DeadLetterTopic,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadLetterTopic {
    /// Failures halt or are skipped.
    Unused,
    There {
        partitions: i32,
    },
    /// It is made at the start, with as many partitions as the source has.
    Missing {
        partitions: i32,
    },
}

/// A topic that is written to.
#[derive(Debug)]
pub struct SinkSeen {
    pub partitions: i32,
    /// `max.message.bytes`; `None` of the embedded broker, which does not answer that.
    pub takes: Result<Option<usize>, AdminError>,
}

/// What a pipeline would begin with.
pub struct Preflight {
    /// For each token that was fetched: whom it names, from where, and for how long.
    pub tokens: Vec<String>,
    /// The topics that are read, with their numbers of partitions.
    pub sources: Vec<(String, i32)>,
    /// In the order of the sinks.
    pub sinks: Vec<SinkSeen>,
    pub dead_letters: DeadLetterTopic,
    /// Those that its steps read, of tables that are kept from topics.
    pub tables: Vec<TableSeen>,
    pub memory: Share,
    /// Why the brokers do not tell what may be done with the topics; that all is allowed that has to be, otherwise.
    pub permissions: Result<(), String>,
}

/// Asks the brokers for all that a start needs. Makes nothing, and joins no group.
///
/// # Errors
/// The first thing that a start would wait for or end with.
pub fn preflight(settings: &PipelineSettings) -> Result<Preflight, StartError> {
    let properties = [&settings.source.properties, &settings.producer];
    properties.iter().try_for_each(|found| found.await_credentials()).map_err(StartError::NoCredentials)?;
    let open = |properties| Admin::open(properties).map_err(|error| StartError::NotReady(error.to_string()));
    let (source, sink) = (open(&settings.source.properties)?, open(&settings.producer)?);
    let Seen { topics, sinks, dead_letters } = look(settings, &source, &sink)?;
    let tables = tables::look(settings)?;
    let memory = startup::plan_memory(settings, &topics)?;
    let sources = read_topics(settings, &topics);
    let permissions = check_permissions(settings, (&source, &sources), &sink, dead_letters)?;
    let permissions = permissions.and(may_join(settings, &source)?);
    let tokens: BTreeSet<String> = settings.credentials().filter_map(|found| found.token_shown()).collect();
    let tokens = tokens.into_iter().collect();
    Ok(Preflight { tokens, sources, sinks, dead_letters, tables, memory, permissions })
}

/// A start would wait for what is not allowed, record by record.
pub(super) fn check_permissions(
    settings: &PipelineSettings,
    (source, read): (&Admin, &[(String, i32)]),
    sink: &Admin,
    dead_letters: DeadLetterTopic,
) -> Result<Result<(), String>, StartError> {
    if sink.is_embedded() {
        return Ok(Err("the embedded broker knows none".to_owned()));
    }
    let read: Vec<&str> = read.iter().map(|(topic, _)| topic.as_str()).collect();
    let letters =
        matches!(dead_letters, DeadLetterTopic::There { .. }).then_some(&settings.on_failure.dead_letter_topic);
    let sinks = settings.sinks.iter().map(|sink| &sink.topic);
    let written: Vec<&str> = sinks.chain(letters).map(String::as_str).collect();
    let (reads, writes) = match (source.permissions(&read), sink.permissions(&written)) {
        (Ok(reads), Ok(writes)) => (reads, writes),
        (Err(reason), _) | (_, Err(reason)) => return Ok(Err(reason)),
    };
    if let Some(topic) = reads.iter().find(|topic| !topic.read) {
        return Err(denied("read", &topic.topic, "READ"));
    }
    if let Some(topic) = writes.iter().find(|topic| !topic.write) {
        return Err(denied("write", &topic.topic, "WRITE"));
    }
    Ok(Ok(()))
}

fn may_join(settings: &PipelineSettings, source: &Admin) -> Result<Result<(), String>, StartError> {
    let group = settings.source.group.as_str();
    match source.may_join(group) {
        Ok(Some(false)) => Err(denied("join the group", group, "READ")),
        Ok(Some(true) | None) => Ok(Ok(())),
        Err(reason) => Ok(Err(reason)),
    }
}

pub(super) fn denied(what: &str, name: &str, grant: &str) -> StartError {
    StartError::KeptOut(format!("they do not let this user {what} `{name}`: grant it {grant} there"))
}

pub(super) fn look(settings: &PipelineSettings, source: &Admin, sink: &Admin) -> Result<Seen, StartError> {
    let topics = source.topics().map_err(|unanswered| unreachable(&settings.source.properties, unanswered))?;
    for topic in settings.source.topics.iter().filter(|topic| !topic.starts_with('^')) {
        partitions_of(&topics, topic, "source")?;
    }
    let sink_topics = sink.topics().map_err(|unanswered| unreachable(&settings.producer, unanswered))?;
    let dead_letters = dead_letters(settings, &topics, &sink_topics)?;
    let is_embedded = sink.is_embedded();
    if is_embedded && settings.delivery != Delivery::AtLeastOnce {
        return Err(StartError::NoTransactions);
    }
    let see = |written: &Sink| {
        let partitions = partitions_of(&sink_topics, &written.topic, "sink")?;
        check_partition(settings, written, &topics, partitions)?;
        let takes = if is_embedded { Ok(None) } else { sink.most_bytes(&written.topic).map(Some) };
        Ok(SinkSeen { partitions, takes })
    };
    let sinks = settings.sinks.iter().map(see).collect::<Result<_, StartError>>()?;
    Ok(Seen { topics, sinks, dead_letters })
}

pub(super) fn unreachable(properties: &Properties, Unanswered { error, trouble }: Unanswered) -> StartError {
    let servers = properties.get("bootstrap.servers").map_or("", String::as_str);
    // Clients that are refused while they run make the control thread look anew, and so it comes here, too.
    if let Some((code, reason)) = &trouble {
        properties.note_refusal(*code, reason);
    }
    let denied = trouble.as_ref().and_then(|(code, reason)| denial::examine(*code, reason, properties));
    match (denied, trouble) {
        (Some(denied), _) => StartError::KeptOut(format!("`{servers}`: {denied}")),
        (None, Some((_, reason))) => {
            StartError::Unreachable(format!("`{servers}`: {}", denial::plain(&reason, properties)))
        }
        (None, None) => StartError::Unreachable(format!("`{servers}`: {error}")),
    }
}

/// Why the brokers keep the pipeline's clients out: asked anew, with clients made for that. `None` if they do not.
pub(super) fn kept_out(settings: &PipelineSettings) -> Option<String> {
    preflight(settings).err().map(|error| error.to_string())
}

pub(super) fn partitions_of(topics: &Topics, topic: &str, side: &str) -> Result<i32, StartError> {
    topics.get(topic).copied().filter(|partitions| *partitions > 0).ok_or_else(|| {
        StartError::NotReady(format!("the {side}'s topic `{topic}` does not exist on its cluster, or is not shown to this user: make it, for example with kafka-topics.sh --create, or grant it DESCRIBE"))
    })
}

/// A partition that the sink does not have would block everything behind its first record.
fn check_partition(
    settings: &PipelineSettings,
    sink: &Sink,
    topics: &Topics,
    sink_partitions: i32,
) -> Result<(), StartError> {
    let needed = match sink.partition {
        SinkPartition::ByKey => 1,
        SinkPartition::Number(number) => number + 1,
        SinkPartition::Source => most_partitions(settings, topics),
    };
    if needed > sink_partitions {
        let text = format!(
            "the sink's topic `{}` has {sink_partitions} partitions, and `{}.partition` asks for {needed}",
            sink.topic, sink.name
        );
        return Err(StartError::NotReady(text));
    }
    Ok(())
}

fn dead_letters(
    settings: &PipelineSettings,
    topics: &Topics,
    sink_topics: &Topics,
) -> Result<DeadLetterTopic, StartError> {
    let topic = &settings.on_failure.dead_letter_topic;
    match (settings.on_failure.then, sink_topics.get(topic)) {
        (Then::Halt | Then::Skip, _) => Ok(DeadLetterTopic::Unused),
        (Then::DeadLetter, Some(partitions)) => Ok(DeadLetterTopic::There { partitions: *partitions }),
        (Then::DeadLetter, None) if settings.on_failure.create_topic => {
            Ok(DeadLetterTopic::Missing { partitions: most_partitions(settings, topics) })
        }
        (Then::DeadLetter, None) => Err(StartError::NoDeadLetterTopic(topic.clone())),
    }
}

/// The most partitions that a topic of the source has; 1 where a pattern has not met any.
fn most_partitions(settings: &PipelineSettings, topics: &Topics) -> i32 {
    read_topics(settings, topics).iter().map(|(_, partitions)| *partitions).max().unwrap_or(1)
}

/// The topics of the source that there are, with their numbers of partitions.
pub(crate) fn read_topics(settings: &PipelineSettings, topics: &Topics) -> Vec<(String, i32)> {
    let found = settings.source.topics.iter().flat_map(|topic| match topic.starts_with('^') {
        false => topics.get_key_value(topic).into_iter().collect(),
        true => matching(topic, topics),
    });
    found.map(|(topic, partitions)| (topic.clone(), *partitions)).collect()
}

/// librdkafka matches by regular expressions of its own, and this only decides how much is planned for: what it does not
/// understand matches nothing.
fn matching<'a>(pattern: &str, topics: &'a Topics) -> Vec<(&'a String, &'a i32)> {
    let Ok(pattern) = Regex::new(pattern) else { return Vec::new() };
    topics.iter().filter(|(topic, _)| pattern.is_match(topic)).collect()
}
