//! YAML files into configuration values: every scalar as it is written, with the line it stands on.

use std::path::{Path, PathBuf};

use config::{Map, Value, ValueKind};
use saphyr::{MarkedYaml, ScalarStyle, ScanError, YamlData, YamlLoader};
use saphyr_parser::Parser;

use super::error::ConfigError;
use super::json;

/// What is special to a kind of file.
pub(crate) struct Form {
    /// The keys at the top, for the error that says that they are missing.
    top: &'static str,
    /// Whether the tables and lists of a key, which stands below another, become JSON text, in the order in which they are
    /// written.
    is_json: fn(&str, &str) -> bool,
}

pub(crate) const CONFIGURATION: Form =
    Form { top: "`connections:` and `pipelines:`", is_json: |around, key| (around, key) == ("validate", "schema") };
pub(crate) const CASES: Form = Form { top: "`cases:`", is_json: |_, key| matches!(key, "json" | "tables") };

/// The files that the operator named, folders replaced by the YAML files in them in the order of their names.
pub(crate) fn find(named: &[PathBuf], errors: &mut Vec<ConfigError>) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for path in named {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        match folder(path) {
            Ok(found) if found.is_empty() => errors.push(ConfigError::EmptyFolder { path: path.clone() }),
            Ok(found) => files.extend(found),
            Err(source) => errors.push(ConfigError::Read { path: path.clone(), source }),
        }
    }
    files
}

fn folder(path: &Path) -> Result<Vec<PathBuf>, std::io::Error> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            found.push(file);
        }
    }
    found.sort();
    Ok(found)
}

/// The top-level table of a file; empty if nothing but comments is in it.
pub(crate) fn read(path: &Path) -> Result<Map<String, Value>, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    parse(&text, &path.display().to_string(), &CONFIGURATION)
}

/// `file` is the name that origins and errors give.
pub(crate) fn parse(text: &str, file: &str, form: &Form) -> Result<Map<String, Value>, ConfigError> {
    let documents = scan(text).map_err(|error| Refusal::new(error.marker().line(), error.info()).within(file))?;
    let document = match documents.as_slice() {
        [] => return Ok(Map::new()),
        [document] => document,
        [_, second, ..] => {
            return Err(Refusal::new(line(second), "a second document; put it into a file of its own").within(file));
        }
    };
    let value = value(document, "", file, line(document), form).map_err(|refusal| refusal.within(file))?;
    match value.kind {
        ValueKind::Table(table) => Ok(table),
        ValueKind::Nil => Ok(Map::new()),
        _ => Err(Refusal::new(line(document), format!("expected {} at the top", form.top)).within(file)),
    }
}

/// Scalars stay as written: resolved early, `0123` would come back as 123 and `1.10` as 1.1.
pub(crate) fn scan(text: &str) -> Result<Vec<MarkedYaml<'_>>, ScanError> {
    let mut loader = YamlLoader::<MarkedYaml<'_>>::default();
    loader.early_parse(false);
    Parser::new_from_str(text).load(&mut loader, true)?;
    match loader.error() {
        Some(error) => Err(error.clone()),
        None => Ok(loader.into_documents()),
    }
}

/// What cannot be taken from a file, before its name is known.
#[derive(Debug)]
pub(crate) struct Refusal {
    line: usize,
    fault: String,
}

fn value(node: &MarkedYaml<'_>, around: &str, file: &str, line_of_key: usize, form: &Form) -> Result<Value, Refusal> {
    let origin = format!("{file}:{line_of_key}");
    let kind = match &node.data {
        YamlData::Representation(text, ScalarStyle::Plain, None) if is_null(text) => ValueKind::Nil,
        YamlData::Representation(text, _, tag) => match tag {
            Some(tag) if !tag.is_yaml_core_schema() => {
                return Err(Refusal::new(line(node), "a tag; write the value without"));
            }
            _ => ValueKind::String(text.to_string()),
        },
        YamlData::Sequence(items) => ValueKind::Array(
            items.iter().map(|item| value(item, around, file, line(item), form)).collect::<Result<_, _>>()?,
        ),
        YamlData::Mapping(entries) => {
            let mut table = Map::new();
            for (key, entry) in entries {
                let name = name(key)?;
                let value = match (form.is_json)(around, &name) && is_collection(entry) {
                    true => {
                        Value::new(Some(&format!("{file}:{}", line(key))), ValueKind::String(json::written(entry)?))
                    }
                    false => value(entry, &name, file, line(key), form)?,
                };
                if table.insert(name.clone(), value).is_some() {
                    return Err(Refusal::new(line(key), format!("`{name}` is there twice; keep one of them")));
                }
            }
            ValueKind::Table(table)
        }
        YamlData::Tagged(..) => return Err(Refusal::new(line(node), "a tag; write the value without")),
        YamlData::BadValue | YamlData::Alias(_) => return Err(Refusal::new(line(node), "an alias without its anchor")),
        YamlData::Value(_) => return Err(Refusal::new(line(node), "a value that was not kept as written")),
    };
    Ok(Value::new(Some(&origin), kind))
}

