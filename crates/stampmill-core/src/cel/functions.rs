//! The functions of the language: what each takes, gives and does.

use std::borrow::Cow;

use super::failure::Problem;
use super::number::Number;
use super::time;
use super::value::{Kinds, Value};
use crate::json::items;

/// What comes second is `None` where nothing stands there.
type Call = for<'a> fn(Value<'a>, Option<Value<'a>>) -> Result<Value<'a>, Problem>;

#[derive(Debug)]
pub(super) struct Function {
    pub(super) name: &'static str,
    pub(super) style: Style,
    /// The receiver first.
    pub(super) takes: [Kinds; 2],
    pub(super) least: usize,
    pub(super) most: usize,
    pub(super) gives: Kinds,
    pub(super) call: Call,
}

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// `string(x)`
    Global,
    /// `x.startsWith(y)`
    Method,
    /// `size(x)` and `x.size()`
    Both,
}

const TEXT: Kinds = Kinds::TEXT;
const SIZED: Kinds = TEXT.or(Kinds::BYTES).or(Kinds::LIST).or(Kinds::MAP);
const WRITTEN: Kinds = Kinds::NUMBER.or(Kinds::BOOL).or(TEXT).or(Kinds::BYTES).or(Kinds::TIMESTAMP).or(Kinds::DURATION);
const TIME: Kinds = Kinds::TIMESTAMP;
const CLOCK: Kinds = Kinds::TIMESTAMP.or(Kinds::DURATION);

pub(super) static FUNCTIONS: [Function; 28] = [
    with_one("size", Style::Both, SIZED, Kinds::INT, |value, _| size(&value)),
    with_text("contains", Style::Method, |text, part| compare(&text, part, |text, part| text.contains(part))),
    with_text("startsWith", Style::Method, |text, part| compare(&text, part, |text, part| text.starts_with(part))),
    with_text("endsWith", Style::Method, |text, part| compare(&text, part, |text, part| text.ends_with(part))),
    // The checker makes something else of it, for its pattern is compiled before there is a record.
    with_text("matches", Style::Both, |text, part| compare(&text, part, |_, _| false)),
    with_one("lowerAscii", Style::Method, TEXT, TEXT, |text, _| Ok(changed(text, str::to_ascii_lowercase))),
    with_one("upperAscii", Style::Method, TEXT, TEXT, |text, _| Ok(changed(text, str::to_ascii_uppercase))),
    with_one("trim", Style::Method, TEXT, TEXT, |text, _| Ok(changed(text, |text| text.trim().to_owned()))),
    with_one("int", Style::Global, Kinds::NUMBER.or(TEXT).or(TIME), Kinds::INT, |value, _| to_int(&value)),
    with_one("uint", Style::Global, Kinds::NUMBER.or(TEXT), Kinds::INT, |value, _| to_uint(&value)),
    with_one("double", Style::Global, Kinds::NUMBER.or(TEXT), Kinds::DECIMAL, |value, _| to_double(value)),
    with_one("string", Style::Global, WRITTEN, TEXT, |value, _| to_text(value)),
    with_one("bytes", Style::Global, TEXT.or(Kinds::BYTES), Kinds::BYTES, |value, _| Ok(to_bytes(value))),
    with_one("bool", Style::Global, Kinds::BOOL.or(TEXT), Kinds::BOOL, |value, _| to_bool(value)),
    with_one("timestamp", Style::Global, TEXT.or(Kinds::INT).or(TIME), TIME, |value, _| time::timestamp(value)),
    with_one("duration", Style::Global, TEXT.or(Kinds::DURATION), Kinds::DURATION, |value, _| time::duration(value)),
    with_one("dyn", Style::Global, Kinds::ANY, Kinds::ANY, |value, _| Ok(value)),
    with_one("type", Style::Global, Kinds::ANY, Kinds::TYPE, |value, _| Ok(Value::Type(value.kind().type_name()))),
    of_time("getFullYear", TIME, |time, zone| time::part(&time, zone, |at| at.year().into())),
    of_time("getMonth", TIME, |time, zone| time::part(&time, zone, |at| i64::from(at.month()) - 1)),
    of_time("getDate", TIME, |time, zone| time::part(&time, zone, |at| at.day().into())),
    of_time("getDayOfMonth", TIME, |time, zone| time::part(&time, zone, |at| i64::from(at.day()) - 1)),
    of_time("getDayOfWeek", TIME, |time, zone| {
        time::part(&time, zone, |at| at.weekday().to_sunday_zero_offset().into())
    }),
    of_time("getDayOfYear", TIME, |time, zone| time::part(&time, zone, |at| i64::from(at.day_of_year()) - 1)),
    of_time("getHours", CLOCK, |time, zone| match time {
        Value::Duration(duration) => time::length(duration.as_hours(), zone.as_ref()),
        time => time::part(&time, zone, |at| at.hour().into()),
    }),
    of_time("getMinutes", CLOCK, |time, zone| match time {
        Value::Duration(duration) => time::length(duration.as_mins(), zone.as_ref()),
        time => time::part(&time, zone, |at| at.minute().into()),
    }),
    of_time("getSeconds", CLOCK, |time, zone| match time {
        Value::Duration(duration) => time::length(duration.as_secs(), zone.as_ref()),
        time => time::part(&time, zone, |at| at.second().into()),
    }),
    of_time("getMilliseconds", CLOCK, |time, zone| match time {
        Value::Duration(duration) => time::length(i64::from(duration.subsec_millis()), zone.as_ref()),
        time => time::part(&time, zone, |at| at.millisecond().into()),
    }),
];

