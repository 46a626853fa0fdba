use std::collections::BTreeSet;

use super::*;

pub(super) const AMBIENT: Ambient = Ambient { now: || 1_700_000_000_123_456_789, random: || [7; 16] };

/// Calls a helper with JSON values as arguments.
pub(super) fn call(name: &str, arguments: &[&'static str]) -> Result<String, String> {
    let values: Vec<Value<'_>> = arguments.iter().map(|json| value(json)).collect();
    let helper = find(name).unwrap_or_else(|| panic!("no helper {name}"));
    assert!(helper.count.contains(&values.len()), "{name} takes {:?}", helper.count);
    (helper.call)(&AMBIENT, &values).map(|value| match value {
        Value::Missing => "missing".into(),
        Value::Null => "null".into(),
        Value::Text(text) => format!("\"{text}\""),
        other => other.text().unwrap_or_default().into_owned(),
    })
}

fn value(json: &'static str) -> Value<'static> {
    if json.is_empty() { Value::Missing } else { super::super::write::json_value(json.as_bytes()) }
}

#[test]
fn every_name_is_there_once() {
    let known: BTreeSet<_> = names().collect();
    assert_eq!(known.len(), names().count());
    assert!(super::super::names::BUILT_IN.iter().all(|name| !known.contains(name)));
}

#[test]
fn nothing_panics_whatever_comes() {
    let values = [
        "",
        "null",
        "true",
        "-0.0e5",
        "1e999999999",
        "99999999999999999999999",
        "\"\"",
        "\"é😀\"",
        "\"%Q%\"",
        "[]",
        "[1,\"a\"]",
        "{\"a\":[]}",
    ];
    for helper in all() {
        for count in helper.count.clone().take_while(|count| *count <= 3) {
            for pick in 0..values.len().pow(u32::try_from(count).expect("a few")) {
                let arguments: Vec<Value<'_>> = (0..count)
                    .map(|place| {
                        value(values[pick / values.len().pow(u32::try_from(place).expect("a few")) % values.len()])
                    })
                    .collect();
                let literals: Vec<Option<&Value<'_>>> = arguments.iter().map(Some).collect();
                let _ = (helper.check)(&literals);
                if let Ok(Value::Number(number) | Value::Json(number)) = (helper.call)(&AMBIENT, &arguments) {
                    serde_json::from_str::<serde::de::IgnoredAny>(&number)
                        .unwrap_or_else(|error| panic!("{}: {error}: {number}", helper.name));
                }
            }
        }
    }
}
