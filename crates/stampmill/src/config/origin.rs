//! Where a value came from, as the text that the config crate keeps beside it.

use std::path::Path;

use config::{Value, ValueKind};

pub(crate) const DEFAULT: &str = "built-in default";
const VARIABLE: &str = "environment variable ";
const FLAG: &str = "flag --set ";

pub(crate) fn variable(name: &str) -> String {
    format!("{VARIABLE}{name}")
}

pub(crate) fn flag(key: &str) -> String {
    format!("{FLAG}{key}")
}

/// The folder of the file that a value stands in; none, if it does not come from a file.
pub(crate) fn folder(origin: &str) -> Option<&Path> {
    if origin == DEFAULT || origin.starts_with(VARIABLE) || origin.starts_with(FLAG) {
        return None;
    }
    let (file, _line) = origin.rsplit_once(':')?;
    Some(Path::new(file).parent().unwrap_or(Path::new("")))
}

/// Where a value stands, or the first value in it: the config crate forgets the origin of a table when it merges.
pub(crate) fn of(value: &Value) -> String {
    first(value).unwrap_or_default().to_owned()
}

fn first(value: &Value) -> Option<&str> {
    let within = match &value.kind {
        ValueKind::Table(table) => table.values().filter_map(first).min_by_key(|origin| order(origin)),
        ValueKind::Array(items) => items.iter().find_map(first),
        _ => None,
    };
    let own = value.origin().filter(|origin| *origin != DEFAULT);
    own.or(within)
}

/// Files before what overrides them, and their lines as numbers.
fn order(origin: &str) -> (bool, &str, usize) {
    let (file, line) = origin.rsplit_once(':').unwrap_or((origin, ""));
    (folder(origin).is_none(), file, line.parse().unwrap_or(0))
}
