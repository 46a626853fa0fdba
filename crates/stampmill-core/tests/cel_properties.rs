//! Expressions against plain models: the `cel` crate for the language, and `BigDecimal` for numbers.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;

use bigdecimal::num_bigint::Sign;
use bigdecimal::{BigDecimal, RoundingMode};
use cel::objects::{Key, Map};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use stampmill_core::cel::{Expression, Options};
use stampmill_core::fault::FaultClass;
use stampmill_core::input::{Document, Input, Sources};
use stampmill_core::json::{Found, Rules, scan};
use stampmill_core::record::{Batch, Offset};

/// The value as JSON, or the fault.
fn ours(expression: &Expression, payload: &str) -> Result<String, FaultClass> {
    let mut batch = Batch::new("t".into(), 0);
    batch.push(Offset::new(0), None, None, Some(payload.as_bytes()));
    let record = batch.record(0);
    let mut sources = Sources::default();
    let plan = expression.plan(&mut sources);
    let (reads, mut found) = (sources.payload.compile(), Found::default());
    scan(payload.as_bytes(), &Rules::default(), &reads, &mut found).expect("a document");
    let document = Document { bytes: record.payload, found: &found, reads: &reads };
    let input = Input { record: &record, payload: document, vars: Document::unread() };
    let mut out = Vec::new();
    plan.write_json(&input, &mut out).map_err(|fault| fault.class)?;
    // The other way to ask says the same.
    match (plan.condition(&input), out.as_slice()) {
        (Ok(true), b"true") | (Ok(false), b"false") => {}
        (Err(_), other) => assert!(!matches!(other, b"true" | b"false")),
        (holds, out) => panic!("{holds:?} and {out:?}"),
    }
    Ok(String::from_utf8(out).expect("UTF-8"))
}

/// As the crate holds it.
fn to_crate(json: &Json) -> cel::Value {
    match json {
        Json::Null => cel::Value::Null,
        Json::Bool(value) => cel::Value::Bool(*value),
        Json::Number(number) => cel::Value::Int(number.as_i64().expect("64 bits")),
        Json::String(text) => cel::Value::String(Arc::new(text.clone())),
        Json::Array(elements) => cel::Value::List(Arc::new(elements.iter().map(to_crate).collect())),
        Json::Object(members) => {
            let member = |(key, value): (&String, &Json)| (Key::String(Arc::new(key.clone())), to_crate(value));
            cel::Value::Map(Map { map: Arc::new(members.iter().map(member).collect::<HashMap<_, _>>()) })
        }
    }
}

fn of_crate(value: &cel::Value) -> Json {
    match value {
        cel::Value::Null => Json::Null,
        cel::Value::Bool(value) => json!(value),
        cel::Value::Int(value) => json!(value),
        cel::Value::UInt(value) => json!(value),
        cel::Value::String(text) => json!(text.as_str()),
        cel::Value::List(elements) => elements.iter().map(of_crate).collect(),
        cel::Value::Map(map) => {
            let key = |key: &Key| match key {
                Key::String(text) => text.to_string(),
                Key::Int(value) => value.to_string(),
                Key::Uint(value) => value.to_string(),
                Key::Bool(value) => value.to_string(),
            };
            Json::Object(map.map.iter().map(|(name, value)| (key(name), of_crate(value))).collect())
        }
        other => panic!("no JSON: {other:?}"),
    }
}

fn payload() -> impl Strategy<Value = Json> {
    let scalar = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        (-2i64..4).prop_map(Json::from),
        "[aé\"]{0,2}".prop_map(Json::from),
    ];
    let list = prop::collection::vec(scalar.clone(), 0..4).prop_map(Json::from);
    let map = prop::collection::btree_map("[ab]", scalar.clone(), 0..3);
    let map = map.prop_map(|members| Json::Object(members.into_iter().collect()));
    (-2i64..4, "[aé\"]{0,2}", any::<bool>(), list, map, prop::option::of(scalar)).prop_map(|(i, s, b, l, m, x)| {
        let mut payload = json!({ "i": i, "s": s, "b": b, "l": l, "m": m, "one": 1, "t": "a", "y": true });
        if let Some(x) = x {
            payload["x"] = x;
        }
        payload
    })
}

