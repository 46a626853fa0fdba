//! Where a pipeline writes: one sink, or several on one connection.

use config::{Value, ValueKind};
use stampmill_core::template::{Media, Options, Template};
use stampmill_core::transform::{Flow, Outlet, To};
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
use super::steps::{self, Common};
use super::topics;

pub(super) struct Sinks<'a> {
    pub(super) to: &'a Connection,
    /// Of the producers.
    pub(super) producer: Properties,
    /// All that a record can come to, those of flows included.
    pub(super) all: All,
    pub(super) outlets: Vec<Outlet>,
}

/// One at the least, by their numbers.
#[derive(Default)]
pub(super) struct All {
    pub(super) sinks: Vec<Sink>,
    pub(super) topics: Vec<Text>,
}

/// What `sink` says of a record to send, and `sinks` of each.
pub(super) const OF_ONE: [&str; 8] =
    ["topic", "topics", "choose", "partition", "key", "headers", "timestamp", "content_type"];

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
    let mut all = All::default();
    let outlets = if pipeline.is_there("sinks") {
        for name in OF_ONE.into_iter().filter(|name| shared.is_written(name)) {
            let fault = format!("`sinks` say this, each for itself: move `{name}` there, or leave `sinks` out");
            shared.reading.note(ConfigError::Together { at: shared.at(name), fault });
        }
        several(pipeline, "", common, &mut all)
    } else {
        let is_nothing = pipeline.is_there("sink") && !shared.is_table();
        // That it is no table has been noted.
        let only = if is_nothing { None } else { all.one(&shared, "sink", &common.of_sinks().options(Media::Text)) };
        only.map(|to| vec![Outlet { when: None, to }])
    };

    let to = to?;
    security::check(shared.reading, to, Side::Producer, &overrides);
    let mut producer = to.client(Side::Producer, &overrides);
    profile.of_producer(&mut producer);
    Some(Sinks { to, producer, all, outlets: outlets? })
}

/// The sinks of a pipeline or of a flow, of which `path` is the name in what fails there.
fn several(flow: &Section<'_>, path: &str, common: &Common<'_>, all: &mut All) -> Option<Vec<Outlet>> {
    let (keys, items) = flow.items("sinks")?;
    if items.is_empty() {
        flow.reading.mismatch(flow.at("sinks"), "one sink at the least", "none");
        return None;
    }
    let place = flow.path("sinks");
    let outlet = |(number, item): (usize, &Value)| {
        let full = match &item.kind {
            ValueKind::Table(table) => layers::under(keys, Layer(table.clone())),
            _ => item.clone(),
        };
        let at = format!("{place}.{number}");
        let sink = Section::open(flow.reading, keys, Some(&full), &at);
        let of_sinks = common.of_sinks();
        let when = match sink.is_there("when") {
            true => sink.condition("when", &of_sinks.expressions()).map(Some),
            false => Some(None),
        };
        // Read before the first `?`, so that all faults are noted.
        let to = match sink.is_there("flow") {
            true => into_flow(&sink, path, common, all),
            false => all.one(&sink, &format!("{path}sinks[{number}]"), &of_sinks.options(Media::Text)),
        };
        Some(Outlet { when: when?, to: to? })
    };
    // All are read before the first fault ends it.
    let outlets: Vec<Option<Outlet>> = items.iter().enumerate().map(outlet).collect();
    outlets.into_iter().collect()
}

/// It begins with what came out: that is the record for its sinks.
fn into_flow(sink: &Section<'_>, path: &str, common: &Common<'_>, all: &mut All) -> Option<To> {
    for name in OF_ONE.into_iter().filter(|name| sink.is_written(name)) {
        let fault = format!("the sinks of the flow say this, each for itself: move `{name}` there");
        sink.reading.note(ConfigError::Together { at: sink.at(name), fault });
    }
    let name = sink.text("flow")?.text;
    let mut common = Common { origin: common.payload, ..common.clone() };
    let steps = steps::steps(sink, &mut common);
    let outlets = several(sink, &format!("{path}{name}."), &common, all);
    Some(To::Flow { name, flow: Flow { steps: steps?, outlets: outlets? } })
}

// === impl All ===

impl All {
    /// Adds a sink, or one for each topic that it may choose.
    fn one(&mut self, sink: &Section<'_>, name: &str, options: &Options) -> Option<To> {
        let topics = topics_of(sink);
        let choose = if sink.is_there("choose") { sink.template("choose", options).map(Some) } else { Some(None) };
        let partition = sink.choice_or_number(
            "partition",
            &[("key", SinkPartition::ByKey), ("source", SinkPartition::Source)],
            SinkPartition::Number,
        );
        let key = sink_key(sink, options);
        let headers = headers(sink, options);
        let timestamp = sink.choice("timestamp", &[("source", SinkTimestamp::Source), ("now", SinkTimestamp::Now)]);
        let content_type = sink.text("content_type").map(|text| text.text);

        let (topics, (key, key_template)) = (topics?, key?);
        let (headers, header_templates): (Vec<String>, Vec<Template>) = headers?.into_iter().unzip();
        let (partition, timestamp) = (partition?, timestamp?);
        let templates = key_template.into_iter().chain(header_templates).collect();
        let first = self.sinks.len();
        let of = |topic: &Text| Sink {
            name: name.to_owned(),
            topic: topic.text.clone(),
            partition,
            key: key.clone(),
            headers: headers.clone(),
            timestamp,
            content_type: content_type.clone(),
        };
        self.sinks.extend(topics.iter().map(of));
        let numbered = topics.iter().map(|topic| topic.text.clone()).zip(first..).collect();
        self.topics.extend(topics);
        Some(match choose? {
            None => To::Sink { number: first, templates },
            Some(topic) => To::TopicOf { topic, sinks: numbered, templates },
        })
    }
}

/// One, or those among which a template chooses.
fn topics_of(sink: &Section<'_>) -> Option<Vec<Text>> {
    match (sink.is_there("topic"), sink.is_there("topics"), sink.is_there("choose")) {
        (true, false, false) => {
            let topic = sink.text("topic").and_then(|text| topics::topic(sink.reading, text));
            topic.map(|topic| vec![topic])
        }
        (false, true, true) => {
            let texts = topics::texts(sink.reading, sink.value("topics")?, &sink.path("topics"));
            if texts.is_empty() {
                sink.reading.mismatch(sink.at("topics"), "one topic at the least", "none");
            }
            for (place, text) in texts.iter().enumerate() {
                if texts[..place].iter().any(|other| other.text == text.text) {
                    sink.reading.note(ConfigError::TopicTwice { at: text.at.clone(), topic: text.shown() });
                }
            }
            let topics: Vec<Option<Text>> = texts.into_iter().map(|text| topics::topic(sink.reading, text)).collect();
            topics.into_iter().collect()
        }
        (false, false, false) => {
            sink.reading.note(ConfigError::Missing { at: sink.at("topic"), doc: "the topic to write" });
            None
        }
        _ => {
            let fault = "a sink has either a `topic`, or `topics` and a template `choose` that renders one of them";
            sink.reading.note(ConfigError::Together { at: sink.at("topic"), fault: fault.to_owned() });
            None
        }
    }
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
