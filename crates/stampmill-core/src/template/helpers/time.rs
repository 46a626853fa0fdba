//! Dates and times. Formats are those of `strftime`; zones are names of the IANA database, built in.

use jiff::Timestamp;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

use super::super::value::Value;
use super::{Ambient, Helper, anything};

pub(super) const HELPERS: &[Helper] = &[
    Helper {
        name: "now",
        arguments: "[format] [zone]",
        count: 0..=2,
        doc: "the time of rendering, as RFC 3339 in UTC unless a format says otherwise",
        example: ("{{now \"%Y\" \"UTC\"}}", "{}", "2023"),
        check: |literals| checked(literals.first(), literals.get(1)),
        call: |ambient, values| shown(now(ambient)?, values.first(), values.get(1)),
    },
    Helper {
        name: "parse_time",
        arguments: "text [format] [zone]",
        count: 1..=3,
        doc: "milliseconds since 1970 of a time as text: RFC 3339 without a format; UTC without a zone",
        example: (
            "{{parse_time payload.at \"%d.%m.%Y %H:%M\" \"Europe/Zurich\"}}",
            r#"{"at":"01.07.2026 14:00"}"#,
            "1782907200000",
        ),
        check: |literals| checked(literals.get(1), literals.get(2)),
        call: |_, values| match values[0].text() {
            None => Ok(Value::Null),
            Some(text) => Ok(number(parsed(&text, values.get(1), values.get(2))?.as_millisecond())),
        },
    },
    Helper {
        name: "format_time",
        arguments: "time [format] [zone]",
        count: 1..=3,
        doc: "milliseconds since 1970, or RFC 3339, as text: RFC 3339 in UTC unless a format says otherwise",
        example: ("{{format_time timestamp \"%Y-%m-%d %H:%M\" \"Asia/Tokyo\"}}", "{}", "2023-11-15 07:13"),
        check: |literals| checked(literals.get(1), literals.get(2)),
        call: |_, values| match values[0].text() {
            None => Ok(Value::Null),
            Some(_) => shown(time(&values[0])?, values.get(1), values.get(2)),
        },
    },
    Helper {
        name: "to_epoch",
        arguments: "time unit",
        count: 2..=2,
        doc: "`s`, `ms`, `us` or `ns` since 1970 of RFC 3339 or of milliseconds",
        example: ("{{to_epoch payload.at \"s\"}}", r#"{"at":"2026-01-01T00:00:00Z"}"#, "1767225600"),
        check: anything,
        call: |_, values| match values[0].text() {
            None => Ok(Value::Null),
            Some(_) => {
                let nanoseconds = time(&values[0])?.as_nanosecond();
                Ok(Value::Number(nanoseconds.div_euclid(unit(&values[1])?).to_string().into()))
            }
        },
    },
    Helper {
        name: "from_epoch",
        arguments: "number unit",
        count: 2..=2,
        doc: "RFC 3339 in UTC of so many `s`, `ms`, `us` or `ns` since 1970",
        example: ("{{from_epoch payload.at \"s\"}}", r#"{"at":1767225600}"#, "2026-01-01T00:00:00.000Z"),
        check: anything,
        call: |_, values| match values[0].text() {
            None => Ok(Value::Null),
            Some(_) => {
                let count = i128::from(values[0].whole("the time")?);
                let nanoseconds = count.checked_mul(unit(&values[1])?);
                let time = nanoseconds.and_then(|count| Timestamp::from_nanosecond(count).ok());
                shown(time.ok_or_else(|| out_of_range(&values[0]))?, None, None)
            }
        },
    },
];

const RFC_3339: &str = "%Y-%m-%dT%H:%M:%S.%3fZ";

fn now(ambient: &Ambient) -> Result<Timestamp, String> {
    Timestamp::from_nanosecond((ambient.now)()).map_err(|error| format!("the clock is out of range: {error}"))
}

fn time(value: &Value<'_>) -> Result<Timestamp, String> {
    let text = value.text().unwrap_or_default();
    match text.parse::<i64>() {
        Ok(milliseconds) => Timestamp::from_millisecond(milliseconds).map_err(|_| out_of_range(value)),
        Err(_) => text.parse().map_err(|_| format!("expected milliseconds since 1970 or RFC 3339, and found {value}")),
    }
}

fn parsed(text: &str, format: Option<&Value<'_>>, zone: Option<&Value<'_>>) -> Result<Timestamp, String> {
    let found = Value::Text(text.into());
    let Some(format) = format.and_then(Value::text) else {
        return text.parse().map_err(|_| format!("expected a time as RFC 3339, and found {found}"));
    };
    let refuse = |error: jiff::Error| format!("expected a time as `{format}`, and found {found}: {error}");
    let parts = strtime::parse(format.as_ref(), text).map_err(refuse)?;
    // A format with an offset or an instant of its own needs no zone.
    if let Ok(time) = parts.to_timestamp() {
        return Ok(time);
    }
    let date = parts.to_date().map_err(refuse)?;
    let clock = parts.to_time().unwrap_or(jiff::civil::Time::midnight());
    let zoned = date.to_datetime(clock).to_zoned_datetime(time_zone(zone)?).map_err(refuse)?;
    Ok(zoned.timestamp())
}

fn shown<'a>(time: Timestamp, format: Option<&Value<'_>>, zone: Option<&Value<'_>>) -> Result<Value<'a>, String> {
    let format = format.and_then(Value::text).unwrap_or(RFC_3339.into());
    let zoned = time.to_zoned_datetime(time_zone(zone)?);
    let shown = strtime::format(format.as_ref(), &zoned);
    shown.map(|text| Value::Text(text.into())).map_err(|error| format!("`{format}` is no format of a time: {error}"))
}

fn time_zone(zone: Option<&Value<'_>>) -> Result<TimeZone, String> {
    match zone.and_then(Value::text) {
        None => Ok(TimeZone::UTC),
        Some(name) => TimeZone::get(&name)
            .map_err(|_| format!("there is no time zone `{name}`: expected a name such as `UTC` or `Europe/Zurich`")),
    }
}

fn checked(format: Option<&Option<&Value<'_>>>, zone: Option<&Option<&Value<'_>>>) -> Result<(), String> {
    let (format, zone) = (format.copied().flatten(), zone.copied().flatten());
    shown(Timestamp::UNIX_EPOCH, format, zone).map(drop)
}

/// In nanoseconds.
fn unit(value: &Value<'_>) -> Result<i128, String> {
    match value.text().as_deref() {
        Some("s") => Ok(1_000_000_000),
        Some("ms") => Ok(1_000_000),
        Some("us") => Ok(1_000),
        Some("ns") => Ok(1),
        _ => Err(format!("expected `s`, `ms`, `us` or `ns`, and found {value}")),
    }
}

fn out_of_range(value: &Value<'_>) -> String {
    format!("expected a time between the years -9999 and 9999, and found {value}")
}

fn number<'a>(number: i64) -> Value<'a> {
    Value::Number(number.to_string().into())
}

#[cfg(test)]
mod tests {
    use super::super::tests::call;

    #[test]
    fn times_go_there_and_back() {
        let text = |text: &str| Ok(format!("\"{text}\""));
        assert_eq!(call("now", &[]), text("2023-11-14T22:13:20.123Z"));
        assert_eq!(call("parse_time", &["\"2026-07-01T14:00:00.5+02:00\""]), Ok("1782907200500".into()));
        assert_eq!(call("parse_time", &["\"01/02/2026\"", "\"%d/%m/%Y\""]), Ok("1769904000000".into()));
        assert_eq!(
            call("parse_time", &["\"2026-07-01 14:00 +0200\"", "\"%Y-%m-%d %H:%M %z\""]),
            Ok("1782907200000".into())
        );
        assert_eq!(call("format_time", &["-1"]), text("1969-12-31T23:59:59.999Z"));
        assert_eq!(call("from_epoch", &["\"-1\"", "\"ns\""]), text("1969-12-31T23:59:59.999Z"));
        assert_eq!(call("to_epoch", &["\"1969-12-31T23:59:59.999Z\"", "\"s\""]), Ok("-1".into()));
        assert_eq!(call("to_epoch", &["null", "\"s\""]), Ok("null".into()));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for (name, arguments) in [
            ("parse_time", &["\"yesterday\""][..]),
            ("parse_time", &["\"x\"", "\"%Y\""]),
            ("format_time", &["\"x\""]),
            ("format_time", &["99999999999999999"]),
            ("format_time", &["0", "\"%Q%\""]),
            ("format_time", &["0", "\"%Y\"", "\"Mars/Base\""]),
            ("from_epoch", &["9223372036854775807", "\"s\""]),
            ("to_epoch", &["0", "\"h\""]),
        ] {
            assert!(call(name, arguments).is_err(), "{name} {arguments:?}");
        }
    }
}
