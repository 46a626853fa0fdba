//! Tables that `lookup` steps read, each row a JSON document under a key. Whoever has read a file or a topic fills them.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// Read by every worker while it is kept up to date.
#[derive(Debug, Default)]
pub struct Table {
    name: String,
    rows: RwLock<Rows>,
}

pub type Rows = HashMap<Box<[u8]>, Arc<[u8]>>;

// === impl Table ===

impl Table {
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), rows: RwLock::default() }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn row(&self, key: &[u8]) -> Option<Arc<[u8]>> {
        self.rows.read().unwrap_or_else(PoisonError::into_inner).get(key).map(Arc::clone)
    }

    pub fn len(&self) -> usize {
        self.rows.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// In place of all that there is.
    pub fn replace(&self, rows: Rows) {
        // The old ones are freed when nobody has to wait for that.
        let old = std::mem::replace(&mut *self.rows.write().unwrap_or_else(PoisonError::into_inner), rows);
        drop(old);
    }

    /// One row after the other; none removes what is under the key.
    pub fn change(&self, rows: impl IntoIterator<Item = (Box<[u8]>, Option<Arc<[u8]>>)>) {
        let mut all = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        for (key, row) in rows {
            match row {
                Some(row) => drop(all.insert(key, row)),
                None => drop(all.remove(&key)),
            }
        }
    }
}
