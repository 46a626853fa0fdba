//! A producer's part: records by the handle of their topic, and delivery reports as many at a time as come.

use std::ffi::{CString, c_void};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::bindings as rd;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::OwnedHeaders;
use rdkafka::producer::{BaseProducer, Producer, ProducerContext};
use rdkafka::types::RDKafkaRespErr;

use super::{Live, text};

/// A topic to write to. Named by its name, librdkafka would be given a copy of it and look it up for each record.
pub(crate) struct SinkTopic<C: ProducerContext + 'static> {
    topic: NonNull<rd::rd_kafka_topic_t>,
    /// The topic belongs to this client and must go before it.
    producer: Arc<Live<BaseProducer<C>>>,
}

/// A record for a [`SinkTopic`].
pub(crate) struct Outgoing<'a> {
    pub(crate) partition: i32,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) payload: Option<&'a [u8]>,
    /// Milliseconds since 1970; now, if there is none.
    pub(crate) timestamp: Option<i64>,
    pub(crate) headers: Option<OwnedHeaders>,
    /// Comes back with the delivery report.
    pub(crate) opaque: usize,
}

// SAFETY: librdkafka's topics are reference-counted and locked within; any thread may use one.
unsafe impl<C: ProducerContext + 'static> Send for SinkTopic<C> {}
// SAFETY: as above.
unsafe impl<C: ProducerContext + 'static> Sync for SinkTopic<C> {}

impl<C: ProducerContext<DeliveryOpaque = usize> + 'static> SinkTopic<C> {
    /// `None` if the name cannot be one of a topic.
    pub(crate) fn open(producer: &Arc<Live<BaseProducer<C>>>, name: &str) -> Option<Self> {
        let name = CString::new(name).ok()?;
        // SAFETY: the client lives as long as `producer`; the name ends in a nought; without a configuration of its own the
        // topic has the client's.
        let topic = unsafe { rd::rd_kafka_topic_new(producer.client().native_ptr(), name.as_ptr(), ptr::null_mut()) };
        Some(Self { topic: NonNull::new(topic)?, producer: Arc::clone(producer) })
    }

    /// Hands it to librdkafka, which never blocks and copies key and payload.
    pub(crate) fn send(&self, out: Outgoing<'_>) -> Result<(), RDKafkaErrorCode> {
        use rd::rd_kafka_vtype_t::{
            RD_KAFKA_VTYPE_END, RD_KAFKA_VTYPE_HEADERS, RD_KAFKA_VTYPE_KEY, RD_KAFKA_VTYPE_MSGFLAGS,
            RD_KAFKA_VTYPE_OPAQUE, RD_KAFKA_VTYPE_PARTITION, RD_KAFKA_VTYPE_RKT, RD_KAFKA_VTYPE_TIMESTAMP,
            RD_KAFKA_VTYPE_VALUE,
        };
        // Null and empty are different things, and a slice always has a pointer.
        let part = |bytes: Option<&[u8]>| bytes.map_or((ptr::null(), 0), |bytes| (bytes.as_ptr(), bytes.len()));
        let ((key, key_length), (payload, length)) = (part(out.key), part(out.payload));
        let headers = out.headers.as_ref().map_or(ptr::null_mut(), |headers| {
            ptr::from_ref(headers.as_borrowed()).cast_mut().cast::<rd::rd_kafka_headers_t>()
        });
        // SAFETY: client and topic are live and belong together. Each tag is followed by what rdkafka.h asks for behind it,
        // in C's types; the opaque is a number that nobody follows. Headers are librdkafka's only if it says so.
        let error = unsafe {
            rd::rd_kafka_producev(
                self.producer.client().native_ptr(),
                RD_KAFKA_VTYPE_RKT,
                self.topic.as_ptr(),
                RD_KAFKA_VTYPE_PARTITION,
                out.partition,
                RD_KAFKA_VTYPE_MSGFLAGS,
                rd::RD_KAFKA_MSG_F_COPY,
                RD_KAFKA_VTYPE_VALUE,
                payload,
                length,
                RD_KAFKA_VTYPE_KEY,
                key,
                key_length,
                RD_KAFKA_VTYPE_OPAQUE,
                out.opaque as *mut c_void,
                RD_KAFKA_VTYPE_TIMESTAMP,
                out.timestamp.unwrap_or(0),
                RD_KAFKA_VTYPE_HEADERS,
                headers,
                RD_KAFKA_VTYPE_END,
            )
        };
        match error {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => {
                std::mem::forget(out.headers);
                Ok(())
            }
            error => Err(error.into()),
        }
    }
}

impl<C: ProducerContext + 'static> Drop for SinkTopic<C> {
    fn drop(&mut self) {
        // SAFETY: the handle is ours, and its client goes after it (fields drop after this).
        unsafe { rd::rd_kafka_topic_destroy(self.topic.as_ptr()) };
    }
}

