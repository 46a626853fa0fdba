//! A table from CSV (RFC 4180): each row an object with the names of the header, and every value a text.

use std::collections::HashMap;

use csv::{ErrorKind, Position, Reader, ReaderBuilder, StringRecord};

use super::{Rows, TableError, TableFault};
use crate::json::escape;

/// The rows by what stands in the column `key`.
///
/// # Errors
/// The first thing that is wrong, and its line.
pub fn from_csv(text: &[u8], key: &str, max_bytes: usize) -> Result<Rows, TableError> {
    let mut reader = ReaderBuilder::new().flexible(false).has_headers(false).from_reader(text);
    let mut header = StringRecord::new();
    next(&mut reader, text, &mut header)?;
    let place = place(&header, key)?;
    let names: Vec<Vec<u8>> = header.iter().map(string).collect();
    let (mut rows, mut lines, mut row) = (Rows::new(max_bytes), HashMap::new(), Vec::new());
    let mut record = StringRecord::new();
    while next(&mut reader, text, &mut record)? {
        let line = line(record.position());
        let key = record.get(place).unwrap_or_default();
        if let Some(first) = lines.insert(key.to_owned(), line) {
            return Err(TableError::new(line, TableFault::KeyTwice { key: key.to_owned(), first }));
        }
        write(&names, &record, &mut row);
        rows.insert(key.as_bytes(), &row).map_err(|error| TableError::new(line, TableFault::TooLarge(error)))?;
    }
    Ok(rows)
}

/// The reader takes a quote within a field for a letter, and all that follows one that is not closed for one field: either
/// way a record has an odd number of them.
fn next(reader: &mut Reader<&[u8]>, text: &[u8], record: &mut StringRecord) -> Result<bool, TableError> {
    let before = reader.position().clone();
    let read = reader.read_record(record);
    let offset = |position: &Position| usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let written = text.get(offset(&before)..offset(reader.position())).unwrap_or_default();
    let quotes = written.iter().filter(|byte| **byte == b'"').count();
    if !quotes.is_multiple_of(2) {
        return Err(TableError::new(line(Some(&before)), TableFault::OpenQuote));
    }
    read.map_err(|error| refused(&error))
}

fn place(header: &StringRecord, key: &str) -> Result<usize, TableError> {
    if header.is_empty() {
        return Err(TableError::new(1, TableFault::NoHeader));
    }
    for (place, name) in header.iter().enumerate() {
        if header.iter().take(place).any(|before| before == name) {
            return Err(TableError::new(1, TableFault::ColumnTwice(name.to_owned())));
        }
    }
    header.iter().position(|name| name == key).ok_or_else(|| {
        let columns = header.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        TableError::new(1, TableFault::NoColumn { key: key.to_owned(), columns })
    })
}

fn write(names: &[Vec<u8>], record: &StringRecord, row: &mut Vec<u8>) {
    row.clear();
    row.push(b'{');
    for (place, (name, value)) in names.iter().zip(record).enumerate() {
        if place > 0 {
            row.push(b',');
        }
        row.extend_from_slice(name);
        row.push(b':');
        row.extend_from_slice(&string(value));
    }
    row.push(b'}');
}

/// As JSON.
fn string(text: &str) -> Vec<u8> {
    let mut string = vec![b'"'];
    escape(text, &mut string);
    string.push(b'"');
    string
}

fn refused(error: &csv::Error) -> TableError {
    match error.kind() {
        ErrorKind::UnequalLengths { pos, expected_len, len } => {
            TableError::new(line(pos.as_ref()), TableFault::Fields { expected: *expected_len, found: *len })
        }
        ErrorKind::Utf8 { pos, .. } => TableError::new(line(pos.as_ref()), TableFault::NotUtf8),
        // Bytes in memory can always be read.
        _ => TableError::new(line(error.position()), TableFault::NoHeader),
    }
}

/// The first one has no position where the header itself is wrong.
fn line(position: Option<&Position>) -> usize {
    position.map_or(1, |position| usize::try_from(position.line()).unwrap_or(usize::MAX))
}
