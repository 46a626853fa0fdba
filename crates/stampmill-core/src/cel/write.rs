//! Writes a value as JSON, or as text.

use base64::Engine as _;

use super::time::seconds;
use super::value::Value;
use crate::json::{copy_compact, escape};

/// It is longer than it may be.
pub(super) struct TooLong;

pub(super) type Write = fn(&Value<'_>, usize, &mut Vec<u8>) -> Result<(), TooLong>;

/// Ends when `out` is longer than `end`.
pub(super) fn json(value: &Value<'_>, end: usize, out: &mut Vec<u8>) -> Result<(), TooLong> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Json(json) => copy_compact(json, out),
        Value::List(list) => {
            out.push(b'[');
            for (place, element) in list.iter().enumerate() {
                comma(place, out);
                json(element, end, out)?;
            }
            out.push(b']');
        }
        Value::Map(entries) => {
            out.push(b'{');
            for (place, (key, value)) in entries.iter().enumerate() {
                comma(place, out);
                quoted(key, out);
                out.push(b':');
                json(value, end, out)?;
            }
            out.push(b'}');
        }
        Value::Bool(_) | Value::Number(_) => scalar(value, out),
        other => quoted(other, out),
    }
    if out.len() > end { Err(TooLong) } else { Ok(()) }
}

pub(super) fn text(value: &Value<'_>, end: usize, out: &mut Vec<u8>) -> Result<(), TooLong> {
    match value {
        Value::Json(_) | Value::List(_) | Value::Map(_) => json(value, end, out),
        other => {
            scalar(other, out);
            if out.len() > end { Err(TooLong) } else { Ok(()) }
        }
    }
}

fn comma(place: usize, out: &mut Vec<u8>) {
    if place > 0 {
        out.push(b',');
    }
}

/// Keys that are no strings become some.
fn quoted(value: &Value<'_>, out: &mut Vec<u8>) {
    out.push(b'"');
    match value {
        Value::Text(text) => escape(text, out),
        // Nothing of these has to be escaped.
        other => scalar(other, out),
    }
    out.push(b'"');
}

fn scalar(value: &Value<'_>, out: &mut Vec<u8>) {
    use std::io::Write as _;
    match value {
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        // A vector takes all that is written to it.
        Value::Number(number) => drop(write!(out, "{number}")),
        Value::Text(text) => out.extend_from_slice(text.as_bytes()),
        Value::Bytes(bytes) => {
            out.extend_from_slice(base64::engine::general_purpose::STANDARD.encode(bytes).as_bytes());
        }
        Value::Timestamp(time) => drop(write!(out, "{time}")),
        Value::Duration(duration) => out.extend_from_slice(seconds(*duration).as_bytes()),
        Value::Type(name) => out.extend_from_slice(name.as_bytes()),
        Value::Null | Value::Json(_) | Value::List(_) | Value::Map(_) => {}
    }
}
