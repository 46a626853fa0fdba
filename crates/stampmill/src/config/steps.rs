//! The steps of a pipeline, compiled.

use std::num::{NonZeroU32, NonZeroU64};

use config::Value;
use stampmill_core::log_options::{LogOptions, OnFull};
use stampmill_core::template::{Missing, Template};
use stampmill_core::transform::{Level, Log, Step, Transforms};

use super::error::{ConfigError, Place};
use super::reading::{Reading, place};
use super::schema::Key;
use super::section::Section;

/// The transforms under `transforms`, in order. `name` is the logger's name unless a step has its own.
pub(crate) fn transforms(pipeline: &Section<'_>, name: &str, missing: Missing) -> Option<Transforms> {
    let (keys, items) = pipeline.steps("transforms")?;
    let path = pipeline.path("transforms");
    let step = |(index, item)| step(pipeline.reading, keys, item, &format!("{path}.{index}"), name, missing);
    // All are compiled before the first fault ends it, so that the faults of all are noted.
    let steps: Vec<Option<Step>> = items.iter().enumerate().map(step).collect();
    Some(Transforms::new(steps.into_iter().collect::<Option<_>>()?))
}

fn step(
    reading: &Reading<'_>,
    keys: &'static [Key],
    item: &Value,
    path: &str,
    name: &str,
    missing: Missing,
) -> Option<Step> {
    let section = Section::open(reading, keys, Some(item), path);
    match (section.is_there("log"), section.is_there("envelope")) {
        (true, false) => log_step(&section, name, missing),
        (false, true) => envelope_step(&section, missing),
        (both, _) => {
            refuse(reading, place(Some(item), path), "a step with either `log` or `envelope`", both);
            None
        }
    }
}

fn log_step(step: &Section<'_>, name: &str, missing: Missing) -> Option<Step> {
    let (keys, long) = step.long_form("log")?;
    let path = step.path("log");
    let log = Section::open(step.reading, keys, Some(&long), &path);
    let message = log.template("message", Template::text, missing);
    let level = log.choice("level", LEVELS);
    let target = log.text("name").map_or_else(|| name.to_owned(), |own| own.text);
    let options = log_options(&log);
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

fn envelope_step(step: &Section<'_>, missing: Missing) -> Option<Step> {
    let (keys, long) = step.long_form("envelope")?;
    let path = step.path("envelope");
    let envelope = Section::open(step.reading, keys, Some(&long), &path);
    let template = match (envelope.is_there("template"), envelope.is_there("file")) {
        (true, false) => envelope.template("template", Template::json, missing),
        (false, true) => envelope.template_file("file", Template::json, missing),
        (both, _) => {
            refuse(step.reading, step.at("envelope"), "either `template` or `file`", both);
            None
        }
    };
    template.map(Step::Envelope)
}

fn refuse(reading: &Reading<'_>, at: Place, expected: &str, both: bool) {
    let found = if both { "both" } else { "neither" };
    reading.note(ConfigError::Mismatch { at, expected: expected.to_owned(), found: found.to_owned() });
}
