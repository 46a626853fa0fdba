//! A table from JSON: an object whose members are the rows, or an array of objects that hold their keys. Rows are kept as
//! they are written, but for white space between tokens.

use std::borrow::Cow;
use std::collections::HashMap;

use super::{Rows, TableError, TableFault};
use crate::json::{Found, Items, JsonError, Reads, Rules, compact, copy_compact, items, member, scan, unescaped};

/// Without `key` the members of an object; with it the items of an array, by what stands under that key in each.
///
/// # Errors
/// The first thing that is wrong, and its line.
pub fn from_json(document: &[u8], key: Option<&str>, max_bytes: usize) -> Result<Rows, TableError> {
    let checked = scan(document, &Rules::default(), &Reads::default().compile(), &mut Found::default());
    checked.map_err(|error| TableError::new(line(document, place(&error)), TableFault::NotJson(error.to_string())))?;
    let start = document.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or_default();
    let table = items(&document[start..]);
    match (document.get(start), key) {
        (Some(b'{'), None) => fill(document, table, max_bytes, |item| item.key.map(text_of)),
        (Some(b'['), Some(key)) => fill(document, table, max_bytes, |item| {
            (item.value.first() == Some(&b'{')).then(|| member(item.value, key).and_then(scalar))?
        }),
        (_, None) => Err(TableError::new(
            1,
            TableFault::Shape(
                "expected an object of rows by their keys; for an array of rows say with `key` where in them theirs is",
            ),
        )),
        (_, Some(_)) => Err(TableError::new(
            1,
            TableFault::Shape(
                "expected an array of rows, for `key` says where in them theirs is; leave it out for an object of rows by their keys",
            ),
        )),
    }
}

/// One document, as a table keeps it.
///
/// # Errors
/// It is none.
pub fn row(document: &[u8], out: &mut Vec<u8>) -> Result<(), JsonError> {
    out.clear();
    compact(document, out)
}

type Item<'a> = <Items<'a> as Iterator>::Item;

fn fill<'a>(
    document: &'a [u8],
    table: Items<'a>,
    max_bytes: usize,
    key_of: impl Fn(&Item<'a>) -> Option<Cow<'a, str>>,
) -> Result<Rows, TableError> {
    let (mut rows, mut lines, mut row) = (Rows::new(max_bytes), HashMap::new(), Vec::new());
    let (mut line, mut seen) = (1, 0);
    for item in table {
        // Each item stands behind the one before it.
        let at = offset(document, item.key.unwrap_or(item.value));
        line += newlines(document.get(seen..at).unwrap_or_default());
        seen = at;
        let refused = |fault| TableError::new(line, fault);
        let none = "expected a row that is an object, with a text or a number under `key`";
        let key = key_of(&item).ok_or_else(|| refused(TableFault::Shape(none)))?;
        row.clear();
        copy_compact(item.value, &mut row);
        rows.insert(key.as_bytes(), &row).map_err(|error| refused(TableFault::TooLarge(error)))?;
        if let Some(first) = lines.insert(key.clone(), line) {
            return Err(refused(TableFault::KeyTwice { key: key.into_owned(), first }));
        }
    }
    Ok(rows)
}

/// The text that a string or a number would be as an expression's text.
fn scalar(value: &[u8]) -> Option<Cow<'_, str>> {
    match value {
        [b'"', content @ .., b'"'] => Some(text_of(content)),
        [b'-' | b'0'..=b'9', ..] => Some(String::from_utf8_lossy(value)),
        _ => None,
    }
}

fn text_of(content: &[u8]) -> Cow<'_, str> {
    unescaped(content).map_or_else(|| String::from_utf8_lossy(content), Cow::Owned)
}

/// Where in the document a part of it begins.
fn offset(document: &[u8], part: &[u8]) -> usize {
    (part.as_ptr() as usize).saturating_sub(document.as_ptr() as usize).min(document.len())
}

fn place(error: &JsonError) -> usize {
    match error {
        JsonError::Empty | JsonError::TooLong => 0,
        JsonError::NotUtf8 { at }
        | JsonError::Unexpected { at, .. }
        | JsonError::TooDeep { at, .. }
        | JsonError::LoneSurrogate { at } => *at,
    }
}

fn line(document: &[u8], at: usize) -> usize {
    1 + newlines(&document[..at.min(document.len())])
}

fn newlines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}
