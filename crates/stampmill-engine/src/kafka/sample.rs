//! The last records of a topic, read without a group: for people who look at what a pipeline would make of them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, Message};
use rdkafka::{Offset as KafkaOffset, TopicPartitionList};
use stampmill_core::record::{Batch, Offset};
use thiserror::Error;

use super::cluster::{ANSWER, partition_count};
use crate::settings::Properties;

#[derive(Debug, Error)]
pub enum SampleError {
    #[error("{0}")]
    Client(#[from] KafkaError),
    #[error("the brokers know no topic `{0}`, or do not answer; look at `bootstrap.servers` and the topic's name")]
    NoTopic(String),
    #[error("the last records of `{topic}` did not come within {} s", LIMIT.as_secs())]
    TooLate { topic: String },
}

/// The end of a partition comes as an error, and would be logged as one; real errors come from `poll` as well.
struct Quiet;

impl ClientContext for Quiet {
    fn error(&self, _: KafkaError, _: &str) {}
}

impl ConsumerContext for Quiet {}

const LIMIT: Duration = Duration::from_secs(30);

/// The last `count` records of each partition, and those that come meanwhile, in a batch for each. Nothing is committed, and no group joined.
///
/// # Errors
/// The topic is not there, or the brokers do not answer in time.
pub fn last_records(properties: &Properties, topic: &str, count: i64) -> Result<Vec<Batch>, SampleError> {
    let consumer: BaseConsumer<Quiet> = client(properties).create_with_context(Quiet)?;
    let partitions = partition_count(consumer.client(), topic).ok_or_else(|| SampleError::NoTopic(topic.to_owned()))?;
    let mut from = TopicPartitionList::new();
    for partition in 0..partitions {
        let (low, high) = consumer.fetch_watermarks(topic, partition, ANSWER)?;
        from.add_partition_offset(topic, partition, KafkaOffset::Offset(low.max(high.saturating_sub(count))))?;
    }
    consumer.assign(&from)?;
    let name: Arc<str> = Arc::from(topic);
    let mut batches: Vec<Batch> = (0..partitions).map(|partition| Batch::new(Arc::clone(&name), partition)).collect();
    let mut unread: BTreeSet<i32> = (0..partitions).collect();
    let end = Instant::now() + LIMIT;
    while !unread.is_empty() {
        if Instant::now() > end {
            return Err(SampleError::TooLate { topic: topic.to_owned() });
        }
        match consumer.poll(Duration::from_millis(100)) {
            None => {}
            Some(Err(KafkaError::PartitionEOF(partition))) => drop(unread.remove(&partition)),
            Some(Err(error)) => return Err(error.into()),
            Some(Ok(message)) => {
                if let Some(batch) = batches.iter_mut().find(|batch| batch.partition() == message.partition()) {
                    push(batch, &message);
                }
            }
        }
    }
    batches.retain(|batch| !batch.is_empty());
    Ok(batches)
}

fn client(properties: &Properties) -> ClientConfig {
    let mut config = ClientConfig::new();
    // librdkafka's compiled-in path is that of its own OpenSSL, which no system has.
    config.set("ssl.ca.location", "probe");
    for (name, value) in properties {
        config.set(name, value);
    }
    config
        .set("group.id", "stampmill-render")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("isolation.level", "read_committed")
        .set_log_level(RDKafkaLogLevel::Critical);
    config
}

fn push(batch: &mut Batch, message: &impl Message) {
    let offset = Offset::new(message.offset());
    batch.push(offset, message.timestamp().to_millis(), message.key(), message.payload());
    for header in message.headers().into_iter().flat_map(Headers::iter) {
        batch.push_header(header.key.as_bytes(), header.value);
    }
}
