//! Timestamps and durations: RFC 3339, and what Go writes for durations, as CEL's language definition asks.

use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::failure::Problem;
use super::value::Value;

/// From RFC 3339, or from seconds since 1970.
pub(super) fn timestamp(value: Value<'_>) -> Result<Value<'_>, Problem> {
    Ok(Value::Timestamp(match value {
        Value::Text(text) => text
            .parse()
            .map_err(|_| other(format!("expected a time such as \"2026-01-31T12:00:00Z\", and found \"{text}\"")))?,
        Value::Number(number) => {
            let seconds = number.truncate().map_err(|_| Problem::TimeOutOfRange)?;
            Timestamp::from_second(seconds).map_err(|_| Problem::TimeOutOfRange)?
        }
        other => return Ok(other),
    }))
}

/// `1h30m`, `1.5s`, `-250ms`, `0`.
pub(super) fn duration(value: Value<'_>) -> Result<Value<'_>, Problem> {
    let Value::Text(text) = value else { return Ok(value) };
    parse(&text).map(Value::Duration).ok_or_else(|| {
        other(format!(
            "expected a duration such as \"1h30m\" or \"1.5s\" (units h, m, s, ms, us, ns), and found \"{text}\""
        ))
    })
}

fn parse(text: &str) -> Option<SignedDuration> {
    const UNITS: [(&str, i128); 7] = [
        ("ms", 1_000_000),
        ("us", 1_000),
        ("µs", 1_000),
        ("ns", 1),
        ("h", 3_600_000_000_000),
        ("m", 60_000_000_000),
        ("s", 1_000_000_000),
    ];
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(SignedDuration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut nanoseconds = 0_i128;
    while !rest.is_empty() {
        let length = rest.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(length);
        let (unit, size) = UNITS.iter().find(|(unit, _)| after.starts_with(unit))?;
        rest = &after[unit.len()..];
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        // What is below a nanosecond is left away.
        let fraction = &fraction[..fraction.len().min(18)];
        let part: i128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
        let divisor = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
        nanoseconds = nanoseconds.checked_add(whole.checked_mul(*size)?)?.checked_add(part * size / divisor)?;
    }
    let nanoseconds = if negative { -nanoseconds } else { nanoseconds };
    let (seconds, rest) = (nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000);
    Some(SignedDuration::new(i64::try_from(seconds).ok()?, i32::try_from(rest).ok()?))
}

/// As protocol buffers write it in JSON: `1.5s`.
pub(super) fn seconds(duration: SignedDuration) -> String {
    let sign = if duration.is_negative() { "-" } else { "" };
    let (seconds, nanoseconds) = (duration.as_secs().unsigned_abs(), duration.subsec_nanos().unsigned_abs());
    if nanoseconds == 0 {
        return format!("{sign}{seconds}s");
    }
    let fraction = format!("{nanoseconds:09}");
    format!("{sign}{seconds}.{}s", fraction.trim_end_matches('0'))
}

/// A part of a timestamp in its zone.
pub(super) fn part<'a>(
    value: &Value<'_>,
    zone: Option<Value<'_>>,
    part: fn(DateTime) -> i64,
) -> Result<Value<'a>, Problem> {
    let Value::Timestamp(time) = value else { return Err(other("expected a timestamp".into())) };
    let zone = match zone {
        Some(Value::Text(name)) => self::zone(&name)?,
        _ => TimeZone::UTC,
    };
    Ok(Value::int(part(zone.to_datetime(*time))))
}

/// A whole duration in one unit, which no zone changes.
pub(super) fn length<'a>(length: i64, zone: Option<&Value<'_>>) -> Result<Value<'a>, Problem> {
    match zone {
        None => Ok(Value::int(length)),
        Some(_) => Err(other("a duration has no time zone: leave it out".into())),
    }
}

/// `Europe/Zurich`, or an offset such as `+02:00`.
fn zone(name: &str) -> Result<TimeZone, Problem> {
    let offset = |name: &str| -> Option<Offset> {
        let parsed = strtime::parse("%:z", name).or_else(|_| strtime::parse("%:z", format!("+{name}"))).ok()?;
        parsed.offset()
    };
    if let Some(offset) = offset(name) {
        return Ok(TimeZone::fixed(offset));
    }
    TimeZone::get(name).map_err(|_| {
        other(format!("expected a time zone such as \"Europe/Zurich\" or \"+02:00\", and found \"{name}\""))
    })
}

fn other(message: String) -> Problem {
    Problem::Other(message.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written() {
        let cases = [
            ("0", "0s"),
            ("1h30m", "5400s"),
            ("1.5s", "1.5s"),
            ("-250ms", "-0.25s"),
            ("1h1m1s1ms1us1ns", "3661.001001001s"),
            (".5m", "30s"),
            ("1.s", "1s"),
            ("0.0000000019s", "0.000000001s"),
        ];
        for (text, written) in cases {
            assert_eq!(parse(text).map(seconds).as_deref(), Some(written), "{text}");
        }
        for text in ["", "-", "1", "s", ".s", "1d", "1.2.3s", "1 s", "é", "99999999999999999999999999999999999999h"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
