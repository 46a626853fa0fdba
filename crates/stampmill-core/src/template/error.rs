//! What is wrong with a template, and where.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use crate::place::{line_and_column, line_of, write_caret};

/// Displayed with the source line and a caret below the place.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct TemplateError {
    /// The partial's name, if it is in one.
    pub partial: Option<String>,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// The source line.
    pub source_line: String,
    /// What was expected, what came, and how to write it.
    pub message: String,
    /// What must be so for a record to lead there: `line 1, column 3: the condition of #if is true`.
    pub trail: Vec<String>,
}

/// A text of Handlebars: the template, or one of its partials.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) partial: Option<String>,
    pub(super) text: String,
}

/// A byte of a source.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) source: Arc<Source>,
    pub(super) at: usize,
}

// === impl TemplateError ===

impl TemplateError {
    pub(super) fn because(mut self, trail: Vec<String>) -> Self {
        self.trail = trail;
        self
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partial, line, column, source_line, message, trail } = self;
        let margin = " ".repeat(line.to_string().len());
        if let Some(name) = partial {
            write!(out, "in the partial `{name}`, ")?;
        }
        writeln!(out, "line {line}, column {column}: {message}")?;
        for step in trail {
            writeln!(out, "{margin} = when {step}")?;
        }
        write_caret(out, *line, *column, source_line)
    }
}

// === impl Place ===

impl Place {
    pub(super) fn new(source: &Arc<Source>, at: usize) -> Self {
        Self { source: Arc::clone(source), at }
    }

    pub(super) fn later(&self, bytes: usize) -> Self {
        Self::new(&self.source, self.at + bytes)
    }

    pub(super) fn error(&self, message: impl Into<String>) -> TemplateError {
        let (line, column) = self.line_and_column();
        let source_line = line_of(&self.source.text, line);
        let partial = self.source.partial.clone();
        TemplateError { partial, line, column, source_line, message: message.into(), trail: Vec::new() }
    }

    /// From 1, the column in characters.
    pub(super) fn line_and_column(&self) -> (usize, usize) {
        line_and_column(&self.source.text, self.at)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.line_and_column();
        match &self.source.partial {
            Some(name) => write!(out, "line {line}, column {column} of the partial `{name}`"),
            None => write!(out, "line {line}, column {column}"),
        }
    }
}
