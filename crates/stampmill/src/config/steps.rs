//! The steps of a pipeline, compiled.

use std::num::{NonZeroU32, NonZeroU64};

use config::Value;
use stampmill_core::log_options::{LogOptions, OnFull};
use stampmill_core::template::{Ambient, Commas, Engine, Limits, Media, Missing, Options, PayloadFormat};
use stampmill_core::transform::{Level, Log, Step};

use super::error::{ConfigError, Place};
use super::reading::{Reading, place};
use super::schema::Key;
use super::section::Section;

/// What all templates of a pipeline have in common.
#[derive(Clone, Copy)]
pub(crate) struct Common<'a> {
    /// The logger's name, unless a step has its own.
    pub(crate) name: &'a str,
    pub(crate) missing: Missing,
    pub(crate) limits: Limits,
    /// What the source's payload is.
    pub(crate) payload: PayloadFormat,
    pub(crate) ambient: Ambient,
}

/// The steps under `transforms`, in order.
pub(crate) fn steps(pipeline: &Section<'_>, common: Common<'_>) -> Option<Vec<Step>> {
    let (keys, items) = pipeline.items("transforms")?;
    let path = pipeline.path("transforms");
    let mut common = common;
    // All are compiled before the first fault ends it, so that the faults of all are noted.
    let mut steps = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let (step, payload) = step(pipeline.reading, keys, item, &format!("{path}.{index}"), common);
        steps.push(step);
        // What an envelope renders is the payload of the next step.
        common.payload = payload;
    }
    steps.into_iter().collect()
}

fn step(
    reading: &Reading<'_>,
    keys: &'static [Key],
    item: &Value,
    path: &str,
    common: Common<'_>,
) -> (Option<Step>, PayloadFormat) {
    let section = Section::open(reading, keys, Some(item), path);
    match (section.is_there("log"), section.is_there("envelope")) {
        (true, false) => (log_step(&section, common), common.payload),
        (false, true) => envelope_step(&section, common),
        (both, _) => {
            refuse(reading, place(Some(item), path), "a step with either `log` or `envelope`", both);
            (None, common.payload)
        }
    }
}

fn log_step(step: &Section<'_>, common: Common<'_>) -> Option<Step> {
    let (keys, long) = step.long_form("log")?;
    let path = step.path("log");
    let log = Section::open(step.reading, keys, Some(&long), &path);
    let masks = log.paths("mask");
    let options = Options { masks: masks.clone().unwrap_or_default(), ..common.options(Media::Text) };
    let message = log.template("message", &options);
    let level = log.choice("level", LEVELS);
    let target = log.text("name").map_or_else(|| common.name.to_owned(), |own| own.text);
    let options = log_options(&log);
    masks?;
    Some(Step::Log(Log { level: level?, target, message: message?, options: options? }))
}

/// What is left out limits nothing; what is wrong has been noted, and nothing starts.
fn log_options(log: &Section<'_>) -> Option<LogOptions> {
    let sample = log.number("sample").and_then(NonZeroU64::new);
    let rate = log.number("rate").and_then(|rate| NonZeroU32::new(u32::try_from(rate).ok()?));
    let truncate = log.size("truncate");
    let on_full = log.choice("on_full", &[("block", OnFull::Block), ("drop", OnFull::Drop)]);
    let ordered = log.choice("ordered", &[("true", true), ("false", false)]);
    Some(LogOptions { sample, rate, truncate, on_full: on_full?, ordered: ordered? })
}

const LEVELS: &[(&str, Level)] = &[
    ("error", Level::Error),
    ("warn", Level::Warn),
    ("info", Level::Info),
    ("debug", Level::Debug),
    ("trace", Level::Trace),
];

/// The step, and what the payload is after it.
fn envelope_step(step: &Section<'_>, common: Common<'_>) -> (Option<Step>, PayloadFormat) {
    let Some((keys, long)) = step.long_form("envelope") else { return (None, PayloadFormat::Json) };
    let path = step.path("envelope");
    let envelope = Section::open(step.reading, keys, Some(&long), &path);
    let media = envelope.choice("media_type", &[("json", Media::Json), ("text", Media::Text), ("xml", Media::Xml)]);
    let commas = envelope.choice("commas", &[("strict", Commas::Strict), ("fix", Commas::Fix)]);
    let engine = envelope.choice("engine", &[("auto", Engine::Plan), ("handlebars", Engine::Handlebars)]);
    let options = Options {
        commas: commas.unwrap_or(Commas::Strict),
        engine: engine.unwrap_or(Engine::Plan),
        ..common.options(media.unwrap_or(Media::Json))
    };
    let template = match (envelope.is_there("template"), envelope.is_there("file")) {
        (true, false) => envelope.template("template", &options),
        (false, true) => envelope.template_file("file", &options),
        (both, _) => {
            refuse(step.reading, step.at("envelope"), "either `template` or `file`", both);
            None
        }
    };
    let after = if options.media == Media::Json { PayloadFormat::Json } else { PayloadFormat::Text };
    (media.and(commas).and(engine).and(template).map(Step::Envelope), after)
}

fn refuse(reading: &Reading<'_>, at: Place, expected: &str, both: bool) {
    let found = if both { "both" } else { "neither" };
    reading.note(ConfigError::Mismatch { at, expected: expected.to_owned(), found: found.to_owned() });
}

// === impl Common ===

impl Common<'_> {
    pub(crate) fn options(&self, media: Media) -> Options {
        let Self { missing, limits, payload, ambient, .. } = *self;
        Options { missing, limits, payload, ..Options::new(media, ambient) }
    }
}
