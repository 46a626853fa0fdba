//! What comes in: records, and the batches of one partition that they travel in.

use std::ops::Range;
use std::sync::Arc;

/// The place of a record in its partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(i64);

/// What a commit says: the offset of the next record to read.
///
/// Kafka's commits point one past the last record that was dealt with. Keeping the two in types of their own leaves
/// one place, [`Offset::next`], that adds the one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitOffset(i64);

/// One period in which a partition's records are numbered and acknowledged.
///
/// A new one starts with each assignment and each rewind, and no two are ever equal within a process, so that an
/// acknowledgement from before cannot be taken for one of now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

/// The number of a batch within its partition and epoch: 0, 1, 2, … in the order of its records.
pub type BatchNumber = u64;

/// Records of one partition, in order, in one block of memory.
#[derive(Debug)]
pub struct Batch {
    topic: Arc<str>,
    partition: i32,
    bytes: Vec<u8>,
    records: Vec<Entry>,
    headers: Vec<HeaderEntry>,
}

#[derive(Debug)]
struct Entry {
    offset: Offset,
    timestamp: Option<i64>,
    key: Option<Range<usize>>,
    payload: Option<Range<usize>>,
    headers: Range<usize>,
}

#[derive(Debug)]
struct HeaderEntry {
    name: Range<usize>,
    value: Option<Range<usize>>,
}

/// One record, borrowed from its batch. `None` is Kafka's null, which is not the same as empty.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    pub topic: &'a str,
    pub partition: i32,
    pub offset: Offset,
    /// Milliseconds since 1970 (UTC), by the clock that the topic's `message.timestamp.type` names.
    pub timestamp: Option<i64>,
    pub key: Option<&'a [u8]>,
    pub payload: Option<&'a [u8]>,
    pub headers: Headers<'a>,
}

/// A record's headers in their order, duplicates included: those that it came with but for the ones that steps have changed,
/// and then these.
#[derive(Clone, Copy, Debug)]
pub struct Headers<'a> {
    bytes: &'a [u8],
    entries: &'a [HeaderEntry],
    changes: &'a [HeaderChange],
}

/// What a step makes of all headers of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderChange {
    pub name: Arc<str>,
    /// The one in their place, if there is to be one.
    pub value: Option<Vec<u8>>,
}

// === impl Offset ===

impl Offset {
    pub const fn new(raw: i64) -> Self {
        Self(raw)
    }

    pub fn get(self) -> i64 {
        self.0
    }

    /// The commit that says: everything before this record is dealt with, and it is not.
    pub fn before(self) -> CommitOffset {
        CommitOffset(self.0)
    }

    /// The commit that says: everything up to and with this record is dealt with.
    pub fn next(self) -> CommitOffset {
        CommitOffset(self.0 + 1)
    }
}

impl CommitOffset {
    pub const fn new(raw: i64) -> Self {
        Self(raw)
    }

    pub fn get(self) -> i64 {
        self.0
    }

    /// The record that is read next, should there be one with that offset.
    pub fn reads(self) -> Offset {
        Offset(self.0)
    }
}

// === impl Batch ===

impl Batch {
    pub fn new(topic: Arc<str>, partition: i32) -> Self {
        Self { topic, partition, bytes: Vec::new(), records: Vec::new(), headers: Vec::new() }
    }

    /// Makes room for so many records, of which keys and payloads have so many bytes: what grows step by step is copied at
    /// each.
    pub fn reserve(&mut self, records: usize, bytes: usize) {
        self.records.reserve(records);
        self.bytes.reserve(bytes);
    }

    /// Adds a record behind the others. Its headers follow with [`Batch::push_header`].
    pub fn push(&mut self, offset: Offset, timestamp: Option<i64>, key: Option<&[u8]>, payload: Option<&[u8]>) {
        debug_assert!(self.last().is_none_or(|last| last < offset), "a batch is in the order of its offsets");
        let key = key.map(|key| self.copy(key));
        let payload = payload.map(|payload| self.copy(payload));
        let headers = self.headers.len()..self.headers.len();
        self.records.push(Entry { offset, timestamp, key, payload, headers });
    }

    /// Adds a header to the record pushed last.
    pub fn push_header(&mut self, name: &[u8], value: Option<&[u8]>) {
        let name = self.copy(name);
        let value = value.map(|value| self.copy(value));
        self.headers.push(HeaderEntry { name, value });
        if let Some(record) = self.records.last_mut() {
            record.headers.end = self.headers.len();
        }
    }

    /// A batch of these records alone, which count as in [`Batch::record`] and are in order.
    pub fn pick(&self, indexes: &[usize]) -> Self {
        let mut picked = Self::new(Arc::clone(&self.topic), self.partition);
        for index in indexes {
            let record = self.record(*index);
            picked.push(record.offset, record.timestamp, record.key, record.payload);
            record.headers.iter().for_each(|(name, value)| picked.push_header(name, value));
        }
        picked
    }

