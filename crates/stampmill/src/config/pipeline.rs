//! One pipeline's settings, from its section.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use config::Value;
use stampmill_core::json::Rules;
use stampmill_core::template::{Limits, Missing, PayloadFormat};
use stampmill_core::transform::{Flow, OnNull, Reading as PayloadReading, Transforms};
use stampmill_engine::settings::{
    Actors, Delivery, Memory, OnOffsetGap, Ordering, Pace, PipelineSettings, RunOptions, Source, Start,
};

use super::checks;
use super::connection::{self, Connection};
use super::error::{ConfigError, remedy};
use super::failures;
use super::profile::{BALANCED, PROFILES, Profile};
use super::properties::Side;
use super::reading::{Reading, Text, join, place};
use super::schema;
use super::section::Section;
use super::security;
use super::sinks::{self, All, Sinks};
use super::steps::{self, Common};
use super::tables::Tables;
use super::topics::{self, Subscription, Traffic};

/// Settings, with what checks across pipelines need beside.
pub(crate) struct Pipeline<'a> {
    pub(crate) settings: PipelineSettings,
    from: &'a Connection,
    to: &'a Connection,
    group: Text,
    reads: Vec<Subscription>,
    writes: Vec<Text>,
}

/// The pipelines in the order of their names; those with faults are left out, and their faults noted.
pub(crate) fn pipelines<'a>(
    reading: &Reading<'_>,
    value: Option<&Value>,
    connections: &'a [Connection],
    tables: &Tables,
) -> Vec<Pipeline<'a>> {
    let entries = reading.entries(value, "pipelines");
    entries.into_iter().filter_map(|(name, value)| pipeline(reading, name, value, connections, tables)).collect()
}

fn pipeline<'a>(
    reading: &Reading<'_>,
    name: &str,
    value: &Value,
    connections: &'a [Connection],
    tables: &Tables,
) -> Option<Pipeline<'a>> {
    let path = join("pipelines", name);
    if !connection::is_name(name) {
        reading.note(ConfigError::Name { at: place(Some(value), &path), name: name.to_owned() });
    }
    let section = Section::open(reading, schema::PIPELINE, Some(value), &path);
    let missing = section.choice("missing", &[("lenient", Missing::Lenient), ("strict", Missing::Strict)]);
    let delivery = delivery(&section);
    let ordering = section
        .choice("ordering", &[("partition", Ordering::Partition), ("key", Ordering::Key), ("none", Ordering::None)]);
    let unordered_output = section.choice("unordered_output", &[("true", true), ("false", false)]);
    let suspended = section.choice("suspended", &[("true", true), ("false", false)]);
    let supervision = failures::supervision(&section);
    let chosen = section.choice("profile", PROFILES);
    let profile = chosen.unwrap_or(BALANCED);

    // Everything is read before the first `?`, so that all faults are noted. A fault in `missing` has been, too: any
    // value serves to find those of the templates.
    let payload = payload(&section);
    let limits = limits(&section);
    let mut common = Common {
        name,
        missing: missing.unwrap_or(Missing::Lenient),
        limits: limits.unwrap_or_default(),
        payload: payload.map_or(PayloadFormat::Json, |(format, _)| format),
        ambient: reading.ambient,
        tables,
        vars: BTreeSet::new(),
        origin: payload.map_or(PayloadFormat::Json, |(format, _)| format),
    };
    let steps = steps::steps(&section, &mut common);
    let source = source(&section, connections, profile);
    let sinks = sinks::sinks(&section, connections, profile, &common);
    let on_failure = failures::on_failure(&section, name);
    let actors = actors(&section);
    let pace = pace(&section, profile);

    let (source, from, group, reads) = source?;
    let Sinks { to, producer, all: All { sinks, topics }, outlets } = sinks?;
    let (on_failure, dead_letter_topic) = on_failure?;
    let mut pace = pace?;
    checks::drain(&section, &pace, &source.properties);
    let writes = topics.into_iter().chain([dead_letter_topic]).collect();
    missing?;
    limits?;
    chosen?;
    let transforms = Arc::new(Transforms::new(Flow { steps: steps?, outlets }, payload?.1));
    // So that no batch waits for longer than a second.
    let slowest = transforms.rates().iter().map(|rate| *rate as usize).min();
    pace.batch_records = pace.batch_records.min(slowest.unwrap_or(usize::MAX));
    let (actors, delivery, ordering) = (actors?, delivery?, ordering?);
    if let Delivery::ExactlyOnce { .. } = delivery {
        checks::exactly_once(&section, std::ptr::eq(from, to), actors, ordering);
        checks::linger(&section, &producer);
    }
    if ordering == Ordering::Key && !unordered_output? {
        checks::key(&section, &sinks);
    }
    if ordering != Ordering::Partition && transforms.dedupes() {
        checks::dedupe(&section);
    }
    let (name, supervision, suspended) = (name.to_owned(), supervision?, suspended?);
    let settings = PipelineSettings {
        name,
        source,
        transforms,
        tables: tables.kept(),
        producer,
        sinks,
        actors,
        on_failure,
        delivery,
        ordering,
        pace,
        // Shared out when it is known how many pipelines there are.
        memory: Memory::default(),
        supervision,
        run: RunOptions::default(),
        suspended,
        tracer: None,
    };
    Some(Pipeline { settings, from, to, group, reads, writes })
}

