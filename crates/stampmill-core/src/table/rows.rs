//! The rows of a table, and how much memory they take.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};

use super::TooLarge;

/// JSON documents by key, up to a number of bytes.
#[derive(Clone, Debug)]
pub struct Rows {
    by_key: HashSet<Row>,
    bytes: usize,
    max_bytes: usize,
}

/// A row is its key, to a set. Both lie side by side: in a large table nothing of it is at hand, and to look at two places
/// takes twice as long.
#[derive(Clone, Debug)]
struct Row {
    bytes: Box<[u8]>,
    /// So many bytes are the key; the rest are the document.
    key: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    pub rows: usize,
    pub bytes: usize,
}

/// What a row takes beside its bytes: its place in a set that is half full at the worst, and the head of an allocation.
const BESIDE: usize = 80;

// === impl Rows ===

impl Rows {
    pub fn new(max_bytes: usize) -> Self {
        Self { by_key: HashSet::new(), bytes: 0, max_bytes }
    }

    pub(super) fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    /// As many as these may be, and none yet.
    pub fn emptied(&self) -> Self {
        Self::new(self.max_bytes)
    }

    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.by_key.get(key).map(Row::document)
    }

    /// In no order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.by_key.iter().map(|row| (row.key(), row.document()))
    }

    /// In place of what is under the key. `document` is one of JSON.
    ///
    /// # Errors
    /// There is no room for it, and what was under the key is gone.
    pub fn insert(&mut self, key: &[u8], document: &[u8]) -> Result<(), TooLarge> {
        self.remove(key);
        let row = Row { bytes: [key, document].concat().into(), key: key.len() };
        let bytes = self.bytes.saturating_add(row.taken());
        if bytes > self.max_bytes {
            return Err(TooLarge(self.max_bytes));
        }
        self.bytes = bytes;
        self.by_key.insert(row);
        Ok(())
    }

    pub fn remove(&mut self, key: &[u8]) {
        if let Some(row) = self.by_key.take(key) {
            self.bytes -= row.taken();
        }
    }

    pub fn size(&self) -> Size {
        Size { rows: self.by_key.len(), bytes: self.bytes }
    }
}

// === impl Row ===

impl Row {
    fn key(&self) -> &[u8] {
        &self.bytes[..self.key]
    }

    fn document(&self) -> &[u8] {
        &self.bytes[self.key..]
    }

    fn taken(&self) -> usize {
        self.bytes.len() + BESIDE
    }
}

impl Borrow<[u8]> for Row {
    fn borrow(&self) -> &[u8] {
        self.key()
    }
}

impl Hash for Row {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl PartialEq for Row {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Row {}
