//! Questions to a cluster, and the one thing that is made there: a missing dead-letter topic.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::{Client, ClientContext};
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use thiserror::Error;

use super::denial::{self, Denial};
use super::ffi::{self, Live, Permissions};
use crate::settings::Properties;

/// The topics of a cluster and their numbers of partitions.
pub(crate) type Topics = BTreeMap<String, i32>;

#[derive(Debug, Error)]
pub enum AdminError {
    #[error("{0}")]
    Client(#[from] KafkaError),
    #[error("{0}")]
    Refused(RDKafkaErrorCode),
    #[error("no runtime for the request: {0}")]
    Runtime(std::io::Error),
}

/// The topics could not be had.
pub(crate) struct Unanswered {
    pub(crate) error: KafkaError,
    /// Why, which the error does not say, if librdkafka knows.
    pub(crate) trouble: Option<(RDKafkaErrorCode, String)>,
}

/// How long to wait for an answer. Nothing but the control thread waits, and it has no records to move.
pub(crate) const ANSWER: Duration = Duration::from_secs(5);

/// The same, in pieces between which it is looked whether there is any use in waiting.
const WAITS: [Duration; 3] = [Duration::from_millis(300), Duration::from_millis(1_000), Duration::from_millis(3_700)];

/// Asks for all topics, for to ask for one by name can create it.
pub(crate) fn topics<C: ClientContext>(client: &Client<C>) -> KafkaResult<Topics> {
    topics_within(client, ANSWER)
}

fn topics_within<C: ClientContext>(client: &Client<C>, most: Duration) -> KafkaResult<Topics> {
    let metadata = client.fetch_metadata(None, most)?;
    let topics = metadata.topics().iter().filter(|topic| topic.error().is_none());
    Ok(topics.map(|topic| (topic.name().to_owned(), topic.partitions().len() as i32)).collect())
}

/// `None` where the cluster does not answer, or not with a number.
pub(crate) fn partition_count<C: ClientContext>(client: &Client<C>, topic: &str) -> Option<i32> {
    let metadata = client.fetch_metadata(Some(topic), ANSWER).ok()?;
    let found = metadata.topics().iter().find(|found| found.name() == topic && found.error().is_none())?;
    Some(found.partitions().len() as i32).filter(|count| *count > 0)
}

/// Asks a cluster as whoever sends to it.
pub(crate) struct Admin {
    client: Live<AdminClient<Quiet>>,
    runtime: actix_rt::Runtime,
}

/// Whoever asks says what came of it.
struct Quiet;

impl ClientContext for Quiet {
    fn error(&self, error: KafkaError, reason: &str) {
        log::debug!("admin: {error}: {reason}");
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        super::log_line(level as i32, facility, line);
    }
}

// === impl Admin ===

impl Admin {
    pub(crate) fn open(properties: &Properties) -> Result<Self, AdminError> {
        let mut config = ClientConfig::new();
        // librdkafka's compiled-in path is that of its own OpenSSL, which no system has.
        config.set("ssl.ca.location", "probe");
        for (name, value) in properties.in_force() {
            config.set(name, value);
        }
        // Why a broker ends a connection is told there, and nowhere else.
        let client = config.set_log_level(RDKafkaLogLevel::Info).create_with_context(Quiet)?;
        let client = Live::admin(client, properties.credentials.as_ref());
        Ok(Self { client, runtime: actix_rt::Runtime::new().map_err(AdminError::Runtime)? })
    }

    /// All of them. Whoever is kept out is told so as soon as that is known.
    pub(crate) fn topics(&self) -> Result<Topics, Unanswered> {
        let (mut trouble, mut ended) = (None, None);
        let mut answer = Err(KafkaError::MetadataFetch(RDKafkaErrorCode::OperationTimedOut));
        for wait in WAITS {
            answer = topics_within(self.client.inner(), wait);
            if answer.is_ok() {
                break;
            }
            // That one broker is down is no answer as long as another may give one.
            let ffi::Said { error, failed } = ffi::said(self.client.inner());
            (trouble, ended) = (error.or(trouble), failed.filter(|reason| denial::is_of_protocol(reason)).or(ended));
            if trouble.as_ref().is_some_and(|(code, reason)| Denial::of(*code, reason).is_some()) {
                break;
            }
        }
        // It is a guess, which nothing is ended for as long as there may be an answer.
        let ended = ended.map(|reason| (RDKafkaErrorCode::BrokerTransportFailure, reason));
        answer.map_err(|error| Unanswered { error, trouble: trouble.or(ended) })
    }

