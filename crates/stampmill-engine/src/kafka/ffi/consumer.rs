//! A consumer's part: records in batches, commits with a result, the group's generation.

use std::ffi::{CString, c_char, c_void};
use std::ptr::{self, NonNull};
use std::sync::Arc;

use rdkafka::TopicPartitionList;
use rdkafka::bindings as rd;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use stampmill_core::completed::Completed;
use stampmill_core::record::{Batch, Offset};

use super::{Live, bytes};

/// The fetched records of one partition, apart from the consumer's main queue.
///
/// rdkafka's own `PartitionQueue` takes one record a call, at 3.6 times the cost of a batch.
///
/// One partition must never have two of these at a time: dropping the older one would switch off the wake-ups of the
/// newer one, for both are the same queue underneath.
pub(crate) struct PartitionQueue<C: ConsumerContext + 'static> {
    queue: NonNull<rd::rd_kafka_queue_t>,
    /// Called by librdkafka through a pointer to the inner box; freed only after the callback is switched off.
    on_nonempty: Option<Box<OnNonempty>>,
    /// The queue belongs to this client and must go before it.
    consumer: Arc<Live<BaseConsumer<C>>>,
}

type OnNonempty = Box<dyn Fn() + Send + Sync>;

/// What a call of [`PartitionQueue::take`] found.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// Records added to the batch.
    pub(crate) records: usize,
    /// Records left out because an earlier one had the same offset or a higher one.
    pub(crate) regressed: usize,
    /// The last record left out because it is completed.
    pub(crate) completed: Option<Offset>,
    /// The queue also carries the partition's errors; the last one.
    pub(crate) error: Option<RDKafkaErrorCode>,
}

// SAFETY: librdkafka's queues are reference-counted and locked within; any thread may use one.
unsafe impl<C: ConsumerContext + 'static> Send for PartitionQueue<C> {}

impl<C: ConsumerContext + 'static> PartitionQueue<C> {
    /// Splits the partition off. To be called before the partition is assigned, or records that were fetched already
    /// stay in the main queue. `None` if the name cannot be one of a topic.
    pub(crate) fn split(consumer: &Arc<Live<BaseConsumer<C>>>, topic: &str, partition: i32) -> Option<Self> {
        let topic = CString::new(topic).ok()?;
        // SAFETY: the client lives as long as `consumer`; the name ends in a nought.
        let queue =
            unsafe { rd::rd_kafka_queue_get_partition(consumer.client().native_ptr(), topic.as_ptr(), partition) };
        let queue = NonNull::new(queue)?;
        // SAFETY: the queue was just got. Forwarding to nowhere is how a queue is split off.
        unsafe { rd::rd_kafka_queue_forward(queue.as_ptr(), ptr::null_mut()) };
        Some(Self { queue, on_nonempty: None, consumer: Arc::clone(consumer) })
    }

    pub(crate) fn consumer(&self) -> &BaseConsumer<C> {
        &self.consumer
    }

    /// Sets what is called, on a thread of librdkafka, when the queue turns from empty to non-empty, and only then.
    /// `wake` must not panic: it is called from C.
    pub(crate) fn on_nonempty(&mut self, wake: impl Fn() + Send + Sync + 'static) {
        unsafe extern "C" fn call(_: *mut rd::rd_kafka_t, wake: *mut c_void) {
            // SAFETY: the pointer is to the box in `on_nonempty`, which outlives the callback.
            unsafe { (*wake.cast::<OnNonempty>())() }
        }
        let wake: Box<OnNonempty> = Box::new(Box::new(wake));
        let opaque = ptr::from_ref::<OnNonempty>(&wake).cast_mut().cast();
        // SAFETY: `opaque` stays valid until the callback is replaced here or switched off in `drop`; librdkafka holds
        // the queue's lock while it calls and while it replaces, so no call of the former callback is under way after.
        unsafe { rd::rd_kafka_queue_cb_event_enable(self.queue.as_ptr(), Some(call), opaque) };
        self.on_nonempty = Some(wake);
    }

    /// Moves up to `most` records that are there now into `batch`, leaving out what is not beyond its last offset or
    /// below `from`, and what is completed. Does not wait.
    pub(crate) fn take(&self, batch: &mut Batch, from: i64, most: usize, completed: &Completed) -> Taken {
        let mut messages: Vec<*mut rd::rd_kafka_message_t> = Vec::with_capacity(most);
        // SAFETY: there is room for `most` pointers, and librdkafka says how many it wrote. It returns -1 on an error
        // and wrote none then.
        unsafe {
            let count = rd::rd_kafka_consume_batch_queue(self.queue.as_ptr(), 0, messages.as_mut_ptr(), most);
            messages.set_len(usize::try_from(count).unwrap_or(0));
        }
        // SAFETY: each pointer is a message of ours to read.
        let bytes = messages.iter().map(|message| unsafe { (**message).key_len + (**message).len }).sum();
        batch.reserve(messages.len(), bytes);
        let mut taken = Taken::default();
        for message in messages {
            // SAFETY: each pointer is a message of ours to read, once, and to destroy.
            unsafe {
                copy(&*message, batch, from, completed, &mut taken);
                rd::rd_kafka_message_destroy(message);
            }
        }
        taken
    }
}

