//! A valid configuration with all that it leaves to other keys: each pipeline's connection, what its profile sets, names
//! that follow from its own, and librdkafka's properties as its clients get them.

use std::path::{Path, PathBuf};

use config::{Map, Value, ValueKind};
use stampmill_engine::kafka::engine_properties;
use stampmill_engine::settings::{Delivery, PipelineSettings};

use super::super::Settings;
use super::super::connection::{self, Connection};
use super::super::credentials;
use super::super::layers::{get, long_form};
use super::super::memory::default_budget;
use super::super::origin;
use super::super::properties::Side;
use super::super::reading::{Reading, Text, place};
use super::super::schema::{ENVELOPE, LOG, MEMORY, VALIDATE};
use super::super::sinks;
use super::properties::Set;
use super::tables::Tables;

/// The merged layers, completed. A default of the engine stands there as if it were written, with its origin.
pub(super) fn complete(reading: &Reading<'_>, merged: &Value, settings: &Settings, available: Option<usize>) -> Value {
    let connections = connection::connections(reading, get(Some(merged), "connections"));
    let mut root = table(Some(merged));
    let mut memory = root.get("memory").and_then(|memory| long_form(MEMORY, memory)).unwrap_or_default();
    fill(&mut memory, "budget", &default_budget(available).to_string(), origin::DEFAULT);
    root.insert("memory".to_owned(), Value::new(None, memory));

    let tables = Tables { reading, connections: &connections }.complete(table(root.get("tables")));
    root.insert("tables".to_owned(), tables);

    let mut pipelines = table(root.get("pipelines"));
    for settings in &settings.pipelines {
        let written = table(pipelines.get(&settings.name));
        let whole = Pipeline { reading, connections: &connections, settings }.complete(written);
        pipelines.insert(settings.name.clone(), whole);
    }
    root.insert("pipelines".to_owned(), Value::new(None, pipelines));
    Value::new(None, root)
}

struct Pipeline<'a> {
    reading: &'a Reading<'a>,
    connections: &'a [Connection],
    settings: &'a PipelineSettings,
}

/// A copy of the table; an empty one, if there is none.
pub(super) fn table(value: Option<&Value>) -> Map<String, Value> {
    match value.map(|value| &value.kind) {
        Some(ValueKind::Table(table)) => table.clone(),
        _ => Map::new(),
    }
}

/// Sets what is not set.
pub(super) fn fill(table: &mut Map<String, Value>, name: &str, text: &str, origin: &str) {
    table.entry(name.to_owned()).or_insert_with(|| value(text, origin));
}

pub(super) fn value(text: &str, origin: &str) -> Value {
    Value::new(Some(&origin.to_owned()), text)
}

/// A path that means the same beside another configuration file; none, if it must not be shown.
pub(super) fn absolute(reading: &Reading<'_>, file: &Value) -> Option<Value> {
    let Text { text, at, is_secret: false, .. } = reading.text(file, place(Some(file), ""))? else { return None };
    let path: PathBuf = origin::folder(&at.origin).unwrap_or(Path::new("")).join(text);
    let path = std::path::absolute(path).ok()?;
    // What comes from a file is interpolated, and this was.
    Some(value(&path.to_str()?.replace("${", "$${"), &at.origin))
}

// === impl Pipeline ===

