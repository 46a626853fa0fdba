//! What a case expects.

use config::{Value, ValueKind};
use stampmill_core::fault::FaultClass;
use stampmill_engine::settings::{SinkPartition, Then};

use super::case::{Expect, Expected, ExpectedFailure, ExpectedOutput, ExpectedTimestamp};
use super::schema::{FAULT, OUTPUT};
use super::values::{bytes, headers, moment, payload, refuse, texts};
use crate::config::error::remedy;
use crate::config::reading::{Reading, describe, join};
use crate::config::section::Section;

const OUTCOMES: [&str; 4] = ["outputs", "dead_letter", "halted", "skipped"];

pub(super) fn expect(case: &Section<'_>) -> Option<Expect> {
    let path = case.path("expect");
    let expect = case.table("expect", &path);
    let outcome = outcome(case, &expect);
    let log = expect.is_there("log").then(|| texts(&expect, "log"));
    Some(Expect {
        outcome: outcome?,
        log: match log {
            Some(read) => Some(read?),
            None => None,
        },
    })
}

fn outcome(case: &Section<'_>, expect: &Section<'_>) -> Option<Expected> {
    let found: Vec<&str> = OUTCOMES.into_iter().filter(|name| expect.is_there(name)).collect();
    match found.as_slice() {
        ["outputs"] => outputs(expect).map(Expected::Outputs),
        ["dead_letter"] => failure(expect, "dead_letter", Then::DeadLetter),
        ["halted"] => failure(expect, "halted", Then::Halt),
        ["skipped"] => skipped(expect),
        [] if !expect.is_table() => None,
        _ => {
            let expected = "one of `outputs`, `dead_letter`, `halted` and `skipped`";
            let found = if found.is_empty() { "none" } else { "several" };
            refuse(expect.reading, case.at("expect"), expected, found)
        }
    }
}

fn outputs(expect: &Section<'_>) -> Option<Vec<ExpectedOutput>> {
    let (_, items) = expect.items("outputs")?;
    if items.is_empty() {
        return refuse(expect.reading, expect.at("outputs"), "at least one; for none write `skipped: true`", "none");
    }
    let path = expect.path("outputs");
    let output = |(index, item)| output(expect.reading, item, &join(&path, &usize::to_string(&index)));
    // All are looked at before the first fault ends it.
    let outputs: Vec<_> = items.iter().enumerate().map(output).collect();
    outputs.into_iter().collect()
}

fn output(reading: &Reading<'_>, item: &Value, path: &str) -> Option<ExpectedOutput> {
    let output = Section::open(reading, OUTPUT, Some(item), path);
    let topic = output.verbatim("topic").map(str::to_owned);
    let key = bytes(&output, "key");
    let headers = headers(&output, "headers");
    let timestamp = timestamp(&output);
    let words = [("key", SinkPartition::ByKey), ("source", SinkPartition::Source)];
    let partition = output.choice_or_number("partition", &words, SinkPartition::Number);
    Some(ExpectedOutput { topic, payload: payload(&output)?, key, headers, timestamp, partition })
}

fn timestamp(output: &Section<'_>) -> Option<ExpectedTimestamp> {
    match &output.value("timestamp")?.kind {
        ValueKind::Nil => Some(ExpectedTimestamp::Of(None)),
        ValueKind::String(word) if word == "now" => Some(ExpectedTimestamp::Now),
        _ => Some(ExpectedTimestamp::Of(Some(moment(output, "timestamp")?.as_millisecond()))),
    }
}

/// `true`, or what it fails on.
fn skipped(expect: &Section<'_>) -> Option<Expected> {
    match &expect.value("skipped")?.kind {
        ValueKind::String(word) if word == "true" => Some(Expected::Nothing),
        ValueKind::Table(_) => failure(expect, "skipped", Then::Skip),
        other => expect.not_as_said("skipped", describe(other)),
    }
}

fn failure(expect: &Section<'_>, name: &str, then: Then) -> Option<Expected> {
    let path = expect.path(name);
    let failure = Section::open(expect.reading, FAULT, expect.value(name), &path);
    let step = failure.verbatim("step").map(str::to_owned);
    let reason = failure.verbatim("reason").map(str::to_owned);
    let class = failure.verbatim("class")?;
    if !FaultClass::ALL.iter().any(|known| known.as_str() == class) {
        let known = remedy(class, FaultClass::ALL.into_iter().map(FaultClass::as_str));
        return refuse(expect.reading, failure.at("class"), &format!("a class; {known}"), &format!("`{class}`"));
    }
    Some(Expected::Failure(ExpectedFailure { then, class: class.to_owned(), step, reason }))
}
