//! The steps that say which records go where: `filter`, `switch`, `split`, `dedupe`, `throttle`, and steps by name.

use stampmill_core::template::PayloadFormat;
use stampmill_core::transform::{Case, Dedupe, Filter, Passes, Split, Step};

use super::{Common, steps};
use crate::config::section::Section;

pub(super) fn filter_step(step: &Section<'_>, common: &Common<'_>) -> Option<Step> {
    let (keys, long) = step.long_form("filter")?;
    let path = step.path("filter");
    let filter = Section::open(step.reading, keys, Some(&long), &path);
    let (name, passes) = match (filter.is_there("if"), filter.is_there("unless")) {
        (true, false) => ("if", Passes::If),
        (false, true) => ("unless", Passes::Unless),
        (both, _) => {
            let found = if both { "both" } else { "neither" };
            step.reading.mismatch(step.at("filter"), "either `if` or `unless`", found);
            return None;
        }
    };
    Some(Step::Filter(Filter { condition: filter.condition(name, &common.expressions())?, passes }))
}

/// What any of the cases has set may be read behind them.
pub(super) fn switch_step(step: &Section<'_>, common: &mut Common<'_>) -> Option<Step> {
    let (keys, items) = step.items("switch")?;
    let (path, before) = (step.path("switch"), common.clone());
    let mut cases = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let path = format!("{path}.{index}");
        let case = Section::open(step.reading, keys, Some(item), &path);
        let has_condition = case.is_there("when");
        if !has_condition && index + 1 < items.len() {
            step.reading.mismatch(case.at("when"), "a condition: only the last case may be without one", "none");
        }
        let when = if has_condition { case.condition("when", &before.expressions()).map(Some) } else { Some(None) };
        let mut within = before.clone();
        let steps = steps(&case, &mut within);
        common.vars.extend(within.vars);
        // A text may be anything, and JSON is text, too.
        common.payload = if within.payload == common.payload { common.payload } else { PayloadFormat::Text };
        common.origin = if within.origin == common.origin { common.origin } else { PayloadFormat::Text };
        cases.push(when.zip(steps).map(|(when, steps)| Case { when, steps }));
    }
    if cases.is_empty() {
        step.reading.mismatch(step.at("switch"), "one case at the least", "none");
        return None;
    }
    cases.into_iter().collect::<Option<_>>().map(Step::Switch)
}

/// Its steps have been put in where it is named.
pub(super) fn fragment_step(step: &Section<'_>, common: &mut Common<'_>) -> Option<Step> {
    let (keys, long) = step.long_form("fragment")?;
    let path = step.path("fragment");
    let fragment = Section::open(step.reading, keys, Some(&long), &path);
    if fragment.is_written("with") {
        step.reading.mismatch(fragment.at("with"), "no parameters: these steps stand where they are used", "some");
    }
    let (name, steps) = (fragment.text("name"), steps(&fragment, common));
    Some(Step::Fragment { name: name?.text, steps: steps? })
}

pub(super) fn split_step(step: &Section<'_>, common: &mut Common<'_>) -> Option<Step> {
    let (keys, long) = step.long_form("split")?;
    let path = step.path("split");
    let split = Section::open(step.reading, keys, Some(&long), &path);
    let (array, limit) = (split.a_path("each"), split.count("limit"));
    if common.payload != PayloadFormat::Json {
        step.reading.mismatch(step.at("split"), "a payload that is JSON", "one that is text or bytes");
    }
    (common.payload, common.origin) = (PayloadFormat::Json, PayloadFormat::Json);
    common.vars.insert("split".to_owned());
    Some(Step::Split(Split { path: array?, limit: limit? }))
}

pub(super) fn dedupe_step(step: &Section<'_>, common: &Common<'_>) -> Option<Step> {
    let (keys, long) = step.long_form("dedupe")?;
    let path = step.path("dedupe");
    let dedupe = Section::open(step.reading, keys, Some(&long), &path);
    let (key, window) = (dedupe.expression("key", &common.expressions()), dedupe.count("window"));
    Some(Step::Dedupe(Dedupe { key: key?, window: window? }))
}

pub(super) fn throttle_step(step: &Section<'_>) -> Option<Step> {
    let (keys, long) = step.long_form("throttle")?;
    let path = step.path("throttle");
    let throttle = Section::open(step.reading, keys, Some(&long), &path);
    let per_second = throttle.number("per_second").and_then(|rate| u32::try_from(rate).ok())?;
    Some(Step::Throttle { per_second })
}
