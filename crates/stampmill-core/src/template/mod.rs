//! Handlebars templates over a record, compiled to a flat list of pieces.
//!
//! With [`Template::json`] it is known where each expression stands, and the output is a JSON document whatever the
//! record holds: an expression in place of a value becomes a whole value, one inside of a string becomes the content
//! of a string, and the text around them was checked once with samples of both.

mod error;
mod parse;
mod position;
mod render;
mod variable;

pub use self::error::TemplateError;
use self::parse::{Content, parse};
use self::position::Position;
pub use self::render::Input;
use self::variable::Variable;

/// Compiled once, rendered any number of times, by any thread.
#[derive(Clone, Debug)]
pub struct Template {
    pieces: Vec<Piece>,
    missing: Missing,
}

/// What a field becomes that the record does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// `null` in place of a value, nothing inside of a string or a text.
    Lenient,
    /// A fault.
    Strict,
}

#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    Splice { variable: Variable, position: Position },
}

// === impl Template ===

impl Template {
    /// A template of a JSON document. What cannot be proven to be one is refused.
    pub fn json(source: &str, missing: Missing) -> Result<Self, TemplateError> {
        let parsed = parse(source)?;
        let pieces = position::place(source, parsed)?;
        Ok(Self { pieces, missing })
    }

    /// A template of plain text, in which values stand as they are: a string without its quotes and escapes.
    pub fn text(source: &str, missing: Missing) -> Result<Self, TemplateError> {
        let pieces = parse(source)?.into_iter().map(|parsed| Piece::new(parsed.content, Position::Text)).collect();
        Ok(Self { pieces, missing })
    }
}

// === impl Piece ===

impl Piece {
    fn new(content: Content, position: Position) -> Self {
        match content {
            Content::Text(text) => Self::Text(text),
            Content::Variable(variable) => Self::Splice { variable, position },
        }
    }
}

#[cfg(test)]
mod tests;
