//! What a client has to say when nobody polls it.

use rdkafka::bindings as rd;
use rdkafka::client::{Client, ClientContext};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::types::RDKafkaRespErr;

use super::text;

/// The error of a connection that the client reported last, if it has since this was asked: a refused certificate, a name
/// that nobody knows. Only for a client that is not polled for anything else, for what it finds is taken away.
pub(crate) fn last_error<C: ClientContext>(client: &Client<C>) -> Option<(RDKafkaErrorCode, String)> {
    let mut last = None;
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
            rd::rd_kafka_event_destroy(event);
        }
        rd::rd_kafka_queue_destroy(queue);
    }
    last
}
