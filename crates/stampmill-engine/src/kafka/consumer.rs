//! The consumer of a pipeline: its properties, and what librdkafka tells it.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rdkafka::bindings::rd_kafka_resp_err_t;
use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};
use stampmill_core::memory_plan::Share;
use stampmill_core::record::CommitOffset;

use super::PartitionId;
use super::engine_properties::{self, EngineProperties, FETCH_SIZES};
use super::ffi::Live;
use crate::access::{Access, Client};
use crate::settings::Source;

pub(crate) type GroupConsumer = Live<BaseConsumer<GroupContext>>;

/// Notes what librdkafka says while the control thread polls. Its callbacks do nothing else, for they run inside
/// `poll`, and to wait there for a drain would be a deadlock.
#[derive(Debug)]
pub(crate) struct GroupContext {
    access: Access,
    noted: Mutex<Vec<GroupEvent>>,
    /// Set before the consumer is dropped: rebalances are answered on the spot then, or the drop would wait for ever.
    closing: AtomicBool,
}

#[derive(Debug)]
pub(crate) enum GroupEvent {
    Assign(Vec<PartitionId>),
    Revoke(Vec<PartitionId>),
    /// The result of a commit for each of its partitions.
    Committed(Vec<(PartitionId, Result<CommitOffset, RDKafkaErrorCode>)>),
}

/// Bytes that are fetched ahead in each partition, where there is memory enough.
pub(crate) const PREFETCH: usize = 8 << 20;
/// The least that librdkafka takes, and what an answer of a broker holds at the most without our asking.
const FETCH_MAX_BYTES: RangeInclusive<usize> = 1 << 20..=50 << 20;

pub(crate) fn create(source: &Source, share: &Share, access: &Access) -> KafkaResult<GroupConsumer> {
    let EngineProperties { defaults, owned, .. } = engine_properties::of_consumer(source);
    let answer = (share.partitions * share.fetch).clamp(*FETCH_MAX_BYTES.start(), *FETCH_MAX_BYTES.end());
    let sizes = [(share.prefetch >> 10).max(1), share.messages, share.fetch, answer];
    let mut config = ClientConfig::new();
    for (name, value) in defaults {
        config.set(name, value);
    }
    for (name, size) in FETCH_SIZES.into_iter().zip(sizes) {
        config.set(name, size.to_string());
    }
    for (name, value) in source.properties.in_force() {
        config.set(name, value);
    }
    for (name, value) in owned {
        config.set(name, value);
    }
    config.set("group.id", &source.group).set_log_level(RDKafkaLogLevel::Warning);
    let client = config.create_with_context(GroupContext::new(access))?;
    Ok(Live::consumer(client, source.properties.credentials.as_ref()))
}

// === impl GroupContext ===

impl GroupContext {
    fn new(access: &Access) -> Self {
        Self { access: access.clone(), noted: Mutex::default(), closing: AtomicBool::new(false) }
    }

    pub(crate) fn take_events(&self) -> Vec<GroupEvent> {
        std::mem::take(&mut *self.noted.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::Release);
    }

    fn note(&self, event: GroupEvent) {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }
}

impl ClientContext for GroupContext {
    fn error(&self, error: KafkaError, reason: &str) {
        self.access.note(Client::Consumer, error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail), reason);
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        super::log_line(level as i32, facility, line);
    }
}

impl ConsumerContext for GroupContext {
    /// Neither assigns nor unassigns: the control thread does, when the actors are ready for it.
    fn rebalance(&self, consumer: &BaseConsumer<Self>, event: rd_kafka_resp_err_t, list: &mut TopicPartitionList) {
        if self.closing.load(Ordering::Acquire) {
            return unassign(consumer, &[]);
        }
        match event {
            rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => {
                self.note(GroupEvent::Assign(partitions(list)))
            }
            _ => self.note(GroupEvent::Revoke(partitions(list))),
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, offsets: &TopicPartitionList) {
        let whole = result.err().and_then(|error| error.rdkafka_error_code());
        let committed = offsets.elements().into_iter().filter_map(|entry| {
            let own = entry.error().err().and_then(|error| error.rdkafka_error_code());
            let outcome = match (own.or(whole), entry.offset()) {
                (Some(error), _) => Err(error),
                (None, Offset::Offset(offset)) => Ok(CommitOffset::new(offset)),
                // Librdkafka's word for "nothing to commit here".
                (None, _) => return None,
            };
            Some((PartitionId::new(entry.topic(), entry.partition()), outcome))
        });
        self.note(GroupEvent::Committed(committed.collect()));
    }
}

fn partitions(list: &TopicPartitionList) -> Vec<PartitionId> {
    list.elements().iter().map(|entry| PartitionId::new(entry.topic(), entry.partition())).collect()
}

/// Takes partitions from the assignment: these, or all where the protocol knows only all.
pub(crate) fn unassign<C: ConsumerContext>(consumer: &BaseConsumer<C>, partitions: &[PartitionId]) {
    let done = match consumer.rebalance_protocol() {
        RebalanceProtocol::Cooperative if partitions.is_empty() => match consumer.assignment() {
            Ok(all) => consumer.incremental_unassign(&all),
            Err(error) => Err(error),
        },
        RebalanceProtocol::Cooperative => {
            let mut list = TopicPartitionList::new();
            for partition in partitions {
                list.add_partition(&partition.topic, partition.partition);
            }
            consumer.incremental_unassign(&list)
        }
        RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.unassign(),
    };
    if let Err(error) = done {
        log::warn!("partitions could not be given back: {error}");
    }
}

/// Adds partitions to the assignment, each with the offset to read next.
pub(crate) fn assign(consumer: &GroupConsumer, starts: &[(PartitionId, CommitOffset)]) -> KafkaResult<()> {
    let mut list = TopicPartitionList::new();
    for (partition, start) in starts {
        list.add_partition_offset(&partition.topic, partition.partition, Offset::Offset(start.get()))?;
    }
    match consumer.rebalance_protocol() {
        RebalanceProtocol::Cooperative => consumer.incremental_assign(&list),
        RebalanceProtocol::Eager | RebalanceProtocol::None => consumer.assign(&list),
    }
}