    fn copy(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }

    pub fn topic(&self) -> &Arc<str> {
        &self.topic
    }

    pub fn partition(&self) -> i32 {
        self.partition
    }

    pub fn len(&self) -> usize {
        self.records.len()
    }

    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Bytes of keys, payloads and headers.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub fn first(&self) -> Option<Offset> {
        self.records.first().map(|record| record.offset)
    }

    pub fn last(&self) -> Option<Offset> {
        self.records.last().map(|record| record.offset)
    }

    /// Of the record at `index`.
    pub fn offset(&self, index: usize) -> Offset {
        self.records[index].offset
    }

    /// The record at `index`, which counts from 0 and is below [`Batch::len`].
    pub fn record(&self, index: usize) -> Record<'_> {
        let entry = &self.records[index];
        Record {
            topic: &self.topic,
            partition: self.partition,
            offset: entry.offset,
            timestamp: entry.timestamp,
            key: entry.key.clone().map(|range| &self.bytes[range]),
            payload: entry.payload.clone().map(|range| &self.bytes[range]),
            headers: Headers { bytes: &self.bytes, entries: &self.headers[entry.headers.clone()], changes: &[] },
        }
    }
}

// === impl Headers ===

impl<'a> Headers<'a> {
    pub const NONE: Headers<'static> = Headers { bytes: &[], entries: &[], changes: &[] };

    /// The same with these changes; no two are of one name.
    pub fn changed(self, changes: &'a [HeaderChange]) -> Self {
        debug_assert!(self.changes.is_empty(), "changes are made to what came");
        Self { changes, ..self }
    }

    /// At the most.
    pub fn len(&self) -> usize {
        self.entries.len() + self.changes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// Name and value. A name is whatever bytes the sender wrote: Kafka asks for UTF-8 and checks nothing.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + use<'a> {
        let Self { bytes, entries, changes } = *self;
        let came =
            entries.iter().map(move |entry| (&bytes[entry.name.clone()], entry.value.clone().map(|v| &bytes[v])));
        let came = came.filter(|(name, _)| changes.iter().all(|change| change.name.as_bytes() != *name));
        let set = changes.iter().filter_map(|change| Some((change.name.as_bytes(), Some(change.value.as_deref()?))));
        came.chain(set)
    }

    /// The value of the last header of that name, which is the one that counts (KIP-82).
    pub fn last(&self, name: &str) -> Option<Option<&'a [u8]>> {
        self.iter().filter(|(found, _)| *found == name.as_bytes()).map(|(_, value)| value).last()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back_as_it_was_pushed() {
        let mut batch = Batch::new("t".into(), 3);
        batch.push(Offset::new(7), Some(1), None, Some(b""));
        batch.push(Offset::new(9), None, Some(b"k"), None);
        batch.push_header(b"a", Some(b"1"));
        batch.push_header(b"a", None);
        batch.push(Offset::new(10), Some(2), Some(b""), Some(b"p"));

        assert_eq!(
            (batch.first(), batch.last(), batch.len(), batch.bytes()),
            (Some(Offset::new(7)), Some(Offset::new(10)), 3, 5)
        );
        let first = batch.record(0);
        assert_eq!((first.key, first.payload, first.headers.len()), (None, Some(&b""[..]), 0));
        let second = batch.record(1);
        assert_eq!((second.key, second.payload, second.timestamp), (Some(&b"k"[..]), None, None));
        assert_eq!(second.headers.iter().collect::<Vec<_>>(), [(&b"a"[..], Some(&b"1"[..])), (&b"a"[..], None)]);
        assert_eq!(second.headers.last("a"), Some(None));
        assert_eq!(second.headers.last("b"), None);
        assert!(batch.record(2).headers.is_empty());
    }

    #[test]
    fn picked_records_are_as_they_were() {
        let mut batch = Batch::new("t".into(), 3);
        for offset in 0..6 {
            let key = (offset != 2).then(|| vec![b'k'; offset as usize]);
            batch.push(Offset::new(offset), Some(offset), key.as_deref(), (offset != 4).then_some(&b"p"[..]));
            (0..offset).for_each(|header| batch.push_header(b"h", (header % 2 == 0).then_some(&[header as u8][..])));
        }
        let picked = batch.pick(&[0, 2, 4]);
        assert_eq!((&**picked.topic(), picked.partition(), picked.len()), ("t", 3, 3));
        for (place, index) in [0, 2, 4].into_iter().enumerate() {
            assert_eq!(seen(picked.record(place)), seen(batch.record(index)));
        }
        assert!(batch.pick(&[]).is_empty());
    }

    /// What a record shows, without the bytes of others in its batch.
    fn seen(record: Record<'_>) -> impl PartialEq + std::fmt::Debug {
        let headers: Vec<_> = record.headers.iter().collect();
        (record.offset, record.timestamp, record.key, record.payload, headers)
    }
}
