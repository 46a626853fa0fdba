//! The `log` step.

use std::num::{NonZeroU32, NonZeroU64};

use stampmill_core::log_options::{LogOptions, OnFull};
use stampmill_core::template::{Media, Options};
use stampmill_core::transform::{Level, Log, Step};

use super::Common;
use crate::config::section::Section;

pub(super) fn log_step(step: &Section<'_>, common: &Common<'_>) -> Option<Step> {
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
