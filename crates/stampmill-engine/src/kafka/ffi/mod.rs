//! Every raw call of librdkafka: what rdkafka has no safe form for, or only a slow one.

#![allow(unsafe_code)]

mod consumer;
mod live;
mod mock;
mod permissions;
mod producer;
mod trouble;

use std::ffi::{c_char, c_void};

pub(crate) use self::consumer::{PartitionQueue, Taken, commit_async, commit_metadata, generation, known_end};
pub(crate) use self::live::{Live, LiveClients};
pub(crate) use self::mock::set_mock_rebalance_delay;
pub(crate) use self::permissions::{Permissions, may_join, permissions};
pub(crate) use self::producer::{DeliveryReport, Outgoing, ProducerEvents, SinkTopic, add_header, flush};
pub(crate) use self::trouble::{Said, said};

/// Null and empty are different things: librdkafka gives an empty value a pointer.
///
/// # Safety
/// `start` is null, or the start of `length` bytes that live for `'a`.
unsafe fn bytes<'a>(start: *const c_void, length: usize) -> Option<&'a [u8]> {
    // SAFETY: the caller's promise.
    (!start.is_null()).then(|| unsafe { std::slice::from_raw_parts(start.cast(), length) })
}

/// # Safety
/// `start` is null, or a text of C that lives as long as this call.
unsafe fn text(start: *const c_char) -> String {
    if start.is_null() {
        return String::new();
    }
    // SAFETY: the caller's promise.
    unsafe { std::ffi::CStr::from_ptr(start) }.to_string_lossy().trim().to_owned()
}
