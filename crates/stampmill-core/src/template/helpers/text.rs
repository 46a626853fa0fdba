//! Text, and lists of it.

use std::borrow::Cow;

use super::super::value::Value;
use super::super::write::json_value;
use super::{Helper, anything, bounded};
use crate::json;

pub(super) const HELPERS: &[Helper] = &[
    Helper {
        name: "default",
        arguments: "value other …",
        count: 1..=usize::MAX,
        doc: "the first that is not missing, null or empty",
        example: ("{{default payload.a \"none\"}}", r#"{"a":""}"#, "none"),
        check: anything,
        call: |_, values| Ok(first(values, |value| value.text().is_some_and(|text| !text.is_empty()))),
    },
    Helper {
        name: "coalesce",
        arguments: "value other …",
        count: 1..=usize::MAX,
        doc: "the first that is not missing or null",
        example: ("{{coalesce payload.a payload.b}}", r#"{"a":null,"b":0}"#, "0"),
        check: anything,
        call: |_, values| Ok(first(values, |value| value.text().is_some())),
    },
    Helper {
        name: "upper",
        arguments: "text",
        count: 1..=1,
        doc: "in capitals",
        example: ("{{upper payload.a}}", r#"{"a":"grüße"}"#, "GRÜSSE"),
        check: anything,
        call: |_, values| Ok(with_text(&values[0], |text| text.to_uppercase().into())),
    },
    Helper {
        name: "lower",
        arguments: "text",
        count: 1..=1,
        doc: "in small letters",
        example: ("{{lower payload.a}}", r#"{"a":"EUR"}"#, "eur"),
        check: anything,
        call: |_, values| Ok(with_text(&values[0], |text| text.to_lowercase().into())),
    },
    Helper {
        name: "trim",
        arguments: "text",
        count: 1..=1,
        doc: "without white space at both ends",
        example: ("{{trim payload.a}}", r#"{"a":" x "}"#, "x"),
        check: anything,
        call: |_, values| Ok(with_text(&values[0], |text| text.trim().to_owned().into())),
    },
    Helper {
        name: "substring",
        arguments: "text from [length]",
        count: 2..=3,
        doc: "characters from a place that counts from 0, or from the end if it is negative",
        example: ("{{substring payload.iban -4}}", r#"{"iban":"CH9300762011623852957"}"#, "2957"),
        check: anything,
        call: |_, values| {
            let from = values[1].whole("the place")?;
            let length = values.get(2).map(|length| length.whole("the length")).transpose()?;
            Ok(with_text(&values[0], |text| substring(text, from, length).into()))
        },
    },
    Helper {
        name: "replace",
        arguments: "text what with",
        count: 3..=3,
        doc: "with every occurrence replaced",
        example: ("{{replace payload.a \"-\" \"\"}}", r#"{"a":"12-34-56"}"#, "123456"),
        check: anything,
        call: |_, values| {
            let what = values[1].text().filter(|what| !what.is_empty());
            let with = values[2].text().unwrap_or_default();
            let (Some(text), Some(what)) = (values[0].text(), what) else { return Ok(values[0].clone()) };
            bounded("replace", text.len() + text.matches(what.as_ref()).count().saturating_mul(with.len()))?;
            Ok(Value::Text(text.replace(what.as_ref(), &with).into()))
        },
    },
    Helper {
        name: "concat",
        arguments: "value …",
        count: 1..=usize::MAX,
        doc: "one behind the other",
        example: ("{{concat payload.a \"/\" payload.b}}", r#"{"a":"x","b":1.50}"#, "x/1.50"),
        check: anything,
        call: |_, values| Ok(Value::Text(values.iter().filter_map(Value::text).collect::<String>().into())),
    },
    Helper {
        name: "join",
        arguments: "list separator",
        count: 2..=2,
        doc: "the items of a list as one text",
        example: ("{{join payload.a \", \"}}", r#"{"a":["x",1.50]}"#, "x, 1.50"),
        check: anything,
        call: |_, values| {
            let separator = values[1].text().unwrap_or_default();
            match &values[0] {
                Value::Missing | Value::Null => Ok(Value::Null),
                Value::Json(list) => {
                    let items = json::elements(list).map(|item| json_value(item.as_bytes()).text().unwrap_or_default());
                    bounded("join", list.len() + json::elements(list).count().saturating_mul(separator.len()))?;
                    Ok(Value::Text(items.collect::<Vec<_>>().join(&separator).into()))
                }
                other => Err(format!("`join` expects a list, and found {other}")),
            }
        },
    },
    Helper {
        name: "split",
        arguments: "text separator",
        count: 2..=2,
        doc: "a list of the parts between separators",
        example: ("{{split payload.a \",\"}}", r#"{"a":"x,y"}"#, r#"["x","y"]"#),
        check: anything,
        call: |_, values| {
            let separator = values[1].text().filter(|separator| !separator.is_empty());
            let separator = separator.ok_or("`split` expects a separator that is not empty")?;
            Ok(match values[0].text() {
                None => Value::Null,
                Some(text) => Value::Json(list(text.split(separator.as_ref())).into()),
            })
        },
    },
    Helper {
        name: "length",
        arguments: "value",
        count: 1..=1,
        doc: "characters of a text, items of a list, members of an object",
        example: ("{{length payload.a}}", r#"{"a":["x","y"]}"#, "2"),
        check: anything,
        call: |_, values| {
            Ok(match &values[0] {
                Value::Missing | Value::Null => Value::Null,
                Value::Json(list) => number(json::elements(list).count()),
                other => number(other.text().unwrap_or_default().chars().count()),
            })
        },
    },
];

fn first<'a>(values: &[Value<'a>], is: impl Fn(&Value<'a>) -> bool) -> Value<'a> {
    values.iter().find(|value| is(value)).cloned().unwrap_or(Value::Null)
}

/// Null stays null.
fn with_text<'a>(value: &Value<'a>, made: impl FnOnce(&str) -> Cow<'a, str>) -> Value<'a> {
    value.text().map_or(Value::Null, |text| Value::Text(made(&text)))
}

fn substring(text: &str, from: i64, length: Option<i64>) -> String {
    let skipped = match usize::try_from(from) {
        Ok(from) => from,
        Err(_) => text.chars().count().saturating_sub(usize::try_from(from.unsigned_abs()).unwrap_or(usize::MAX)),
    };
    let length = length.map_or(usize::MAX, |length| usize::try_from(length).unwrap_or(0));
    text.chars().skip(skipped).take(length).collect()
}

fn list<'a>(parts: impl Iterator<Item = &'a str>) -> String {
    let mut out = b"[".to_vec();
    for (place, part) in parts.enumerate() {
        out.extend_from_slice(if place == 0 { b"\"" } else { b",\"" });
        json::escape(part, &mut out);
        out.push(b'"');
    }
    out.push(b']');
    String::from_utf8(out).unwrap_or_default()
}

fn number<'a>(count: usize) -> Value<'a> {
    Value::Number(count.to_string().into())
}

#[cfg(test)]
mod tests {
    use super::super::tests::call;

    #[test]
    fn places_count_in_characters_and_from_the_end() {
        let expected = [("1", "3", "bcd"), ("-2", "9", "é😀"), ("-99", "2", "ab"), ("99", "1", ""), ("0", "-1", "")];
        for (from, length, out) in expected {
            assert_eq!(call("substring", &["\"abcdé😀\"", from, length]), Ok(format!("\"{out}\"")), "{from} {length}");
        }
        let error = "expected a whole number as the place, and found the text `x`";
        assert_eq!(call("substring", &["\"a\"", "\"x\""]), Err(error.into()));
    }

    #[test]
    fn null_stays_null_and_numbers_are_text() {
        assert_eq!(call("upper", &[""]), Ok("null".into()));
        assert_eq!(call("upper", &["1e5"]), Ok("\"1E5\"".into()));
        assert_eq!(call("concat", &["", "null", "true", "1.50", "[1]"]), Ok("\"true1.50[1]\"".into()));
        assert_eq!(call("default", &["", "0"]), Ok("0".into()));
        assert_eq!(call("default", &["", "null"]), Ok("null".into()));
        assert_eq!(call("join", &["{\"a\":\"x\",\"b\":null}", "\"-\""]), Ok("\"x-\"".into()));
        assert!(call("join", &["\"a\"", "\"-\""]).is_err());
        assert!(call("split", &["\"a\"", "\"\""]).is_err());
    }

    #[test]
    fn a_record_does_not_choose_how_much_memory_a_text_takes() {
        let long: &'static str = Box::leak(format!("\"{}\"", "x".repeat(100_000)).into_boxed_str());
        let list: &'static str = Box::leak(format!("[1{}]", ",1".repeat(1000)).into_boxed_str());
        assert!(call("replace", &[long, "\"x\"", long]).is_err_and(|error| error.contains("at most 16777216 bytes")));
        assert!(call("join", &[list, long]).is_err());
        assert!(call("regex_replace", &[long, "\"x\"", long]).is_err());
    }
}
