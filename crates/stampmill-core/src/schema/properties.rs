//! Any payload, before any of these schemas: what we say of it is what another implementation says.

use std::sync::Arc;

use boon::{Compiler, SchemaIndex, Schemas};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use serde_json::{Map, Value, json};

use super::{Schema, Source, Tree};
use crate::fault::FaultClass;

/// Over numbers that 64 bits hold, for boon knows no others.
const SCHEMAS: &[&str] = &[
    r#"{"type": ["object", "array", "integer"]}"#,
    r#"{"items": {"type": "integer", "minimum": -1, "exclusiveMaximum": 3}}"#,
    r#"{"prefixItems": [{"type": "string"}, true], "items": {"multipleOf": 0.5}, "maxItems": 3}"#,
    r#"{"uniqueItems": true, "additionalProperties": {"uniqueItems": true}}"#,
    r#"{"contains": {"const": 1}, "minContains": 1, "maxContains": 2}"#,
    r#"{"enum": [null, 1, "a", [1, 2], {"a": 1.0}, {"a": [true]}], "title": "some"}"#,
    r#"{"properties": {"a": {"const": {"b": [1]}}, "b": {"maxLength": 1}}, "required": ["a"], "additionalProperties": false}"#,
    r#"{"patternProperties": {"^k[0-9]$": {"type": "number"}}, "propertyNames": {"pattern": "^[^é]*$"}, "maxProperties": 18}"#,
    r#"{"dependentRequired": {"a": ["b"]}, "if": {"required": ["b"]}, "then": {"minProperties": 2}, "else": {"maxProperties": 3}}"#,
    r#"{"anyOf": [{"type": "string"}, {"required": ["a"]}, {"minItems": 2}], "not": {"required": ["b"]}}"#,
    r#"{"oneOf": [{"multipleOf": 2}, {"multipleOf": 1.5}, {"maxItems": 1}]}"#,
    r##"{"$defs": {"tree": {"type": ["object", "array", "boolean", "null"], "additionalProperties": {"$ref": "#/$defs/tree"}, "items": {"$ref": "#/$defs/tree"}}}, "$ref": "#/$defs/tree"}"##,
    r#"{"allOf": [{"properties": {"a": true}}], "unevaluatedProperties": {"type": "null"}, "unevaluatedItems": false}"#,
    r#"{"properties": {"k17": {"type": "null"}, "k3": {"minimum": 0}}, "required": ["k0"]}"#,
    r#"{"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "string"}], "additionalItems": {"type": "integer"}, "dependencies": {"a": ["b"]}}"#,
];

struct Both {
    ours: Schema,
    boon: (Schemas, SchemaIndex),
}

fn both(text: &str) -> Both {
    let fetch = Arc::new(|_: &str| Err("nothing is there".to_owned()));
    let ours = Schema::new(&Source { name: "the schema", text, base: "file:///s.json", fetch });
    let (mut compiler, mut schemas) = (Compiler::new(), Schemas::new());
    compiler.add_resource("s.json", serde_json::from_str(text).expect("JSON")).expect("a resource");
    let index = compiler.compile("s.json", &mut schemas).unwrap_or_else(|error| panic!("{text}: {error}"));
    Both { ours: ours.unwrap_or_else(|error| panic!("{error}")), boon: (schemas, index) }
}

fn value() -> impl Strategy<Value = Value> {
    let number = prop_oneof![(-3..5_i64).prop_map(Value::from), (-6..10).prop_map(|half| json!(f64::from(half) / 2.0))];
    let text = prop_oneof![Just("a"), Just("b\n"), Just(""), Just("é\u{1f600}")].prop_map(Value::from);
    let scalar = prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), number, text];
    scalar.prop_recursive(3, 60, 8, |inner| {
        let few = prop_oneof![Just("a"), Just("b"), Just("c\"d/~"), Just("é")].prop_map(str::to_owned);
        let many = (0..60).prop_map(|number| format!("k{number}"));
        let object =
            |key, size| vec((key, inner.clone()), size).prop_map(|members| members.into_iter().collect::<Map<_, _>>());
        prop_oneof![
            3 => vec(inner.clone(), 0..5).prop_map(Value::from),
            3 => object(few.boxed(), 0..5).prop_map(Value::from),
            1 => object(many.boxed(), 10..90).prop_map(Value::from),
        ]
    })
}

