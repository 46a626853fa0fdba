//! One pipeline's settings, from its section.

use std::sync::Arc;
use std::time::Duration;

use config::{Value, ValueKind};
use stampmill_core::json::Rules;
use stampmill_core::template::{Limits, Media, Missing, Options, PayloadFormat, Template};
use stampmill_core::transform::{OnNull, Reading as PayloadReading, Transforms};
use stampmill_engine::settings::{
    Actors, OnFailure, OnOffsetGap, Pace, PipelineSettings, Properties, Sink, SinkKey, SinkPartition, SinkTimestamp,
    Source, Start,
};

use super::connection::{self, Connection};
use super::error::{ConfigError, Place, remedy};
use super::properties::Side;
use super::reading::{Reading, Text, join, place};
use super::schema;
use super::section::Section;
use super::steps::{self, Common};
use super::topics::{self, Subscription, Traffic};

/// Settings, with what checks across pipelines need beside.
pub(crate) struct Pipeline<'a> {
    pub(crate) settings: PipelineSettings,
    from: &'a Connection,
    to: &'a Connection,
    reads: Vec<Subscription>,
    writes: Vec<(String, Place)>,
}

/// The pipelines in the order of their names; those with faults are left out, and their faults noted.
pub(crate) fn pipelines<'a>(
    reading: &Reading<'_>,
    value: Option<&Value>,
    connections: &'a [Connection],
    fail_fast: bool,
) -> Vec<Pipeline<'a>> {
    let entries = reading.entries(value, "pipelines");
    entries.into_iter().filter_map(|(name, value)| pipeline(reading, name, value, connections, fail_fast)).collect()
}

fn pipeline<'a>(
    reading: &Reading<'_>,
    name: &str,
    value: &Value,
    connections: &'a [Connection],
    fail_fast: bool,
) -> Option<Pipeline<'a>> {
    let path = join("pipelines", name);
    if !connection::is_name(name) {
        reading.note(ConfigError::Name { at: place(Some(value), &path), name: name.to_owned() });
    }
    let section = Section::open(reading, schema::PIPELINE, Some(value), &path);
    let missing = section.choice("missing", &[("lenient", Missing::Lenient), ("strict", Missing::Strict)]);
    section.choice("delivery", &[("at_least_once", ())]);
    section.choice("ordering", &[("partition", ())]);

    // Everything is read before the first `?`, so that all faults are noted. A fault in `missing` has been, too: any
    // value serves to find those of the templates.
    let payload = payload(&section);
    let limits = limits(&section);
    let common = Common {
        name,
        missing: missing.unwrap_or(Missing::Lenient),
        limits: limits.unwrap_or_default(),
        payload: payload.map_or(PayloadFormat::Json, |(format, _)| format),
    };
    let steps = steps::steps(&section, common);
    let source = source(&section, connections);
    let sink = sink(&section, connections, &common.options(Media::Text));
    let on_failure = on_failure(&section, name);
    let actors = actors(&section);
    let pace = pace(&section, fail_fast);

    let (source, from, reads) = source?;
    let (sink, templates, to, topic_at) = sink?;
    let (on_failure, dead_letter_at) = on_failure?;
    let pace = pace?;
    check_drain(&section, &pace, &source.properties);
    let writes = vec![(sink.topic.clone(), topic_at), (on_failure.dead_letter_topic.clone(), dead_letter_at)];
    missing?;
    limits?;
    let transforms = Arc::new(Transforms::new(steps?, &templates, payload?.1));
    let settings =
        PipelineSettings { name: name.to_owned(), source, transforms, sink, actors: actors?, on_failure, pace };
    Some(Pipeline { settings, from, to, reads, writes })
}

