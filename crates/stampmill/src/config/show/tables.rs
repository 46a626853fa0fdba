//! Tables with what they leave to other keys: the connection of a topic, and where a file is.

use config::{Map, Value};

use super::super::connection::Connection;
use super::super::origin;
use super::super::reading::Reading;
use super::complete::{absolute, fill, table};

pub(super) struct Tables<'a> {
    pub(super) reading: &'a Reading<'a>,
    pub(super) connections: &'a [Connection],
}

// === impl Tables ===

impl Tables<'_> {
    pub(super) fn complete(&self, tables: Map<String, Value>) -> Value {
        let one = |(name, value): (String, Value)| (name, self.one(table(Some(&value))));
        Value::new(None, tables.into_iter().map(one).collect::<Map<_, _>>())
    }

    fn one(&self, mut table: Map<String, Value>) -> Value {
        if let Some(file) = table.get("file").and_then(|file| absolute(self.reading, file)) {
            table.insert("file".to_owned(), file);
        }
        if let [only] = self.connections
            && table.contains_key("topic")
        {
            fill(&mut table, "connection", &only.name, origin::DEFAULT);
        }
        Value::new(None, table)
    }
}
