//! The floor: librdkafka through the same crate, doing all that the program does but the transform, on one thread.
//!
//! It takes records in batches, sends each with its key, headers, timestamp and partition, idempotent and acknowledged by
//! all replicas, counts delivery reports, and commits what is delivered. [`Sends::InBatches`] is less than the work: what
//! `rd_kafka_produce_batch` sends has neither headers nor timestamps.

#![allow(unsafe_code)] // rdkafka has no safe call for batches

use std::ffi::CString;
use std::ptr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rdkafka::bindings as rd;
use rdkafka::client::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Offset, TopicPartitionList};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sends {
    OneByOne,
    InBatches,
}

/// What it is told on its command line.
pub struct Task {
    pub bootstrap: String,
    pub input: String,
    pub output: String,
    pub group: String,
    pub partitions: i32,
    pub compression: String,
    pub sends: Sends,
    /// Of both clients.
    pub properties: Vec<(String, String)>,
}

/// Offsets that are delivered, by partition.
struct Delivered(Vec<AtomicI64>);

const BATCH: usize = 500;
const BETWEEN_COMMITS: Duration = Duration::from_secs(1);

impl ClientContext for Delivered {}

impl ProducerContext for Delivered {
    /// Partition and offset: reports of a partition come in order.
    type DeliveryOpaque = usize;

    fn delivery(&self, report: &DeliveryResult<'_>, opaque: usize) {
        let (partition, offset) = (opaque >> 48, (opaque & ((1 << 48) - 1)) as i64);
        match report {
            Ok(_) => self.0[partition].store(offset + 1, Ordering::Relaxed),
            Err((error, _)) => panic!("the floor's record was not delivered: {error}"),
        }
    }
}

// === impl Task ===

impl Task {
    /// Arguments in the order of the fields, and further properties as `NAME=VALUE`.
    pub fn of(arguments: &[&str]) -> Result<Self> {
        let [bootstrap, input, output, group, partitions, compression, sends, properties @ ..] = arguments else {
            bail!("expected seven arguments or more, found {}", arguments.len());
        };
        let sends = match *sends {
            "one-by-one" => Sends::OneByOne,
            "in-batches" => Sends::InBatches,
            other => bail!("expected one-by-one or in-batches, found `{other}`"),
        };
        let owned = |text: &&str| (*text).to_owned();
        Ok(Self {
            bootstrap: owned(bootstrap),
            input: owned(input),
            output: owned(output),
            group: owned(group),
            partitions: partitions.parse().context("a number of partitions")?,
            compression: owned(compression),
            sends,
            properties: properties.iter().map(property).collect::<Result<_>>()?,
        })
    }

    /// Goes on until it is killed.
    pub fn run(&self) -> Result<()> {
        let consumer = self.consumer()?;
        let delivered = Delivered((0..self.partitions).map(|_| AtomicI64::new(0)).collect());
        let producer = self.producer(delivered)?;
        let output = CString::new(self.output.as_str())?;
        // SAFETY: both clients are live, and live as long as the handles, which are never given back: the process ends first.
        let (queue, topic) = unsafe {
            let queue = rd::rd_kafka_queue_get_consumer(consumer.client().native_ptr());
            (queue, rd::rd_kafka_topic_new(producer.client().native_ptr(), output.as_ptr(), ptr::null_mut()))
        };
        let mut messages: Vec<*mut rd::rd_kafka_message_t> = Vec::with_capacity(BATCH);
        let mut committed = Instant::now();
        loop {
            // SAFETY: there is room for as many pointers as are asked for, and librdkafka says how many it wrote.
            unsafe {
                let count = rd::rd_kafka_consume_batch_queue(queue, 10, messages.as_mut_ptr(), BATCH);
                messages.set_len(usize::try_from(count).unwrap_or(0));
            }
            match self.sends {
                Sends::OneByOne => messages.iter().try_for_each(|message| self.send(&producer, *message))?,
                Sends::InBatches => send_batch(&producer, topic, &messages)?,
            }
            for message in messages.drain(..) {
                // SAFETY: each pointer is a message of ours to destroy, once.
                unsafe { rd::rd_kafka_message_destroy(message) };
            }
            producer.poll(Duration::ZERO);
            if committed.elapsed() >= BETWEEN_COMMITS {
                committed = Instant::now();
                self.commit(&consumer, producer.context())?;
            }
        }
    }

    /// As the program's own, but for the group: partitions are assigned, not shared out.
    fn consumer(&self) -> Result<BaseConsumer> {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.bootstrap)
            .set("group.id", &self.group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("isolation.level", "read_committed")
            .set("fetch.queue.backoff.ms", "10")
            .set("fetch.wait.max.ms", "100")
            .set("queued.min.messages", "20000")
            .set("queued.max.messages.kbytes", "8192");
        for (name, value) in &self.properties {
            config.set(name, value);
        }
        let consumer: BaseConsumer = config.create()?;
        let mut list = TopicPartitionList::new();
        for partition in 0..self.partitions {
            list.add_partition_offset(&self.input, partition, Offset::Beginning)?;
        }
        consumer.assign(&list)?;
        Ok(consumer)
    }

