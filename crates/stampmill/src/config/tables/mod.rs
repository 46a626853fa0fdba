//! Tables for `lookup` steps: what stands under `tables`, and the rows of those that are files.

mod file;
mod store;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use config::Value;
use stampmill_core::table::Table;
use stampmill_engine::tables::TopicTable;

use self::store::Known;
pub(crate) use self::store::TableStore;
use super::connection::{self, Connection};
use super::error::{ConfigError, remedy};
use super::pipeline;
use super::properties::Side;
use super::reading::{Reading, join, place};
use super::schema::TABLE;
use super::section::Section;
use super::security;
use super::topics;

/// Those of a configuration, by their names; none under that of one with faults, which have been noted.
#[derive(Debug, Default)]
pub(crate) struct Tables(BTreeMap<String, Option<Kept>>);

#[derive(Debug)]
enum Kept {
    File(Arc<Table>),
    Topic(TopicTable),
}

pub(super) fn tables(
    reading: &Reading<'_>,
    value: Option<&Value>,
    connections: &[Connection],
    store: &TableStore,
) -> Tables {
    store.with(|known| {
        let entries = reading.entries(value, "tables").into_iter();
        Tables(
            entries.map(|(name, value)| (name.to_owned(), table(reading, name, value, connections, known))).collect(),
        )
    })
}

fn table(
    reading: &Reading<'_>,
    name: &str,
    value: &Value,
    connections: &[Connection],
    known: &mut Known,
) -> Option<Kept> {
    let path = join("tables", name);
    if !connection::is_name(name) {
        reading.note(ConfigError::Name { at: place(Some(value), &path), name: name.to_owned() });
    }
    let section = Section::open(reading, TABLE, Some(value), &path);
    let max_bytes = section.size("max_bytes");
    let (only_one, beside) = match (section.is_there("file"), section.is_there("topic")) {
        (true, false) => ("file", "connection"),
        (false, true) => ("topic", "key"),
        (both, _) => {
            let found = if both { "both" } else { "neither" };
            reading.mismatch(place(Some(value), &path), "either `file` or `topic`", found);
            return None;
        }
    };
    if section.is_there(beside) {
        let fault = format!("it does not go with `{only_one}`; leave it out");
        reading.note(ConfigError::Together { at: section.at(beside), fault });
    }
    match only_one {
        "file" => file::table(&section, name, max_bytes?, known).map(Kept::File),
        _ => topic(&section, name, max_bytes, connections, known).map(Kept::Topic),
    }
}

fn topic(
    section: &Section<'_>,
    name: &str,
    max_bytes: Option<usize>,
    connections: &[Connection],
    known: &mut Known,
) -> Option<TopicTable> {
    let from = pipeline::connection(section, connections);
    let topic = section.text("topic").and_then(|text| topics::topic(section.reading, text));
    let (from, topic, max_bytes) = (from?, topic?.text, max_bytes?);
    security::check(section.reading, from, Side::Consumer, &[]);
    Some(known.topic((name, &from.name, &topic, max_bytes), || {
        TopicTable::new(name, topic.clone(), from.client(Side::Consumer, &[]), max_bytes)
    }))
}

// === impl Tables ===

impl Tables {
    /// The table of that name, or what to write in its place. `None` within for one with faults.
    pub(super) fn find(&self, name: &str) -> Result<Option<Arc<Table>>, String> {
        match self.0.get(name) {
            Some(Some(Kept::File(table))) => Ok(Some(Arc::clone(table))),
            Some(Some(Kept::Topic(kept))) => Ok(Some(Arc::clone(&kept.table))),
            Some(None) => Ok(None),
            None => Err(remedy(name, self.0.keys().map(String::as_str))),
        }
    }

    /// Of the rows of all, at the most.
    pub(super) fn max_bytes(&self) -> usize {
        let tables = self.0.values().flatten().map(|kept| match kept {
            Kept::File(table) | Kept::Topic(TopicTable { table, .. }) => table.max_bytes(),
        });
        tables.fold(0, usize::saturating_add)
    }

    /// Those that are kept from topics.
    pub(super) fn kept(&self) -> Arc<[TopicTable]> {
        let kept = self.0.values().filter_map(|kept| match kept {
            Some(Kept::Topic(kept)) => Some(kept.clone()),
            Some(Kept::File(_)) | None => None,
        });
        kept.collect()
    }
}