impl<C: ConsumerContext + 'static> Drop for PartitionQueue<C> {
    fn drop(&mut self) {
        // SAFETY: the queue is ours; the callback is switched off before its box is freed (fields drop after this).
        unsafe {
            rd::rd_kafka_queue_cb_event_enable(self.queue.as_ptr(), None, ptr::null_mut());
            rd::rd_kafka_queue_destroy(self.queue.as_ptr());
        }
    }
}

/// Copies a message into the batch: holding on to it would keep the whole fetch buffer alive.
///
/// # Safety
/// `message` is a live message of a consumer.
unsafe fn copy(
    message: &rd::rd_kafka_message_t,
    batch: &mut Batch,
    from: i64,
    completed: &Completed,
    taken: &mut Taken,
) {
    if message.err != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
        taken.error = Some(message.err.into());
        return;
    }
    let offset = Offset::new(message.offset);
    if completed.contains(offset) {
        taken.completed = Some(offset);
        return;
    }
    let next = batch.last().map_or(from, |last| last.next().get());
    if message.offset < next {
        taken.regressed += 1;
        return;
    }
    // SAFETY: the caller's promise; a message's key, payload and headers live as long as the message.
    unsafe {
        let mut kind = rd::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        let timestamp = rd::rd_kafka_message_timestamp(message, &mut kind);
        let timestamp = (timestamp >= 0).then_some(timestamp);
        let key = bytes(message.key, message.key_len);
        batch.push(offset, timestamp, key, bytes(message.payload, message.len));
        copy_headers(message, batch);
    }
    taken.records += 1;
}

/// # Safety
/// As for [`copy`].
unsafe fn copy_headers(message: &rd::rd_kafka_message_t, batch: &mut Batch) {
    let mut headers = ptr::null_mut();
    // SAFETY: `message` is live; the list that is returned belongs to it.
    let found = unsafe { rd::rd_kafka_message_headers(message, &mut headers) };
    if found != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
        return;
    }
    for index in 0.. {
        let (mut name, mut value, mut length): (*const c_char, *const c_void, usize) = (ptr::null(), ptr::null(), 0);
        // SAFETY: the list is live; an index past its end is an error that ends the loop.
        unsafe {
            let found = rd::rd_kafka_header_get_all(headers, index, &mut name, &mut value, &mut length);
            if found != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                return;
            }
            batch.push_header(std::ffi::CStr::from_ptr(name).to_bytes(), bytes(value, length));
        }
    }
}

/// Sends a commit, whose result comes to `commit_callback` when the consumer is polled. rdkafka's own asynchronous
/// commit has no result: librdkafka reports only to a callback that rdkafka does not set, or to a queue.
pub(crate) fn commit_async<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    offsets: &TopicPartitionList,
) -> KafkaResult<()> {
    let client = consumer.client().native_ptr();
    // SAFETY: client and list are live, and librdkafka copies the list. The queue that is got is counted by librdkafka
    // and given back at once; the reply keeps a count of its own.
    let result = unsafe {
        let queue = rd::rd_kafka_queue_get_consumer(client);
        if queue.is_null() {
            return Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::UnknownGroup));
        }
        let result = rd::rd_kafka_commit_queue(client, offsets.ptr(), queue, None, ptr::null_mut());
        rd::rd_kafka_queue_destroy(queue);
        result
    };
    match result {
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
        error => Err(KafkaError::ConsumerCommit(error.into())),
    }
}

/// The generation of the group (or the member's epoch, by KIP-848) that the consumer is a member of; `None` if it is none.
pub(crate) fn generation<C: ConsumerContext>(consumer: &BaseConsumer<C>) -> Option<i32> {
    // SAFETY: the client is live; what is got is ours to destroy, and is read before that.
    let generation = unsafe {
        let group = rd::rd_kafka_consumer_group_metadata(consumer.client().native_ptr());
        if group.is_null() {
            return None;
        }
        let generation = rd::rd_kafka_consumer_group_metadata_generation_id(group);
        rd::rd_kafka_consumer_group_metadata_destroy(group);
        generation
    };
    (generation > 0).then_some(generation)
}

/// The metadata of each committed offset, in the list's order. rdkafka's own accessor panics on what is not UTF-8.
pub(crate) fn commit_metadata(list: &TopicPartitionList) -> Vec<Option<String>> {
    // SAFETY: the list is live and its `elems` are `cnt` entries; an entry's metadata is null or `metadata_size` bytes.
    unsafe {
        let list = &*list.ptr();
        (0..usize::try_from(list.cnt).unwrap_or(0))
            .map(|index| &*list.elems.add(index))
            .map(|entry| bytes(entry.metadata, entry.metadata_size))
            .map(|metadata| String::from_utf8(metadata?.to_vec()).ok())
            .collect()
    }
}

/// Where the partition ends by the last answer to a fetch; `None` before the first. A partition that is not fetched, because
/// enough of it lies in its queue, may have grown since.
pub(crate) fn known_end<C: ConsumerContext>(consumer: &BaseConsumer<C>, topic: &str, partition: i32) -> Option<i64> {
    let topic = CString::new(topic).ok()?;
    let (mut low, mut high) = (-1, -1);
    // SAFETY: the client is live, the name ends in a nought, and both numbers are there to be written to.
    let found = unsafe {
        let client = consumer.client().native_ptr();
        rd::rd_kafka_get_watermark_offsets(client, topic.as_ptr(), partition, &mut low, &mut high)
    };
    (found == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(high)
}
