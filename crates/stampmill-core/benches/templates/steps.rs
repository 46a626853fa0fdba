//! Steps of a pipeline over a record, as a worker takes it through them: the envelope alone, and behind a schema of 20 fields.

use std::cell::RefCell;
use std::hint::black_box;
use std::sync::Arc;

use stampmill_core::record::{Batch, Offset};
use stampmill_core::schema::{Schema, Source};
use stampmill_core::template::{Media, Options, Template};
use stampmill_core::transform::{Flow, LogSink, Outlet, Reading, Scratch, Step, Transforms};

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

pub(crate) fn envelope() -> Run {
    run(vec![])
}

pub(crate) fn schema_and_envelope() -> Run {
    let fetch = Arc::new(|_: &str| Err("nothing is there".to_owned()));
    let source = Source { name: "the schema", text: SCHEMA, base: "file:///schema.json", fetch };
    run(vec![Step::Validate(Schema::new(&source).unwrap_or_else(|error| panic!("{error}")))])
}

fn run(mut steps: Vec<Step>) -> Run {
    let (_, envelope, _) = TEMPLATES[0];
    let template =
        Template::new(envelope, &Options::new(Media::Json, AMBIENT)).unwrap_or_else(|error| panic!("{error}"));
    steps.push(Step::Envelope(template));
    let outlets = vec![Outlet { when: None, templates: Vec::new() }];
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