impl Pipeline<'_> {
    fn complete(&self, mut pipeline: Map<String, Value>) -> Value {
        let Self { settings, .. } = self;
        let profile = self.text(pipeline.get("profile")).map_or_else(String::new, |profile| profile.text);
        let profile = origin::profile(&profile);
        fill(&mut pipeline, "batch_records", &settings.pace.batch_records.to_string(), &profile);

        let mut on_failure = table(pipeline.get("on_failure"));
        fill(&mut on_failure, "topic", &settings.on_failure.dead_letter_topic, origin::DEFAULT);
        pipeline.insert("on_failure".to_owned(), Value::new(None, on_failure));

        self.steps(&mut pipeline);
        let source = self.source(table(pipeline.get("source")), &profile);
        pipeline.insert("source".to_owned(), source);
        let mut sink = table(pipeline.get("sink"));
        if pipeline.contains_key("sinks") {
            // Each of them has its own.
            sinks::OF_ONE.iter().for_each(|name| drop(sink.remove(*name)));
        }
        let sink = self.sink(sink, &profile);
        pipeline.insert("sink".to_owned(), sink);
        Value::new(None, pipeline)
    }

    /// The steps of all that has some, and of what is within it.
    fn steps(&self, around: &mut Map<String, Value>) {
        let tables = |list: Option<&mut Value>, change: &dyn Fn(&mut Map<String, Value>)| {
            let Some(Value { kind: ValueKind::Array(items), .. }) = list else { return };
            for item in items {
                if let ValueKind::Table(item) = &mut item.kind {
                    change(item);
                }
            }
        };
        tables(around.get_mut("transforms"), &|step| self.step(step));
        tables(around.get_mut("sinks"), &|sink| self.steps(sink));
        tables(around.get_mut("switch"), &|case| self.steps(case));
    }

    fn step(&self, step: &mut Map<String, Value>) {
        if let Some(mut log) = step.get("log").and_then(|log| long_form(LOG, log)) {
            fill(&mut log, "name", &self.settings.name, origin::DEFAULT);
            step.insert("log".to_owned(), Value::new(None, log));
        }
        for (name, keys) in [("envelope", ENVELOPE), ("validate", VALIDATE)] {
            let Some(mut long) = step.get(name).and_then(|value| long_form(keys, value)) else { continue };
            if let Some(file) = long.get("file").and_then(|file| absolute(self.reading, file)) {
                long.insert("file".to_owned(), file);
            }
            step.insert(name.to_owned(), Value::new(None, long));
        }
        if let Some(ValueKind::Table(fragment)) = step.get_mut("fragment").map(|fragment| &mut fragment.kind) {
            self.steps(fragment);
        }
        self.steps(step);
    }

    fn source(&self, mut source: Map<String, Value>, profile: &str) -> Value {
        let settings = &self.settings.source;
        let set = Set { settings: &settings.properties, profile, engine: engine_properties::of_consumer(settings) };
        let mut properties = self.properties(&mut source, Side::Consumer, &set);
        if let Some(group) = source.get("group") {
            properties.insert("group.id".to_owned(), group.clone());
        }
        source.insert("properties".to_owned(), Value::new(None, properties));
        Value::new(None, source)
    }

    fn sink(&self, mut sink: Map<String, Value>, profile: &str) -> Value {
        let in_transactions = matches!(self.settings.delivery, Delivery::ExactlyOnce { .. });
        let set =
            Set { settings: &self.settings.producer, profile, engine: engine_properties::of_producer(in_transactions) };
        let properties = self.properties(&mut sink, Side::Producer, &set);
        sink.insert("properties".to_owned(), Value::new(None, properties));
        Value::new(None, sink)
    }

    /// What the clients of a source or a sink are set to, whose connection gets a name if it has none.
    fn properties(&self, end: &mut Map<String, Value>, side: Side, set: &Set<'_>) -> Map<String, Value> {
        if let [only] = self.connections {
            fill(end, "connection", &only.name, origin::DEFAULT);
        }
        let name = self.text(end.get("connection")).map(|name| name.text);
        let Some(connection) = self.connections.iter().find(|connection| Some(&connection.name) == name.as_ref())
        else {
            // A file that `${file:…}` names is gone since it was found valid, and that is noted.
            return Map::new();
        };
        let overrides = connection::properties(self.reading, end.get("properties"), "properties", side);
        // What is for the token source is of the connection, and refused elsewhere.
        let in_force = connection.in_force(side, &overrides);
        set.over(in_force.filter(|set| !credentials::is_oidc(set.property.first_name())))
    }

    fn text(&self, value: Option<&Value>) -> Option<Text> {
        let value = value?;
        self.reading.text(value, place(Some(value), ""))
    }
}
