//! The rows of a table, and how much memory they take.

use std::collections::HashMap;

use super::TooLarge;

/// JSON documents by key, up to a number of bytes.
#[derive(Clone, Debug)]
pub struct Rows {
    by_key: HashMap<Box<[u8]>, Box<[u8]>>,
    bytes: usize,
    max_bytes: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    pub rows: usize,
    pub bytes: usize,
}

/// What a row takes beside its bytes: two pointers with lengths in a map that is half full at the worst, and two allocations.
const BESIDE: usize = 100;

// === impl Rows ===

impl Rows {
    pub fn new(max_bytes: usize) -> Self {
        Self { by_key: HashMap::new(), bytes: 0, max_bytes }
    }

    /// As many as these may be, and none yet.
    pub fn emptied(&self) -> Self {
        Self::new(self.max_bytes)
    }

    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        self.by_key.get(key).map(|row| &**row)
    }

    /// In no order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.by_key.iter().map(|(key, row)| (&**key, &**row))
    }

    /// In place of what is under the key. `row` is one JSON document.
    ///
    /// # Errors
    /// There is no room for it, and what was under the key is gone.
    pub fn insert(&mut self, key: &[u8], row: &[u8]) -> Result<(), TooLarge> {
        self.remove(key);
        let bytes = self.bytes.saturating_add(taken(key, row));
        if bytes > self.max_bytes {
            return Err(TooLarge(self.max_bytes));
        }
        self.bytes = bytes;
        self.by_key.insert(key.into(), row.into());
        Ok(())
    }

    pub fn remove(&mut self, key: &[u8]) {
        if let Some(row) = self.by_key.remove(key) {
            self.bytes -= taken(key, &row);
        }
    }

    pub fn size(&self) -> Size {
        Size { rows: self.by_key.len(), bytes: self.bytes }
    }
}

fn taken(key: &[u8], row: &[u8]) -> usize {
    key.len() + row.len() + BESIDE
}
