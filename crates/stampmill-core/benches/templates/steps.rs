//! Steps of a pipeline over a record, as a worker takes it through them: the envelope alone, and behind a schema of 20 fields.

use std::cell::RefCell;
use std::hint::black_box;
use std::sync::Arc;

use stampmill_core::record::{Batch, Offset};
use stampmill_core::schema::{Schema, Source};
use stampmill_core::template::{Media, Options, Template};
use stampmill_core::transform::{Flow, LogSink, Outlet, Reading, Scratch, Step, To, Transforms};

use crate::cases::{AMBIENT, Run, TEMPLATES};

/// Of [`crate::payloads`].
const SCHEMA: &str = r#"{
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["id", "type", "accountId", "amount", "booked"],
    "additionalProperties": false,
    "properties": {
        "id": {"type": "string", "pattern": "^TXN[0-9]+$"},
        "type": {"enum": ["deposit", "withdraw", "transfer"]},
        "accountId": {"type": "string", "pattern": "^ACC[0-9]+$"},
        "amount": {"type": "number", "exclusiveMinimum": 0, "maximum": 1000000, "multipleOf": 0.01},
        "currency": {"type": "string", "minLength": 3, "maxLength": 3},
        "reference": {"type": ["string", "null"], "maxLength": 140},
        "booked": {"type": "boolean"},
        "customer": {
            "type": "object",
            "required": ["name", "address"],
            "properties": {
                "name": {"type": "string", "maxLength": 100},
                "email": {"type": "string"},
                "address": {
                    "type": "object",
                    "required": ["city", "zip"],
                    "properties": {"city": {"type": "string"}, "zip": {"type": "string"}, "street": {"type": "string"}}
                }
            }
        },
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["sku", "quantity", "price"],
                "properties": {
                    "sku": {"type": "string", "pattern": "^SKU-[0-9]{5}$"},
                    "quantity": {"type": "integer", "minimum": 0},
                    "price": {"type": "number", "minimum": 0, "multipleOf": 0.01},
                    "booked": {"type": "boolean"},
                    "note": {"type": ["string", "null"]}
                }
            }
        }
    }
}"#;

/// Twenty fields and 500 bytes, whatever payload is given.
const FLAT: &str = r#"{"id":"TXN0000042","type":"withdraw","accountId":"ACC456","amount":1500.00,"currency":"EUR","booked":true,"valueDate":"2026-11-27","bookedAt":"2026-11-27T09:30:12Z","reference":"invoice 2026-4711","iban":"CH9300762011623852957","bic":"POFICHBEXXX","name":"Ada Lovelace","city":"Zurich","zip":"8001","country":"CH","channel":"mobile","fee":0.25,"balance":98765432.10,"sequence":42,"note":"paid by standing order, for the rent of December of the flat in the old town, as agreed on the telephone"}"#;

pub(crate) fn envelope() -> Run {
    run(vec![])
}

pub(crate) fn schema_and_envelope() -> Run {
    run(vec![validate(SCHEMA)])
}

pub(crate) fn flat() -> Run {
    let mut run = run(vec![]);
    Box::new(move |_| run(FLAT.as_bytes()))
}

pub(crate) fn schema_and_flat() -> Run {
    let mut run = run(vec![validate(&schema_of_flat())]);
    Box::new(move |_| run(FLAT.as_bytes()))
}

fn validate(schema: &str) -> Step {
    let fetch = Arc::new(|_: &str| Err("nothing is there".to_owned()));
    let source = Source { name: "the schema", text: schema, base: "file:///schema.json", fetch };
    Step::Validate(Schema::new(&source).unwrap_or_else(|error| panic!("{error}")))
}

/// All fields are required and no others taken; each has a type, and half of them something more.
fn schema_of_flat() -> String {
    let texts = ["valueDate", "bookedAt", "bic", "name", "city", "zip", "channel"];
    let texts: String = texts.iter().map(|name| format!(r#""{name}": {{"type": "string"}}, "#)).collect();
    let fields: serde_json::Value = serde_json::from_str(FLAT).expect("a document");
    let names: Vec<&String> = fields.as_object().expect("an object").keys().collect();
    let required = serde_json::to_string(&names).expect("JSON");
    format!(
        r#"{{"type": "object", "additionalProperties": false, "required": {required}, "properties": {{ {texts}
            "id": {{"type": "string", "pattern": "^TXN[0-9]+$"}}, "accountId": {{"type": "string", "pattern": "^ACC[0-9]+$"}},
            "type": {{"enum": ["deposit", "withdraw", "transfer"]}}, "currency": {{"type": "string", "minLength": 3, "maxLength": 3}},
            "amount": {{"type": "number", "exclusiveMinimum": 0, "multipleOf": 0.01}}, "booked": {{"type": "boolean"}},
            "reference": {{"type": ["string", "null"], "maxLength": 140}}, "iban": {{"type": "string", "maxLength": 34}},
            "country": {{"type": "string", "pattern": "^[A-Z]{{2}}$"}}, "fee": {{"type": "number", "minimum": 0, "multipleOf": 0.01}},
            "balance": {{"type": "number", "multipleOf": 0.01}}, "sequence": {{"type": "integer", "minimum": 0}},
            "note": {{"type": ["string", "null"]}} }}}}"#
    )
}

fn run(mut steps: Vec<Step>) -> Run {
    let (_, envelope, _) = TEMPLATES[0];
    let template =
        Template::new(envelope, &Options::new(Media::Json, AMBIENT)).unwrap_or_else(|error| panic!("{error}"));
    steps.push(Step::Envelope(template));
    let outlets = vec![Outlet { when: None, to: To::Sink { number: 0, templates: Vec::new() } }];
    let transforms = Transforms::new(Flow { steps, outlets }, Reading::default());
    let scratch = RefCell::new(Scratch::default());
    Box::new(move |payload| {
        let mut batch = Batch::new("bank-transactions".into(), 0);
        batch.push(Offset::new(0), None, None, Some(black_box(payload)));
        let log = LogSink { enabled: &|_, _| false, write: &|_, _, _, _| {} };
        let done = transforms.apply(&batch.record(0), &mut scratch.borrow_mut(), log, &mut |came| {
            black_box(&came);
            Ok(())
        });
        done.unwrap_or_else(|failed| panic!("{}: {}", failed.step, failed.fault));
    })
}
