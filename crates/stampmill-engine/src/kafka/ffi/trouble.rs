//! What a client has to say when nobody polls it.

use rdkafka::bindings as rd;
use rdkafka::client::{Client, ClientContext};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::types::RDKafkaRespErr;

use super::text;

/// The error of a connection that the client reported last, if it has since this was asked: a refused certificate, a name
/// that nobody knows. A connection that a broker ends is no error to librdkafka, and stands in its log: it counts where
/// `is_reason` says so. Only for a client that is not polled for anything else, for what it finds is taken away.
pub(crate) fn last_error<C: ClientContext>(
    client: &Client<C>,
    is_reason: fn(&str) -> bool,
) -> Option<(RDKafkaErrorCode, String)> {
    let (mut last, mut ended) = (None, None);
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
                last = Some((code.into(), text(rd::rd_kafka_event_error_string(event))));
            }
            ended = failure(event).filter(|reason| is_reason(reason)).or(ended);
            rd::rd_kafka_event_destroy(event);
        }
        rd::rd_kafka_queue_destroy(queue);
    }
    last.or(ended.map(|reason| (RDKafkaErrorCode::BrokerTransportFailure, reason)))
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
