//! What was expected and what was found, as texts for people: lines that can be compared.

use stampmill_core::transform::Failed;
use stampmill_engine::settings::{SinkPartition, Then};

use super::case::{Expected, ExpectedFailure, ExpectedTimestamp, Headers};
use super::outcome::Outcome;
use crate::commands::bytes::{base64, line};

/// Bytes that are no text are shown in base64.
pub(super) fn bytes(bytes: Option<&[u8]>) -> String {
    match bytes.map(|bytes| (std::str::from_utf8(bytes), bytes)) {
        None => "(null)".to_owned(),
        Some((Ok(text), _)) => text.to_owned(),
        Some((Err(_), bytes)) => base64(bytes),
    }
}

pub(super) fn headers(headers: &Headers) -> String {
    let lines = headers.iter().map(|(name, value)| format!("{}: {}", line(Some(name)), line(value.as_deref())));
    lines.collect::<Vec<_>>().join("\n")
}

pub(super) fn timestamp(timestamp: ExpectedTimestamp) -> String {
    match timestamp {
        ExpectedTimestamp::Now => "now".to_owned(),
        ExpectedTimestamp::Of(millis) => millis.map_or_else(|| "null".to_owned(), |millis| millis.to_string()),
    }
}

pub(super) fn partition(partition: SinkPartition) -> String {
    match partition {
        SinkPartition::ByKey => "key".to_owned(),
        SinkPartition::Source => "source".to_owned(),
        SinkPartition::Number(number) => number.to_string(),
    }
}

/// The key under which a case expects it.
pub(super) fn key_of(then: Then) -> &'static str {
    match then {
        Then::DeadLetter => "dead_letter",
        Then::Halt => "halted",
        Then::Skip => "skipped",
    }
}

pub(super) fn expected_failure(expected: &ExpectedFailure) -> String {
    let ExpectedFailure { class, step, reason, .. } = expected;
    let step = step.iter().map(|step| format!("step: {step}"));
    let reason = reason.iter().map(|reason| format!("reason: {reason}"));
    [format!("class: {class}")].into_iter().chain(step).chain(reason).collect::<Vec<_>>().join("\n")
}

/// The reason is that which was expected, where it is a part of the whole: so only what differs stands out.
pub(super) fn failure(expected: &ExpectedFailure, failed: &Failed) -> String {
    let whole = &failed.fault.reason;
    let reason = expected.reason.as_ref().map(|part| if whole.contains(part.as_str()) { part } else { whole });
    expected_failure(&ExpectedFailure {
        class: failed.fault.class.as_str().to_owned(),
        step: expected.step.as_ref().map(|_| failed.step.clone()),
        reason: reason.cloned(),
        ..expected.clone()
    })
}

pub(super) fn expected(expected: &Expected) -> String {
    match expected {
        Expected::Outputs(outputs) => count(outputs.len()),
        Expected::Failure(expected) => format!("{}\n{}", key_of(expected.then), expected_failure(expected)),
        Expected::Nothing => NOTHING.to_owned(),
    }
}

pub(super) fn found(found: &Outcome) -> String {
    match found {
        Outcome::Outputs(outputs) => {
            let payloads = outputs.iter().map(|output| format!("\n{}", bytes(output.payload.as_deref())));
            count(outputs.len()) + &payloads.collect::<String>()
        }
        Outcome::Failure { then, failed } => {
            let (class, reason) = (failed.fault.class.as_str(), &failed.fault.reason);
            format!("{}\nclass: {class}\nstep: {}\nreason: {reason}", key_of(*then), failed.step)
        }
        Outcome::Nothing => NOTHING.to_owned(),
    }
}

const NOTHING: &str = "skipped, with nothing that failed";

fn count(outputs: usize) -> String {
    if outputs == 1 { "1 output".to_owned() } else { format!("{outputs} outputs") }
}

/// JSON without white space, as a line for each member and item.
pub(super) fn json(compact: &str) -> String {
    let mut out = String::new();
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    let mut characters = compact.chars().peekable();
    while let Some(character) = characters.next() {
        if in_string {
            out.push(character);
            (in_string, escaped) = (escaped || character != '"', !escaped && character == '\\');
            continue;
        }
        match character {
            '{' | '[' if characters.peek().is_some_and(|next| matches!(next, '}' | ']')) => out.push(character),
            '{' | '[' => {
                depth += 1;
                out.push(character);
                break_line(&mut out, depth);
            }
            '}' | ']' if out.ends_with(['{', '[']) => out.push(character),
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                break_line(&mut out, depth);
                out.push(character);
            }
            ',' => {
                out.push(character);
                break_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            other => {
                in_string = other == '"';
                out.push(other);
            }
        }
    }
    out
}

fn break_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.push_str(&"  ".repeat(depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_shown_by_member_and_stays_what_it_is() {
        let compact = r#"{"a":1.50,"b":["x,\"]:{","\\",[]],"c":{}}"#;
        let shown = "{\n  \"a\": 1.50,\n  \"b\": [\n    \"x,\\\"]:{\",\n    \"\\\\\",\n    []\n  ],\n  \"c\": {}\n}";
        assert_eq!(json(compact), shown);
        assert_eq!(super::super::judge::compact(shown.as_bytes()).as_deref(), Some(compact));
        assert_eq!(json("\"[\""), "\"[\"");
    }
}
