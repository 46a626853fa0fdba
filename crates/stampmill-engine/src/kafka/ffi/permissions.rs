//! What a client may do with topics and groups (KIP-430), for which rdkafka has no call.

use std::ffi::{CString, c_char, c_int};
use std::time::Duration;

use rdkafka::bindings as rd;
use rdkafka::bindings::rd_kafka_AclOperation_t::{
    RD_KAFKA_ACL_OPERATION_READ as READ, RD_KAFKA_ACL_OPERATION_WRITE as WRITE,
};
use rdkafka::bindings::rd_kafka_admin_op_t::{
    RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS as DESCRIBE_GROUPS, RD_KAFKA_ADMIN_OP_DESCRIBETOPICS as DESCRIBE_TOPICS,
};
use rdkafka::client::{Client, ClientContext};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::types::RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR as NO_ERROR;

use super::text;

/// What the brokers let a client do with a topic.
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
    // SAFETY: the client, options and queue are live, and librdkafka copies the names. The collection is given back here. The
    // descriptions belong to the event, and there are `count` of them.
    unsafe {
        let send = |client, options: *const _, queue| {
            let collection = rd::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len());
            rd::rd_kafka_DescribeTopics(client, collection, options, queue);
            rd::rd_kafka_TopicCollection_destroy(collection);
        };
        ask(client, DESCRIBE_TOPICS, most, send, |event| {
            let result = rd::rd_kafka_event_DescribeTopics_result(event);
            if result.is_null() {
                return Vec::new();
            }
            let mut count = 0;
            let topics = rd::rd_kafka_DescribeTopics_result_topics(result, &mut count);
            (0..count).filter_map(|index| of_topic(*topics.add(index))).collect()
        })
    }
}

/// Whether the client may be a member of a group; `None` where the brokers do not tell. Waits as [`permissions`] does.
///
/// # Errors
/// The brokers' reason, in words.
pub(crate) fn may_join<C: ClientContext>(
    client: &Client<C>,
    group: &str,
    most: Duration,
) -> Result<Option<bool>, String> {
    let Ok(name) = CString::new(group) else { return Ok(None) };
    let mut pointers = [name.as_ptr()];
    // SAFETY: as in `permissions`.
    unsafe {
        let send = |client, options: *const _, queue| {
            rd::rd_kafka_DescribeConsumerGroups(client, pointers.as_mut_ptr(), pointers.len(), options, queue);
        };
        ask(client, DESCRIBE_GROUPS, most, send, |event| {
            let result = rd::rd_kafka_event_DescribeConsumerGroups_result(event);
            if result.is_null() {
                return None;
            }
            let mut count = 0;
            let groups = rd::rd_kafka_DescribeConsumerGroups_result_groups(result, &mut count);
            let group = (count > 0).then(|| *groups)?;
            let error = rd::rd_kafka_ConsumerGroupDescription_error(group);
            // A group that nobody has met, or whose coordinator is still on its way, is no group that is denied.
            match if error.is_null() { NO_ERROR } else { rd::rd_kafka_error_code(error) } {
                NO_ERROR => {}
                RDKafkaRespErr::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED => return Some(false),
                _ => return None,
            }
            let mut count = 0;
            let operations = rd::rd_kafka_ConsumerGroupDescription_authorized_operations(group, &mut count);
            (!operations.is_null()).then(|| std::slice::from_raw_parts(operations, count).contains(&READ))
        })
    }
}

/// Asks a question, together with what is allowed, and waits for its answer.
///
/// # Safety
/// `send` and `read` use what they are given only while they run.
unsafe fn ask<C: ClientContext, T>(
    client: &Client<C>,
    question: rd::rd_kafka_admin_op_t,
    most: Duration,
    send: impl FnOnce(*mut rd::rd_kafka_t, *const rd::rd_kafka_AdminOptions_t, *mut rd::rd_kafka_queue_t),
    read: impl FnOnce(*mut rd::rd_kafka_event_t) -> T,
) -> Result<T, String> {
    let most = c_int::try_from(most.as_millis()).unwrap_or(c_int::MAX);
    // SAFETY: the client is live. Queue, options and event are got here, used while they live, and given back here, each
    // once; what an event holds is read before that.
    unsafe {
        let client = client.native_ptr();
        let queue = rd::rd_kafka_queue_new(client);
        let options = rd::rd_kafka_AdminOptions_new(client, question);
        let refused = rd::rd_kafka_AdminOptions_set_include_authorized_operations(options, 1);
        if !refused.is_null() {
            rd::rd_kafka_error_destroy(refused);
        }
        send(client, options, queue);
        rd::rd_kafka_AdminOptions_destroy(options);
        let event = rd::rd_kafka_queue_poll(queue, most);
        let answer = if event.is_null() {
            Err("no answer in time".to_owned())
        } else if rd::rd_kafka_event_error(event) != NO_ERROR {
            Err(text(rd::rd_kafka_event_error_string(event)))
        } else {
            Ok(read(event))
        };
        if !event.is_null() {
            rd::rd_kafka_event_destroy(event);
        }
        rd::rd_kafka_queue_destroy(queue);
        answer
    }
}

/// `None` where the broker does not tell.
///
/// # Safety
/// `topic` is live.
unsafe fn of_topic(topic: *const rd::rd_kafka_TopicDescription_t) -> Option<Permissions> {
    // SAFETY: the caller's promise; the list belongs to the description, and has `count` entries unless it is null.
    unsafe {
        let mut count = 0;
        let operations = rd::rd_kafka_TopicDescription_authorized_operations(topic, &mut count);
        let operations = (!operations.is_null()).then(|| std::slice::from_raw_parts(operations, count))?;
        let topic = text(rd::rd_kafka_TopicDescription_name(topic));
        Some(Permissions { topic, read: operations.contains(&READ), write: operations.contains(&WRITE) })
    }
}
