//! The tables that a process has, whatever it reads of its configuration: one of a topic is kept through reloads, and one
//! of a file for as long as the file is the same.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};
use stampmill_core::table::{Table, TableError};
use stampmill_engine::tables::TopicTable;

use super::file::{Identity, Made};

/// Clones are of the same store.
#[derive(Clone, Debug, Default)]
pub(crate) struct TableStore(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
pub(crate) struct Known {
    files: Files,
    /// Those of the reading before.
    former: Files,
    /// By name, connection, topic and size: a program reads each to its end once.
    topics: BTreeMap<(String, String, String, usize), TopicTable>,
}

type Files = BTreeMap<(String, PathBuf, Option<String>, usize), (String, Arc<Table>)>;

/// Other bytes have another.
pub(super) fn fingerprint(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

// === impl TableStore ===

impl TableStore {
    /// For one reading of a configuration, at the end of which tables are forgotten that are no more in it.
    pub(super) fn with<T>(&self, read: impl FnOnce(&mut Known) -> T) -> T {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.former = std::mem::take(&mut known.files);
        let made = read(&mut known);
        known.former.clear();
        made
    }
}

// === impl Known ===

impl Known {
    pub(super) fn file(
        &mut self,
        (name, path, key, max_bytes): Identity<'_>,
        mark: &str,
        rows: impl FnOnce() -> Made,
    ) -> Result<Arc<Table>, TableError> {
        let identity = (name.to_owned(), path, key, max_bytes);
        let table = match self.former.remove(&identity) {
            Some((former, table)) if former == mark => table,
            _ => Arc::new(Table::new(name, rows()?)),
        };
        self.files.insert(identity, (mark.to_owned(), Arc::clone(&table)));
        Ok(table)
    }

    pub(super) fn topic(
        &mut self,
        (name, connection, topic, max_bytes): (&str, &str, &str, usize),
        make: impl FnOnce() -> TopicTable,
    ) -> TopicTable {
        let identity = (name.to_owned(), connection.to_owned(), topic.to_owned(), max_bytes);
        self.topics.entry(identity).or_insert_with(make).clone()
    }
}
