//! Sends the transactions and reads back what becomes of them, with clients that know nothing of the pipeline.

use std::time::{Duration, Instant};

use anyhow::Context;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord};
use rdkafka::{Offset, TopicPartitionList};
use stampmill_core::partitioner;

use super::checker::Checker;
use super::transactions::Transaction;

pub(crate) const PARTITIONS: i32 = 6;
/// Sent and not read back, at the most: the embedded broker keeps 5 MiB a partition and forgets the rest.
const LEAD: u64 = 5_000;
const ANSWER: Duration = Duration::from_secs(5);

pub(crate) struct Traffic {
    producer: BaseProducer,
    consumer: BaseConsumer,
    input: String,
    checker: Checker,
    started: Instant,
    next: u64,
}

/// Asks how far the pipeline's group has come.
pub(crate) struct Commits {
    consumer: BaseConsumer,
    input: String,
}

// === impl Traffic ===

impl Traffic {
    pub(crate) fn new(bootstrap: &str, input: &str, output: &str) -> anyhow::Result<Self> {
        let producer = config(bootstrap).set("linger.ms", "5").set("enable.idempotence", "true").create()?;
        let consumer: BaseConsumer = config(bootstrap)
            .set("group.id", "stampmill-demo-checker")
            .set("enable.auto.commit", "false")
            .set("fetch.wait.max.ms", "10")
            // Should the broker have forgotten a record before it was read, that is an error and not a gap.
            .set("auto.offset.reset", "error")
            .create()?;
        let mut list = TopicPartitionList::new();
        for partition in 0..PARTITIONS {
            list.add_partition_offset(output, partition, Offset::Offset(0))?;
        }
        consumer.assign(&list)?;
        let checker = Checker::default();
        Ok(Self { producer, consumer, input: input.into(), checker, started: Instant::now(), next: 0 })
    }

    /// Sends up to `until` transactions in all, as far as the lead allows, and reads what is there.
    pub(crate) fn step(&mut self, until: u64) -> anyhow::Result<()> {
        while self.next < until && self.checker.under_way() < LEAD {
            if !self.send(&Transaction::new(self.next))? {
                break;
            }
            self.next += 1;
        }
        self.producer.poll(Duration::ZERO);
        let mut wait = Duration::from_millis(2);
        while let Some(message) = self.consumer.poll(wait) {
            let message = message.context("the output cannot be read back")?;
            let output = message.payload().unwrap_or_default();
            self.checker.arrived(message.partition(), output, self.started.elapsed());
            wait = Duration::ZERO;
        }
        Ok(())
    }

    fn send(&mut self, transaction: &Transaction) -> anyhow::Result<bool> {
        let partition = partitioner::by_key(transaction.account.as_bytes(), PARTITIONS);
        let record = BaseRecord::<str, str>::to(&self.input)
            .partition(partition)
            .key(&transaction.account)
            .payload(&transaction.sent);
        self.checker.sent(transaction, partition, self.started.elapsed());
        match self.producer.send(record) {
            Ok(()) => Ok(true),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                anyhow::bail!("the demo's own producer is full at a lead of {LEAD} records")
            }
            Err((error, _)) => Err(error.into()),
        }
    }

    pub(crate) fn sent(&self) -> u64 {
        self.next
    }

    pub(crate) fn checker(&self) -> &Checker {
        &self.checker
    }

    pub(crate) fn is_all_back(&self) -> bool {
        self.checker.under_way() == 0
    }
}

// === impl Commits ===

impl Commits {
    pub(crate) fn new(bootstrap: &str, group: &str, input: &str) -> anyhow::Result<Self> {
        let consumer = config(bootstrap).set("group.id", group).set("enable.auto.commit", "false").create()?;
        Ok(Self { consumer, input: input.into() })
    }

    /// Records committed, and records that are there, over all partitions.
    pub(crate) fn read(&self) -> anyhow::Result<(i64, i64)> {
        let mut list = TopicPartitionList::new();
        list.add_partition_range(&self.input, 0, PARTITIONS - 1);
        let committed = self.consumer.committed_offsets(list, ANSWER)?;
        let offset = |offset| if let Offset::Offset(offset) = offset { offset } else { 0 };
        let committed = committed.elements().iter().map(|entry| offset(entry.offset())).sum();
        let mut ends = 0;
        for partition in 0..PARTITIONS {
            ends += self.consumer.fetch_watermarks(&self.input, partition, ANSWER)?.1;
        }
        Ok((committed, ends))
    }
}

fn config(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap).set_log_level(RDKafkaLogLevel::Critical);
    config
}
