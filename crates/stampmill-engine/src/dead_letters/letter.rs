//! What the headers of a dead letter say, and the record that it was.

use std::str::FromStr;
use std::sync::Arc;

use stampmill_core::record::{Batch, Headers, Offset, Record};
use thiserror::Error;

use super::names;

/// A dead letter, borrowed from its batch.
#[derive(Clone, Copy, Debug)]
pub struct Letter<'a> {
    pub record: Record<'a>,
    pub reason: &'a str,
    pub class: &'a str,
    pub pipeline: &'a str,
    pub transform: &'a str,
    /// Where the record came from.
    pub topic: &'a str,
    pub partition: i32,
    pub offset: i64,
    /// The record's own, in milliseconds since 1970.
    pub timestamp: Option<i64>,
    pub attempts: Option<u32>,
    pub group: Option<&'a str>,
    pub instance: Option<&'a str>,
    pub first_time: Option<i64>,
    pub last_time: Option<i64>,
    /// Where the original is, of which this holds nothing.
    pub stub: Option<&'a str>,
    /// The place of the first header that is not the original's.
    begin: usize,
}

/// Why a record is no dead letter of ours.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LetterError {
    #[error("it has no header `{0}`")]
    Missing(&'static str),
    #[error("its header `{0}` is not UTF-8")]
    NotText(&'static str),
    #[error("its header `{0}` is not a number")]
    NotANumber(&'static str),
}

/// The headers that a dead letter got.
#[derive(Clone, Copy)]
struct Described<'a> {
    headers: Headers<'a>,
    begin: usize,
}

// === impl Letter ===

impl<'a> Letter<'a> {
    /// # Errors
    /// It is not a dead letter, or somebody has changed its headers.
    pub fn read(record: Record<'a>) -> Result<Self, LetterError> {
        // The last one: the original may have been a dead letter of another pipeline.
        let found = record.headers.iter().enumerate().filter(|(_, (name, _))| *name == names::ERROR.as_bytes()).last();
        let Some((begin, _)) = found else {
            return Err(LetterError::Missing(names::ERROR));
        };
        let described = Described { headers: record.headers, begin };
        Ok(Self {
            record,
            reason: described.text(names::ERROR)?,
            class: described.text(names::ERROR_CLASS)?,
            pipeline: described.text(names::PIPELINE)?,
            transform: described.text(names::TRANSFORM)?,
            topic: described.text(names::TOPIC)?,
            partition: described.number(names::PARTITION)?,
            offset: described.number(names::OFFSET)?,
            timestamp: described.optional_number(names::TIMESTAMP)?,
            attempts: described.optional_number(names::ATTEMPTS)?,
            group: described.optional(names::GROUP)?,
            instance: described.optional(names::INSTANCE)?,
            first_time: described.optional_number(names::FIRST_TIME)?,
            last_time: described.optional_number(names::LAST_TIME)?,
            stub: described.optional(names::STUB)?,
            begin,
        })
    }

    /// When it died; of those that do not say so, when the record was made.
    pub fn time(&self) -> Option<i64> {
        self.last_time.or(self.record.timestamp)
    }

    /// The record as it came, alone in a batch. Of a stub there is nothing to make it from: read it at its place.
    pub fn original(&self) -> Batch {
        let mut batch = Batch::new(Arc::from(self.topic), self.partition);
        batch.push(Offset::new(self.offset), self.timestamp, self.record.key, self.record.payload);
        for (place, (name, value)) in self.record.headers.iter().enumerate() {
            if place < self.begin || !names::is_ours(name) {
                batch.push_header(name, value);
            }
        }
        batch
    }
}

// === impl Described ===

impl<'a> Described<'a> {
    fn optional(self, name: &'static str) -> Result<Option<&'a str>, LetterError> {
        let found = self.headers.iter().skip(self.begin).find(|(found, _)| *found == name.as_bytes());
        let Some((_, Some(value))) = found else {
            return Ok(None);
        };
        std::str::from_utf8(value).map(Some).map_err(|_| LetterError::NotText(name))
    }

    fn text(self, name: &'static str) -> Result<&'a str, LetterError> {
        self.optional(name)?.ok_or(LetterError::Missing(name))
    }

    fn optional_number<N: FromStr>(self, name: &'static str) -> Result<Option<N>, LetterError> {
        self.optional(name)?.map(str::parse).transpose().map_err(|_| LetterError::NotANumber(name))
    }

    fn number<N: FromStr>(self, name: &'static str) -> Result<N, LetterError> {
        self.optional_number(name)?.ok_or(LetterError::Missing(name))
    }
}

/// How often a record was replayed before.
///
/// # Errors
/// It carries a header of that name which is not a number.
pub fn hops(record: &Record<'_>) -> Result<u32, LetterError> {
    let Some(value) = record.headers.last(names::HOPS) else {
        return Ok(0);
    };
    let text = std::str::from_utf8(value.unwrap_or_default()).map_err(|_| LetterError::NotText(names::HOPS))?;
    text.parse().map_err(|_| LetterError::NotANumber(names::HOPS))
}

/// The record alone in a batch, and told to have been replayed so often.
pub fn with_hops(record: &Record<'_>, hops: u32) -> Batch {
    let mut batch = Batch::new(Arc::from(record.topic), record.partition);
    batch.push(record.offset, record.timestamp, record.key, record.payload);
    for (name, value) in record.headers.iter().filter(|(name, _)| *name != names::HOPS.as_bytes()) {
        batch.push_header(name, value);
    }
    batch.push_header(names::HOPS.as_bytes(), Some(hops.to_string().as_bytes()));
    batch
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: [(&str, &str); 7] = [
        (names::ERROR, "why"),
        (names::ERROR_CLASS, "not-json"),
        (names::PIPELINE, "p"),
        (names::TRANSFORM, "envelope[0]"),
        (names::TOPIC, "in"),
        (names::PARTITION, "3"),
        (names::OFFSET, "42"),
    ];

    fn batch(headers: &[(&str, &str)]) -> Batch {
        let mut batch = Batch::new("dead".into(), 0);
        batch.push(Offset::new(7), Some(1), Some(b"k"), Some(b"v"));
        headers.iter().for_each(|(name, value)| batch.push_header(name.as_bytes(), Some(value.as_bytes())));
        batch
    }

    fn names_of(batch: &Batch) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        batch.record(0).headers.iter().map(|(name, value)| (text(name), text(value.unwrap_or(b"null")))).collect()
    }

    #[test]
    fn one_of_an_older_version_is_read() {
        let batch = batch(&LEAST);
        let letter = Letter::read(batch.record(0)).expect("a dead letter");
        assert_eq!((letter.topic, letter.partition, letter.offset), ("in", 3, 42));
        assert_eq!((letter.attempts, letter.last_time, letter.time(), letter.stub), (None, None, Some(1), None));
    }

    #[test]
    fn what_is_missing_or_broken_is_named() {
        assert_eq!(Letter::read(batch(&[]).record(0)).err(), Some(LetterError::Missing(names::ERROR)));
        for place in 1..LEAST.len() {
            let mut headers = LEAST.to_vec();
            let (name, _) = headers.remove(place);
            assert_eq!(Letter::read(batch(&headers).record(0)).err(), Some(LetterError::Missing(name)));
        }
        let mut headers = LEAST.to_vec();
        headers[5].1 = "three";
        assert_eq!(Letter::read(batch(&headers).record(0)).err(), Some(LetterError::NotANumber(names::PARTITION)));
        let mut broken = batch(&LEAST);
        broken.push_header(names::GROUP.as_bytes(), Some(b"\xff"));
        assert_eq!(Letter::read(broken.record(0)).err(), Some(LetterError::NotText(names::GROUP)));
    }

    #[test]
    fn the_original_keeps_even_headers_of_our_names() {
        let mut headers = vec![(names::ERROR, "of another pipeline"), (names::OFFSET, "x"), ("trace", "t")];
        headers.extend(LEAST);
        headers.extend([(names::TIMESTAMP, "99"), ("added-behind", "a")]);
        let batch = batch(&headers);
        let original = Letter::read(batch.record(0)).expect("a dead letter").original();
        let record = original.record(0);
        assert_eq!((record.topic, record.partition, record.offset.get()), ("in", 3, 42));
        assert_eq!((record.timestamp, record.key, record.payload), (Some(99), Some(&b"k"[..]), Some(&b"v"[..])));
        let expected =
            [(names::ERROR, "of another pipeline"), (names::OFFSET, "x"), ("trace", "t"), ("added-behind", "a")];
        assert_eq!(names_of(&original), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn hops_are_counted_in_the_last_header() {
        let fresh = batch(&[("a", "1")]);
        assert_eq!(hops(&fresh.record(0)), Ok(0));
        let once = with_hops(&fresh.record(0), 1);
        assert_eq!(hops(&once.record(0)), Ok(1));
        let twice = with_hops(&once.record(0), 2);
        assert_eq!(names_of(&twice), [("a", "1"), (names::HOPS, "2")].map(|(a, b)| (a.to_owned(), b.to_owned())));
        assert_eq!(hops(&batch(&[(names::HOPS, "many")]).record(0)), Err(LetterError::NotANumber(names::HOPS)));
    }
}
