//! Comparison, logic, and a look into a value.

use std::cmp::Ordering;

use super::super::value::Value;
use super::super::write::json_value;
use super::number::decimal;
use super::{Helper, anything};
use crate::json;

pub(super) const HELPERS: &[Helper] = &[
    Helper {
        name: "eq",
        arguments: "value value",
        count: 2..=2,
        doc: "whether both are equal; numbers by their value, so that 1 is 1.0",
        example: ("{{eq payload.a 1}}", r#"{"a":1.0}"#, "true"),
        check: anything,
        call: |_, values| Ok(Value::Bool(equal(&values[0], &values[1]))),
    },
    Helper {
        name: "ne",
        arguments: "value value",
        count: 2..=2,
        doc: "whether they differ",
        example: ("{{ne payload.a \"x\"}}", r#"{"a":"y"}"#, "true"),
        check: anything,
        call: |_, values| Ok(Value::Bool(!equal(&values[0], &values[1]))),
    },
    Helper {
        name: "gt",
        arguments: "value value",
        count: 2..=2,
        doc: "whether the first is greater: of two numbers, or of two texts",
        example: ("{{#if (gt payload.amount 1000)}}large{{/if}}", r#"{"amount":1500.00}"#, "large"),
        check: anything,
        call: |_, values| compare("gt", values, Ordering::is_gt),
    },
    Helper {
        name: "gte",
        arguments: "value value",
        count: 2..=2,
        doc: "whether the first is greater or equal",
        example: ("{{gte payload.a 2}}", r#"{"a":2.00}"#, "true"),
        check: anything,
        call: |_, values| compare("gte", values, Ordering::is_ge),
    },
    Helper {
        name: "lt",
        arguments: "value value",
        count: 2..=2,
        doc: "whether the first is less",
        example: ("{{lt payload.a 2}}", r#"{"a":2.00}"#, "false"),
        check: anything,
        call: |_, values| compare("lt", values, Ordering::is_lt),
    },
    Helper {
        name: "lte",
        arguments: "value value",
        count: 2..=2,
        doc: "whether the first is less or equal",
        example: ("{{lte payload.a \"b\"}}", r#"{"a":"a"}"#, "true"),
        check: anything,
        call: |_, values| compare("lte", values, Ordering::is_le),
    },
    Helper {
        name: "and",
        arguments: "value value …",
        count: 2..=usize::MAX,
        doc: "whether all are something: not null, false, 0 or empty",
        example: ("{{and payload.a payload.b}}", r#"{"a":1,"b":0}"#, "false"),
        check: anything,
        call: |_, values| Ok(Value::Bool(values.iter().all(|value| value.is_truthy(false)))),
    },
    Helper {
        name: "or",
        arguments: "value value …",
        count: 2..=usize::MAX,
        doc: "whether any is something",
        example: ("{{or payload.a payload.b}}", r#"{"a":1,"b":0}"#, "true"),
        check: anything,
        call: |_, values| Ok(Value::Bool(values.iter().any(|value| value.is_truthy(false)))),
    },
    Helper {
        name: "not",
        arguments: "value",
        count: 1..=1,
        doc: "whether it is nothing",
        example: ("{{not payload.a}}", r#"{"a":[]}"#, "true"),
        check: anything,
        call: |_, values| Ok(Value::Bool(!values[0].is_truthy(false))),
    },
    Helper {
        name: "lookup",
        arguments: "list-or-object place-or-key",
        count: 2..=2,
        doc: "the item at a place, or the member of that name",
        example: ("{{lookup payload.rates payload.to}}", r#"{"rates":{"CHF":0.95},"to":"CHF"}"#, "0.95"),
        check: anything,
        call: |_, values| lookup(&values[0], &values[1]),
    },
];

fn equal(a: &Value<'_>, b: &Value<'_>) -> bool {
    match (a, b) {
        (Value::Missing | Value::Null, Value::Missing | Value::Null) => true,
        (Value::Number(_), Value::Number(_)) => match (decimal("eq", a), decimal("eq", b)) {
            (Ok(a), Ok(b)) => a == b,
            // Too long to compute with: as they are written.
            _ => a == b,
        },
        _ => a == b,
    }
}

fn compare<'a>(name: &str, values: &[Value<'_>], holds: fn(Ordering) -> bool) -> Result<Value<'a>, String> {
    let ordering = match (&values[0], &values[1]) {
        (a @ Value::Number(_), b @ Value::Number(_)) => decimal(name, a)?.cmp(&decimal(name, b)?),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (a, b) => return Err(format!("`{name}` compares two numbers or two texts, and found {a} and {b}")),
    };
    Ok(Value::Bool(holds(ordering)))
}

fn lookup<'a>(value: &Value<'a>, key: &Value<'a>) -> Result<Value<'a>, String> {
    let (Value::Json(document), Some(key)) = (value, key.text()) else { return Ok(Value::Missing) };
    let found = json::find(document, &[key.into_owned()]);
    Ok(found.map_or(Value::Missing, |found| json_value(found.as_bytes()).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::tests::call;

    #[test]
    fn numbers_are_equal_by_value_and_others_as_they_are() {
        let equal =
            [("1", "1.0"), ("-0", "0e5"), ("", "null"), ("\"a\"", "\"a\""), ("[1]", "[1]"), ("1e9999", "1e9999")];
        let unequal =
            [("1", "\"1\""), ("0.1", "0.10000000000000000001"), ("true", "1"), ("null", "0"), ("1e9999", "1e9998")];
        for (cases, expected) in [(&equal[..], "true"), (&unequal[..], "false")] {
            for (a, b) in cases {
                assert_eq!(call("eq", &[a, b]), Ok(expected.into()), "{a} {b}");
            }
        }
    }

    #[test]
    fn only_like_is_compared() {
        assert_eq!(call("lt", &["9", "10.5"]), Ok("true".into()));
        assert_eq!(call("lt", &["\"9\"", "\"10\""]), Ok("false".into()));
        let error = "`gt` compares two numbers or two texts, and found nothing and the number `1`";
        assert_eq!(call("gt", &["", "1"]), Err(error.into()));
    }

    #[test]
    fn a_look_into_nothing_finds_nothing() {
        assert_eq!(call("lookup", &["[1,{\"a\":2}]", "1"]), Ok("{\"a\":2}".into()));
        for (value, key) in [("[1]", "1"), ("[1]", "\"x\""), ("1", "0"), ("", "0"), ("{}", "null")] {
            assert_eq!(call("lookup", &[value, key]), Ok("missing".into()), "{value} {key}");
        }
    }
}
