//! What every part of the configuration is read with: texts, templates, tables, and a note of each fault.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use config::{Value, ValueKind};
use stampmill_core::cel::{CelError, Expression};
use stampmill_core::template::{Ambient, Options, Partials, Template, TemplateError};
use stampmill_engine::credentials::{Piece, Secret};

use super::error::{ConfigError, Place};
use super::interpolation::{Interpolated, interpolate};
use super::layers::entries;
use super::origin;
use super::secrets::Secrets;

/// What reading needs beside the values, and where it notes what is wrong.
pub(crate) struct Reading<'a> {
    pub(crate) environment: &'a BTreeMap<String, String>,
    pub(crate) errors: RefCell<Vec<ConfigError>>,
    /// Of each folder that was asked for; `None` where they could not be read, which has been noted.
    pub(crate) partials: RefCell<BTreeMap<PathBuf, Option<Arc<Partials>>>>,
    /// The text of each file that a key names, by that key.
    pub(crate) template_files: RefCell<BTreeMap<String, String>>,
    /// What nobody minds who connects to nothing: a key that is not on this machine.
    pub(crate) refusals: RefCell<Vec<ConfigError>>,
    /// What was read that must not be shown.
    pub(crate) secrets: RefCell<Secrets>,
    /// What templates ask for the time and for randomness.
    pub(crate) ambient: Ambient,
}

/// A text and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    pub(crate) text: String,
    pub(crate) at: Place,
    /// What is written in the file, without defaults, where `${…}` made something else of it that may be secret.
    pub(crate) written: Option<String>,
    /// What `${…}` put in.
    pub(crate) from: Vec<String>,
    /// Whether what it put in must not be shown.
    pub(crate) is_secret: bool,
    /// What it is put together from.
    pub(crate) secret: Secret,
}

// === impl Reading ===

impl<'e> Reading<'e> {
    /// `errors` are those that were met before.
    pub(crate) fn new(environment: &'e BTreeMap<String, String>, errors: Vec<ConfigError>, ambient: Ambient) -> Self {
        let (errors, partials, secrets) = (RefCell::new(errors), RefCell::default(), RefCell::default());
        let (template_files, refusals) = (RefCell::default(), RefCell::default());
        Self { environment, errors, partials, template_files, refusals, secrets, ambient }
    }

    pub(crate) fn note(&self, error: ConfigError) {
        self.errors.borrow_mut().push(error);
    }

    pub(crate) fn mismatch(&self, at: Place, expected: impl Into<String>, found: impl Into<String>) {
        self.note(ConfigError::Mismatch { at, expected: expected.into(), found: found.into() });
    }

    /// A text of its own, with what `${…}` stands for put in if it comes from a file.
    pub(crate) fn text(&self, value: &Value, at: Place) -> Option<Text> {
        let raw = self.written(value, &at, "a text")?;
        let Some(folder) = origin::folder(&at.origin) else { return Some(Text::plain(raw, at)) };
        match interpolate(raw, self.environment, folder) {
            Ok(Interpolated { text, from, .. }) if from.is_empty() && text == raw => Some(Text::plain(raw, at)),
            Ok(Interpolated { text, outline, from, secret, is_secret }) => {
                if is_secret {
                    self.secrets.borrow_mut().add(&text);
                }
                Some(Text { text, at, written: Some(outline), from, is_secret, secret })
            }
            Err(fault) => {
                self.note(ConfigError::Interpolation { at, fault });
                None
            }
        }
    }

    /// A text exactly as it stands there.
    pub(crate) fn written<'a>(&self, value: &'a Value, at: &Place, expected: &str) -> Option<&'a str> {
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
    pub(crate) fn template(&self, value: &Value, at: Place, options: &Options) -> Option<Template> {
        let source = self.written(value, &at, "a template")?;
        self.compiled(source, at, options)
    }

    /// The text of an expression is never interpolated.
    pub(crate) fn expression(
        &self,
        value: &Value,
        at: Place,
        read: impl FnOnce(&str) -> Result<Expression, CelError>,
    ) -> Option<Expression> {
        let source = self.written(value, &at, "an expression")?;
        let source = source.trim_end_matches(['\r', '\n']);
        read(source).map_err(|source| self.note(ConfigError::Expression { at, source: Box::new(source) })).ok()
    }

    /// A template that must not be shown: where one is wrong, only the place is told.
    pub(crate) fn secret_template(&self, value: &Value, at: Place, options: &Options) -> Option<Template> {
        let source = self.written(value, &at, "a template")?;
        let compiled = self.compile(source, &at, options)?;
        let hide = |error: TemplateError| {
            self.note(ConfigError::SecretTemplate { at, line: error.line, column: error.column });
        };
        compiled.map_err(hide).ok()
    }

    pub(crate) fn compiled(&self, source: &str, at: Place, options: &Options) -> Option<Template> {
        let compiled = self.compile(source, &at, options)?;
        compiled.map_err(|source| self.note(ConfigError::Template { at, source: Box::new(source) })).ok()
    }

    /// Line ends at the end are those of a YAML block or of a file, and nobody means them to be rendered.
    fn compile(&self, source: &str, at: &Place, options: &Options) -> Option<Result<Template, TemplateError>> {
        let partials = self.partials(at)?;
        let options = Options { partials, ..options.clone() };
        Some(Template::new(source.trim_end_matches(['\r', '\n']), &options))
    }

    /// The partials for a template that stands there: the files `templates/NAME.hbs` beside the configuration file.
    fn partials(&self, at: &Place) -> Option<Arc<Partials>> {
        let folder = origin::folder(&at.origin).unwrap_or(Path::new("")).join("templates");
        if let Some(known) = self.partials.borrow().get(&folder) {
            return known.clone();
        }
        let read = match read_partials(&folder) {
            Ok(partials) => Some(Arc::new(partials)),
            Err((path, source)) => {
                let path = format!("`{}`", path.display());
                self.note(ConfigError::TemplateFile { at: at.clone(), path, source });
                None
            }
        };
        self.partials.borrow_mut().insert(folder, read.clone());
        read
    }
}

/// Those that can be read, by name; none without a folder.
fn read_partials(folder: &Path) -> Result<Partials, (PathBuf, std::io::Error)> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Partials::new()),
        Err(error) => return Err((folder.to_owned(), error)),
    };
    let mut partials = Partials::new();
    for entry in entries {
        let path = entry.map_err(|error| (folder.to_owned(), error))?.path();
        if let (Some("hbs"), Some(name)) = (extension(&path), path.file_stem().and_then(|name| name.to_str())) {
            let text = std::fs::read_to_string(&path).map_err(|error| (path.clone(), error))?;
            partials.insert(name.to_owned(), text);
        }
    }
    Ok(partials)
}

fn extension(path: &Path) -> Option<&str> {
    path.extension()?.to_str()
}

// === impl Text ===

impl Text {
    /// As it is written.
    pub(crate) fn plain(text: impl Into<String>, at: Place) -> Self {
        let text = text.into();
        let secret = Secret(vec![Piece::Text(text.clone())]);
        Self { text, at, written: None, from: Vec::new(), is_secret: false, secret }
    }

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

/// A value of another kind than is expected.
pub(super) fn not_a(expected: &str, value: &Value, path: &str) -> ConfigError {
    let (at, found) = (place(Some(value), path), describe(&value.kind).to_owned());
    ConfigError::Mismatch { at, expected: expected.to_owned(), found }
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
