//! Writes a value as its position wants it, so that no value can end what it stands in.

use std::borrow::Cow;

use base64::Engine as _;

use super::plan::Position;
use super::value::Value;
use crate::escape::escape_xml;
use crate::json;

pub(super) fn write_value(value: &Value<'_>, position: Position, out: &mut Vec<u8>) {
    match (value, position) {
        (Value::Missing | Value::Null, Position::Value) => out.extend_from_slice(b"null"),
        (Value::Missing | Value::Null, _) => {}
        (Value::Bool(value), _) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        (Value::Number(number), _) => out.extend_from_slice(number.as_bytes()),
        (Value::Json(json), Position::Value) => out.extend_from_slice(json.as_bytes()),
        (Value::Text(text), Position::Value) => {
            out.push(b'"');
            json::escape(text, out);
            out.push(b'"');
        }
        (Value::Text(text) | Value::Json(text), _) => write_text(text, position, out),
    }
}

/// A compact JSON value as its source has it. A string keeps the escapes that it came with.
pub(super) fn write_json(json: &[u8], shows_null: bool, position: Position, out: &mut Vec<u8>) {
    match (json, position) {
        (_, Position::Value) => out.extend_from_slice(json),
        ([b'"', content @ .., b'"'], Position::String) => out.extend_from_slice(content),
        ([b'"', content @ .., b'"'], _) if !content.contains(&b'\\') => write_text(as_text(content), position, out),
        ([b'"', content @ .., b'"'], _) => write_text(&json::unescape(as_text(content)), position, out),
        (b"null", Position::String) => {}
        (b"null", _) if !shows_null => {}
        _ => write_text(as_text(json), position, out),
    }
}

fn write_text(text: &str, position: Position, out: &mut Vec<u8>) {
    match position {
        Position::String => json::escape(text, out),
        Position::Xml => escape_xml(text, out),
        Position::Text | Position::Value => out.extend_from_slice(text.as_bytes()),
    }
}

/// What a compact JSON value stands for.
pub(super) fn json_value(json: &[u8]) -> Value<'_> {
    match json {
        [b'"', content @ .., b'"'] => content_value(content),
        b"null" => Value::Null,
        b"true" => Value::Bool(true),
        b"false" => Value::Bool(false),
        [b'{' | b'[', ..] => Value::Json(as_text(json).into()),
        number => Value::Number(as_text(number).into()),
    }
}

/// The text that the content of a JSON string stands for.
pub(super) fn content_value(content: &[u8]) -> Value<'_> {
    match content.contains(&b'\\') {
        true => Value::Text(json::unescape(as_text(content)).into()),
        false => Value::Text(as_text(content).into()),
    }
}

pub(super) fn base64<'a>(bytes: &[u8]) -> Value<'a> {
    Value::Text(base64::engine::general_purpose::STANDARD.encode(bytes).into())
}

/// A document that was scanned is UTF-8, so that this cannot fail; and if it did, nothing would be written.
fn as_text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

// === impl Value ===

impl Value<'_> {
    /// What Handlebars takes for something: not null, false, 0, or empty.
    pub(crate) fn is_truthy(&self, include_zero: bool) -> bool {
        match self {
            Self::Missing | Self::Null => false,
            Self::Bool(value) => *value,
            Self::Number(number) => include_zero || !json::is_zero(number.as_bytes()),
            Self::Text(text) => !text.is_empty(),
            Self::Json(json) => !matches!(json.as_ref(), "[]" | "{}"),
        }
    }

    pub(super) fn into_owned<'b>(self) -> Value<'b> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        match self {
            Self::Missing => Value::Missing,
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Number(number) => Value::Number(owned(number)),
            Self::Text(text) => Value::Text(owned(text)),
            Self::Json(json) => Value::Json(owned(json)),
        }
    }
}
