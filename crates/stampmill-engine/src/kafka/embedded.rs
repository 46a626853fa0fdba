//! A Kafka within the process, for the demo and for trying things out: librdkafka's mock cluster.
//!
//! It keeps 5 MiB a partition and drops the oldest records beyond that without a word, accepts transactions without
//! implementing them, and has no admin API. Nothing is kept when it stops.

use rdkafka::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, DefaultProducerContext, Producer};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use thiserror::Error;

use super::ffi;

/// Must stay on the thread that started it.
pub struct EmbeddedBroker {
    /// The mock cluster lives in a client of its own, and as long as it.
    client: BaseProducer<DefaultProducerContext>,
}

#[derive(Debug, Error)]
pub enum EmbeddedBrokerError {
    #[error("the embedded broker did not start: {0}")]
    Start(KafkaError),
    #[error("the embedded broker could not make the topic `{topic}` with {partitions} partitions: {source}")]
    Topic { topic: String, partitions: i32, source: KafkaError },
}

const REBALANCE_DELAY_MS: i32 = 100;

// === impl EmbeddedBroker ===

impl EmbeddedBroker {
    /// Starts a broker on a free port of the loopback interface, with these topics (name, partitions).
    pub fn start(topics: &[(&str, i32)]) -> Result<Self, EmbeddedBrokerError> {
        let client: BaseProducer = ClientConfig::new()
            .set("test.mock.num.brokers", "1")
            .set("log_level", "3")
            .create()
            .map_err(EmbeddedBrokerError::Start)?;
        ffi::set_mock_rebalance_delay(client.client(), REBALANCE_DELAY_MS);
        let broker = Self { client };
        for (topic, partitions) in topics {
            broker.create_topic(topic, *partitions)?;
        }
        Ok(broker)
    }

    pub fn create_topic(&self, topic: &str, partitions: i32) -> Result<(), EmbeddedBrokerError> {
        let made = match self.client.client().mock_cluster() {
            Some(cluster) => cluster.create_topic(topic, partitions, 1),
            None => Err(KafkaError::ClientCreation("the client has no mock cluster".into())),
        };
        made.map_err(|source| EmbeddedBrokerError::Topic { topic: topic.into(), partitions, source })
    }

    /// Answers so many of the produce requests to come with an error; whatever it was before is forgotten.
    pub fn refuse_writes(&self, error: RDKafkaRespErr, requests: usize) {
        if let Some(cluster) = self.client.client().mock_cluster() {
            cluster.clear_request_errors(RDKafkaApiKey::Produce);
            cluster.request_errors(RDKafkaApiKey::Produce, &vec![error; requests]);
        }
    }

    /// `127.0.0.1:<port>`
    pub fn bootstrap_servers(&self) -> String {
        self.client.client().mock_cluster().map_or_else(String::new, |cluster| cluster.bootstrap_servers())
    }
}
