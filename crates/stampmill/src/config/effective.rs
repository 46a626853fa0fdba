//! A configuration as it counts, key by key, to find what another one would change.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use config::{Value, ValueKind};
use stampmill_core::template::Partials;
use stampmill_engine::credentials::{Piece, Secret};

use super::credentials;
use super::layers::{self, Layer, entries, get, long_form};
use super::properties::Property;
use super::reading::{Reading, join, place};
use super::schema::{self, Key, Kind};
use super::topics;

/// Everything that a start reads: values with what `${…}` stands for, defaults included, and the files of templates.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Effective {
    values: BTreeMap<String, String>,
    /// What stands in the file that such a key names.
    files: BTreeMap<String, String>,
    partials: BTreeMap<PathBuf, Option<Partials>>,
}

/// What one configuration has otherwise than another.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Pipelines whose steps would be others.
    pub(crate) pipelines: BTreeSet<String>,
    /// Keys that a running program cannot take over.
    pub(crate) fixed: BTreeSet<String>,
}

/// Of a configuration that was found valid.
pub(super) fn effective(reading: &Reading<'_>, merged: &Value) -> Effective {
    let mut values = BTreeMap::new();
    Walk { reading, values: &mut values }.table(schema::ROOT, Some(merged), "");
    let partials = reading.partials.borrow();
    let partials = partials.iter().map(|(folder, partials)| (folder.clone(), partials.as_deref().cloned()));
    Effective { values, files: reading.template_files.borrow().clone(), partials: partials.collect() }
}

struct Walk<'a> {
    reading: &'a Reading<'a>,
    values: &'a mut BTreeMap<String, String>,
}

// === impl Walk ===

impl Walk<'_> {
    fn table(&mut self, keys: &[Key], table: Option<&Value>, path: &str) {
        for key in keys {
            if let Some(value) = get(table, key.name) {
                self.value(&key.kind, value, &join(path, key.name));
            }
        }
    }

    fn value(&mut self, kind: &Kind, value: &Value, path: &str) {
        match kind {
            Kind::Table(keys) => self.table(keys, Some(value), path),
            Kind::Short(keys) => {
                let table = long_form(keys, value).map(|table| layers::under(keys, Layer(table)));
                self.table(keys, table.as_ref(), path);
            }
            Kind::Steps(keys) => {
                for (index, step) in items(value).iter().enumerate() {
                    self.table(keys, Some(step), &join(path, &index.to_string()));
                }
            }
            Kind::Entries(entry) => {
                entries(Some(value)).into_iter().for_each(|(name, value)| self.value(entry, value, &join(path, name)));
            }
            Kind::Properties(_) => {
                entries(Some(value))
                    .into_iter()
                    .for_each(|(name, value)| self.property(name, value, &join(path, name)));
            }
            Kind::Topics | Kind::Hosts | Kind::Paths => {
                let texts = topics::texts(self.reading, value, path).into_iter().map(|text| text.text);
                self.values.insert(path.to_owned(), texts.collect::<Vec<_>>().join(","));
            }
            Kind::StepsWithin => self.value(&Kind::Steps(schema::STEPS), value, path),
            Kind::SinksWithin => self.value(&Kind::List(schema::SINKS), value, path),
            Kind::List(keys) => {
                for (index, item) in items(value).iter().enumerate() {
                    let item = match &item.kind {
                        ValueKind::Table(table) => layers::under(keys, Layer(table.clone())),
                        _ => item.clone(),
                    };
                    self.table(keys, Some(&item), &join(path, &index.to_string()));
                }
            }
            Kind::Assigned => match get(Some(value), "cel") {
                Some(expression) => self.value(&Kind::Expression, expression, &join(path, "cel")),
                None => self.value(&Kind::TemplateOrNull, value, path),
            },
            Kind::Template | Kind::TemplateOrNull | Kind::WordOrNull(_) | Kind::Expression | Kind::Schema => {
                let text = match &value.kind {
                    ValueKind::String(text) => format!("a text: {text}"),
                    _ => "null".to_owned(),
                };
                self.values.insert(path.to_owned(), text);
            }
            // It stands in files with cases only.
            Kind::Other(_) => {}
            Kind::Text
            | Kind::Secret
            | Kind::Address
            | Kind::Topic
            | Kind::Path
            | Kind::Number { .. }
            | Kind::Size
            | Kind::Choice(_)
            | Kind::WordOrNumber(_) => self.text(value, path),
        }
    }

    /// What a running program follows by itself differs only when it is to come from elsewhere.
    fn property(&mut self, name: &str, value: &Value, path: &str) {
        let first_name = Property::find(name).map_or(name, |property| property.first_name());
        let Some(text) = self.reading.text(value, place(Some(value), path)) else { return };
        let is_followed = credentials::is_followed(first_name) && text.secret.is_from_files();
        let value = if is_followed { pieces(&text.secret) } else { text.text };
        self.values.insert(path.to_owned(), value);
    }

    /// A file that `${file:…}` names and that is gone since is noted as an error.
    fn text(&mut self, value: &Value, path: &str) {
        if let Some(text) = self.reading.text(value, place(Some(value), path)) {
            self.values.insert(path.to_owned(), text.text);
        }
    }
}

