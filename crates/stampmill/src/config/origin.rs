//! Where a value came from, as the text that the config crate keeps beside it.

use std::path::Path;

use config::{Value, ValueKind};

pub(crate) const DEFAULT: &str = "built-in default";
/// What the engine sets a client to.
pub(crate) const ENGINE: &str = "engine";
/// What the engine works out at the start.
pub(crate) const AT_START: &str = "engine, at the start";
const VARIABLE: &str = "environment variable ";
const FLAG: &str = "flag --set ";
const PROFILE: &str = "profile: ";

pub(crate) fn variable(name: &str) -> String {
    format!("{VARIABLE}{name}")
}

pub(crate) fn flag(key: &str) -> String {
    format!("{FLAG}{key}")
}

pub(crate) fn profile(name: &str) -> String {
    format!("{PROFILE}{name}")
}

/// As a comment behind a value tells it: `default`, `file.yaml:7`, a variable's name, `--set key`, `profile: latency`.
pub(crate) fn comment(origin: &str) -> String {
    match origin.strip_prefix(VARIABLE) {
        Some(name) => name.to_owned(),
        None if origin == DEFAULT => "default".to_owned(),
        None => origin.strip_prefix("flag ").unwrap_or(origin).to_owned(),
    }
}

/// The folder of the file that a value stands in; none, if it does not come from a file.
pub(crate) fn folder(origin: &str) -> Option<&Path> {
    let is_no_file = [VARIABLE, FLAG, PROFILE].iter().any(|prefix| origin.starts_with(prefix));
    if is_no_file || [DEFAULT, ENGINE, AT_START].contains(&origin) {
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
