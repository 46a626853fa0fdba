//! What can be wrong with a configuration. Everything found is reported at once.

use std::fmt;
use std::path::PathBuf;

use stampmill_core::cel::CelError;
use stampmill_core::schema::SchemaError;
use stampmill_core::table::TableError;
use stampmill_core::template::TemplateError;

use super::secrets;

/// Everything that is wrong, in the order in which it was met; never empty.
#[derive(Debug)]
pub(crate) struct ConfigErrors(pub(crate) Vec<ConfigError>);

/// One thing that is wrong: where it is, what was expected, what came, what to do.
///
/// Values that may be secrets (properties, headers of such a name, everything interpolated, everything from an unknown
/// variable) are not shown, nor are logins in URLs.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("no configuration file: none was named with `--config`, and there is none at {}", list(.tried))]
    NoFile { tried: Vec<PathBuf> },
    #[error("`{}` cannot be read: {source}; name a YAML file, or a folder of them", .path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("`{}` holds no file that ends in `.yaml` or `.yml`; name a folder with pipelines in it", .path.display())]
    EmptyFolder { path: PathBuf },
    #[error("{origin}: not YAML: {fault}")]
    Yaml { origin: String, fault: String },
    #[error("layers cannot be merged: {0}")]
    Layers(#[from] config::ConfigError),

    #[error("{at} is not a key; {remedy}")]
    UnknownKey { at: Place, remedy: String },
    #[error("{at} is missing: {doc}")]
    Missing { at: Place, doc: &'static str },
    #[error("{at}: expected {expected}, got {found}")]
    Mismatch { at: Place, expected: String, found: String },
    #[error("{at}: {fault}")]
    Together { at: Place, fault: String },
    #[error("{at}: `{name}` is not a name; write it with `a` to `z`, `0` to `9` and `-`")]
    Name { at: Place, name: String },
    #[error("{at}: {fault}")]
    Interpolation { at: Place, fault: String },
    #[error("{at}: template file {path} cannot be read: {source}")]
    TemplateFile { at: Place, path: String, source: std::io::Error },
    #[error("{at}: table file {path} cannot be read: {source}")]
    TableFile { at: Place, path: String, source: std::io::Error },
    #[error("{at}: line {line} of {path}: {source}")]
    Table { at: Place, path: String, line: usize, source: Box<TableError> },
    #[error("{at}: {source}")]
    Template { at: Place, source: Box<TemplateError> },
    #[error("{at}: schema file {path} cannot be read: {source}")]
    SchemaFile { at: Place, path: String, source: std::io::Error },
    #[error("{at}: {source}")]
    Schema { at: Place, source: Box<SchemaError> },
    #[error("{at}: {source}")]
    Expression { at: Place, source: Box<CelError> },
    #[error(
        "{at}: line {line}, column {column} is no template; it is not shown, for its name is that of a secret: try it under another"
    )]
    SecretTemplate { at: Place, line: usize, column: usize },

    #[error("environment variable `{name}` sets no key; {remedy}")]
    UnknownVariable { name: String, remedy: String },
    #[error("environment variable `{name}` is not UTF-8; write it so, or put the value into the file")]
    VariableEncoding { name: String },
    #[error("flag `--set {key}=…` sets no key; {remedy}")]
    UnknownFlag { key: String, remedy: String },
    #[error("{setter} may mean {}; set it in the file instead", quoted(.paths))]
    Ambiguous { setter: String, paths: Vec<String> },
    #[error("{first} and {second} set the same key, `{path}`; keep one of them")]
    SetTwice { first: String, second: String, path: String },

    #[error("{at} is no property of librdkafka; {remedy}")]
    UnknownProperty { at: Place, remedy: String },
    #[error("{at} belongs to the engine: {reason}")]
    OwnedProperty { at: Place, reason: &'static str },
    #[error("{at} concerns {concerns} only; {remedy}")]
    WrongSide { at: Place, concerns: &'static str, remedy: &'static str },
    #[error("{at} is `{other}` under another name; keep one of them")]
    Alias { at: Place, other: String },
    #[error(
        "{at}: librdkafka as built here does not take the value; its CONFIGURATION.md says what `{property}` may be"
    )]
    PropertyValue { at: Place, property: String },

    #[error("{at}: {topic} is not a topic's name; write 1 to 249 of the letters a-z, A-Z, 0-9, `.`, `_` and `-`")]
    Topic { at: Place, topic: String },
    #[error("{at}: {pattern} is not a pattern: {fault}")]
    Pattern { at: Place, pattern: String, fault: String },
    #[error("{at}: topic {topic} is there twice; keep one of them")]
    TopicTwice { at: Place, topic: String },
    #[error(
        "{at}: pipeline `{reader}` reads {topic} back ({pattern}), so that records could run in a circle; use another topic"
    )]
    Loop { at: Place, topic: String, reader: String, pattern: String },
    #[error(
        "{at}: group {group} reads {topic} for pipeline `{other}` too, so that each would get a part of it; use another group"
    )]
    SharedGroup { at: Place, group: String, topic: String, other: String },
    #[error(
        "{at}: {drain_ms} ms is not below `max.poll.interval.ms` ({poll_ms}); a drain that takes longer loses the partitions"
    )]
    DrainTooLong { at: Place, drain_ms: u64, poll_ms: u64 },
}

/// Where a value stands: its origin (`file:line`, a variable, a flag), and the path of its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) origin: String,
    pub(crate) key: String,
}

// === impl ConfigErrors ===

impl ConfigErrors {
    /// One by one, as they may be shown.
    pub(crate) fn each(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|error| secrets::without_logins(&error.to_string()))
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for text in self.each() {
            writeln!(f, "{text}")?;
        }
        match self.0.len() {
            1 => write!(f, "the configuration has 1 error; nothing was started"),
            count => write!(f, "the configuration has {count} errors; nothing was started"),
        }
    }
}

impl std::error::Error for ConfigErrors {}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}

// === impl Place ===

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.origin.is_empty() {
            write!(f, "{}: ", self.origin)?;
        }
        write!(f, "`{}`", self.key)
    }
}

/// What to do about a name that nobody knows: the nearest of those known, or all of them where none is near.
pub(crate) fn remedy<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let mut known: Vec<&str> = known.collect();
    known.sort_unstable();
    let nearest =
        known.iter().map(|other| (strsim::jaro_winkler(name, other), *other)).max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((likeness, other)) if likeness >= 0.7 => format!("the nearest is `{other}`"),
        Some(_) if known.len() <= 20 => format!("those known are {}", quoted(&known)),
        Some((_, other)) => format!("the nearest is `{other}`"),
        None => "none is known here".to_owned(),
    }
}

fn quoted(names: &[impl AsRef<str>]) -> String {
    names.iter().map(|name| format!("`{}`", name.as_ref())).collect::<Vec<_>>().join(", ")
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| format!("`{}`", path.display())).collect::<Vec<_>>().join(" or ")
}
