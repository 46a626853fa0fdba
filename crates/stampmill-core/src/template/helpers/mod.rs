//! What a template can call: functions of values, each with its line in the reference.

mod encode;
mod logic;
mod number;
mod pattern;
mod text;
mod time;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::RangeInclusive;

use super::value::Value;

/// What a helper may ask of the world: core has no clock and no randomness of its own.
#[derive(Clone, Copy, Debug)]
pub struct Ambient {
    /// Nanoseconds since 1970 (UTC).
    pub now: fn() -> i128,
    pub random: fn() -> [u8; 16],
}

#[derive(Debug)]
pub(crate) struct Helper {
    pub(crate) name: &'static str,
    /// As a template would have them: `text from [length]`.
    pub(crate) arguments: &'static str,
    pub(crate) count: RangeInclusive<usize>,
    pub(crate) doc: &'static str,
    /// Template, payload and output: shown in the reference, and run by a test.
    pub(crate) example: (&'static str, &'static str, &'static str),
    /// Looks at the arguments that are literals when the template is loaded.
    pub(crate) check: fn(&[Option<&Value<'_>>]) -> Result<(), String>,
    /// The error says what was expected and what came.
    pub(crate) call: for<'a> fn(&Ambient, &[Value<'a>]) -> Result<Value<'a>, String>,
}

static MODULES: [&[Helper]; 6] =
    [text::HELPERS, number::HELPERS, time::HELPERS, encode::HELPERS, pattern::HELPERS, logic::HELPERS];

pub(crate) fn find(name: &str) -> Option<&'static Helper> {
    all().find(|helper| helper.name == name)
}

pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    all().map(|helper| helper.name)
}

pub(crate) fn all() -> impl Iterator<Item = &'static Helper> {
    MODULES.iter().flat_map(|module| module.iter())
}

/// The helpers as a table of Markdown.
pub fn reference() -> String {
    let mut table = String::from("| helper | what it gives | example | payload | result |\n|---|---|---|---|---|\n");
    let cell = |text: &str| format!("`{}`", text.replace('|', "\\|"));
    for Helper { name, arguments, doc, example: (template, payload, output), .. } in all() {
        let call = cell(format!("{name} {arguments}").trim_end());
        // Writing to a `String` cannot fail.
        let _ = writeln!(table, "| {call} | {doc} | {} | {} | {} |", cell(template), cell(payload), cell(output));
    }
    table
}

/// Bytes of a text that a helper makes: a record must not choose how much memory that takes.
const MAX_TEXT: usize = 16 << 20;

fn bounded(helper: &str, length: usize) -> Result<(), String> {
    match length <= MAX_TEXT {
        true => Ok(()),
        false => Err(format!("`{helper}` makes texts of at most {MAX_TEXT} bytes")),
    }
}

/// Nothing to check before there is a record.
fn anything(_: &[Option<&Value<'_>>]) -> Result<(), String> {
    Ok(())
}

// === impl Value ===

impl<'a> Value<'a> {
    /// As text: a number and an array as they are written; `None` for what is null or missing.
    fn text(&self) -> Option<Cow<'a, str>> {
        match self {
            Value::Missing | Value::Null => None,
            Value::Bool(true) => Some("true".into()),
            Value::Bool(false) => Some("false".into()),
            Value::Number(text) | Value::Text(text) | Value::Json(text) => Some(text.clone()),
        }
    }

    /// A whole number, given as one or as text.
    fn whole(&self, what: &str) -> Result<i64, String> {
        let text = self.text();
        text.and_then(|text| text.parse().ok())
            .ok_or_else(|| format!("expected a whole number as {what}, and found {self}"))
    }
}

/// As an error shows it.
impl std::fmt::Display for Value<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const SHOWN: usize = 60;
        let shorten = |text: &str| match text.char_indices().nth(SHOWN) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text.to_owned(),
        };
        match self {
            Value::Missing => out.write_str("nothing"),
            Value::Null => out.write_str("null"),
            Value::Bool(value) => write!(out, "`{value}`"),
            Value::Number(number) => write!(out, "the number `{}`", shorten(number)),
            Value::Text(text) => write!(out, "the text `{}`", shorten(text)),
            Value::Json(json) => write!(out, "`{}`", shorten(json)),
        }
    }
}

#[cfg(test)]
mod tests;
