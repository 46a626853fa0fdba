//! Which values are alike, and which come first.

use std::cmp::Ordering;

use super::error::Place;
use super::eval::{BYTES_A_STEP, Evaluated, Run};
use super::failure::Problem;
use super::items::{self, Elements};
use super::value::{Kinds, Value};

impl<'a> Run<'a> {
    pub(super) fn equal(&mut self, place: Place, a: &Value<'a>, b: &Value<'a>, depth: usize) -> Evaluated<bool> {
        if depth > items::MAX_DEPTH {
            return Err(place.fails(Problem::TooDeep));
        }
        Ok(match (a, b) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Number(a), Value::Number(b)) => a.compare(b) == Ordering::Equal,
            (Value::Text(a), Value::Text(b)) => a == b,
            (Value::Bytes(a), Value::Bytes(b)) => a == b,
            (Value::Timestamp(a), Value::Timestamp(b)) => a == b,
            (Value::Duration(a), Value::Duration(b)) => a == b,
            (Value::Type(a), Value::Type(b)) => a == b,
            (a, b) => match (a.kind(), b.kind()) {
                (Kinds::LIST, Kinds::LIST) => return self.equal_lists(place, a, b, depth),
                (Kinds::MAP, Kinds::MAP) => return self.equal_maps(place, a, b, depth),
                _ => false,
            },
        })
    }

    fn equal_lists(&mut self, place: Place, a: &Value<'a>, b: &Value<'a>, depth: usize) -> Evaluated<bool> {
        let (mut a, mut b) = (Elements::of(a), Elements::of(b));
        loop {
            self.step(place)?;
            match (a.next(), b.next()) {
                (None, None) => return Ok(true),
                (Some(a), Some(b)) if self.equal(place, &a, &b, depth + 1)? => {}
                _ => return Ok(false),
            }
        }
    }

    fn equal_maps(&mut self, place: Place, a: &Value<'a>, b: &Value<'a>, depth: usize) -> Evaluated<bool> {
        let (a, b) = (items::entries(a), items::entries(b));
        if a.len() != b.len() {
            return Ok(false);
        }
        for (key, value) in &a {
            self.step(place)?;
            let mut found = false;
            match key {
                Value::Text(text) => {
                    let other = b.iter().find(|(key, _)| matches!(key, Value::Text(key) if key == text));
                    if let Some((_, other)) = other {
                        found = self.equal(place, value, other, depth + 1)?;
                    }
                }
                key => {
                    for (other_key, other) in &b {
                        if self.equal(place, key, other_key, depth + 1)? {
                            found = self.equal(place, value, other, depth + 1)?;
                        }
                    }
                }
            }
            self.steps += (b.len() / BYTES_A_STEP) as u64;
            if !found {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// `None` for what has no order, or none with the other.
#[inline]
pub(super) fn order(a: &Value<'_>, b: &Value<'_>) -> Option<Ordering> {
    Some(match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.compare(b),
        // UTF-8 is in the order of its characters.
        (Value::Text(a), Value::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Value::Bytes(a), Value::Bytes(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Timestamp(a), Value::Timestamp(b)) => a.cmp(b),
        (Value::Duration(a), Value::Duration(b)) => a.cmp(b),
        _ => return None,
    })
}
