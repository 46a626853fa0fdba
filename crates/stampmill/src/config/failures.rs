//! A pipeline's settings for what fails: its actors, and its records.

use std::time::Duration;

use stampmill_core::breaker::BreakerSettings;
use stampmill_engine::settings::{OnFailure, Supervision, Then};

use super::reading::Text;
use super::section::Section;
use super::topics;

pub(super) fn supervision(pipeline: &Section<'_>) -> Option<Supervision> {
    let path = pipeline.path("supervision");
    let section = pipeline.table("supervision", &path);
    let restarts = |name: &str| section.number(name).and_then(|number| u32::try_from(number).ok());
    let duration = |name: &str| section.number(name).map(Duration::from_millis);
    let (actor_restarts, window) = (restarts("actor_restarts"), duration("window_ms"));
    let (pipeline_restarts, pipeline_window) = (restarts("pipeline_restarts"), duration("pipeline_window_ms"));
    let (frozen_after, stalled_after) = (duration("frozen_after_ms"), duration("stalled_after_ms"));
    Some(Supervision {
        actor_restarts: actor_restarts?,
        window: window?,
        pipeline_restarts: pipeline_restarts?,
        pipeline_window: pipeline_window?,
        frozen_after: frozen_after?,
        stalled_after: stalled_after?,
    })
}

fn breaker(on_failure: &Section<'_>) -> Option<(BreakerSettings, Duration, usize)> {
    let path = on_failure.path("breaker");
    let breaker = on_failure.table("breaker", &path);
    let percent = breaker.number("max_percent").and_then(|percent| u8::try_from(percent).ok());
    let (window_records, max_run) = (breaker.number("window_records"), breaker.number("max_run"));
    let (pause, probe) = (breaker.number("pause_ms"), breaker.count("probe_records"));
    let max_ratio = f64::from(percent?) / 100.0;
    let settings = BreakerSettings { max_ratio, window_records: window_records?, max_run: max_run? };
    Some((settings, Duration::from_millis(pause?), probe?))
}

pub(super) fn on_failure(pipeline: &Section<'_>, name: &str) -> Option<(OnFailure, Text)> {
    let path = pipeline.path("on_failure");
    let on_failure = pipeline.table("on_failure", &path);
    let then =
        on_failure.choice("then", &[("dead_letter", Then::DeadLetter), ("halt", Then::Halt), ("skip", Then::Skip)]);
    let breaker = breaker(&on_failure);
    let retries = on_failure.number("retries").and_then(|retries| u32::try_from(retries).ok());
    let create_topic = on_failure.choice("create_topic", &[("true", true), ("false", false)]);
    let topic = match on_failure.is_there("topic") {
        true => on_failure.text("topic"),
        false => Some(Text::plain(format!("{name}.dead-letter"), on_failure.at("topic"))),
    };
    let topic = topic.and_then(|text| topics::topic(on_failure.reading, text));
    let (breaker, breaker_pause, breaker_probe) = breaker?;
    let (retries, then, topic, create_topic) = (retries?, then?, topic?, create_topic?);
    let dead_letter_topic = topic.text.clone();
    let on_failure =
        OnFailure { retries, then, breaker, breaker_pause, breaker_probe, dead_letter_topic, create_topic };
    Some((on_failure, topic))
}
