//! The JSON scanner against serde_json, and templates against the promise that their output is JSON.

use proptest::prelude::*;
use serde_json::Value;
use stampmill_core::fault::Fault;
use stampmill_core::json::{JsonError, compact, find};
use stampmill_core::record::{Batch, Offset};
use stampmill_core::template::{Input, Missing, Template};

/// Documents with every kind of token, white space between them, and keys that come twice.
fn document() -> impl Strategy<Value = String> {
    let space = prop_oneof![Just(""), Just(" "), Just("\n\t"), Just("\r ")];
    let number = "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?";
    let text = prop_oneof![
        "[a-z ]{0,8}",
        Just("\\u00e9\\\\\\\"\\/\\b\\f\\n\\r\\t".to_owned()),
        Just("\\ud83d\\ude00 \\ud83d".to_owned()),
        "[é😀\u{2028}<>&']{0,4}",
    ];
    let string = text.prop_map(|content| format!("\"{content}\""));
    let scalar = prop_oneof![
        number.prop_map(String::from),
        string.clone(),
        Just("true".into()),
        Just("false".into()),
        Just("null".into())
    ];
    let key = prop_oneof![Just("\"a\"".to_owned()), Just("\"b\"".to_owned()), Just("\"\\u0061\"".to_owned()), string];
    scalar.prop_recursive(5, 40, 6, move |inner| {
        let (before, after) = (space.clone(), space.clone());
        let item = (before.clone(), inner.clone(), after.clone()).prop_map(|(a, value, b)| format!("{a}{value}{b}"));
        let member =
            (before, key.clone(), after, inner).prop_map(|(a, key, b, value)| format!("{a}{key}{b}:{a}{value}{b}"));
        prop_oneof![
            prop::collection::vec(item, 0..6).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(member, 0..6).prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    })
}

/// A document with a few bytes changed: mostly no longer one.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let change =
        (any::<prop::sample::Index>(), prop_oneof![any::<u8>(), prop::sample::select(b"{}[]\",:\\0-e.ntf ".to_vec())]);
    (document(), prop::collection::vec(change, 1..4)).prop_map(|(document, changes)| {
        let mut bytes = document.into_bytes();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        bytes
    })
}

fn accepts(bytes: &[u8]) -> Result<Vec<u8>, JsonError> {
    let mut out = Vec::new();
    compact(bytes, &mut out).map(|()| out)
}

/// serde_json does not check the strings that it ignores for UTF-8, so that is asked first.
fn serde_accepts(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok())
}

/// White space outside of strings taken out in the plainest way.
fn without_white_space(document: &str) -> String {
    let (mut out, mut inside, mut escaped) = (String::new(), false, false);
    for character in document.chars() {
        if !inside && matches!(character, ' ' | '\n' | '\r' | '\t') {
            continue;
        }
        out.push(character);
        match (character, inside, escaped) {
            (_, true, true) => escaped = false,
            ('\\', true, false) => escaped = true,
            ('"', _, false) => inside = !inside,
            _ => {}
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_document_loses_its_white_space_and_nothing_else(document in document()) {
        let out = accepts(document.as_bytes());
        prop_assert_eq!(out, Ok(without_white_space(&document).into_bytes()), "{}", document);
    }

    #[test]
    fn accepted_is_what_serde_json_accepts(bytes in damaged()) {
        prop_assert_eq!(accepts(&bytes).is_ok(), serde_accepts(&bytes), "{}", String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn a_path_leads_where_it_does_in_serde_json(document in document(), path in prop::collection::vec(prop::sample::select(vec!["a", "b", "0", "1"]), 0..4)) {
        let compacted = String::from_utf8(accepts(document.as_bytes()).expect("a document")).expect("is UTF-8");
        // Half a surrogate pair and a number beyond f64 are JSON, but not to serde_json's `Value`.
        if let Ok(whole) = serde_json::from_str::<Value>(&compacted) {
            let expected = path.iter().try_fold(&whole, |value, step| match value {
                Value::Object(members) => members.get(*step),
                Value::Array(items) => items.get(step.parse::<usize>().ok()?),
                _ => None,
            });
            let path: Vec<String> = path.iter().map(|step| (*step).to_owned()).collect();
            let found = find(&compacted, &path).map(|found| serde_json::from_str::<Value>(found).expect("a value"));
            prop_assert_eq!(found.as_ref(), expected, "{}", compacted);
        }
    }

    #[test]
    fn what_a_template_writes_is_json(pieces in prop::collection::vec(piece(), 0..6), document in document(), key in prop::option::of(".{0,6}")) {
        let source = format!("[{}]", pieces.join(","));
        if let Ok(template) = Template::json(&source, Missing::Lenient) {
            let mut batch = Batch::new("t\"1".into(), 0);
            batch.push(Offset::new(1), None, key.as_deref().map(str::as_bytes), Some(document.as_bytes()));
            batch.push_header(b"h", key.as_deref().map(str::as_bytes));
            let record = batch.record(0);
            let mut compacted = Vec::new();
            let read = compact(document.as_bytes(), &mut compacted).map_err(Fault::from);
            let payload = read.as_ref().map(|()| std::str::from_utf8(&compacted).expect("is UTF-8"));
            let mut out = Vec::new();
            prop_assert_eq!(template.render(&Input { record: &record, payload }, &mut out), Ok(()));
            prop_assert!(serde_accepts(&out), "{} over {} gave {}", source, document, String::from_utf8_lossy(&out));
        }
    }
}

/// Pieces of a template, right ones and wrong ones: what is refused at load proves nothing, what is taken must hold.
fn piece() -> impl Strategy<Value = String> {
    let variable = prop::sample::select(vec![
        "payload",
        "payload.a",
        "payload.0",
        "payload.a.b",
        "key",
        "headers.h",
        "headers.no",
        "topic",
        "offset",
        "timestamp",
    ]);
    let literal = prop::sample::select(vec!["", "1", "\\", "\\u00", "\"", " ", "x", "\\n", "{", "}", ":", "é"]);
    prop_oneof![
        4 => variable.clone().prop_map(|name| format!("{{{{{name}}}}}")),
        4 => (literal.clone(), variable.clone(), literal.clone(), variable.clone())
            .prop_map(|(a, first, b, second)| format!("\"{a}{{{{{first}}}}}{b}{{{{{second}}}}}\"")),
        2 => (variable.clone(), variable.clone()).prop_map(|(key, value)| format!("{{\"{{{{{key}}}}}\":{{{{{value}}}}}}}")),
        1 => (literal.clone(), variable, literal).prop_map(|(a, name, b)| format!("{a}{{{{{name}}}}}{b}")),
    ]
}
