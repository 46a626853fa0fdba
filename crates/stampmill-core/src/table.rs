//! Tables that `lookup` steps read, each row a JSON document under a key. Whoever has read a file or a topic fills them.

mod csv;
mod json;
mod rows;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{PoisonError, RwLock};

use thiserror::Error;

pub use self::csv::from_csv;
pub use self::json::{from_json, row};
pub use self::rows::{Rows, Size};

/// Read by every worker while it is kept up to date.
pub struct Table {
    name: String,
    rows: RwLock<Rows>,
}

/// Why a file is no table.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{fault}")]
pub struct TableError {
    /// From 1.
    pub line: usize,
    pub fault: TableFault,
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TableFault {
    #[error("there is no header: write the names of the columns into the first line")]
    NoHeader,
    #[error("there is no column `{key}`: the header has {columns}")]
    NoColumn { key: String, columns: String },
    #[error("the column `{0}` is there twice")]
    ColumnTwice(String),
    #[error("the header has {expected} fields, and this row has {found}")]
    Fields { expected: u64, found: u64 },
    #[error("not UTF-8")]
    NotUtf8,
    #[error("a quote is not closed; within quotes it is written twice")]
    OpenQuote,
    #[error("{0}")]
    NotJson(String),
    #[error("{0}")]
    Shape(&'static str),
    #[error("the key `{key}` is there already, on line {first}")]
    KeyTwice { key: String, first: usize },
    #[error("{0}")]
    TooLarge(TooLarge),
}

/// A row is beyond what the table may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the table is larger than {0} bytes, its `max_bytes`")]
pub struct TooLarge(pub usize);

// === impl Table ===

impl Table {
    pub fn new(name: impl Into<String>, rows: Rows) -> Self {
        Self { name: name.into(), rows: RwLock::new(rows) }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// A copy: a row that was shared would be counted up and down by every worker, for each record.
    pub fn row(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.rows.read().unwrap_or_else(PoisonError::into_inner).get(key).map(<[u8]>::to_vec)
    }

    pub fn size(&self) -> Size {
        self.rows.read().unwrap_or_else(PoisonError::into_inner).size()
    }

    /// Of its rows, at the most; what replaces them has the same limit.
    pub fn max_bytes(&self) -> usize {
        self.rows.read().unwrap_or_else(PoisonError::into_inner).max_bytes()
    }

    /// In place of all that there is.
    pub fn replace(&self, rows: Rows) {
        // The old ones are freed when nobody has to wait for that.
        let old = std::mem::replace(&mut *self.rows.write().unwrap_or_else(PoisonError::into_inner), rows);
        drop(old);
    }

    /// All that `change` does is seen at once.
    pub fn change<T>(&self, change: impl FnOnce(&mut Rows) -> T) -> T {
        change(&mut self.rows.write().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Table {
    /// Rows may be many, and are not for a log.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Table").field("name", &self.name).finish_non_exhaustive()
    }
}

// === impl TableError ===

impl TableError {
    fn new(line: usize, fault: TableFault) -> Self {
        Self { line, fault }
    }
}
