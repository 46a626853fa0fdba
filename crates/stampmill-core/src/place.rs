//! Where something stands in a text that a user wrote, and how that is shown.

use std::fmt;

/// The line and the column in characters, both from 1, of a byte of the text.
pub(crate) fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let boundary = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let before = &text[..boundary];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// The text of a line, which counts from 1.
pub(crate) fn line_of(text: &str, line: usize) -> String {
    text.lines().nth(line.saturating_sub(1)).unwrap_or_default().to_owned()
}

/// The source line with a caret below the column.
pub(crate) fn write_caret(out: &mut fmt::Formatter<'_>, line: usize, column: usize, source_line: &str) -> fmt::Result {
    let margin = " ".repeat(line.to_string().len());
    writeln!(out, "{margin} |")?;
    writeln!(out, "{line} | {source_line}")?;
    write!(out, "{margin} | {}^", " ".repeat(column - 1))
}
