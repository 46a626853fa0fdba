//! Rows from a file beside the configuration.

use std::fs;
use std::io::{Error, Result};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stampmill_core::table::{Rows, Table, TableError, from_csv, from_json};

use super::store::{Known, fingerprint};
use crate::config::error::ConfigError;
use crate::config::origin;
use crate::config::reading::Text;
use crate::config::section::Section;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Csv,
    Json,
}

/// The rows as they are now; those of a file that has not changed since the last time are not read into rows again.
pub(super) fn table(section: &Section<'_>, name: &str, max_bytes: usize, known: &mut Known) -> Option<Arc<Table>> {
    let file = section.text("file")?;
    let key = if section.is_there("key") { Some(section.text("key")?.text) } else { None };
    let format = format(section, &file, key.is_some())?;
    let path = origin::folder(&file.at.origin).unwrap_or(Path::new("")).join(&file.text);
    let bytes = match read(&path, max_bytes) {
        Ok(bytes) => bytes,
        Err(source) => {
            let path = shown(&file, &path);
            section.reading.note(ConfigError::TableFile { at: file.at, path, source });
            return None;
        }
    };
    let mark = fingerprint(&bytes);
    section.reading.template_files.borrow_mut().insert(section.path("file"), mark.clone());
    let rows = || match (format, &key) {
        (Format::Csv, Some(key)) => from_csv(&bytes, key, max_bytes),
        (Format::Csv, None) | (Format::Json, _) => from_json(&bytes, key.as_deref(), max_bytes),
    };
    let made = known.file((name, path.clone(), key.clone(), max_bytes), &mark, rows);
    made.map_err(|error| section.reading.note(refused(file, &path, error))).ok()
}

/// By the end of its name, and whether it goes with `key`.
fn format(section: &Section<'_>, file: &Text, has_key: bool) -> Option<Format> {
    let extension = Path::new(&file.text).extension().and_then(|extension| extension.to_str());
    match extension.map(str::to_ascii_lowercase).as_deref() {
        Some("csv") if has_key => Some(Format::Csv),
        Some("csv") => {
            let doc = "the column that rows are looked up by";
            section.reading.note(ConfigError::Missing { at: section.at("key"), doc });
            None
        }
        Some("json") => Some(Format::Json),
        _ => section.refuse("file", file.clone(), "a name that ends in `.csv` or `.json`"),
    }
}

/// What is larger than its rows may be is not read.
fn read(path: &Path, max_bytes: usize) -> Result<Vec<u8>> {
    let size = fs::metadata(path)?.len();
    if usize::try_from(size).is_ok_and(|size| size <= max_bytes) {
        return fs::read(path);
    }
    Err(Error::other(format!("it has {size} bytes, and `max_bytes` is {max_bytes}")))
}

fn refused(file: Text, path: &Path, source: TableError) -> ConfigError {
    let path = shown(&file, path);
    ConfigError::Table { at: file.at, path, line: source.line, source: Box::new(source) }
}

/// A path that `${…}` is part of may be secret.
fn shown(file: &Text, path: &Path) -> String {
    match file.written {
        None => format!("`{}`", path.display()),
        Some(_) => file.shown(),
    }
}

/// What tells a table of a file from others.
pub(super) type Identity<'a> = (&'a str, PathBuf, Option<String>, usize);

/// What makes its rows.
pub(super) type Made = std::result::Result<Rows, TableError>;
