//! Sends the transactions and reads back what becomes of them, with clients that know nothing of the pipeline.

use std::time::{Duration, Instant};

use anyhow::Context;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord};
use rdkafka::{Offset, TopicPartitionList};
use stampmill_core::partitioner;

use super::checker::Checker;
use super::transactions::Transaction;
use super::{INPUT, OUTPUT, PARTITIONS};

/// Sent and not read back, at the most: the embedded broker keeps 5 MiB a partition and forgets the rest.
const LEAD: u64 = 5_000;
const WAIT: Duration = Duration::from_millis(2);

pub(crate) struct Traffic {
    producer: BaseProducer,
    consumer: BaseConsumer,
    checker: Checker,
    started: Instant,
    next: u64,
}

// === impl Traffic ===

impl Traffic {
    /// `clients` is what every client begins with.
    pub(crate) fn new(clients: &ClientConfig) -> anyhow::Result<Self> {
        let producer = clients.clone().set("linger.ms", "5").set("enable.idempotence", "true").create()?;
        let consumer: BaseConsumer = clients
            .clone()
            .set("group.id", "stampmill-demo-checker")
            .set("enable.auto.commit", "false")
            .set("fetch.wait.max.ms", "10")
            // Should the broker have forgotten a record before it was read, that is an error and not a gap.
            .set("auto.offset.reset", "error")
            .create()?;
        let mut list = TopicPartitionList::new();
        for partition in 0..PARTITIONS {
            list.add_partition_offset(OUTPUT, partition, Offset::Offset(0))?;
        }
        consumer.assign(&list)?;
        Ok(Self { producer, consumer, checker: Checker::default(), started: Instant::now(), next: 0 })
    }

    /// Sends up to `until` transactions in all, as far as the lead allows, and reads what is there; `seen` gets it.
    pub(crate) fn step(&mut self, until: u64, mut seen: impl FnMut(&[u8])) -> anyhow::Result<()> {
        while self.next < until && self.checker.under_way() < LEAD {
            self.send(&Transaction::new(self.next))?;
            self.next += 1;
        }
        let mut wait = WAIT;
        while let Some(message) = self.consumer.poll(wait) {
            let message = message.context("the output cannot be read back")?;
            let output = message.payload().unwrap_or_default();
            self.checker.arrived(message.partition(), output, self.started.elapsed());
            seen(output);
            wait = Duration::ZERO;
        }
        Ok(())
    }

    fn send(&mut self, transaction: &Transaction) -> anyhow::Result<()> {
        let partition = partitioner::by_key(transaction.account.as_bytes(), PARTITIONS);
        let record =
            BaseRecord::<str, str>::to(INPUT).partition(partition).key(&transaction.account).payload(&transaction.sent);
        self.checker.sent(transaction, partition, self.started.elapsed());
        self.producer.send(record).map_err(|(error, _)| error).context("the demo cannot send")?;
        // It takes one event of reports a call, so with a call a record they cannot pile up.
        self.producer.poll(Duration::ZERO);
        Ok(())
    }

    pub(crate) fn sent(&self) -> u64 {
        self.next
    }

    pub(crate) fn checker(&self) -> &Checker {
        &self.checker
    }
}