fn is_collection(node: &MarkedYaml<'_>) -> bool {
    matches!(node.data, YamlData::Sequence(_) | YamlData::Mapping(_))
}

pub(crate) fn name(key: &MarkedYaml<'_>) -> Result<String, Refusal> {
    match &key.data {
        YamlData::Representation(text, _, _) => Ok(text.to_string()),
        _ => Err(Refusal::new(line(key), "a key that is not a text; write `name: value`")),
    }
}

pub(super) fn line(node: &MarkedYaml<'_>) -> usize {
    node.span.start.line()
}

pub(crate) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

// === impl Refusal ===

impl Refusal {
    pub(super) fn new(line: usize, fault: impl Into<String>) -> Self {
        Self { line, fault: fault.into() }
    }

    fn within(self, file: &str) -> ConfigError {
        ConfigError::Yaml { origin: format!("{file}:{}", self.line), fault: self.fault }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text<'a>(table: &'a Map<String, Value>, key: &str) -> (&'a ValueKind, &'a str) {
        let value = &table[key];
        (&value.kind, value.origin().unwrap_or_default())
    }

    #[test]
    fn scalars_stay_as_written_and_know_their_line() {
        let table = parse(
            "a: 0123\nb: 1.10\n\nc: yes\nd: |\n  x\n  y\ne: ~\nf: 'null'\ng: 1_000\nh: 0x1F\n",
            "f.yaml",
            &CONFIGURATION,
        )
        .expect("parses");
        let string = |text: &str| ValueKind::String(text.to_owned());
        assert_eq!(text(&table, "a"), (&string("0123"), "f.yaml:1"));
        assert_eq!(text(&table, "b"), (&string("1.10"), "f.yaml:2"));
        assert_eq!(text(&table, "c"), (&string("yes"), "f.yaml:4"));
        assert_eq!(text(&table, "d"), (&string("x\ny\n"), "f.yaml:5"));
        assert_eq!(text(&table, "e"), (&ValueKind::Nil, "f.yaml:8"));
        assert_eq!(text(&table, "f"), (&string("null"), "f.yaml:9"));
        assert_eq!(text(&table, "g"), (&string("1_000"), "f.yaml:10"));
        assert_eq!(text(&table, "h"), (&string("0x1F"), "f.yaml:11"));
    }

    #[test]
    fn keys_with_dots_stay_whole() {
        let table = parse("k:\n  bootstrap.servers: x\n", "f", &CONFIGURATION).expect("parses");
        let ValueKind::Table(k) = &table["k"].kind else { panic!("not a table") };
        assert_eq!(text(k, "bootstrap.servers"), (&ValueKind::String("x".to_owned()), "f:2"));
    }

    #[test]
    fn what_is_not_one_table_of_plain_values_is_refused_with_its_line() {
        let refused = |text: &str| parse(text, "f", &CONFIGURATION).expect_err(text).to_string();
        assert_eq!(refused("a: 1\n'a': 2"), "f:2: not YAML: `a` is there twice; keep one of them");
        assert!(refused("a: 1\na: 2").starts_with("f:2: not YAML: "));
        assert!(refused("a: [").starts_with("f:"));
        assert_eq!(refused("a: !secret x"), "f:1: not YAML: a tag; write the value without");
        assert_eq!(refused("? [a]\n: 1"), "f:1: not YAML: a key that is not a text; write `name: value`");
        assert_eq!(refused("- a"), "f:1: not YAML: expected `connections:` and `pipelines:` at the top");
        assert_eq!(refused("a: 1\n---\nb: 2"), "f:3: not YAML: a second document; put it into a file of its own");
        assert!(parse("# nothing\n", "f", &CONFIGURATION).expect("parses").is_empty());
    }

    #[test]
    fn an_anchor_may_be_used_again() {
        let table = parse("a: &x 01\nb: *x\n", "f", &CONFIGURATION).expect("parses");
        assert_eq!(table["b"].kind, ValueKind::String("01".to_owned()));
    }
}