fn pieces(secret: &Secret) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Text(text) => format!("{text:?} "),
        Piece::File(path) => format!("{path:?} "),
    };
    secret.0.iter().map(piece).collect()
}

fn items(list: &Value) -> &[Value] {
    match &list.kind {
        ValueKind::Array(items) => items,
        _ => &[],
    }
}

// === impl Effective ===

impl Effective {
    pub(crate) fn difference(&self, other: &Self) -> Difference {
        let mut found = Difference::default();
        let keys = differing(&self.values, &other.values).chain(differing(&self.files, &other.files));
        for key in keys {
            match (pipeline_of_step(key), table_of(key)) {
                (Some(pipeline), _) => _ = found.pipelines.insert(pipeline.to_owned()),
                // Other rows are other steps for whoever looks them up. For how many there is memory was planned at the start.
                (None, Some((table, name))) if name != "max_bytes" && !self.is_kept(table) && !other.is_kept(table) => {
                    found.pipelines.extend(other.readers(table));
                }
                (None, _) => _ = found.fixed.insert(key.clone()),
            }
        }
        // Which templates use which of them is not looked into.
        if self.partials != other.partials {
            found.pipelines.extend(other.pipelines());
        }
        found
    }

    /// Whether that table is of a topic, which is read from the start of the program on.
    fn is_kept(&self, table: &str) -> bool {
        self.values.contains_key(&format!("tables.{table}.topic"))
    }

    /// The pipelines with a step that looks up in that table.
    fn readers(&self, table: &str) -> impl Iterator<Item = String> {
        let steps = self.values.iter().filter(move |(key, value)| key.ends_with(".lookup.table") && *value == table);
        steps.filter_map(|(key, _)| pipeline_of_step(key)).map(str::to_owned)
    }

    fn pipelines(&self) -> impl Iterator<Item = String> {
        self.values.keys().filter_map(|key| Some(key.strip_prefix("pipelines.")?.split('.').next()?.to_owned()))
    }
}

fn differing<'a>(
    one: &'a BTreeMap<String, String>,
    other: &'a BTreeMap<String, String>,
) -> impl Iterator<Item = &'a String> {
    let keys = one.keys().chain(other.keys());
    keys.filter(|key| one.get(*key) != other.get(*key))
}

/// A pipeline's name has no dot in it.
fn pipeline_of_step(key: &str) -> Option<&str> {
    let (pipeline, rest) = key.strip_prefix("pipelines.")?.split_once('.')?;
    let is_of_flow = rest.starts_with("sinks.") && rest.contains(".transforms.");
    (rest.starts_with("transforms.") || is_of_flow).then_some(pipeline)
}

/// And the key within. A table's name has no dot in it.
fn table_of(key: &str) -> Option<(&str, &str)> {
    key.strip_prefix("tables.")?.split_once('.')
}

impl fmt::Debug for Effective {
    /// Passwords are among the values.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Effective").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Case, case};
    use super::super::{Settings, load};
    use super::*;

