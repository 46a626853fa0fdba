//! The text of a schema, and of what it refers to, as values in which no digit is lost.

use serde_json::Value;

use super::decimal;
use super::error::SchemaError;
use super::tree::{self, Tree};

/// `name` is what errors call it.
pub(super) fn read(name: &str, text: &str) -> Result<Value, SchemaError> {
    let not_json = |error: serde_json::Error| SchemaError::NotJson { name: name.to_owned(), fault: error.to_string() };
    let value = serde_json::from_str(text).map_err(not_json)?;
    let mut tree = Tree::default();
    tree.read(text).map_err(|fault| SchemaError::Document { name: name.to_owned(), fault })?;
    for value in tree.items.iter().map(|item| &item.value).chain([&tree.root]) {
        if let tree::Value::Number(span) = value {
            keeps_its_digits(name, text.get(span.range()).unwrap_or_default())?;
        }
    }
    Ok(value)
}

/// What is beyond 64 bits becomes a float, which is another number than the one that is written.
fn keeps_its_digits(name: &str, number: &str) -> Result<(), SchemaError> {
    let kept = number.parse::<serde_json::Number>().map(|kept| kept.to_string()).unwrap_or_default();
    if decimal::equal(&kept, number) {
        return Ok(());
    }
    Err(SchemaError::TooPrecise { name: name.to_owned(), number: number.to_owned(), kept })
}
