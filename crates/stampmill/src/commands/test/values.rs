//! The values of a case file that the configuration has not: bytes, headers, JSON, moments.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use config::{Value, ValueKind};
use jiff::Timestamp;

use super::case::{Headers, Payload};
use super::schema::{BASE64, BYTES_IN_WORDS};
use crate::config::error::Place;
use crate::config::reading::{Reading, describe, join, place};
use crate::config::section::Section;

/// A text, null or `{ base64: … }`; what is wrong has been noted.
pub(super) fn bytes(section: &Section<'_>, name: &str) -> Option<Option<Vec<u8>>> {
    bytes_of(section.reading, section.value(name)?, &section.path(name))
}

fn bytes_of(reading: &Reading<'_>, value: &Value, path: &str) -> Option<Option<Vec<u8>>> {
    match &value.kind {
        ValueKind::Nil => Some(None),
        ValueKind::String(text) => Some(Some(text.clone().into_bytes())),
        ValueKind::Table(_) => {
            let table = Section::open(reading, BASE64, Some(value), path);
            let text = table.verbatim("base64")?;
            match STANDARD.decode(text) {
                Ok(bytes) => Some(Some(bytes)),
                Err(error) => refuse(reading, table.at("base64"), "base64", &format!("{error} in `{text}`")),
            }
        }
        other => refuse(reading, place(Some(value), path), BYTES_IN_WORDS, describe(other)),
    }
}

/// `payload` or `json`.
pub(super) fn payload(section: &Section<'_>) -> Option<Payload> {
    match (section.is_there("payload"), section.is_there("json")) {
        (true, false) => Some(Payload::Exact(bytes(section, "payload")?)),
        (false, true) => json(section).map(Payload::Json),
        (false, false) if !section.is_table() => None,
        (both, _) => {
            let found = if both { "both" } else { "neither" };
            refuse(section.reading, section.at("payload"), "either `payload` or `json`", found)
        }
    }
}

/// Without white space between its tokens. A table or a list is JSON already when it comes from its file.
fn json(section: &Section<'_>) -> Option<String> {
    let text = section.verbatim("json")?;
    let mut compact = Vec::new();
    match stampmill_core::json::compact(text.as_bytes(), &mut compact) {
        Ok(()) => Some(String::from_utf8_lossy(&compact).into_owned()),
        Err(error) => section.not_as_said("json", &error.to_string()),
    }
}

/// A list, each item `name: value`.
pub(super) fn headers(section: &Section<'_>, name: &str) -> Option<Headers> {
    let path = section.path(name);
    let items = list(section, name)?;
    let header = |(index, item): (usize, &Value)| {
        let path = join(&path, &index.to_string());
        match section.reading.entries(Some(item), &path).as_slice() {
            [(name, value)] => {
                let value = bytes_of(section.reading, value, &join(&path, name))?;
                Some((name.as_bytes().to_vec(), value))
            }
            [] if matches!(item.kind, ValueKind::Table(_)) => section.not_as_said(name, "an empty item"),
            // That it is no table has been noted.
            [] => None,
            _ => section.not_as_said(name, "several in one item"),
        }
    };
    // All are looked at before the first fault ends it.
    let headers: Vec<_> = items.iter().enumerate().map(header).collect();
    headers.into_iter().collect()
}

/// Texts, each as it is written.
pub(super) fn texts(section: &Section<'_>, name: &str) -> Option<Vec<String>> {
    let items = list(section, name)?;
    let text = |item: &Value| {
        let at = place(Some(item), &section.path(name));
        section.reading.written(item, &at, "a text").map(str::to_owned)
    };
    let texts: Vec<_> = items.iter().map(text).collect();
    texts.into_iter().collect()
}

fn list<'a>(section: &Section<'a>, name: &str) -> Option<&'a [Value]> {
    match &section.value(name)?.kind {
        ValueKind::Array(items) => Some(items),
        other => section.not_as_said(name, describe(other)),
    }
}

pub(super) fn moment(section: &Section<'_>, name: &str) -> Option<Timestamp> {
    let text = section.verbatim(name)?;
    let millis = text.parse().ok().and_then(|millis| Timestamp::from_millisecond(millis).ok());
    let moment = millis.or_else(|| text.parse().ok());
    moment.or_else(|| section.not_as_said(name, &format!("`{text}`")))
}

pub(super) fn refuse<T>(reading: &Reading<'_>, at: Place, expected: &str, found: &str) -> Option<T> {
    reading.mismatch(at, expected, found);
    None
}
