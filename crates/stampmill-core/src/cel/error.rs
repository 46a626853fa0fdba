//! What is wrong with an expression, and where.

use std::fmt;

use thiserror::Error;

use crate::place::{line_and_column, line_of, write_caret};

/// Displayed with the source line and a caret below the place.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct CelError {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// The source line.
    pub source_line: String,
    /// What was expected, what came, and how to write it.
    pub message: String,
}

/// From where to where a part of an expression stands, in bytes of its source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) start: u32,
    pub(super) end: u32,
}

/// What is wrong at a place: the source that makes it an error is known further up.
#[derive(Clone, Debug)]
pub(super) struct Mistake {
    pub(super) place: Place,
    pub(super) message: String,
}

// === impl CelError ===

impl CelError {
    pub(super) fn new(source: &str, mistake: Mistake) -> Self {
        let (line, column) = line_and_column(source, mistake.place.start as usize);
        Self { line, column, source_line: line_of(source, line), message: mistake.message }
    }
}

impl fmt::Display for CelError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, source_line, message } = self;
        writeln!(out, "line {line}, column {column}: {message}")?;
        write_caret(out, *line, *column, source_line)
    }
}

// === impl Place ===

impl Place {
    /// No source is longer than `u32::MAX` bytes.
    #[allow(clippy::cast_possible_truncation, reason = "no source is longer")]
    pub(super) fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }

    /// From here to the end of the other.
    pub(super) fn to(self, other: Self) -> Self {
        Self { start: self.start, end: other.end }
    }

    pub(super) fn text(self, source: &str) -> &str {
        source.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    pub(super) fn mistake(self, message: impl Into<String>) -> Mistake {
        Mistake { place: self, message: message.into() }
    }
}
