//! Where a pipeline writes: one sink, or several on one connection.

use config::ValueKind;
use stampmill_core::template::{Media, Options, Template};
use stampmill_core::transform::Outlet;
use stampmill_engine::settings::{Properties, Sink, SinkKey, SinkPartition, SinkTimestamp};

use super::connection::{self, Connection};
use super::error::ConfigError;
use super::layers::{self, Layer};
use super::pipeline;
use super::profile::Profile;
use super::properties::Side;
use super::reading::{Text, join, place};
use super::secrets;
use super::section::Section;
use super::security;
use super::steps::Common;
use super::topics;

pub(super) struct Sinks<'a> {
    pub(super) to: &'a Connection,
    /// Of the producers.
    pub(super) producer: Properties,
    /// One at the least.
    pub(super) sinks: Vec<Sink>,
    /// In the same order.
    pub(super) topics: Vec<Text>,
    pub(super) outlets: Vec<Outlet>,
}

/// A sink, the text of its topic, and what it takes.
type One = (Sink, Text, Outlet);

/// What `sink` says of a record to send, and `sinks` of each.
pub(super) const OF_ONE: [&str; 6] = ["topic", "partition", "key", "headers", "timestamp", "content_type"];

pub(super) fn sinks<'a>(
    pipeline: &Section<'_>,
    connections: &'a [Connection],
    profile: Profile,
    common: &Common<'_>,
) -> Option<Sinks<'a>> {
    let path = pipeline.path("sink");
    let shared = pipeline.table("sink", &path);
    let to = pipeline::connection(&shared, connections);
    let overrides =
        connection::properties(shared.reading, shared.value("properties"), &shared.path("properties"), Side::Producer);
    let options = common.options(Media::Text);
    let all: Vec<Option<One>> = if pipeline.is_there("sinks") {
        for name in OF_ONE.into_iter().filter(|name| shared.is_written(name)) {
            let fault = format!("`sinks` say this, each for itself: move `{name}` there, or leave `sinks` out");
            shared.reading.note(ConfigError::Together { at: shared.at(name), fault });
        }
        several(pipeline, common, &options)
    } else {
        // That it is no table has been noted.
        if !shared.is_there("topic") && (shared.is_table() || !pipeline.is_there("sink")) {
            shared.reading.note(ConfigError::Missing { at: shared.at("topic"), doc: "the topic to write" });
        }
        vec![one(&shared, "sink".to_owned(), &options)]
    };

    let to = to?;
    security::check(shared.reading, to, Side::Producer, &overrides);
    let all = all.into_iter().collect::<Option<Vec<_>>>()?;
    let mut producer = to.client(Side::Producer, &overrides);
    profile.of_producer(&mut producer);
    let mut made = Sinks { to, producer, sinks: Vec::new(), topics: Vec::new(), outlets: Vec::new() };
    for (sink, topic, outlet) in all {
        made.sinks.push(sink);
        made.topics.push(topic);
        made.outlets.push(outlet);
    }
    Some(made)
}

fn several(pipeline: &Section<'_>, common: &Common<'_>, options: &Options) -> Vec<Option<One>> {
    let Some((keys, items)) = pipeline.items("sinks") else { return vec![None] };
    let path = pipeline.path("sinks");
    if items.is_empty() {
        let at = pipeline.at("sinks");
        pipeline.reading.note(ConfigError::Mismatch {
            at,
            expected: "one sink at the least".into(),
            found: "none".into(),
        });
        return vec![None];
    }
    let each = items.iter().enumerate().map(|(number, item)| {
        let path = format!("{path}.{number}");
        let full = match &item.kind {
            ValueKind::Table(table) => layers::under(keys, Layer(table.clone())),
            _ => item.clone(),
        };
        let sink = Section::open(pipeline.reading, keys, Some(&full), &path);
        let when = match sink.is_there("when") {
            true => sink.condition("when", &common.expressions()).map(Some),
            false => Some(None),
        };
        // Read before the first `?`, so that all faults are noted.
        let (sink, topic, outlet) = one(&sink, format!("sinks[{number}]"), options)?;
        Some((sink, topic, Outlet { when: when?, ..outlet }))
    });
    each.collect()
}

fn one(sink: &Section<'_>, name: String, options: &Options) -> Option<One> {
    let topic = sink.text("topic").and_then(|text| topics::topic(sink.reading, text));
    let partition = sink.choice_or_number(
        "partition",
        &[("key", SinkPartition::ByKey), ("source", SinkPartition::Source)],
        SinkPartition::Number,
    );
    let key = sink_key(sink, options);
    let headers = headers(sink, options);
    let timestamp = sink.choice("timestamp", &[("source", SinkTimestamp::Source), ("now", SinkTimestamp::Now)]);
    let content_type = sink.text("content_type").map(|text| text.text);

    let (topic, (key, key_template)) = (topic?, key?);
    let (names, header_templates): (Vec<String>, Vec<Template>) = headers?.into_iter().unzip();
    let sink = Sink {
        name,
        topic: topic.text.clone(),
        partition: partition?,
        key,
        headers: names,
        timestamp: timestamp?,
        content_type,
    };
    let templates = key_template.into_iter().chain(header_templates).collect();
    Some((sink, topic, Outlet { when: None, templates }))
}

fn sink_key(sink: &Section<'_>, options: &Options) -> Option<(SinkKey, Option<Template>)> {
    match sink.value("key").map(|value| &value.kind) {
        None => Some((SinkKey::Source, None)),
        Some(ValueKind::Nil) => Some((SinkKey::Null, None)),
        Some(_) => Some((SinkKey::Template, Some(sink.template("key", options)?))),
    }
}

fn headers(sink: &Section<'_>, options: &Options) -> Option<Vec<(String, Template)>> {
    let path = sink.path("headers");
    let entries = sink.reading.entries(sink.value("headers"), &path);
    let compiled: Vec<Option<(String, Template)>> = entries
        .into_iter()
        .map(|(name, value)| {
            let at = place(Some(value), &join(&path, name));
            let template = match secrets::is_secret_name(name) {
                true => sink.reading.secret_template(value, at, options),
                false => sink.reading.template(value, at, options),
            };
            Some((name.to_owned(), template?))
        })
        .collect();
    compiled.into_iter().collect()
}