fn source<'a>(
    pipeline: &Section<'_>,
    connections: &'a [Connection],
) -> Option<(Source, &'a Connection, Vec<Subscription>)> {
    let path = pipeline.path("source");
    let source = pipeline.table("source", &path);
    let from = connection(&source, connections);
    let reads = topics::subscriptions(&source);
    let group = source.text("group");
    let start = source.choice("start", &[("earliest", Start::Earliest), ("latest", Start::Latest)]);
    let on_offset_gap = source.choice(
        "on_offset_gap",
        &[("halt", OnOffsetGap::Halt), ("earliest", OnOffsetGap::Earliest), ("latest", OnOffsetGap::Latest)],
    );
    let overrides =
        connection::properties(source.reading, source.value("properties"), &source.path("properties"), Side::Consumer);

    let (from, reads) = (from?, reads?);
    let settings = Source {
        properties: from.client(Side::Consumer, &overrides),
        topics: reads.iter().map(|subscription| subscription.text.clone()).collect(),
        group: group?.text,
        start: start?,
        on_offset_gap: on_offset_gap?,
    };
    Some((settings, from, reads))
}

fn sink<'a>(
    pipeline: &Section<'_>,
    connections: &'a [Connection],
    options: &Options,
) -> Option<(Sink, Vec<Template>, &'a Connection, Place)> {
    let path = pipeline.path("sink");
    let sink = pipeline.table("sink", &path);
    let to = connection(&sink, connections);
    let at = sink.at("topic");
    let topic = sink.text("topic").and_then(|text| topics::topic(sink.reading, text));
    let partition = sink.choice_or_number(
        "partition",
        &[("key", SinkPartition::ByKey), ("source", SinkPartition::Source)],
        SinkPartition::Number,
    );
    let key = sink_key(&sink, options);
    let headers = headers(&sink, options);
    let timestamp = sink.choice("timestamp", &[("source", SinkTimestamp::Source), ("now", SinkTimestamp::Now)]);
    let content_type = sink.text("content_type").map(|text| text.text);
    let overrides =
        connection::properties(sink.reading, sink.value("properties"), &sink.path("properties"), Side::Producer);

    let (to, (key, key_template)) = (to?, key?);
    let (names, header_templates): (Vec<String>, Vec<Template>) = headers?.into_iter().unzip();
    let settings = Sink {
        properties: to.client(Side::Producer, &overrides),
        topic: topic?,
        partition: partition?,
        key,
        headers: names,
        timestamp: timestamp?,
        content_type,
    };
    Some((settings, key_template.into_iter().chain(header_templates).collect(), to, at))
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
            Some((name.to_owned(), sink.reading.template(value, at, options)?))
        })
        .collect();
    compiled.into_iter().collect()
}

/// What a payload is, and what it must be.
fn payload(pipeline: &Section<'_>) -> Option<(PayloadFormat, PayloadReading)> {
    let path = pipeline.path("payload");
    let payload = pipeline.table("payload", &path);
    let formats = [("json", PayloadFormat::Json), ("text", PayloadFormat::Text), ("bytes", PayloadFormat::Bytes)];
    let format = payload.choice("format", &formats);
    let on_null =
        payload.choice("on_null", &[("pass", OnNull::Pass), ("render", OnNull::Render), ("skip", OnNull::Skip)]);
    let only_touched = payload.choice("validate", &[("full", false), ("touched", true)]);
    let max_depth = count(&payload, "max_depth");
    let lone_surrogates = payload.choice("surrogates", &[("pass", true), ("reject", false)]);
    let (max_depth, lone_surrogates, only_touched) = (max_depth?, lone_surrogates?, only_touched?);
    let rules = Rules { max_depth, lone_surrogates, only_touched };
    Some((format?, PayloadReading { rules, on_null: on_null? }))
}

fn limits(pipeline: &Section<'_>) -> Option<Limits> {
    let path = pipeline.path("limits");
    let limits = pipeline.table("limits", &path);
    let (output_bytes, steps) = (limits.size("output_bytes"), limits.number("steps"));
    Some(Limits { output_bytes: output_bytes?, steps: steps? })
}