    /// What whoever asks may do with topics that are there. Blocks.
    ///
    /// # Errors
    /// The brokers' reason, in words.
    pub(crate) fn permissions(&self, topics: &[&str]) -> Result<Vec<Permissions>, String> {
        ffi::permissions(self.client.inner(), topics, ANSWER)
    }

    /// Whether whoever asks may be a member of the group; `None` where the brokers do not tell. Blocks.
    ///
    /// # Errors
    /// The brokers' reason, in words.
    pub(crate) fn may_join(&self, group: &str) -> Result<Option<bool>, String> {
        ffi::may_join(self.client.inner(), group, ANSWER)
    }

    /// Whether it is librdkafka's mock cluster, which accepts transactions without implementing them, and leaves
    /// questions about topics unanswered.
    pub(crate) fn is_embedded(&self) -> bool {
        self.client.inner().fetch_cluster_id(ANSWER).is_some_and(|id| id.starts_with("mockCluster"))
    }

    /// Makes a topic with the broker's default replication. That it exists already is fine.
    pub(crate) fn create_topic(&self, topic: &str, partitions: i32) -> Result<(), AdminError> {
        let topic = NewTopic::new(topic, partitions, TopicReplication::Fixed(-1));
        let results = self.runtime.block_on(self.client.create_topics([&topic], &options()))?;
        match results.into_iter().next() {
            Some(Err((_, code))) if code != RDKafkaErrorCode::TopicAlreadyExists => Err(AdminError::Refused(code)),
            _ => Ok(()),
        }
    }

    pub(crate) fn delete_topic(&self, topic: &str) -> Result<(), AdminError> {
        let results = self.runtime.block_on(self.client.delete_topics(&[topic], &options()))?;
        first(results)
    }

    /// The group must be without members.
    pub(crate) fn delete_group(&self, group: &str) -> Result<(), AdminError> {
        let results = self.runtime.block_on(self.client.delete_groups(&[group], &options()))?;
        first(results)
    }

    /// The topic's `max.message.bytes`: what it takes in one batch. To read it takes a permission that a sink need not
    /// have.
    pub(crate) fn most_bytes(&self, topic: &str) -> Result<usize, AdminError> {
        let asked = [ResourceSpecifier::Topic(topic)];
        let results = self.runtime.block_on(self.client.describe_configs(&asked, &options()))?;
        let resource = match results.into_iter().next() {
            Some(Ok(resource)) => resource,
            Some(Err(code)) => return Err(AdminError::Refused(code)),
            None => return Err(AdminError::Refused(RDKafkaErrorCode::UnknownTopicOrPartition)),
        };
        // rdkafka leaves out what the brokers say of a single resource. They have something to tell of every topic, unless
        // this user may not know it.
        if resource.entries.is_empty() {
            return Err(AdminError::Refused(RDKafkaErrorCode::TopicAuthorizationFailed));
        }
        let value = resource.get("max.message.bytes").and_then(|entry| entry.value.as_ref()?.parse().ok());
        value.ok_or(AdminError::Refused(RDKafkaErrorCode::InvalidConfig))
    }
}

/// Of the one thing that was asked for.
fn first<T>(results: Vec<Result<T, (T, RDKafkaErrorCode)>>) -> Result<(), AdminError> {
    match results.into_iter().next() {
        Some(Err((_, code))) => Err(AdminError::Refused(code)),
        _ => Ok(()),
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(ANSWER)).operation_timeout(Some(ANSWER))
}