/// Expressions of which most have a value, and some are wrong in kind.
fn source() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "payload.i",
        "payload.one",
        "payload.t",
        "payload.y",
        "payload.one",
        "payload.t",
        "payload.y",
        "payload.b",
        "payload.b",
        "payload.s",
        "payload.b",
        "payload.l",
        "payload.m",
        "payload.x",
        "payload.m.a",
        "payload.l[0]",
        "0",
        "1",
        "2",
        "\"a\"",
        "\"\"",
        "true",
        "false",
        "null",
        "[1, \"a\"]",
        "{\"a\": 1}",
        "has(payload.x)",
        "has(payload.m.b)",
        "e",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(4, 32, 3, |inner| {
        let number = prop::sample::select(vec!["-", "*", "/", "%"]);
        let logic = prop::sample::select(vec!["&&", "||"]);
        let other = prop::sample::select(vec!["<", "<=", ">", ">=", "==", "!=", "in"]);
        let method = prop::sample::select(vec!["contains", "startsWith", "endsWith"]);
        let asks = prop::sample::select(vec!["all", "exists", "exists_one", "map", "filter"]);
        let two = || (inner.clone(), inner.clone());
        prop_oneof![
            (two(), number).prop_map(|((a, b), operator)| format!("({a} {operator} {b})")),
            // The crate adds a map to a list, too, and leaves it away.
            (inner.clone(), added()).prop_map(|(a, b)| format!("({a} + {b})")),
            (two(), logic).prop_map(|((a, b), operator)| format!("({a} {operator} {b})")),
            (two(), other).prop_map(|((a, b), operator)| format!("({a} {operator} {b})")),
            (two(), method).prop_map(|((a, b), method)| format!("{a}.{method}({b})")),
            (two(), asks).prop_map(|((a, b), asks)| format!("[{a}, 1].{asks}(e, {b})")),
            (inner.clone(), asks_of_lists()).prop_map(|(a, asks)| format!("payload.l.{asks}(e, {a})")),
            // The crate leaves two `!` in a row away, and does not ask what stands behind them.
            inner.clone().prop_map(|a| format!("!({a})")),
            inner.clone().prop_map(|a| format!("size({a})")),
            (inner.clone(), two()).prop_map(|(a, (b, c))| format!("({a} ? {b} : {c})")),
            two().prop_map(|(a, b)| format!("[{a}, {b}]")),
            two().prop_map(|(a, b)| format!("{a}[{b}]")),
            inner.prop_map(|a| format!("{{\"k\": {a}}}.k")),
        ]
    })
}

fn added() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["1", "payload.i", "payload.one", "\"a\"", "payload.s", "payload.l", "payload.y"])
}

fn asks_of_lists() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["all", "exists", "exists_one", "map", "filter"])
}

/// `e` stands for an element within a macro, and for nothing elsewhere.
fn closed(source: &str) -> String {
    format!("[7].map(e, {source})[0]")
}

/// A number of JSON: short or long, with a point, an exponent, or neither.
fn number() -> impl Strategy<Value = String> {
    let digits = prop_oneof!["[0-9]{1,4}", "[0-9]{15,20}", "[0-9]{25,40}"];
    let fraction = prop_oneof![Just(String::new()), "[.][0-9]{1,3}", "[.][0-9]{15,20}", "[.][0-9]{30}"];
    let exponent = prop_oneof![4 => Just(String::new()), 1 => "e[+-]?[0-9]{1,2}"];
    (any::<bool>(), digits, fraction, exponent).prop_map(|(negative, digits, fraction, exponent)| {
        let digits = digits.trim_start_matches('0');
        let digits = if digits.is_empty() { "0" } else { digits };
        format!("{}{digits}{fraction}{exponent}", if negative { "-" } else { "" })
    })
}

