//! Text in other forms.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};

use super::super::value::Value;
use super::{Helper, anything};
use crate::json;

pub(super) const HELPERS: &[Helper] = &[
    Helper {
        name: "uuid",
        arguments: "",
        count: 0..=0,
        doc: "a new random UUID (version 4); another each time that a record is rendered",
        example: ("{{length (uuid)}}", "{}", "36"),
        check: anything,
        call: |ambient, _| {
            let uuid = uuid::Builder::from_random_bytes((ambient.random)()).into_uuid();
            Ok(Value::Text(uuid.to_string().into()))
        },
    },
    Helper {
        name: "sha256",
        arguments: "value",
        count: 1..=1,
        doc: "SHA-256 of the text in UTF-8, in hexadecimal digits",
        example: (
            "{{sha256 payload.a}}",
            r#"{"a":"abc"}"#,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ),
        check: anything,
        call: |_, values| {
            Ok(with_text(&values[0], |text| Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()))
        },
    },
    Helper {
        name: "base64",
        arguments: "value",
        count: 1..=1,
        doc: "the text in UTF-8 as base64",
        example: ("{{base64 payload.a}}", r#"{"a":"é"}"#, "w6k="),
        check: anything,
        call: |_, values| Ok(with_text(&values[0], |text| STANDARD.encode(text))),
    },
    Helper {
        name: "base64_decode",
        arguments: "text",
        count: 1..=1,
        doc: "the text that was encoded",
        example: ("{{base64_decode payload.a}}", r#"{"a":"w6k="}"#, "é"),
        check: anything,
        call: |_, values| {
            decoded(&values[0], "base64 of a text in UTF-8", |text| String::from_utf8(STANDARD.decode(text).ok()?).ok())
        },
    },
    Helper {
        name: "url_encode",
        arguments: "value",
        count: 1..=1,
        doc: "with `%XX` for all that is not unreserved in a URL (RFC 3986)",
        example: ("{{url_encode payload.a}}", r#"{"a":"a b/ü"}"#, "a%20b%2F%C3%BC"),
        check: anything,
        call: |_, values| Ok(with_text(&values[0], |text| utf8_percent_encode(text, RESERVED).to_string())),
    },
    Helper {
        name: "url_decode",
        arguments: "text",
        count: 1..=1,
        doc: "with `%XX` decoded",
        example: ("{{url_decode payload.a}}", r#"{"a":"a%20b"}"#, "a b"),
        check: anything,
        call: |_, values| {
            decoded(&values[0], "`%XX` of a text in UTF-8", |text| {
                Some(percent_decode_str(text).decode_utf8().ok()?.into_owned())
            })
        },
    },
    Helper {
        name: "json",
        arguments: "value",
        count: 1..=1,
        doc: "the value's JSON, as a text",
        example: ("{{json payload.a}}", r#"{"a":"x"}"#, r#""x""#),
        check: anything,
        call: |_, values| {
            Ok(Value::Text(match &values[0] {
                Value::Missing | Value::Null => "null".into(),
                Value::Text(text) => {
                    let mut out = b"\"".to_vec();
                    json::escape(text, &mut out);
                    out.push(b'"');
                    String::from_utf8(out).unwrap_or_default().into()
                }
                other => other.text().unwrap_or_default(),
            }))
        },
    },
];

/// All but the unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

fn with_text<'a>(value: &Value<'a>, made: impl FnOnce(&str) -> String) -> Value<'a> {
    value.text().map_or(Value::Null, |text| Value::Text(made(&text).into()))
}

fn decoded<'a>(
    value: &Value<'a>,
    expected: &str,
    decode: impl FnOnce(&str) -> Option<String>,
) -> Result<Value<'a>, String> {
    match value.text() {
        None => Ok(Value::Null),
        Some(text) => match decode(&text) {
            Some(decoded) => Ok(Value::Text(decoded.into())),
            None => Err(format!("expected {expected}, and found {value}")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::call;

    #[test]
    fn what_cannot_be_decoded_is_refused() {
        assert!(call("base64_decode", &["\"w6k\""]).is_err(), "no padding");
        assert!(call("base64_decode", &["\"/w==\""]).is_err(), "no UTF-8");
        assert!(call("url_decode", &["\"%ff\""]).is_err(), "no UTF-8");
        assert_eq!(call("url_decode", &["\"%zz%\""]), Ok("\"%zz%\"".into()));
        assert_eq!(call("uuid", &[]), Ok("\"07070707-0707-4707-8707-070707070707\"".into()));
        assert_eq!(call("json", &[r#"{"a":[1.50]}"#]), Ok("\"{\"a\":[1.50]}\"".into()));
        assert_eq!(call("json", &[""]), Ok("\"null\"".into()));
    }
}
