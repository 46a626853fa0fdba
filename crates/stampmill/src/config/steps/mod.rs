//! The steps of a pipeline, compiled.

mod envelope;
mod log;
mod lookup;
mod routing;
mod set;
mod validate;

use std::collections::BTreeSet;
use std::sync::Arc;

use config::Value;
use stampmill_core::cel;
use stampmill_core::template::{Ambient, Limits, Media, Missing, Options, PayloadFormat};
use stampmill_core::transform::Step;

use super::reading::{Reading, place};
use super::schema::Key;
use super::section::Section;
use super::tables::Tables;

/// What all templates and expressions of a pipeline have in common, at the place where they stand.
#[derive(Clone)]
pub(crate) struct Common<'a> {
    /// The logger's name, unless a step has its own.
    pub(crate) name: &'a str,
    pub(crate) missing: Missing,
    pub(crate) limits: Limits,
    /// What the payload is.
    pub(crate) payload: PayloadFormat,
    pub(crate) ambient: Ambient,
    pub(crate) tables: &'a Tables,
    /// Variables that steps before have set.
    pub(crate) vars: BTreeSet<String>,
    /// What the payload is that templates and conditions of sinks are over: what came, or a part of it.
    pub(crate) origin: PayloadFormat,
}

/// The steps under `transforms`, in order. `common` is as it is behind them, then.
pub(crate) fn steps(section: &Section<'_>, common: &mut Common<'_>) -> Option<Vec<Step>> {
    let (keys, items) = section.items("transforms")?;
    let path = section.path("transforms");
    // All are compiled before the first fault ends it, so that the faults of all are noted.
    let step = |(index, item)| step(section.reading, keys, item, &format!("{path}.{index}"), common);
    let steps: Vec<Option<Step>> = items.iter().enumerate().map(step).collect();
    steps.into_iter().collect()
}

fn step(
    reading: &Reading<'_>,
    keys: &'static [Key],
    item: &Value,
    path: &str,
    common: &mut Common<'_>,
) -> Option<Step> {
    let section = Section::open(reading, keys, Some(item), path);
    let there: Vec<&str> = keys.iter().map(|key| key.name).filter(|name| section.is_there(name)).collect();
    match there[..] {
        ["log"] => log::log_step(&section, common),
        ["envelope"] => envelope::envelope_step(&section, common),
        ["filter"] => routing::filter_step(&section, common),
        ["switch"] => routing::switch_step(&section, common),
        ["set"] => set::set_step(&section, common),
        ["split"] => routing::split_step(&section, common),
        ["validate"] => validate::validate_step(&section, common),
        ["mask"] => Some(Step::Mask(section.paths("mask")?)),
        ["lookup"] => lookup::lookup_step(&section, common),
        ["dedupe"] => routing::dedupe_step(&section, common),
        ["throttle"] => routing::throttle_step(&section),
        ["fragment"] => routing::fragment_step(&section, common),
        [] => {
            let names = keys.iter().map(|key| format!("`{}`", key.name)).collect::<Vec<_>>().join(", ");
            reading.mismatch(place(Some(item), path), format!("a step: one of {names}"), "none of them");
            None
        }
        [..] => {
            let found = there.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" and ");
            reading.mismatch(place(Some(item), path), "one step in each item of the list", &found);
            None
        }
    }
}

// === impl Common ===

impl Common<'_> {
    pub(crate) fn options(&self, media: Media) -> Options {
        let Self { missing, limits, payload, ambient, .. } = *self;
        let vars = Arc::new(self.vars.clone());
        Options { missing, limits, payload, vars, ..Options::new(media, ambient) }
    }

    pub(crate) fn expressions(&self) -> cel::Options {
        cel::Options { payload: self.payload, vars: Arc::new(self.vars.clone()), limits: self.limits }
    }

    /// For what sinks say, behind all steps.
    pub(crate) fn of_sinks(&self) -> Self {
        Self { payload: self.origin, ..self.clone() }
    }
}
