//! What every part of the configuration is read with: texts, templates, tables, and a note of each fault.

use std::cell::RefCell;
use std::collections::BTreeMap;

use config::{Value, ValueKind};
use stampmill_core::template::{Missing, Template, TemplateError};

use super::error::{ConfigError, Place};
use super::interpolation::interpolate;
use super::layers::entries;
use super::origin;

/// What reading needs beside the values, and where it notes what is wrong.
pub(crate) struct Reading<'a> {
    pub(crate) environment: &'a BTreeMap<String, String>,
    pub(crate) errors: RefCell<Vec<ConfigError>>,
}

/// A text and where it stands.
#[derive(Clone)]
pub(crate) struct Text {
    pub(crate) text: String,
    pub(crate) at: Place,
    /// What is written in the file, where `${…}` made something else of it that may be secret.
    pub(crate) written: Option<String>,
}

/// How a template is compiled: `Template::json` or `Template::text`.
pub(crate) type Compile = fn(&str, Missing) -> Result<Template, TemplateError>;

// === impl Reading ===

impl Reading<'_> {
    pub(crate) fn note(&self, error: ConfigError) {
        self.errors.borrow_mut().push(error);
    }

    pub(crate) fn mismatch(&self, at: Place, expected: impl Into<String>, found: impl Into<String>) {
        self.note(ConfigError::Mismatch { at, expected: expected.into(), found: found.into() });
    }

    /// A text of its own, with what `${…}` stands for put in if it comes from a file.
    pub(crate) fn text(&self, value: &Value, at: Place) -> Option<Text> {
        let written = self.written(value, &at, "a text")?;
        let Some(folder) = origin::folder(&at.origin) else {
            return Some(Text { text: written.to_owned(), at, written: None });
        };
        match interpolate(written, self.environment, folder) {
            Ok(text) if text == written => Some(Text { text, at, written: None }),
            Ok(text) => Some(Text { text, at, written: Some(written.to_owned()) }),
            Err(fault) => {
                self.note(ConfigError::Interpolation { at, fault });
                None
            }
        }
    }

    /// A text exactly as it stands there.
    fn written<'a>(&self, value: &'a Value, at: &Place, expected: &str) -> Option<&'a str> {
        match &value.kind {
            ValueKind::String(text) => Some(text),
            other => {
                self.mismatch(at.clone(), expected, describe(other));
                None
            }
        }
    }

    /// The entries of a table in the order of their names; none if it is not there.
    pub(crate) fn entries<'a>(&self, value: Option<&'a Value>, path: &str) -> Vec<(&'a str, &'a Value)> {
        if let Some(value) = value
            && !matches!(value.kind, ValueKind::Table(_))
        {
            let expected = "a table (`name: value` lines; `{}` for an empty one)";
            self.mismatch(place(Some(value), path), expected, describe(&value.kind));
        }
        entries(value)
    }

    /// A template's text is never interpolated: `${` may be part of what it renders.
    pub(crate) fn template(&self, value: &Value, at: Place, compile: Compile, missing: Missing) -> Option<Template> {
        let source = self.written(value, &at, "a template")?;
        self.compiled(source, at, compile, missing)
    }

    /// Line ends at the end are those of a YAML block or of a file, and nobody means them to be rendered.
    pub(crate) fn compiled(&self, source: &str, at: Place, compile: Compile, missing: Missing) -> Option<Template> {
        let template = compile(source.trim_end_matches(['\r', '\n']), missing);
        template.map_err(|source| self.note(ConfigError::Template { at, source })).ok()
    }
}

// === impl Text ===

impl Text {
    /// What an error may say about it.
    pub(crate) fn shown(&self) -> String {
        match &self.written {
            None => format!("`{}`", self.text),
            Some(written) => format!("what `{written}` stands for"),
        }
    }
}

pub(crate) fn place(value: Option<&Value>, path: &str) -> Place {
    Place { origin: value.map(origin::of).unwrap_or_default(), key: path.to_owned() }
}

pub(crate) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// For errors, which do not show the value itself.
pub(crate) fn describe(kind: &ValueKind) -> &'static str {
    match kind {
        ValueKind::Nil => "nothing",
        ValueKind::Table(_) => "a table",
        ValueKind::Array(_) => "a list",
        _ => "a text",
    }
}
