//! Single keys set from outside the files: `STAMPMILL__…` variables and `--set` flags.
//!
//! A name is matched against every key that can be set, which the schema and the names in the files tell. Case does not
//! count, and `_`, `-` and `.` are alike. What matches nothing or several keys is an error. Values stay as they are.

use std::collections::BTreeMap;
use std::ffi::OsString;

use config::{Map, Value, ValueKind};

use super::error::{ConfigError, remedy};
use super::layers::{Layer, entries, get};
use super::origin;
use super::properties::PROPERTIES;
use super::schema::{self, Key, Kind};

const PREFIX: &str = "STAMPMILL__";

/// Every key that can be set, as its path.
pub(crate) struct Settable(Vec<Vec<String>>);

/// Sets one key.
struct Override {
    /// For errors: `environment variable X`, `flag --set x`.
    setter: String,
    value: String,
}

/// The environment as text. Variables that are not UTF-8 are left out, and are errors if they are meant for us.
pub(crate) fn environment(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
    errors: &mut Vec<ConfigError>,
) -> BTreeMap<String, String> {
    let mut environment = BTreeMap::new();
    for (name, value) in variables {
        match (name.into_string(), value.into_string()) {
            (Ok(name), Ok(value)) => {
                environment.insert(name, value);
            }
            (Ok(name), Err(_)) if is_ours(&name) => errors.push(ConfigError::VariableEncoding { name }),
            _ => {}
        }
    }
    environment
}

fn is_ours(name: &str) -> bool {
    name.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

/// Names are matched level by level: `__` stands between two.
pub(crate) fn from_environment(
    environment: &BTreeMap<String, String>,
    settable: &Settable,
    errors: &mut Vec<ConfigError>,
) -> Layer {
    let mut set = BTreeMap::new();
    for (name, value) in environment.iter().filter(|(name, _)| is_ours(name)) {
        let wanted = level_by_level(name[PREFIX.len()..].split("__"));
        let matching = settable.matching(|path| level_by_level(path.iter().map(String::as_str)) == wanted);
        let setter = origin::variable(name);
        let unknown = || {
            let variables: Vec<String> = settable.0.iter().map(|path| variable_of(path)).collect();
            let remedy = remedy(&name.to_ascii_uppercase(), variables.iter().map(String::as_str));
            ConfigError::UnknownVariable { name: name.clone(), remedy }
        };
        insert(&mut set, matching, Override { setter, value: value.clone() }, unknown, errors);
    }
    layer(set)
}

/// `flags` are the keys and values of `--set`, a key as `pipelines.NAME.actors.transforms`.
pub(crate) fn from_flags(flags: &[(String, String)], settable: &Settable, errors: &mut Vec<ConfigError>) -> Layer {
    let mut set = BTreeMap::new();
    for (key, value) in flags {
        let matching = settable.matching(|path| alike(&path.join(".")) == alike(key));
        let unknown = || {
            let keys: Vec<String> = settable.0.iter().map(|path| path.join(".")).collect();
            ConfigError::UnknownFlag { key: key.clone(), remedy: remedy(key, keys.iter().map(String::as_str)) }
        };
        insert(&mut set, matching, Override { setter: origin::flag(key), value: value.clone() }, unknown, errors);
    }
    layer(set)
}

fn insert<'a>(
    set: &mut BTreeMap<&'a [String], Override>,
    matching: Vec<&'a [String]>,
    new: Override,
    unknown: impl FnOnce() -> ConfigError,
    errors: &mut Vec<ConfigError>,
) {
    match matching.as_slice() {
        [] => errors.push(unknown()),
        [path] => match set.get(path) {
            Some(old) => errors.push(ConfigError::SetTwice {
                first: format!("`{}`", old.setter),
                second: format!("`{}`", new.setter),
                path: path.join("."),
            }),
            None => {
                set.insert(path, new);
            }
        },
        several => errors.push(ConfigError::Ambiguous {
            setter: format!("`{}`", new.setter),
            paths: several.iter().map(|path| path.join(".")).collect(),
        }),
    }
}

fn layer(set: BTreeMap<&[String], Override>) -> Layer {
    let mut root = Map::new();
    for (path, Override { setter, value }) in set {
        nest(&mut root, path, Value::new(Some(&setter), ValueKind::String(value)));
    }
    Layer(root)
}

fn nest(table: &mut Map<String, Value>, path: &[String], value: Value) {
    match path {
        [] => {}
        [last] => {
            table.insert(last.clone(), value);
        }
        [first, rest @ ..] => {
            let inner = table.entry(first.clone()).or_insert_with(|| Value::new(None, Map::<String, Value>::new()));
            if let ValueKind::Table(inner) = &mut inner.kind {
                nest(inner, rest, value);
            }
        }
    }
}

fn level_by_level<'a>(levels: impl Iterator<Item = &'a str>) -> Vec<String> {
    levels.map(alike).collect()
}

/// Names that are alike become equal.
fn alike(name: &str) -> String {
    name.to_ascii_lowercase().replace(['-', '.'], "_")
}

fn variable_of(path: &[String]) -> String {
    let levels: Vec<String> = path.iter().map(|level| alike(level).to_ascii_uppercase()).collect();
    format!("{PREFIX}{}", levels.join("__"))
}

// === impl Settable ===

impl Settable {
    /// All keys of the schema, under the names that `files` give to connections, pipelines and headers.
    pub(crate) fn new(files: &Value) -> Self {
        let mut settable = Self(Vec::new());
        settable.add_keys(schema::ROOT, Some(files), &[]);
        settable
    }

    fn add_keys(&mut self, keys: &[Key], written: Option<&Value>, path: &[String]) {
        for key in keys {
            self.add(&key.kind, get(written, key.name), &join(path, key.name));
        }
    }

    fn add(&mut self, kind: &Kind, written: Option<&Value>, path: &[String]) {
        match kind {
            Kind::Table(keys) => self.add_keys(keys, written, path),
            Kind::Entries(entry_kind) => {
                for (name, entry) in entries(written) {
                    self.add(entry_kind, Some(entry), &join(path, name));
                }
            }
            Kind::Properties(side) => {
                let names =
                    PROPERTIES.iter().filter(|property| side.takes(property.side)).map(|property| property.name);
                self.0.extend(names.map(|name| join(path, name)));
            }
            Kind::Steps(_) | Kind::StepsWithin | Kind::SinksWithin | Kind::List(_) | Kind::Other(_) => {}
            // In its short form; a list of steps, which has the others, is set as a whole.
            Kind::Short(_)
            | Kind::Text
            | Kind::Secret
            | Kind::Address
            | Kind::Hosts
            | Kind::Topic
            | Kind::Number { .. }
            | Kind::Size
            | Kind::Choice(_)
            | Kind::WordOrNumber(_)
            | Kind::WordOrNull(_)
            | Kind::Template
            | Kind::TemplateOrNull
            | Kind::Schema
            | Kind::Paths
            | Kind::Path
            | Kind::Expression
            | Kind::Assigned
            | Kind::Topics => self.0.push(path.to_vec()),
        }
    }

    fn matching(&self, wanted: impl Fn(&[String]) -> bool) -> Vec<&[String]> {
        self.0.iter().map(Vec::as_slice).filter(|path| wanted(path)).collect()
    }
}

fn join(path: &[String], name: &str) -> Vec<String> {
    path.iter().cloned().chain([name.to_owned()]).collect()
}