#[test]
fn ours_is_the_verdict_of_another_implementation() {
    let all: Vec<Both> = SCHEMAS.iter().map(|text| both(text)).collect();
    let mut verdicts = vec![[false; 2]; all.len()];
    let runner = &mut proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(2_000));
    let outcome = runner.run(&value(), |payload| {
        let mut tree = Tree::default();
        for (text, Both { ours, boon: (schemas, index) }) in SCHEMAS.iter().zip(&all) {
            let expected = schemas.validate(&payload, *index).is_ok();
            for payload in [payload.to_string(), format!("{payload:#}")] {
                let found = ours.check(payload.as_bytes(), &mut tree).map_err(|fault| fault.class);
                prop_assert_eq!(
                    found,
                    if expected { Ok(()) } else { Err(FaultClass::Invalid) },
                    "{} by {}",
                    payload,
                    text
                );
            }
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    // That both verdicts come is seen with fewer.
    let runner = &mut proptest::test_runner::TestRunner::deterministic();
    for _ in 0..500 {
        let payload = value().new_tree(runner).expect("a value").current();
        for (verdicts, Both { boon: (schemas, index), .. }) in verdicts.iter_mut().zip(&all) {
            verdicts[usize::from(schemas.validate(&payload, *index).is_ok())] = true;
        }
    }
    assert!(verdicts.iter().all(|both| *both == [true; 2]), "{verdicts:?}");
}

proptest! {
    #[test]
    fn what_is_made_to_fit_passes_and_no_part_of_it_may_be_another(
        id in "TXN[0-9]{1,12}",
        cents in 1..u64::MAX,
        zeros in "0{0,30}",
        tags in proptest::collection::btree_set("[a-z]{1,5}", 0..4),
        part in 0..6_usize,
    ) {
        let deposit = both(r#"{"type": "object", "required": ["id", "amount"], "additionalProperties": false, "properties": {
            "id": {"pattern": "^TXN[0-9]+$"}, "amount": {"exclusiveMinimum": 0, "multipleOf": 0.01},
            "tags": {"uniqueItems": true, "items": {"type": "string"}}}}"#).ours;
        let (id, tags) = (format!("\"id\":\"{id}\""), json!(tags).to_string());
        let amount = format!("{}{zeros}.{:02}{zeros}", cents / 100, cents % 100);
        let payload = |id: &str, amount: &str, tags: &str| format!("{{{id},\"amount\":{amount},\"tags\":{tags}}}");
        let check = |payload: String| deposit.check(payload.as_bytes(), &mut Tree::default()).map_err(|fault| fault.reason);
        prop_assert_eq!(check(payload(&id, &amount, &tags)), Ok(()));
        let (wrong, place) = match part {
            0 => (payload(&id.replace("TXN", "TX"), &amount, &tags), "at `/id`"),
            1 => (payload(&id, &format!("{amount}001"), &tags), "at `/amount`"),
            2 => (payload(&id, &format!("-{amount}"), &tags), "at `/amount`"),
            3 => (payload(&id, &amount, "[\"a\",1,\"a\"]"), "at `/tags/1`"),
            4 => (payload(&format!("{id},\"more\":1"), &amount, &tags), "at the top"),
            _ => (payload(&format!("{id},{id}"), &amount, &tags), "`id` is there twice"),
        };
        let reason = check(wrong).expect_err("it does not fit");
        prop_assert!(reason.contains(place), "{}", reason);
    }
}
