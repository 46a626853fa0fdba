//! Writes a template's pieces, with the parts of a record in their places.

use std::fmt::Write as _;

use super::position::Position;
use super::variable::Variable;
use super::{Missing, Piece, Template};
use crate::escape::escape_line;
use crate::fault::{Fault, FaultClass};
use crate::json;
use crate::record::Record;

/// What a template is rendered over.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    pub record: &'a Record<'a>,
    /// The payload as a compact JSON document; the fault if it is none. A null payload reads `null`.
    pub payload: Result<&'a str, &'a Fault>,
}

/// A part of a record, before it is put in its place.
enum Part<'a> {
    /// A JSON value as its source has it.
    Json(&'a str),
    Text(&'a str),
    Number(i64),
    Null,
    Missing,
}

// === impl Template ===

impl Template {
    /// Appends the output to `out`. On a fault `out` is left as it was.
    pub fn render(&self, input: &Input<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
        let before = out.len();
        let rendered = self.render_pieces(input, out);
        if rendered.is_err() {
            out.truncate(before);
        }
        rendered
    }

    fn render_pieces(&self, input: &Input<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text.as_bytes()),
                Piece::Splice { variable, position } => match position {
                    Position::Value => self.part(variable, input)?.write_value(out),
                    Position::String => self.part(variable, input)?.write_content(out),
                    Position::Text => {
                        self.part(variable, input)?.with_text(|text| out.extend_from_slice(text.as_bytes()))
                    }
                },
            }
        }
        Ok(())
    }

    /// Appends the output of a text template to a line of the log, with what comes from the record escaped, so that no
    /// record can end the line. On a fault `line` is left as it was.
    pub fn render_line(&self, input: &Input<'_>, line: &mut String) -> Result<(), Fault> {
        let before = line.len();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => line.push_str(text),
                Piece::Splice { variable, .. } => match self.part(variable, input) {
                    Ok(part) => part.with_text(|text| escape_line(text, line)),
                    Err(fault) => {
                        line.truncate(before);
                        return Err(fault);
                    }
                },
            }
        }
        Ok(())
    }

    fn part<'a>(&self, variable: &Variable, input: &Input<'a>) -> Result<Part<'a>, Fault> {
        let part = match variable {
            Variable::Payload(path) => {
                let document = input.payload.map_err(Clone::clone)?;
                json::find(document, path).map_or(Part::Missing, Part::Json)
            }
            Variable::Key => input.record.key.map_or(Ok(Part::Null), |key| text("the key", key))?,
            Variable::Header(name) => match input.record.headers.last(name) {
                None => Part::Missing,
                Some(None) => Part::Null,
                Some(Some(value)) => text(&format!("the header `{name}`"), value)?,
            },
            Variable::Topic => Part::Text(input.record.topic),
            Variable::Partition => Part::Number(input.record.partition.into()),
            Variable::Offset => Part::Number(input.record.offset.get()),
            Variable::Timestamp => input.record.timestamp.map_or(Part::Null, Part::Number),
        };
        match (part, self.missing) {
            (Part::Missing, Missing::Strict) => {
                let reason = format!("the record has no `{variable}`, and `missing: strict` asks for it");
                Err(Fault::new(FaultClass::MissingField, reason))
            }
            (part, _) => Ok(part),
        }
    }
}

fn text<'a>(what: &str, bytes: &'a [u8]) -> Result<Part<'a>, Fault> {
    std::str::from_utf8(bytes).map(Part::Text).map_err(|error| {
        let reason = format!("{what} is not UTF-8 at byte {}: a template can only write text", error.valid_up_to());
        Fault::new(FaultClass::InvalidUtf8, reason)
    })
}

// === impl Part ===

impl Part<'_> {
    /// As a whole JSON value.
    fn write_value(&self, out: &mut Vec<u8>) {
        match self {
            Part::Json(value) => out.extend_from_slice(value.as_bytes()),
            Part::Text(text) => {
                out.push(b'"');
                json::escape(text, out);
                out.push(b'"');
            }
            Part::Number(number) => write_number(*number, out),
            Part::Null | Part::Missing => out.extend_from_slice(b"null"),
        }
    }

    /// As the content of a JSON string. A string keeps the escapes that it came with.
    fn write_content(&self, out: &mut Vec<u8>) {
        match self {
            Part::Json("null") | Part::Null | Part::Missing => {}
            Part::Json(value) => match json::string_content(value) {
                Some(content) => out.extend_from_slice(content.as_bytes()),
                None => json::escape(value, out),
            },
            Part::Text(text) => json::escape(text, out),
            Part::Number(number) => write_number(*number, out),
        }
    }

    /// As plain text. What is null reads `null` if it is the payload, so that a tombstone can be seen in a log.
    fn with_text(&self, write: impl FnOnce(&str)) {
        match self {
            Part::Json(value) => match json::string_content(value) {
                Some(content) if content.contains('\\') => write(&json::unescape(content)),
                Some(content) => write(content),
                None => write(value),
            },
            Part::Text(text) => write(text),
            Part::Number(number) => {
                let mut digits = String::new();
                // Writing to a `String` cannot fail.
                let _ = write!(digits, "{number}");
                write(&digits);
            }
            Part::Null | Part::Missing => {}
        }
    }
}

fn write_number(number: i64, out: &mut Vec<u8>) {
    use std::io::Write as _;
    // Writing to a `Vec` cannot fail.
    let _ = write!(out, "{number}");
}
