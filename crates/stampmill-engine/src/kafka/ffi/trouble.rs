//! What a client has to say when nobody polls it.

use rdkafka::bindings as rd;
use rdkafka::client::{Client, ClientContext};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::types::RDKafkaRespErr;

use super::text;

/// What a client has said of its connections since this was asked.
pub(crate) struct Said {
    /// The last error: a refused certificate, a name that nobody knows.
    pub(crate) error: Option<(RDKafkaErrorCode, String)>,
    /// The last connection that failed by its log. That a broker ends one is no error to librdkafka.
    pub(crate) failed: Option<String>,
}

/// Only for a client that is not polled for anything else, for what it finds is taken away.
pub(crate) fn said<C: ClientContext>(client: &Client<C>) -> Said {
    let (mut error, mut failed) = (None, None);
    // SAFETY: the client is live; the queue that is got, and each event, are ours until they are given back here, and an
    // event's text is copied before.
    unsafe {
        let queue = rd::rd_kafka_queue_get_main(client.native_ptr());
        loop {
            let event = rd::rd_kafka_queue_poll(queue, 0);
            if event.is_null() {
                break;
            }
            let is_error = rd::rd_kafka_event_type(event) == rd::RD_KAFKA_EVENT_ERROR;
            // That all are down is said behind why one is.
            let code = rd::rd_kafka_event_error(event);
            if is_error && code != RDKafkaRespErr::RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN {
                error = Some((code.into(), text(rd::rd_kafka_event_error_string(event))));
            }
            failed = failure(event).or(failed);
            rd::rd_kafka_event_destroy(event);
        }
        rd::rd_kafka_queue_destroy(queue);
    }
    Said { error, failed }
}

/// What a line of the log says of a connection that has failed.
///
/// # Safety
/// The event is live.
unsafe fn failure(event: *mut rd::rd_kafka_event_t) -> Option<String> {
    let (mut facility, mut line, mut level) = (std::ptr::null(), std::ptr::null(), 0);
    // SAFETY: the event is live, for other kinds of events nothing is set, and the texts live as long as the event.
    unsafe {
        if rd::rd_kafka_event_log(event, &mut facility, &mut line, &mut level) != 0 || text(facility) != "FAIL" {
            return None;
        }
        let line = text(line);
        // `[thrd:NAME]: ` stands before what an error would say.
        Some(line.split_once("]: ").map_or_else(|| line.clone(), |(_, reason)| reason.to_owned()))
    }
}
