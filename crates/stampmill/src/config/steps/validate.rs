//! The `validate` step.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use stampmill_core::schema::{Schema, Source};
use stampmill_core::template::PayloadFormat;
use stampmill_core::transform::Step;

use super::Common;
use crate::config::error::{ConfigError, Place};
use crate::config::origin;
use crate::config::section::Section;

#[cfg(test)]
mod tests;

/// What stands in an address as it is.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A schema as it is found.
struct Found<'a> {
    /// What errors call it.
    name: String,
    text: &'a str,
    at: Place,
    /// Its file, or else the configuration file's folder.
    path: PathBuf,
}

pub(super) fn validate_step(step: &Section<'_>, common: &Common<'_>) -> Option<Step> {
    let (keys, long) = step.long_form("validate")?;
    let path = step.path("validate");
    let validate = Section::open(step.reading, keys, Some(&long), &path);
    if common.payload != PayloadFormat::Json {
        step.reading.mismatch(step.at("validate"), "a payload that is JSON", "one that is text or bytes");
    }
    let schema = match (validate.is_there("file"), validate.is_there("schema")) {
        (true, false) => of_file(&validate),
        (false, true) => written(&validate),
        (both, _) => {
            let found = if both { "both" } else { "neither" };
            step.reading.mismatch(step.at("validate"), "either `file` or `schema`", found);
            None
        }
    };
    schema.map(Step::Validate)
}

fn of_file(validate: &Section<'_>) -> Option<Schema> {
    let file = validate.text("file")?;
    let path = origin::folder(&file.at.origin).unwrap_or(Path::new("")).join(&file.text);
    let name = match file.written {
        None => format!("`{}`", path.display()),
        Some(_) => file.shown(),
    };
    let at = file.at;
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let schema = compiled(validate, Found { name, text: &text, at, path });
            validate.reading.template_files.borrow_mut().insert(validate.path("file"), text);
            schema
        }
        Err(source) => {
            validate.reading.note(ConfigError::SchemaFile { at, path: name, source });
            None
        }
    }
}

fn written(validate: &Section<'_>) -> Option<Schema> {
    let (text, at) = (validate.verbatim("schema")?, validate.at("schema"));
    // Of what stands beside the configuration file the last part of the path counts for nothing.
    let path = origin::folder(&at.origin).unwrap_or(Path::new("")).join("schema");
    compiled(validate, Found { name: "the schema".to_owned(), text, at, path })
}

/// Files that it refers to are followed like its own.
fn compiled(validate: &Section<'_>, found: Found<'_>) -> Option<Schema> {
    let Found { name, text, at, path } = found;
    let path = std::path::absolute(&path).unwrap_or(path);
    let base = format!("file://{}", utf8_percent_encode(&path.to_string_lossy(), PATH));
    let read = Arc::new(Mutex::new(BTreeMap::new()));
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let beside = folder_of_id(text);
    let noted = Arc::clone(&read);
    let fetch = move |address: &str| {
        let file = file_of(address, beside.as_deref(), &folder)?;
        let text = std::fs::read_to_string(&file).map_err(|error| error.to_string())?;
        noted.lock().unwrap_or_else(PoisonError::into_inner).insert(address.to_owned(), text.clone());
        Ok(text)
    };
    let schema = Schema::new(&Source { name: &name, text, base: &base, fetch: Arc::new(fetch) });
    let read = std::mem::take(&mut *read.lock().unwrap_or_else(PoisonError::into_inner));
    let mut files = validate.reading.template_files.borrow_mut();
    files.extend(read.into_iter().map(|(address, text)| (format!("{} {address}", validate.path("file")), text)));
    schema.map_err(|source| validate.reading.note(ConfigError::Schema { at, source: Box::new(source) })).ok()
}

/// The address of the folder that a schema is in by its own account.
fn folder_of_id(text: &str) -> Option<String> {
    let schema: serde_json::Value = serde_json::from_str(text).ok()?;
    let id = schema.get("$id")?.as_str()?;
    let (folder, _) = id.rsplit_once('/').filter(|_| id.contains("://"))?;
    Some(format!("{folder}/"))
}

/// A file for an address: that of a file, or one beside the schema by its `$id`.
fn file_of(address: &str, beside: Option<&str>, folder: &Path) -> Result<PathBuf, String> {
    let decoded = |path: &str| PathBuf::from(percent_decode_str(path).decode_utf8_lossy().as_ref());
    if let Some(path) = address.strip_prefix("file://").map(decoded).filter(|path| path.is_absolute()) {
        return Ok(path);
    }
    let path = beside.and_then(|beside| address.strip_prefix(beside)).map(decoded);
    let is_beside = |path: &PathBuf| path.components().all(|part| matches!(part, Component::Normal(_)));
    path.filter(is_beside)
        .map(|path| folder.join(path))
        .ok_or_else(|| "nothing is fetched: what is meant must be in the schema, or in a file beside it".to_owned())
}
