//! The `lookup` step.

use std::sync::Arc;

use config::ValueKind;
use stampmill_core::table::Table;
use stampmill_core::transform::{Lookup, MissingRow, Step};

use super::{Common, set};
use crate::config::reading::Text;
use crate::config::section::Section;
use crate::config::tables::Tables;

pub(super) fn lookup_step(step: &Section<'_>, common: &mut Common<'_>) -> Option<Step> {
    let path = step.path("lookup");
    let lookup = step.table("lookup", &path);
    let table = table(&lookup, common.tables);
    let key = lookup.expression("key", &common.expressions());
    let missing = missing(&lookup);
    let into = lookup.text("into").map(|text| text.text);
    if let Some(name) = into.as_deref().filter(|name| !set::is_name(name)) {
        step.reading.mismatch(lookup.at("into"), set::NAME, format!("`{name}`"));
    }
    common.vars.extend(into.clone());
    Some(Step::Lookup(Lookup { table: table?, key: key?, into: into?.into(), missing: missing? }))
}

/// YAML reads `null` as nothing unless it stands in quotes; both mean the same here.
fn missing(lookup: &Section<'_>) -> Option<MissingRow> {
    match lookup.value("missing").map(|value| &value.kind) {
        None => return Some(MissingRow::Fail),
        Some(ValueKind::Nil) => return Some(MissingRow::Null),
        Some(_) => {}
    }
    match lookup.verbatim("missing")? {
        "fail" => Some(MissingRow::Fail),
        "null" => Some(MissingRow::Null),
        other => lookup.refuse("missing", Text::plain(other, lookup.at("missing")), "`fail` or null"),
    }
}

fn table(lookup: &Section<'_>, tables: &Tables) -> Option<Arc<Table>> {
    let name = lookup.text("table")?;
    match tables.find(&name.text) {
        Ok(found) => found,
        Err(remedy) => {
            lookup.reading.mismatch(name.at.clone(), format!("a name under `tables`; {remedy}"), name.shown());
            None
        }
    }
}