    const TWO: &str = "
connections: { kafka: { bootstrap.servers: '${HOST:-a}:1', sasl.password: '${file:password}' } }
pipelines:
  first:
    source: { topics: [in], group: a }
    transforms: [ log: x, envelope: { file: e.hbs } ]
    sink: { topic: out, key: '{{key}}' }
  second:
    source: { topics: 'in, more', group: b }
    transforms: [ envelope: '{{> head}}' ]
    sink: { topic: end }
";

    fn two(name: &str) -> Case {
        let case = case(name, TWO);
        for (file, text) in [("password", "one"), ("e.hbs", "{{payload}}")] {
            case.folder.write(file, text);
        }
        std::fs::create_dir(case.folder.0.join("templates")).expect("a folder can be made");
        case.folder.write("templates/head.hbs", "{{payload}}");
        case
    }

    fn loaded(case: &Case) -> Effective {
        let Settings { effective, .. } = load(case.sources.clone()).unwrap_or_else(|errors| panic!("{errors}"));
        effective
    }

    /// Pipelines that change, and keys that must not.
    fn after(name: &str, file: &str, from: &str, to: &str) -> (Vec<String>, Vec<String>) {
        let case = two(name);
        let before = loaded(&case);
        let text = std::fs::read_to_string(case.folder.0.join(file)).expect("is there");
        assert!(text.contains(from), "{from}");
        case.folder.write(file, &text.replacen(from, to, 1));
        let Difference { pipelines, fixed } = before.difference(&loaded(&case));
        (pipelines.into_iter().collect(), fixed.into_iter().collect())
    }

    #[test]
    fn other_steps_are_those_of_their_pipeline() {
        for (file, from, to) in [
            ("c.yaml", "log: x", "log: y"),
            ("c.yaml", "log: x,", ""),
            ("c.yaml", "log: x", "log: { message: x, level: debug }"),
            ("e.hbs", "{{payload}}", "{{payload.a}}"),
        ] {
            assert_eq!(after("steps", file, from, to), (vec!["first".to_owned()], vec![]), "{to}");
        }
        let both = (vec!["first".to_owned(), "second".to_owned()], vec![]);
        assert_eq!(after("partial", "templates/head.hbs", "payload", "payload.a"), both);
    }

    #[test]
    fn whatever_else_differs_is_named_by_its_key() {
        let cases = [
            ("c.yaml", "topic: out", "topic: other", "pipelines.first.sink.topic"),
            ("c.yaml", "key: '{{key}}'", "key: ~", "pipelines.first.sink.key"),
            ("c.yaml", "in, more", "in, less", "pipelines.second.source.topics"),
            ("c.yaml", "HOST:-a", "HOST:-b", "connections.kafka.bootstrap.servers"),
            ("c.yaml", "file:password", "file:./password", "connections.kafka.sasl.password"),
            ("c.yaml", "pipelines:", "probes: { listen: off }\npipelines:", "probes.listen"),
            ("c.yaml", "group: b", "group: b, start: latest", "pipelines.second.source.start"),
        ];
        for (file, from, to, key) in cases {
            assert_eq!(after("fixed", file, from, to), (vec![], vec![key.to_owned()]), "{to}");
        }
        let (_, fixed) = after("gone", "c.yaml", "  first:", "  third:");
        assert!(fixed.contains(&"pipelines.first.source.group".to_owned()), "{fixed:?}");
        assert!(fixed.contains(&"pipelines.third.source.group".to_owned()), "{fixed:?}");
    }

    #[test]
    fn what_a_running_program_follows_by_itself_is_no_difference() {
        assert_eq!(after("followed", "password", "one", "two"), (vec![], vec![]));
    }

    #[test]
    fn the_same_in_other_words_is_no_difference() {
        for (from, to) in [("[in]", "in"), ("log: x", "log: { message: x, level: info }"), ("group: a", "group: 'a'")] {
            assert_eq!(after("same", "c.yaml", from, to), (vec![], vec![]), "{to}");
        }
        assert_eq!(format!("{:?}", loaded(&two("debug"))), "Effective { .. }");
    }
}
