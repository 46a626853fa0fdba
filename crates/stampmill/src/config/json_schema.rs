//! `stampmill config schema`: the JSON Schema of a configuration file, made from the table of keys.
//!
//! It refuses no file that loads. A file may be one layer of several, so no key is required; and in YAML, `5` and `true` are
//! no texts, but here they may stand for one.

use serde_json::{Map, Value, json};

use super::owned;
use super::properties::{PROPERTIES, Property, Side};
use super::schema::{Default, Key, Kind, ROOT, SINKS, STEPS};

#[cfg(test)]
pub(super) mod tests;

/// What `${` in it makes of a text is known only when it is read.
const INTERPOLATED: &str = r"\$\{";
const NAME: &str = "^[a-z0-9-]+$";
const ADDRESS: &str = r"^(off|.+:[0-9]{1,5})$";
const TOPIC: &str = "^[A-Za-z0-9._-]{1,249}$";

/// The schema as text, in the form of 2020-12.
pub(crate) fn json_schema() -> String {
    let mut root = table(ROOT);
    root.insert("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into());
    root.insert("title".to_owned(), "Stampmill configuration".into());
    // Nothing but comments may be in a file.
    root.insert("type".to_owned(), json!(["object", "null"]));
    let definitions = json!({
        "text": { "type": ["string", "number", "boolean"] },
        "interpolated": { "type": "string", "pattern": INTERPOLATED },
        "steps": steps(STEPS),
        "sinks": of_kind(&Kind::List(SINKS)),
        definition(Side::Both): properties(Side::Both),
        definition(Side::Consumer): properties(Side::Consumer),
        definition(Side::Producer): properties(Side::Producer),
    });
    root.insert("$defs".to_owned(), definitions);
    format!("{:#}\n", Value::Object(root))
}

fn definition(side: Side) -> &'static str {
    match side {
        Side::Both => "properties",
        Side::Consumer => "consumer-properties",
        Side::Producer => "producer-properties",
    }
}

fn table(keys: &[Key]) -> Map<String, Value> {
    let properties: Map<String, Value> = keys.iter().map(|key| (key.name.to_owned(), of_key(key))).collect();
    object(json!({ "type": "object", "properties": properties, "additionalProperties": false }))
}

fn of_key(key: &Key) -> Value {
    let mut schema = of_kind(&key.kind);
    schema.insert("description".to_owned(), key.doc.into());
    if let Default::Value(text) = key.default {
        schema.insert("default".to_owned(), plain(text));
    }
    Value::Object(schema)
}

/// A word, or a number or truth value as YAML has it.
fn plain(text: &str) -> Value {
    serde_json::from_str(text).ok().filter(|value: &Value| value.is_u64() || value.is_boolean()).unwrap_or(text.into())
}