/// The connection that is named, or else the only one.
fn connection<'a>(section: &Section<'_>, connections: &'a [Connection]) -> Option<&'a Connection> {
    let names = || connections.iter().map(|connection| connection.name.as_str());
    if section.is_there("connection") {
        let Text { text, at, .. } = section.text("connection")?;
        let found = connections.iter().find(|connection| connection.name == text);
        if found.is_none() {
            let expected = format!("a name under `connections`; {}", remedy(&text, names()));
            section.reading.note(ConfigError::Mismatch { at, expected, found: "another".to_owned() });
        }
        return found;
    }
    match connections {
        [only] => Some(only),
        // That there is none has been noted as missing.
        [] => None,
        _ => {
            let doc = "there are several connections; name the one to use";
            section.reading.note(ConfigError::Missing { at: section.at("connection"), doc });
            None
        }
    }
}

fn actors(pipeline: &Section<'_>) -> Option<Actors> {
    let path = pipeline.path("actors");
    let actors = pipeline.table("actors", &path);
    let (transforms, producers) = (count(&actors, "transforms"), count(&actors, "producers"));
    Some(Actors { transforms: transforms?, producers: producers? })
}

fn on_failure(pipeline: &Section<'_>, name: &str) -> Option<(OnFailure, Place)> {
    let path = pipeline.path("on_failure");
    let on_failure = pipeline.table("on_failure", &path);
    let then = on_failure.choice("then", &[("dead_letter", ())]);
    let retries = on_failure.number("retries").and_then(|retries| u32::try_from(retries).ok());
    let at = on_failure.at("topic");
    let topic = match on_failure.is_there("topic") {
        true => on_failure.text("topic"),
        false => Some(Text { text: format!("{name}.dead-letter"), at: at.clone(), written: None }),
    };
    let topic = topic.and_then(|text| topics::topic(on_failure.reading, text));
    then?;
    Some((OnFailure { retries: retries?, dead_letter_topic: topic? }, at))
}

fn pace(pipeline: &Section<'_>, fail_fast: bool) -> Option<Pace> {
    let commit_interval = pipeline.number("commit_interval_ms").map(Duration::from_millis);
    let drain_timeout = pipeline.number("drain_timeout_ms").map(Duration::from_millis);
    let batch_records = count(pipeline, "batch_records");
    let window = count(pipeline, "window");
    let bytes_in_flight = pipeline.size("bytes_in_flight");
    Some(Pace {
        commit_interval: commit_interval?,
        drain_timeout: drain_timeout?,
        fail_fast,
        batch_records: batch_records?,
        window: window?,
        bytes_in_flight: bytes_in_flight?,
    })
}

fn count(section: &Section<'_>, name: &str) -> Option<usize> {
    section.number(name).and_then(|number| usize::try_from(number).ok())
}

/// A drain goes on while nothing is polled for the partitions; the group must not give them away meanwhile.
fn check_drain(pipeline: &Section<'_>, pace: &Pace, consumer: &Properties) {
    const LIBRDKAFKA_DEFAULT_MS: u64 = 300_000;
    let poll_ms =
        consumer.get("max.poll.interval.ms").and_then(|text| text.parse().ok()).unwrap_or(LIBRDKAFKA_DEFAULT_MS);
    if pace.drain_timeout >= Duration::from_millis(poll_ms) {
        let drain_ms = u64::try_from(pace.drain_timeout.as_millis()).unwrap_or(u64::MAX);
        pipeline.reading.note(ConfigError::DrainTooLong { at: pipeline.at("drain_timeout_ms"), drain_ms, poll_ms });
    }
}

// === impl Pipeline ===

impl Pipeline<'_> {
    pub(crate) fn traffic(&self) -> Traffic<'_> {
        Traffic {
            pipeline: &self.settings.name,
            from: self.from,
            group: &self.settings.source.group,
            reads: &self.reads,
            to: self.to,
            writes: &self.writes,
        }
    }
}
