//! The layers, merged by the config crate: built-in defaults < files < environment < flags.

use config::{Config, Map, Source, Value, ValueKind};

use super::origin;
use super::schema::{self, Default, Key, Kind};

/// One layer, as a table that is already nested.
///
/// The config crate takes a dot in a key for nesting, but only in the keys of the top level, which have none here.
#[derive(Clone, Debug)]
pub(crate) struct Layer(pub(crate) Map<String, Value>);

/// Later layers win, key by key; a list is replaced as a whole.
pub(crate) fn merge(layers: impl IntoIterator<Item = Layer>) -> Result<Value, config::ConfigError> {
    let builder = layers.into_iter().fold(Config::builder(), |builder, layer| builder.add_source(layer));
    Ok(builder.build()?.cache)
}

/// The defaults of every pipeline that the files name.
pub(crate) fn defaults(files: &Value) -> Layer {
    Layer(defaults_of(schema::ROOT, Some(files)))
}

/// A table outside the layers, with the defaults of its keys for those that it lacks.
pub(crate) fn under(keys: &[Key], Layer(written): Layer) -> Value {
    let mut table = defaults_of(keys, None);
    table.extend(written);
    Value::new(None, table)
}

/// A value that may be a text standing for the first of its keys, as the table that it stands for; none, if it is neither.
pub(crate) fn long_form(keys: &[Key], value: &Value) -> Option<Map<String, Value>> {
    match (&value.kind, keys) {
        (ValueKind::String(_), [first, ..]) => Some(Map::from([(first.name.to_owned(), value.clone())])),
        (ValueKind::Table(table), _) => Some(table.clone()),
        _ => None,
    }
}

fn defaults_of(keys: &[Key], written: Option<&Value>) -> Map<String, Value> {
    keys.iter().filter_map(|key| Some((key.name.to_owned(), default_of(key, get(written, key.name))?))).collect()
}

fn default_of(key: &Key, written: Option<&Value>) -> Option<Value> {
    let kind = match (&key.kind, key.default) {
        (_, Default::Value(text)) => ValueKind::String(text.to_owned()),
        (Kind::Table(keys), _) => ValueKind::Table(defaults_of(keys, written)),
        (Kind::Entries(Kind::Table(keys)), _) => ValueKind::Table(
            entries(written)
                .into_iter()
                .map(|(name, entry)| (name.to_owned(), Value::new(None, defaults_of(keys, Some(entry)))))
                .collect(),
        ),
        _ => return None,
    };
    Some(Value::new(Some(&origin::DEFAULT.to_owned()), kind))
}

/// The value of a key, if `table` is there, is a table and has it.
pub(crate) fn get<'a>(table: Option<&'a Value>, key: &str) -> Option<&'a Value> {
    match &table?.kind {
        ValueKind::Table(table) => table.get(key),
        _ => None,
    }
}

/// What stands in a table, in the order of the names; nothing, if it is not there or no table.
pub(crate) fn entries(table: Option<&Value>) -> Vec<(&str, &Value)> {
    let Some(Value { kind: ValueKind::Table(table), .. }) = table else { return Vec::new() };
    let mut entries: Vec<_> = table.iter().map(|(name, entry)| (name.as_str(), entry)).collect();
    entries.sort_unstable_by_key(|(name, _)| *name);
    entries
}

// === impl Layer ===

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        Ok(self.0.clone())
    }
}
