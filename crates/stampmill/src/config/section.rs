//! One table of the merged configuration, read key by key under the schema. What is wrong is noted and reading goes on.

use std::path::Path;

use config::{Value, ValueKind};
use stampmill_core::cel::{self, Expression};
use stampmill_core::template::{Options, Template};

use super::error::{ConfigError, Place, remedy};
use super::layers::{self, Layer, get};
use super::numbers::{bytes, digits};
use super::origin;
use super::reading::{Reading, Text, describe, join, place};
use super::schema::{self, Default, Key, Kind};

/// A table with its keys. Every getter answers `None` for what was left out or is wrong; the latter is noted.
#[derive(Clone, Copy)]
pub(crate) struct Section<'a> {
    pub(crate) reading: &'a Reading<'a>,
    keys: &'static [Key],
    value: Option<&'a Value>,
    /// The table around, which says where something is missing if the section itself was left out.
    around: Option<&'a Value>,
    path: &'a str,
}

// === impl Section ===

impl<'a> Section<'a> {
    /// Notes keys that the schema does not know.
    pub(crate) fn open(
        reading: &'a Reading<'a>,
        keys: &'static [Key],
        value: Option<&'a Value>,
        path: &'a str,
    ) -> Self {
        for (name, entry) in reading.entries(value, path) {
            if !keys.iter().any(|key| key.name == name) {
                let remedy = remedy(name, keys.iter().map(|key| key.name));
                reading.note(ConfigError::UnknownKey { at: place(Some(entry), &join(path, name)), remedy });
            }
        }
        Self { reading, keys, value, around: None, path }
    }

    pub(crate) fn path(&self, name: &str) -> String {
        join(self.path, name)
    }

    /// Where a key stands, or the table that lacks it.
    pub(crate) fn at(&self, name: &str) -> Place {
        let nearest_first = [get(self.value, name), self.value, self.around];
        let origin = nearest_first.into_iter().flatten().map(origin::of).find(|origin| !origin.is_empty());
        Place { origin: origin.unwrap_or_default(), key: self.path(name) }
    }

    pub(crate) fn table(&self, name: &str, path: &'a str) -> Section<'a> {
        match self.key(name).kind {
            Kind::Table(keys) => {
                let section = Section::open(self.reading, keys, get(self.value, name), path);
                Section { around: self.value, ..section }
            }
            _ => unreachable!("`{name}` is a table in the schema"),
        }
    }

    /// The value as it was merged; that it is missing is noted if it must be there.
    pub(crate) fn value(&self, name: &str) -> Option<&'a Value> {
        let found = get(self.value, name);
        let key = self.key(name);
        let empty = matches!(key.kind, Kind::Entries(_)) && found.is_some_and(is_empty);
        // In what is no table nothing is missing: that it is none has been noted.
        let may_miss = self.value.is_none_or(|value| matches!(value.kind, ValueKind::Table(_)));
        if key.default == Default::Required && may_miss && (found.is_none() || empty) {
            self.reading.note(ConfigError::Missing { at: self.at(name), doc: key.doc });
        }
        found
    }

    pub(crate) fn text(&self, name: &str) -> Option<Text> {
        let text = self.reading.text(self.value(name)?, self.at(name))?;
        match self.key(name).kind {
            Kind::Text | Kind::Secret | Kind::Topic if text.text.is_empty() => {
                self.refuse(name, text, "a text that is not empty")
            }
            _ => Some(text),
        }
    }

