//! Values beside one another, as JSON Schema has them equal: `1`, `1.0` and `10e-1` are one number, whatever its length.

use std::cmp::Ordering;

use jsonschema::json::{Array as _, Node as _, Object as _};
use serde_json::Value;

use super::decimal;
use super::node::At;

// === impl At ===

impl At<'_> {
    /// Whether it is the value that a schema names.
    pub(super) fn equals(&self, expected: &Value) -> bool {
        match expected {
            Value::Null => self.is_null(),
            Value::Bool(is) => self.as_boolean() == Some(*is),
            Value::String(text) => self.as_string().is_some_and(|own| own == *text),
            Value::Number(number) => self.as_number().is_some_and(|own| decimal::equal(own.0, &number.to_string())),
            Value::Array(items) => self.as_array().is_some_and(|own| {
                own.count() == items.len() && own.elements().zip(items).all(|(own, item)| own.equals(item))
            }),
            Value::Object(members) => self.as_object().is_some_and(|own| {
                let is_it = |(name, own): (&str, At<'_>)| members.get(name).is_some_and(|member| own.equals(member));
                own.count() == members.len() && own.members().all(is_it)
            }),
        }
    }

    /// Some order of all values, in which those that are equal are beside one another.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        if let (Some(a), Some(b)) = (self.as_number(), other.as_number()) {
            return decimal::compare(a.0, b.0);
        }
        if let (Some(a), Some(b)) = (self.as_string(), other.as_string()) {
            return a.cmp(&b);
        }
        if let (Some(a), Some(b)) = (self.as_array(), other.as_array()) {
            let mut orders = a.elements().zip(b.elements()).map(|(a, b)| a.compare(&b));
            return orders.find(|order| order.is_ne()).unwrap_or_else(|| a.count().cmp(&b.count()));
        }
        if let (Some(a), Some(b)) = (self.as_object(), other.as_object()) {
            let (own, others) = (a.sorted(), b.sorted());
            let members = own.iter().zip(&others);
            let mut orders = members.map(|((a, own), (b, other))| a.cmp(b).then_with(|| own.compare(other)));
            return orders.find(|order| order.is_ne()).unwrap_or_else(|| a.count().cmp(&b.count()));
        }
        (self.json_type() as u8, self.as_boolean()).cmp(&(other.json_type() as u8, other.as_boolean()))
    }
}