pub(super) fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

const fn with_one(name: &'static str, style: Style, takes: Kinds, gives: Kinds, call: Call) -> Function {
    Function { name, style, takes: [takes, Kinds::ANY], least: 1, most: 1, gives, call }
}

const fn with_text(name: &'static str, style: Style, call: Call) -> Function {
    Function { name, style, takes: [TEXT, TEXT], least: 2, most: 2, gives: Kinds::BOOL, call }
}

/// The zone may be left out: then it is UTC.
const fn of_time(name: &'static str, takes: Kinds, call: Call) -> Function {
    Function { name, style: Style::Method, takes: [takes, TEXT], least: 1, most: 2, gives: Kinds::INT, call }
}

/// Characters of a text, bytes, elements, or keys.
pub(super) fn size<'a>(value: &Value<'_>) -> Result<Value<'a>, Problem> {
    let count = match value {
        Value::Text(text) => text.chars().count(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Json(json) => match json {
            [b'{', ..] => super::items::members(json).len(),
            _ => items(json).count(),
        },
        Value::List(list) => list.len(),
        Value::Map(entries) => entries.len(),
        _ => 0,
    };
    Ok(Value::int(i64::try_from(count).unwrap_or(i64::MAX)))
}

fn compare<'a>(text: &Value<'_>, part: Option<Value<'_>>, holds: fn(&str, &str) -> bool) -> Result<Value<'a>, Problem> {
    match (text, part) {
        (Value::Text(text), Some(Value::Text(part))) => Ok(Value::Bool(holds(text, &part))),
        _ => Err(not_expected()),
    }
}

fn changed<'a>(value: Value<'a>, change: fn(&str) -> String) -> Value<'a> {
    match value {
        Value::Text(text) => Value::Text(change(&text).into()),
        other => other,
    }
}

fn to_int<'a>(value: &Value<'_>) -> Result<Value<'a>, Problem> {
    let refused = |refused| Problem::Arithmetic { of: "int", refused };
    Ok(Value::int(match value {
        Value::Number(number) => number.truncate().map_err(refused)?,
        Value::Timestamp(time) => time.as_second(),
        Value::Text(text) => {
            text.parse().map_err(|_| other(format!("`int` takes a whole number, and not \"{text}\"")))?
        }
        _ => return Err(not_expected()),
    }))
}

fn to_uint<'a>(value: &Value<'_>) -> Result<Value<'a>, Problem> {
    match to_int(value)? {
        Value::Number(Number::Int(whole @ ..0)) => {
            Err(other(format!("`uint` takes no number below 0, and not {whole}")))
        }
        whole => Ok(whole),
    }
}

fn to_double(value: Value<'_>) -> Result<Value<'_>, Problem> {
    match value {
        Value::Number(number) => Ok(Value::Number(number.into_decimal())),
        Value::Text(text) => {
            let is_number = crate::json::compact(text.as_bytes(), &mut Vec::new()).is_ok()
                && text.starts_with(|first: char| first == '-' || first.is_ascii_digit())
                && text.ends_with(|last: char| last.is_ascii_digit());
            if !is_number {
                return Err(other(format!("`double` takes a number as JSON has it, and not \"{text}\"")));
            }
            Ok(Value::Number(Number::parse(text.as_bytes()).into_decimal().into_owned()))
        }
        _ => Err(not_expected()),
    }
}

fn to_text(value: Value<'_>) -> Result<Value<'_>, Problem> {
    Ok(Value::Text(match value {
        Value::Text(text) => text,
        Value::Bool(value) => if value { "true" } else { "false" }.into(),
        Value::Number(number) => number.to_string().into(),
        Value::Bytes(bytes) => match std::str::from_utf8(&bytes) {
            Ok(text) => text.to_owned().into(),
            Err(error) => {
                return Err(other(format!(
                    "`string` takes bytes that are UTF-8: these are not at {}",
                    error.valid_up_to()
                )));
            }
        },
        Value::Timestamp(time) => time.to_string().into(),
        Value::Duration(duration) => time::seconds(duration).into(),
        _ => return Err(not_expected()),
    }))
}

fn to_bytes(value: Value<'_>) -> Value<'_> {
    match value {
        Value::Text(Cow::Borrowed(text)) => Value::Bytes(text.as_bytes().into()),
        Value::Text(Cow::Owned(text)) => Value::Bytes(text.into_bytes().into()),
        bytes => bytes,
    }
}

/// CEL's language definition, "bool".
fn to_bool(value: Value<'_>) -> Result<Value<'_>, Problem> {
    let Value::Text(text) = value else { return Ok(value) };
    match text.as_ref() {
        "1" | "t" | "true" | "TRUE" | "True" => Ok(Value::Bool(true)),
        "0" | "f" | "false" | "FALSE" | "False" => Ok(Value::Bool(false)),
        _ => Err(other(format!("`bool` takes \"true\" or \"false\", and not \"{text}\""))),
    }
}

fn other(message: String) -> Problem {
    Problem::Other(message.into())
}

/// Kinds are looked at before a function is called.
fn not_expected() -> Problem {
    other("a value of another kind than expected".into())
}
