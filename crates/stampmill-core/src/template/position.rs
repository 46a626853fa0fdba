//! Where each expression of a JSON template stands, and the proof that its output is always JSON.
//!
//! The proof: put a sample in place of each expression, `null` for a value and `x` inside of a string, and check the
//! document. If it is JSON then it stays JSON when another value takes the place of `null`, for a value may stand
//! wherever another may; and when other content takes the place of `x`, for that neither ends the string nor completes
//! an escape that the text around it has begun (`\u00x41` is refused).

use super::Piece;
use super::error::TemplateError;
use super::parse::{Content, Parsed};
use crate::json::{JsonError, compact};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    /// In place of a JSON value.
    Value,
    /// Within the quotes of a JSON string, be it a value or a key.
    String,
    /// Outside of JSON.
    Text,
}

/// Gives each expression its position, or refuses the template.
pub(super) fn place(source: &str, parsed: Vec<Parsed>) -> Result<Vec<Piece>, TemplateError> {
    let mut sample = String::new();
    let mut starts = Vec::with_capacity(parsed.len());
    let mut quotes = Quotes::default();
    let mut pieces = Vec::with_capacity(parsed.len());
    for part in parsed {
        let is_text = matches!(part.content, Content::Text(_));
        starts.push(Start { in_sample: sample.len(), in_source: part.at, is_text });
        let position = if quotes.inside { Position::String } else { Position::Value };
        match &part.content {
            Content::Text(text) => {
                quotes.pass(text);
                sample.push_str(text);
            }
            Content::Variable(_) => sample.push_str(if quotes.inside { "x" } else { "null" }),
        }
        pieces.push(Piece::new(part.content, position));
    }
    match compact(sample.as_bytes(), &mut Vec::new()) {
        Ok(()) => Ok(pieces),
        Err(error) => Err(explain(source, &sample, &starts, &error)),
    }
}

/// Where a piece starts in the sample and in the source.
struct Start {
    in_sample: usize,
    in_source: usize,
    is_text: bool,
}

/// Follows the quotes of a JSON text.
#[derive(Default)]
struct Quotes {
    inside: bool,
    escaped: bool,
}

// === impl Quotes ===

impl Quotes {
    fn pass(&mut self, text: &str) {
        for byte in text.bytes() {
            match (byte, self.inside, self.escaped) {
                (_, true, true) => self.escaped = false,
                (b'\\', true, false) => self.escaped = true,
                (b'"', inside, false) => self.inside = !inside,
                _ => {}
            }
        }
    }
}

fn explain(source: &str, sample: &str, starts: &[Start], error: &JsonError) -> TemplateError {
    let (at, what) = match error {
        JsonError::Empty => return TemplateError::at(source, 0, "expected a JSON document, and the template is empty"),
        JsonError::Unexpected { expected, found, at } => (*at, format!("expected {expected}, and found {found}")),
        JsonError::NotUtf8 { at } | JsonError::TooDeep { at } => (*at, error.to_string()),
    };
    let start = starts.iter().rev().find(|start| start.in_sample <= at);
    let is_text = start.is_none_or(|start| start.is_text);
    let place = start.map_or(0, |start| start.in_source + if is_text { at - start.in_sample } else { 0 });
    let ended = at == sample.len();
    let hint = if is_text || ended {
        ""
    } else if sample[..at].ends_with('\\') {
        ": Handlebars takes one of the backslashes before a tag for itself, so write one more"
    } else {
        ": an expression stands in place of a whole value, as in `\"data\": {{payload}}`, or within quotes, as in \
         `\"id\": \"{{payload.id}}\"`"
    };
    TemplateError::at(source, place, format!("the output would not be JSON: {what}{hint}"))
}