    /// The text exactly as it stands there, an empty one and `${` included.
    pub(crate) fn verbatim(&self, name: &str) -> Option<&'a str> {
        self.reading.written(self.value(name)?, &self.at(name), "a text")
    }

    pub(crate) fn count(&self, name: &str) -> Option<usize> {
        self.number(name).and_then(|number| usize::try_from(number).ok())
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        let Kind::Number { min, max } = self.key(name).kind else { unreachable!("`{name}` is a number in the schema") };
        let text = self.text(name)?;
        match digits(&text.text).filter(|number| (min..=max).contains(number)) {
            Some(number) => Some(number),
            None => self.refuse(name, text, format!("a whole number from {min} to {max}")),
        }
    }

    /// In bytes, at least 1.
    pub(crate) fn size(&self, name: &str) -> Option<usize> {
        let text = self.text(name)?;
        match bytes(&text.text).filter(|size| *size > 0) {
            Some(size) => Some(size),
            None => self.refuse(name, text, "a size in bytes such as `65536`, `64KiB`, `64MiB` or `1GiB`"),
        }
    }

    /// The meaning of the word there.
    pub(crate) fn choice<T: Copy>(&self, name: &str, meanings: &[(&str, T)]) -> Option<T> {
        let Kind::Choice(words) = self.key(name).kind else { unreachable!("`{name}` is a choice in the schema") };
        let text = self.text(name)?;
        match meaning(meanings, &text.text) {
            Some(meaning) => Some(meaning),
            None => self.refuse(name, text, alternatives(words)),
        }
    }

    /// The meaning of the word there, or a number that fits a partition's.
    pub(crate) fn choice_or_number<T: Copy>(
        &self,
        name: &str,
        meanings: &[(&str, T)],
        number: fn(i32) -> T,
    ) -> Option<T> {
        let Kind::WordOrNumber(words) = self.key(name).kind else {
            unreachable!("`{name}` may be a word in the schema")
        };
        let text = self.text(name)?;
        match meaning(meanings, &text.text).or_else(|| Some(number(i32::try_from(digits(&text.text)?).ok()?))) {
            Some(meaning) => Some(meaning),
            None => self.refuse(name, text, format!("{} or a number from 0 to {}", alternatives(words), i32::MAX)),
        }
    }

    /// The template that is written there.
    pub(crate) fn template(&self, name: &str, options: &Options) -> Option<Template> {
        self.reading.template(self.value(name)?, self.at(name), options)
    }

    /// The condition that is written there.
    pub(crate) fn condition(&self, name: &str, options: &cel::Options) -> Option<Expression> {
        self.reading.expression(self.value(name)?, self.at(name), |source| Expression::condition(source, options))
    }

    /// The expression that is written there.
    pub(crate) fn expression(&self, name: &str, options: &cel::Options) -> Option<Expression> {
        self.reading.expression(self.value(name)?, self.at(name), |source| Expression::new(source, options))
    }

    /// The template in the file that is named there, relative to the configuration file.
    pub(crate) fn template_file(&self, name: &str, options: &Options) -> Option<Template> {
        let text = self.text(name)?;
        let path = origin::folder(&text.at.origin).unwrap_or(Path::new("")).join(&text.text);
        match std::fs::read_to_string(&path) {
            Ok(source) => {
                let compiled = self.reading.compiled(&source, text.at, options);
                self.reading.template_files.borrow_mut().insert(self.path(name), source);
                compiled
            }
            Err(source) => {
                let path = match text.written {
                    None => format!("`{}`", path.display()),
                    Some(_) => text.shown(),
                };
                let at = text.at;
                self.reading.note(ConfigError::TemplateFile { at, path, source });
                None
            }
        }
    }

    /// Paths into the payload, without `payload`; none, if it was left out.
    pub(crate) fn paths(&self, name: &str) -> Option<Vec<Vec<String>>> {
        let items = match self.value(name).map(|value| &value.kind) {
            None => return Some(Vec::new()),
            Some(ValueKind::Array(items)) => items,
            Some(other) => {
                let expected = format!("a list of paths ({})", self.key(name).doc);
                self.reading.mismatch(self.at(name), expected, describe(other));
                return None;
            }
        };
        let path = |item: &Value| {
            let text = self.reading.text(item, self.at(name))?;
            match path_of(&text.text).filter(|path| !path.is_empty()) {
                Some(path) => Some(path),
                None => self.refuse(name, text, "a path such as `payload.card.number` or `payload.cards.*.number`"),
            }
        };
        // All are looked at before the first fault ends it.
        let paths: Vec<Option<Vec<String>>> = items.iter().map(path).collect();
        paths.into_iter().collect()
    }

    /// A path into the payload, without `payload`.
    pub(crate) fn a_path(&self, name: &str) -> Option<Vec<String>> {
        let text = self.text(name)?;
        match path_of(&text.text) {
            Some(path) => Some(path),
            None => self.refuse(name, text, "`payload`, or a path such as `payload.items`"),
        }
    }

    /// The items of a list, and the keys that an item may have; none if the list was left out.
    pub(crate) fn items(&self, name: &str) -> Option<(&'static [Key], &'a [Value])> {
        let keys = match self.key(name).kind {
            Kind::Steps(keys) | Kind::List(keys) => keys,
            Kind::StepsWithin => schema::STEPS,
            Kind::SinksWithin => schema::SINKS,
            _ => unreachable!("`{name}` is a list of tables in the schema"),
        };
        match self.value(name).map(|value| &value.kind) {
            None => Some((keys, &[])),
            Some(ValueKind::Array(items)) => Some((keys, items)),
            Some(other) => {
                let expected = format!("a list, `[]` for an empty one ({})", self.key(name).doc);
                self.reading.mismatch(self.at(name), expected, describe(other));
                None
            }
        }
    }

    /// A value that may be a text standing for the first of its keys: as the table that it stands for, with defaults.
    pub(crate) fn long_form(&self, name: &str) -> Option<(&'static [Key], Value)> {
        let Kind::Short(keys) = self.key(name).kind else { unreachable!("`{name}` has a short form in the schema") };
        let value = self.value(name)?;
        let Some(written) = layers::long_form(keys, value) else {
            let expected = format!("a text or a table ({})", self.key(name).doc);
            self.reading.mismatch(self.at(name), expected, describe(&value.kind));
            return None;
        };
        Some((keys, layers::under(keys, Layer(written))))
    }

    /// Notes that the value is not what the schema says in words.
    pub(crate) fn not_as_said<T>(&self, name: &str, found: &str) -> Option<T> {
        let Kind::Other(words) = self.key(name).kind else { unreachable!("`{name}` is told in words in the schema") };
        self.reading.mismatch(self.at(name), words, found);
        None
    }

    /// That it is none has been noted when it was opened.
    pub(crate) fn is_table(&self) -> bool {
        self.value.is_some_and(|value| matches!(value.kind, ValueKind::Table(_)))
    }

    pub(crate) fn is_there(&self, name: &str) -> bool {
        get(self.value, name).is_some()
    }

    /// Whether somebody wrote it, and it is not a default.
    pub(crate) fn is_written(&self, name: &str) -> bool {
        get(self.value, name).is_some_and(|value| value.origin() != Some(origin::DEFAULT) && !is_empty(value))
    }

    pub(crate) fn refuse<T>(&self, name: &str, text: Text, expected: impl Into<String>) -> Option<T> {
        let expected = format!("{} ({})", expected.into(), self.key(name).doc);
        let found = text.shown();
        self.reading.mismatch(text.at, expected, found);
        None
    }

    fn key(&self, name: &str) -> &'static Key {
        // Names are literals of this crate, and every one of them is read whenever a pipeline is.
        self.keys.iter().find(|key| key.name == name).unwrap_or_else(|| unreachable!("`{name}` is in the schema"))
    }
}

/// What stands behind `payload`, key by key.
fn path_of(text: &str) -> Option<Vec<String>> {
    let mut keys = text.split('.');
    let starts_there = keys.next() == Some("payload");
    let rest: Vec<String> = keys.map(str::to_owned).collect();
    (starts_there && rest.iter().all(|key| !key.is_empty())).then_some(rest)
}

fn is_empty(value: &Value) -> bool {
    matches!(&value.kind, ValueKind::Table(table) if table.is_empty())
}

fn meaning<T: Copy>(meanings: &[(&str, T)], text: &str) -> Option<T> {
    meanings.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning)
}

fn alternatives(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ")
}