    fn producer(&self, delivered: Delivered) -> Result<BaseProducer<Delivered>> {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.bootstrap)
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("linger.ms", "5")
            .set("queue.buffering.max.messages", "500000")
            .set("compression.type", &self.compression);
        for (name, value) in &self.properties {
            config.set(name, value);
        }
        Ok(config.create_with_context(delivered)?)
    }

    fn send(&self, producer: &BaseProducer<Delivered>, message: *mut rd::rd_kafka_message_t) -> Result<()> {
        // SAFETY: the message is live until the batch is destroyed, and key, payload and headers live as long.
        let (message, timestamp, headers) = unsafe {
            let mut kind = rd::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
            let timestamp = rd::rd_kafka_message_timestamp(message, &mut kind);
            (&*message, timestamp, headers(message))
        };
        check(message)?;
        let opaque = opaque(message);
        let mut out =
            BaseRecord::<[u8], [u8], usize>::with_opaque_to(&self.output, opaque).partition(message.partition);
        // SAFETY: as above.
        unsafe {
            out.key = bytes(message.key.cast(), message.key_len);
            out.payload = bytes(message.payload.cast(), message.len);
        }
        out.timestamp = (timestamp >= 0).then_some(timestamp);
        out.headers = headers;
        while let Err((error, again)) = producer.send(out) {
            if error != KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) {
                bail!("the floor cannot send: {error}");
            }
            producer.poll(Duration::from_millis(1));
            out = again;
        }
        Ok(())
    }

    fn commit(&self, consumer: &BaseConsumer, delivered: &Delivered) -> Result<()> {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in delivered.0.iter().enumerate() {
            let offset = offset.load(Ordering::Relaxed);
            if offset > 0 {
                list.add_partition_offset(&self.input, partition as i32, Offset::Offset(offset))?;
            }
        }
        if list.count() > 0 {
            consumer.commit(&list, CommitMode::Async)?;
        }
        Ok(())
    }
}

fn property(argument: &&str) -> Result<(String, String)> {
    let (name, value) = argument.split_once('=').with_context(|| format!("expected NAME=VALUE, found `{argument}`"))?;
    Ok((name.into(), value.into()))
}

fn check(message: &rd::rd_kafka_message_t) -> Result<()> {
    if message.err != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
        bail!("the floor cannot read: {}", RDKafkaErrorCode::from(message.err));
    }
    Ok(())
}

fn opaque(message: &rd::rd_kafka_message_t) -> usize {
    (message.partition as usize) << 48 | message.offset as usize
}

/// # Safety
/// `start` is null, or the start of `length` bytes that live for `'a`.
unsafe fn bytes<'a>(start: *const u8, length: usize) -> Option<&'a [u8]> {
    // SAFETY: the caller's promise.
    (!start.is_null()).then(|| unsafe { std::slice::from_raw_parts(start, length) })
}

/// # Safety
/// `message` is a live message of a consumer.
unsafe fn headers(message: *mut rd::rd_kafka_message_t) -> Option<OwnedHeaders> {
    let mut list = ptr::null_mut();
    // SAFETY: the caller's promise; the list belongs to the message.
    let found = unsafe { rd::rd_kafka_message_headers(message, &mut list) };
    if found != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
        return None;
    }
    let mut headers = OwnedHeaders::new();
    for index in 0.. {
        let (mut name, mut value, mut length) = (ptr::null(), ptr::null(), 0);
        // SAFETY: the list is live; an index past its end is an error that ends the loop.
        unsafe {
            let found = rd::rd_kafka_header_get_all(list, index, &mut name, &mut value, &mut length);
            if found != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                break;
            }
            let key = std::ffi::CStr::from_ptr(name).to_str().unwrap_or_default();
            headers = headers.insert(Header { key, value: bytes(value.cast(), length) });
        }
    }
    Some(headers)
}

fn send_batch(
    producer: &BaseProducer<Delivered>,
    topic: *mut rd::rd_kafka_topic_t,
    messages: &[*mut rd::rd_kafka_message_t],
) -> Result<()> {
    let flags = rd::RD_KAFKA_MSG_F_COPY | rd::RD_KAFKA_MSG_F_PARTITION;
    let mut out = Vec::with_capacity(messages.len());
    for message in messages {
        // SAFETY: the message is live until the batch is destroyed.
        let message = unsafe { &**message };
        check(message)?;
        // SAFETY: all its fields are numbers and pointers, for which noughts are valid.
        let mut copy: rd::rd_kafka_message_t = unsafe { std::mem::zeroed() };
        (copy.payload, copy.len) = (message.payload, message.len);
        (copy.key, copy.key_len) = (message.key, message.key_len);
        (copy.partition, copy._private) = (message.partition, opaque(message) as *mut _);
        out.push(copy);
    }
    let mut rest: &mut [rd::rd_kafka_message_t] = &mut out;
    while !rest.is_empty() {
        let count = i32::try_from(rest.len())?;
        // SAFETY: the topic is a live handle of this producer; key and payload are copied before the call returns.
        let taken = unsafe { rd::rd_kafka_produce_batch(topic, -1, flags, rest.as_mut_ptr(), count) };
        if taken < count {
            // The queue is full: each that was not taken says so.
            rest.sort_by_key(|message| message.err == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR);
            producer.poll(Duration::from_millis(1));
        }
        let left = rest.len() - usize::try_from(taken).unwrap_or(0);
        rest = &mut rest[..left];
    }
    Ok(())
}