fn big(text: &str) -> BigDecimal {
    BigDecimal::from_str(text).expect("a number")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases()) })]

    #[test]
    fn a_value_is_the_crates(source in source(), payload in payload()) {
        let source = closed(&source);
        // What can be right for no record is refused by us, and has no value there.
        if let Ok(expression) = Expression::new(&source, &Options::default()) {
            let mut context = cel::Context::default();
            context.add_variable_from_value("payload", to_crate(&payload));
            let theirs = cel::Program::compile(&source).expect("an expression").execute(&context);
            let ours = ours(&expression, &payload.to_string()).map(|json| serde_json::from_str::<Json>(&json).expect("JSON"));
            let expected = theirs.as_ref().map(of_crate).map_err(|_| FaultClass::Condition);
            prop_assert_eq!(ours, expected, "{} over {}: {:?}", source, payload, theirs);
        }
    }

    #[test]
    fn numbers_are_those_of_the_library(a in number(), b in number(), literal in any::<bool>()) {
        let payload = format!("{{\"a\": {a}, \"b\": {b}}}");
        let (x, y) = if literal { (a.as_str(), b.as_str()) } else { ("payload.a", "payload.b") };
        let of = |source: String| match Expression::new(&source, &Options::default()) {
            Ok(expression) => ours(&expression, &payload),
            Err(_) => Err(FaultClass::Condition),
        };
        let (big_a, big_b) = (big(&a), big(&b));
        let whole = |text: &str| text.parse::<i64>().is_ok();
        // A literal that is too long is no whole number, and refused.
        let fits = |text: &str| !literal || whole(text) || text.contains(['.', 'e']);
        if fits(&a) && fits(&b) {
            for (operator, holds) in [("<", big_a < big_b), ("==", big_a == big_b), (">=", big_a >= big_b)] {
                prop_assert_eq!(of(format!("{x} {operator} {y}")), Ok(holds.to_string()), "{} {} {}", a, operator, b);
            }
            for (operator, result) in [("+", &big_a + &big_b), ("-", &big_a - &big_b), ("*", &big_a * &big_b)] {
                let made = of(format!("{x} {operator} {y}"));
                let overflows = whole(&a) && whole(&b) && result.to_plain_string().parse::<i64>().is_err();
                prop_assert_eq!(made.as_deref().map(big), if overflows { Err(&FaultClass::Condition) } else { Ok(result) });
            }
            let quotient = of(format!("{x} / {y}"));
            match big_b.sign() == Sign::NoSign {
                true => prop_assert_eq!(quotient, Err(FaultClass::Condition)),
                false if !whole(&a) || !whole(&b) => {
                    // The library divides to 100 digits, from which so few are rounded once more.
                    let digits = std::num::NonZeroU64::new(34).expect("not 0");
                    let expected = (&big_a / &big_b).with_precision_round(digits, RoundingMode::HalfEven);
                    let quotient = quotient.as_deref().map(big);
                    prop_assert_eq!(quotient, Ok(expected), "{} / {}", a, b);
                }
                false => {}
            }
        }
    }
}

/// 10,000 unless told otherwise: `PROPTEST_CASES=1000000`.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(10_000)
}

/// Without these the properties would prove nothing.
#[test]
fn generators_give_values_and_faults() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let (mut values, mut faults) = (0, 0);
    for _ in 0..2000 {
        let source = closed(&source().new_tree(&mut runner).expect("an expression").current());
        let payload = payload().new_tree(&mut runner).expect("a payload").current();
        if let Ok(expression) = Expression::new(&source, &Options::default()) {
            match ours(&expression, &payload.to_string()) {
                Ok(_) => values += 1,
                Err(_) => faults += 1,
            }
        }
    }
    assert!(values > 200 && faults > 200, "{values} values, {faults} faults");
}
