//! What is wrong with a template, and where.

use std::fmt;

use thiserror::Error;

/// Displayed with the source line and a caret below the place.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct TemplateError {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// The source line.
    pub source_line: String,
    /// What was expected, what came, and how to write it.
    pub message: String,
}

// === impl TemplateError ===

impl TemplateError {
    /// At a line and a column that count from 1.
    pub(super) fn new(source: &str, line: usize, column: usize, message: impl Into<String>) -> Self {
        let source_line = source.lines().nth(line.saturating_sub(1)).unwrap_or_default().to_owned();
        Self { line: line.max(1), column: column.max(1), source_line, message: message.into() }
    }

    /// At a byte of the source.
    pub(super) fn at(source: &str, at: usize, message: impl Into<String>) -> Self {
        let boundary = (0..=at.min(source.len())).rev().find(|at| source.is_char_boundary(*at)).unwrap_or(0);
        let before = &source[..boundary];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count() + 1;
        Self::new(source, line, before[line_start..].chars().count() + 1, message)
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, source_line, message } = self;
        let margin = " ".repeat(line.to_string().len());
        writeln!(out, "line {line}, column {column}: {message}")?;
        writeln!(out, "{margin} |")?;
        writeln!(out, "{line} | {source_line}")?;
        write!(out, "{margin} | {}^", " ".repeat(column - 1))
    }
}
