//! A topic and a group for a while: for a benchmark that must not touch those of the pipeline.

use super::cluster::{Admin, AdminError};
use crate::settings::Properties;
use thiserror::Error;

pub struct Scratch {
    admin: Admin,
    name: String,
}

#[derive(Debug, Error)]
pub enum ScratchError {
    #[error("{0}")]
    Admin(#[from] AdminError),
    #[error("{0}")]
    NoCredentials(String),
    #[error("the brokers cannot be reached: {0}")]
    Unreachable(rdkafka::error::KafkaError),
    #[error("the sink's topic `{0}` does not exist: make it, or name another")]
    NoTopic(String),
    #[error("the topic `{name}` could not be made: {source}; it takes the permission to create topics")]
    NotMade { name: String, source: AdminError },
}

// === impl Scratch ===

impl Scratch {
    /// Makes a topic of that name with as many partitions as `topic` has.
    pub fn like(properties: &Properties, topic: &str, name: &str) -> Result<Self, ScratchError> {
        properties.await_credentials().map_err(ScratchError::NoCredentials)?;
        let admin = Admin::open(properties)?;
        let topics = admin.topics().map_err(|unanswered| ScratchError::Unreachable(unanswered.error))?;
        let partitions = topics.get(topic).copied().ok_or_else(|| ScratchError::NoTopic(topic.to_owned()))?;
        let made = admin.create_topic(name, partitions);
        made.map_err(|source| ScratchError::NotMade { name: name.to_owned(), source })?;
        Ok(Self { admin, name: name.to_owned() })
    }

    /// Deletes the topic, and the group of the same name.
    ///
    /// # Errors
    /// What could not be deleted.
    pub fn delete(self) -> Result<(), String> {
        let Self { admin, name } = self;
        let topic = admin.delete_topic(&name).map_err(|error| format!("the topic `{name}`: {error}"));
        let group = admin.delete_group(&name).map_err(|error| format!("the group `{name}`: {error}"));
        topic.and(group)
    }
}
