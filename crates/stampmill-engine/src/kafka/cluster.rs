//! Questions to a cluster, and the one thing that is made there: a missing dead-letter topic.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::{Client, ClientContext, DefaultClientContext};
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use thiserror::Error;

use crate::settings::Properties;

/// The topics of a cluster and their numbers of partitions.
pub(crate) type Topics = BTreeMap<String, i32>;

#[derive(Debug, Error)]
pub enum CreateTopicError {
    #[error("{0}")]
    Client(#[from] KafkaError),
    #[error("{0}")]
    Refused(RDKafkaErrorCode),
    #[error("no runtime for the request: {0}")]
    Runtime(std::io::Error),
}

/// How long to wait for an answer. Nothing but the control thread waits, and it has no records to move.
pub(crate) const ANSWER: Duration = Duration::from_secs(5);

/// Asks for all topics, for to ask for one by name can create it.
pub(crate) fn topics<C: ClientContext>(client: &Client<C>) -> KafkaResult<Topics> {
    let metadata = client.fetch_metadata(None, ANSWER)?;
    let topics = metadata.topics().iter().filter(|topic| topic.error().is_none());
    Ok(topics.map(|topic| (topic.name().to_owned(), topic.partitions().len() as i32)).collect())
}

/// `None` where the cluster does not answer, or not with a number.
pub(crate) fn partition_count<C: ClientContext>(client: &Client<C>, topic: &str) -> Option<i32> {
    let metadata = client.fetch_metadata(Some(topic), ANSWER).ok()?;
    let found = metadata.topics().iter().find(|found| found.name() == topic && found.error().is_none())?;
    Some(found.partitions().len() as i32).filter(|count| *count > 0)
}

/// Makes a topic with the broker's default replication. That it exists already is fine.
pub(crate) fn create_topic(properties: &Properties, topic: &str, partitions: i32) -> Result<(), CreateTopicError> {
    let mut config = ClientConfig::new();
    for (name, value) in properties {
        config.set(name, value);
    }
    let admin: AdminClient<DefaultClientContext> = config.set_log_level(RDKafkaLogLevel::Error).create()?;
    let topic = NewTopic::new(topic, partitions, TopicReplication::Fixed(-1));
    let options = AdminOptions::new().request_timeout(Some(ANSWER)).operation_timeout(Some(ANSWER));
    let runtime = actix_rt::Runtime::new().map_err(CreateTopicError::Runtime)?;
    let results = runtime.block_on(admin.create_topics([&topic], &options))?;
    match results.into_iter().next() {
        Some(Err((_, code))) if code != RDKafkaErrorCode::TopicAlreadyExists => Err(CreateTopicError::Refused(code)),
        _ => Ok(()),
    }
}
