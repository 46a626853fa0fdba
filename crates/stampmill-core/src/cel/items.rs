//! The elements of lists and the entries of maps, whether they stand in a document or were made.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use super::value::Value;
use crate::json::{self, items};
use crate::record::Record;

/// Lists and maps within one another that are compared.
pub(super) const MAX_DEPTH: usize = 256;

pub(super) enum Elements<'a> {
    Json(json::Items<'a>),
    List(Arc<[Value<'a>]>, usize),
    /// Of a constant.
    Slice(std::slice::Iter<'a, Value<'a>>),
    Keys(std::vec::IntoIter<Value<'a>>),
}

// === impl Elements ===

impl<'a> Elements<'a> {
    /// Of a list; of any other value none.
    pub(super) fn of(value: &Value<'a>) -> Self {
        match value {
            Value::Json(json @ [b'[', ..]) => Self::Json(items(json)),
            Value::List(list) => Self::List(Arc::clone(list), 0),
            _ => Self::Keys(Vec::new().into_iter()),
        }
    }

    /// Of a list, or the keys of a map.
    pub(super) fn or_keys_of(value: Cow<'a, Value<'a>>) -> Self {
        match (value.as_ref(), &value) {
            (Value::Json([b'{', ..]) | Value::Map(_), _) => {
                Self::Keys(entries(&value).into_iter().map(|(key, _)| key).collect::<Vec<_>>().into_iter())
            }
            (_, Cow::Borrowed(Value::List(list))) => Self::Slice(list.iter()),
            (list, _) => Self::of(list),
        }
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        match self {
            Self::Json(items) => items.next().map(|item| Value::of_json(item.value)),
            Self::List(list, at) => {
                *at += 1;
                list.get(*at - 1).cloned()
            }
            Self::Slice(elements) => elements.next().map(Value::borrowed),
            Self::Keys(keys) => keys.next(),
        }
    }
}

/// The keys of a JSON object with their values, in the order in which they first come. The last value of a key counts.
pub(super) fn members(object: &[u8]) -> Vec<(Cow<'_, str>, &[u8])> {
    let mut members: Vec<(Cow<'_, str>, &[u8])> = Vec::new();
    let mut places: HashMap<Cow<'_, str>, usize> = HashMap::new();
    for item in items(object) {
        let Some(Value::Text(key)) = item.key.map(Value::of_content) else { continue };
        match places.get(&key) {
            Some(place) => members[*place].1 = item.value,
            None => {
                places.insert(key.clone(), members.len());
                members.push((key, item.value));
            }
        }
    }
    members
}

/// Of a map.
pub(super) fn entries<'a>(map: &Value<'a>) -> Vec<(Value<'a>, Value<'a>)> {
    match map {
        Value::Json(object) => {
            let entry = |(key, value)| (Value::Text(key), Value::of_json(value));
            members(object).into_iter().map(entry).collect()
        }
        Value::Map(entries) => entries.to_vec(),
        _ => Vec::new(),
    }
}

/// All headers as a map, the last of each name. A name that is not UTF-8 can be asked for by nobody.
pub(super) fn headers<'a>(record: &Record<'a>) -> Value<'a> {
    let mut map: Vec<(Value<'a>, Value<'a>)> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (name, value) in record.headers.iter() {
        let Ok(name) = std::str::from_utf8(name) else { continue };
        let place = *places.entry(name).or_insert(map.len());
        let entry = (Value::Text(name.into()), Value::of_bytes(value));
        match map.get_mut(place) {
            Some(known) => *known = entry,
            None => map.push(entry),
        }
    }
    Value::Map(map.into())
}
