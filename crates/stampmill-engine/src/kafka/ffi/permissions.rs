//! What a client may do with topics (KIP-430), for which rdkafka has no call.

use std::ffi::{CString, c_char, c_int};
use std::time::Duration;

use rdkafka::bindings as rd;
use rdkafka::client::{Client, ClientContext};
use rdkafka::types::RDKafkaRespErr;

use super::text;

/// What a broker lets a client do with a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Permissions {
    pub(crate) topic: String,
    pub(crate) read: bool,
    pub(crate) write: bool,
}

/// Of those topics that are there and that the brokers tell it of; waits for as long as `most`. Blocks.
///
/// # Errors
/// The brokers' reason, in words.
pub(crate) fn permissions<C: ClientContext>(
    client: &Client<C>,
    topics: &[&str],
    most: Duration,
) -> Result<Vec<Permissions>, String> {
    let names: Vec<CString> = topics.iter().filter_map(|topic| CString::new(*topic).ok()).collect();
    let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
    let most = c_int::try_from(most.as_millis()).unwrap_or(c_int::MAX);
    // SAFETY: the client is live. Queue, options, collection and event are got here, used while they live, and given back
    // here, each once; librdkafka copies the names. What an event holds is read before the event is given back.
    unsafe {
        let client = client.native_ptr();
        let queue = rd::rd_kafka_queue_new(client);
        let options = rd::rd_kafka_AdminOptions_new(client, rd::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
        let refused = rd::rd_kafka_AdminOptions_set_include_authorized_operations(options, 1);
        if !refused.is_null() {
            rd::rd_kafka_error_destroy(refused);
        }
        let collection = rd::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len());
        rd::rd_kafka_DescribeTopics(client, collection, options, queue);
        rd::rd_kafka_TopicCollection_destroy(collection);
        rd::rd_kafka_AdminOptions_destroy(options);
        let event = rd::rd_kafka_queue_poll(queue, most);
        let found = if event.is_null() { Err("no answer in time".to_owned()) } else { described(event) };
        if !event.is_null() {
            rd::rd_kafka_event_destroy(event);
        }
        rd::rd_kafka_queue_destroy(queue);
        found
    }
}

/// # Safety
/// `event` is live.
unsafe fn described(event: *mut rd::rd_kafka_event_t) -> Result<Vec<Permissions>, String> {
    // SAFETY: the caller's promise; the descriptions belong to the event, and there are `count` of them.
    unsafe {
        if rd::rd_kafka_event_error(event) != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Err(text(rd::rd_kafka_event_error_string(event)));
        }
        let result = rd::rd_kafka_event_DescribeTopics_result(event);
        if result.is_null() {
            return Err("an answer to another question".to_owned());
        }
        let mut count = 0;
        let topics = rd::rd_kafka_DescribeTopics_result_topics(result, &mut count);
        Ok((0..count).filter_map(|index| permissions_of(*topics.add(index))).collect())
    }
}

/// `None` where the broker does not tell.
///
/// # Safety
/// `topic` is live.
unsafe fn permissions_of(topic: *const rd::rd_kafka_TopicDescription_t) -> Option<Permissions> {
    // SAFETY: the caller's promise; the list belongs to the description, and has `count` entries unless it is null.
    let (name, operations) = unsafe {
        let mut count = 0;
        let operations = rd::rd_kafka_TopicDescription_authorized_operations(topic, &mut count);
        if operations.is_null() {
            return None;
        }
        (text(rd::rd_kafka_TopicDescription_name(topic)), std::slice::from_raw_parts(operations, count))
    };
    let may = |operation: rd::rd_kafka_AclOperation_t| operations.contains(&operation);
    Some(Permissions {
        topic: name,
        read: may(rd::rd_kafka_AclOperation_t::RD_KAFKA_ACL_OPERATION_READ),
        write: may(rd::rd_kafka_AclOperation_t::RD_KAFKA_ACL_OPERATION_WRITE),
    })
}
