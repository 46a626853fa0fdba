//! Rows for the tables that a pipeline keeps from topics: a case reads none, and says what they hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use stampmill_core::table::{Rows, Table, from_json};
use stampmill_engine::settings::PipelineSettings;
use stampmill_engine::tables::{TopicTable, read_by};

use super::values::refuse;
use crate::config::error::{ConfigError, Place, remedy};
use crate::config::section::Section;

/// By the names of their tables.
pub(super) type Given = BTreeMap<String, Rows>;

/// What stands under `tables` of a file or a case.
pub(super) fn given(section: &Section<'_>, pipeline: Option<&PipelineSettings>) -> Option<Given> {
    if !section.is_there("tables") {
        return Some(Given::new());
    }
    let text = section.verbatim("tables")?;
    let tables = match from_json(text.as_bytes(), None, usize::MAX) {
        Ok(tables) => tables,
        Err(error) => return section.not_as_said("tables", &error.to_string()),
    };
    let known: Vec<&TopicTable> = pipeline.into_iter().flat_map(|pipeline| pipeline.tables.iter()).collect();
    let mut given = Given::new();
    for (name, rows) in tables.iter() {
        let name = String::from_utf8_lossy(name).into_owned();
        if pipeline.is_some() && !known.iter().any(|table| table.name() == name) {
            let nearest = remedy(&name, known.iter().map(|table| table.name()));
            let expected = format!("tables that are kept from topics; {nearest}");
            refuse::<()>(section.reading, section.at("tables"), &expected, &format!("`{name}`"));
        }
        match from_json(rows, None, usize::MAX) {
            Ok(rows) => _ = given.insert(name, rows),
            Err(error) => return section.not_as_said("tables", &format!("`{name}`: {error}")),
        }
    }
    Some(given)
}

/// What each table holds that the pipeline keeps from a topic and reads: what the case says, or else the file.
pub(super) fn of_case(
    section: &Section<'_>,
    at: &Place,
    pipeline: &PipelineSettings,
    of_file: &Given,
) -> Option<Vec<(Arc<Table>, Rows)>> {
    let given = given(section, Some(pipeline))?;
    let rows = |kept: &TopicTable| {
        let name = kept.name();
        let found = given.get(name).or_else(|| of_file.get(name)).cloned();
        if found.is_none() {
            let fault = format!(
                "the pipeline looks up in table `{name}`, which is kept from a topic, and a case reads none: give its rows as `tables: {{ {name}: {{ KEY: ROW }} }}`, here or for the whole file"
            );
            section.reading.note(ConfigError::Together { at: at.clone(), fault });
        }
        Some((Arc::clone(&kept.table), found?))
    };
    // All are looked at before the first fault ends it.
    let all: Vec<_> = read_by(&pipeline.tables, &pipeline.transforms).map(rows).collect();
    all.into_iter().collect()
}