/// Bounds hold for numbers and patterns for texts only, so that both can stand in one.
fn of_kind(kind: &Kind) -> Map<String, Value> {
    object(match kind {
        Kind::Text | Kind::Secret => json!({ "$ref": "#/$defs/text", "minLength": 1 }),
        Kind::Address => json!({ "$ref": "#/$defs/text", "pattern": or_interpolated(ADDRESS) }),
        Kind::Hosts => json!({
            "type": ["array", "string", "number", "boolean"],
            "items": { "$ref": "#/$defs/text", "minLength": 1 },
        }),
        Kind::Topic => json!({ "$ref": "#/$defs/text", "pattern": or_interpolated(TOPIC) }),
        Kind::Template => json!({ "$ref": "#/$defs/text" }),
        Kind::TemplateOrNull => json!({ "type": ["string", "number", "boolean", "null"] }),
        Kind::Number { min, max } => number(*min, Some(*max), "^[0-9]+$"),
        Kind::Size => number(1, None, r"^[0-9]+\s*(B|KiB|MiB|GiB)?$"),
        Kind::Choice(words) => json!({ "anyOf": [one_of(words), { "$ref": "#/$defs/interpolated" }] }),
        Kind::WordOrNumber(words) => {
            json!({ "anyOf": [one_of(words), number(0, Some(i32::MAX.unsigned_abs().into()), "^[0-9]+$")] })
        }
        Kind::WordOrNull(words) => {
            json!({ "enum": words.iter().map(|word| Value::from(*word)).chain([Value::Null, "null".into()]).collect::<Vec<_>>() })
        }
        Kind::Topics => json!({
            "type": ["array", "string", "number", "boolean"],
            "items": { "$ref": "#/$defs/text", "pattern": or_interpolated(&format!(r"^\^|{TOPIC}")) },
            "minItems": 1,
            "uniqueItems": true,
        }),
        Kind::Paths => json!({
            "type": "array",
            "items": { "type": "string", "pattern": or_interpolated(r"^payload(\.[^.]+)+$") },
        }),
        Kind::Table(keys) => return table(keys),
        // Headers and variables have names of any kind.
        Kind::Entries(entry @ (Kind::Template | Kind::Assigned)) => {
            json!({ "type": "object", "additionalProperties": of_kind(entry) })
        }
        Kind::Entries(entry) => json!({
            "type": "object",
            "propertyNames": { "pattern": NAME },
            "additionalProperties": of_kind(entry),
        }),
        Kind::Properties(side) => json!({ "$ref": format!("#/$defs/{}", definition(*side)) }),
        Kind::Path => json!({ "type": "string", "pattern": or_interpolated(r"^payload(\.[^.]+)*$") }),
        Kind::Expression => json!({ "$ref": "#/$defs/text" }),
        Kind::Schema => json!({ "type": ["object", "boolean", "string"] }),
        Kind::Assigned => json!({
            "anyOf": [
                { "type": ["string", "number", "boolean", "null"] },
                {
                    "type": "object",
                    "properties": { "cel": { "$ref": "#/$defs/text" } },
                    "required": ["cel"],
                    "additionalProperties": false,
                },
            ],
        }),
        Kind::Steps(_) | Kind::StepsWithin => json!({ "$ref": "#/$defs/steps" }),
        Kind::SinksWithin => json!({ "$ref": "#/$defs/sinks" }),
        Kind::List(keys) => json!({ "type": "array", "items": table(keys) }),
        Kind::Other(_) => json!({}),
        Kind::Short(keys) => {
            let first = keys.first().map(|first| of_kind(&first.kind));
            let forms: Vec<_> = [table(keys)].into_iter().chain(first).collect();
            json!({ "anyOf": forms })
        }
    })
}

fn steps(keys: &[Key]) -> Value {
    let mut step = table(keys);
    step.extend(object(json!({ "minProperties": 1, "maxProperties": 1 })));
    json!({ "type": "array", "items": step })
}

fn number(min: u64, max: Option<u64>, pattern: &str) -> Value {
    let mut schema = object(json!({
        "type": ["integer", "string"],
        "minimum": min,
        "pattern": or_interpolated(pattern),
    }));
    schema.extend(max.map(|max| ("maximum".to_owned(), max.into())));
    Value::Object(schema)
}

fn or_interpolated(pattern: &str) -> String {
    format!("{pattern}|{INTERPOLATED}")
}

/// `true` may stand there with quotes and without.
fn one_of(words: &[&str]) -> Value {
    let as_texts = words.iter().map(|word| Value::from(*word));
    let as_values = words.iter().map(|word| plain(word)).filter(|value| !value.is_string());
    json!({ "enum": as_values.chain(as_texts).collect::<Vec<_>>() })
}

fn properties(side: Side) -> Value {
    let may_be_set = |property: &&Property| {
        side.takes(property.side) && owned::reason(property.name).is_none() && owned::foreign(property.name).is_none()
    };
    let known: Map<String, Value> = PROPERTIES
        .iter()
        .filter(may_be_set)
        .map(|property| (property.name.to_owned(), of_property(property)))
        .collect();
    json!({ "type": "object", "properties": known, "additionalProperties": false })
}

fn of_property(property: &Property) -> Value {
    let mut schema = object(json!({ "$ref": "#/$defs/text" }));
    let side = match property.side {
        Side::Both => None,
        Side::Consumer => Some("of consumers".to_owned()),
        Side::Producer => Some("of producers".to_owned()),
    };
    let alias = property.alias_of.filter(|first| owned::foreign(first).is_none());
    let alias = alias.map(|first| format!("the same as `{first}`"));
    let description: Vec<String> = side.into_iter().chain(alias).collect();
    if !description.is_empty() {
        schema.insert("description".to_owned(), description.join("; ").into());
    }
    Value::Object(schema)
}

/// What is written as an object here is one.
fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}