fn source<'a>(
    pipeline: &Section<'_>,
    connections: &'a [Connection],
    profile: Profile,
) -> Option<(Source, &'a Connection, Text, Vec<Subscription>)> {
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

    let (from, group, reads) = (from?, group?, reads?);
    security::check(source.reading, from, Side::Consumer, &overrides);
    let mut properties = from.client(Side::Consumer, &overrides);
    profile.of_consumer(&mut properties);
    let settings = Source {
        properties,
        topics: reads.iter().map(|subscription| subscription.text.text.clone()).collect(),
        group: group.text.clone(),
        start: start?,
        on_offset_gap: on_offset_gap?,
    };
    Some((settings, from, group, reads))
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
    let max_depth = payload.count("max_depth");
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
pub(super) fn connection<'a>(section: &Section<'_>, connections: &'a [Connection]) -> Option<&'a Connection> {
    let names = || connections.iter().map(|connection| connection.name.as_str());
    if section.is_there("connection") {
        let Text { text, at, .. } = section.text("connection")?;
        let found = connections.iter().find(|connection| connection.name == text);
        if found.is_none() {
            let expected = format!("a name under `connections`; {}", remedy(&text, names()));
            section.reading.mismatch(at, expected, "another");
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
    let (transforms, producers) = (actors.count("transforms"), actors.count("producers"));
    Some(Actors { transforms: transforms?, producers: producers? })
}

fn delivery(pipeline: &Section<'_>) -> Option<Delivery> {
    let interval = pipeline.number("transaction_interval_ms").map(Duration::from_millis);
    let is_exact = pipeline.choice("delivery", &[("at_least_once", false), ("exactly_once", true)]);
    let interval = interval?;
    Some(if is_exact? { Delivery::ExactlyOnce { interval } } else { Delivery::AtLeastOnce })
}

fn pace(pipeline: &Section<'_>, profile: Profile) -> Option<Pace> {
    let commit_interval = pipeline.number("commit_interval_ms").map(Duration::from_millis);
    let drain_timeout = pipeline.number("drain_timeout_ms").map(Duration::from_millis);
    let batch_records = match pipeline.is_there("batch_records") {
        true => pipeline.count("batch_records"),
        false => Some(profile.batch_records),
    };
    let window = pipeline.count("window");
    let bytes_in_flight = pipeline.size("bytes_in_flight");
    Some(Pace {
        commit_interval: commit_interval?,
        drain_timeout: drain_timeout?,
        batch_records: batch_records?,
        window: window?,
        bytes_in_flight: bytes_in_flight?,
    })
}

// === impl Pipeline ===

impl Pipeline<'_> {
    pub(crate) fn traffic(&self) -> Traffic<'_> {
        Traffic {
            pipeline: &self.settings.name,
            from: self.from,
            group: &self.group,
            reads: &self.reads,
            to: self.to,
            writes: &self.writes,
        }
    }
}
