//! What is said of a payload that does not meet its schema: every violation with its place, and no value of the payload.

use std::fmt::Write;

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;

use super::place;

/// Bytes of all that is said, about; what goes beyond is counted.
const ROOM: usize = 4096;
/// Bytes of one violation, about.
const ROOM_OF_ONE: usize = 512;

/// One text of all.
pub(super) fn text<'a>(violations: impl Iterator<Item = ValidationError<'a>>) -> String {
    let (mut text, mut left_out) = (String::new(), 0);
    for violation in violations {
        let one = cut(in_place(&violation));
        if !text.is_empty() && text.len() + one.len() > ROOM {
            left_out += 1;
            continue;
        }
        if !text.is_empty() {
            text.push_str("; ");
        }
        text.push_str(&one);
    }
    if left_out > 0 {
        let _ = write!(text, "; and {left_out} more");
    }
    text
}

/// With the place that it is about.
pub(super) fn in_place(violation: &ValidationError<'_>) -> String {
    format!("{}: {}", place(violation.instance_path().as_str()), what(violation))
}

fn what(violation: &ValidationError<'_>) -> String {
    match violation.kind() {
        ValidationErrorKind::AdditionalItems { limit } => format!("it has more than {limit} items"),
        ValidationErrorKind::AnyOf { context } => none_of("anyOf", context),
        ValidationErrorKind::OneOfNotValid { context } => none_of("oneOf", context),
        ValidationErrorKind::FalseSchema => "nothing may be there".to_owned(),
        ValidationErrorKind::Format { format } if format == "regex" => {
            "it is no regular expression that is taken here, which is one without looking around and back".to_owned()
        }
        ValidationErrorKind::PropertyNames { error } => format!("a key is not as it must be: {}", what(error)),
        _ => violation.masked_with("it").to_string(),
    }
}

/// Where it fits no alternative, why not each.
fn none_of(keyword: &str, alternatives: &[Vec<ValidationError<'static>>]) -> String {
    let mut text = format!("it meets none of `{keyword}`");
    for (number, alternative) in alternatives.iter().enumerate() {
        if text.len() > ROOM_OF_ONE {
            break;
        }
        let all: Vec<String> = alternative.iter().map(in_place).collect();
        let _ = write!(text, "{} ({}) {}", if number == 0 { ":" } else { "," }, number + 1, all.join(" and "));
    }
    text
}

fn cut(mut text: String) -> String {
    if text.len() > ROOM_OF_ONE {
        let end = (0..=ROOM_OF_ONE).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or_default());
        text.push('…');
    }
    text
}