/// Adds a header with its name as the bytes that came: Kafka asks for UTF-8 there and checks nothing, and rdkafka's
/// own call takes only a `str`.
pub(crate) fn add_header(headers: &mut OwnedHeaders, name: &[u8], value: Option<&[u8]>) {
    let (start, length) = value.map_or((ptr::null(), 0), |value| (value.as_ptr(), value.len()));
    let list = ptr::from_ref(headers.as_borrowed()).cast_mut().cast::<rd::rd_kafka_headers_t>();
    // SAFETY: a `BorrowedHeaders` is nothing but a name for librdkafka's list, which is allocated by it and which the
    // exclusive reference says nobody else uses. Name and value are copied. It can only fail for a read-only list,
    // which an owned one is not.
    unsafe { rd::rd_kafka_header_add(list, name.as_ptr().cast(), name.len() as isize, start.cast(), length as isize) };
}

/// What became of a record that was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeliveryReport {
    /// The number that it was sent with.
    pub(crate) opaque: usize,
    pub(crate) error: Option<RDKafkaErrorCode>,
}

/// The events of a producer, among them the delivery reports: as many at a time as come at a time. rdkafka's own poll hands
/// them on one by one, each as a message of its own.
pub(crate) struct ProducerEvents<'a, C: ProducerContext<DeliveryOpaque = usize>> {
    queue: NonNull<rd::rd_kafka_queue_t>,
    producer: &'a BaseProducer<C>,
    reports: Vec<DeliveryReport>,
}

impl<'a, C: ProducerContext<DeliveryOpaque = usize>> ProducerEvents<'a, C> {
    pub(crate) fn of(producer: &'a BaseProducer<C>) -> Option<Self> {
        // SAFETY: the client is live, and outlives what is made here.
        let queue = unsafe { rd::rd_kafka_queue_get_main(producer.client().native_ptr()) };
        Some(Self { queue: NonNull::new(queue)?, producer, reports: Vec::new() })
    }

    /// Serves one event, for which it waits that long. Returns the reports in the order of librdkafka's.
    pub(crate) fn poll(&mut self, wait: Duration) -> &[DeliveryReport] {
        self.reports.clear();
        let wait = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the queue is live. An event is ours until it is destroyed, here and once; what is asked of it is what its
        // type has, and is copied before that.
        unsafe {
            let event = rd::rd_kafka_queue_poll(self.queue.as_ptr(), wait);
            if event.is_null() {
                return &[];
            }
            match rd::rd_kafka_event_type(event) {
                rd::RD_KAFKA_EVENT_DR => self.take(event),
                rd::RD_KAFKA_EVENT_LOG => self.pass_on_log(event),
                rd::RD_KAFKA_EVENT_ERROR => {
                    let error = KafkaError::Global(rd::rd_kafka_event_error(event).into());
                    self.producer.context().error(error, &text(rd::rd_kafka_event_error_string(event)));
                }
                other => log::debug!("producer: event {other} is of no use here"),
            }
            rd::rd_kafka_event_destroy(event);
        }
        &self.reports
    }

    /// # Safety
    /// `event` is a live event of delivery reports.
    unsafe fn take(&mut self, event: *mut rd::rd_kafka_event_t) {
        // SAFETY: the caller's promise; a message lives as long as its event, and the last is followed by null.
        unsafe {
            while let Some(message) = rd::rd_kafka_event_message_next(event).as_ref() {
                let failed = message.err != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR;
                let error = failed.then(|| message.err.into());
                self.reports.push(DeliveryReport { opaque: message._private as usize, error });
            }
        }
    }

    /// # Safety
    /// `event` is a live event of the log.
    unsafe fn pass_on_log(&self, event: *mut rd::rd_kafka_event_t) {
        let (mut facility, mut line, mut level) = (ptr::null(), ptr::null(), 0);
        // SAFETY: the caller's promise; both texts live as long as the event.
        unsafe {
            if rd::rd_kafka_event_log(event, &mut facility, &mut line, &mut level) == 0 {
                crate::kafka::log_line(level, &text(facility), &text(line));
            }
        }
    }
}

impl<C: ProducerContext<DeliveryOpaque = usize>> Drop for ProducerEvents<'_, C> {
    fn drop(&mut self) {
        // SAFETY: the queue is ours, and its client is live.
        unsafe { rd::rd_kafka_queue_destroy(self.queue.as_ptr()) };
    }
}

/// Has a producer send at once instead of lingering, for as long as this takes: until it has nothing left, or for that
/// long. Says whether nothing is left. rdkafka's own call gives librdkafka no time, and so nothing is sent earlier.
pub(crate) fn flush<C: rdkafka::ClientContext>(producer: &rdkafka::client::Client<C>, most: Duration) -> bool {
    let most = i32::try_from(most.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: the client is live, and any thread may flush. Delivery reports come as events, which this does not serve.
    let flushed = unsafe { rd::rd_kafka_flush(producer.native_ptr(), most) };
    flushed == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR
}
