//! The things that are compared, each over one payload at a time.

use std::hint::black_box;

use handlebars::{Context, Handlebars, handlebars_helper};
use serde_json::Value;
use stampmill_core::cel::{self, Expression};
use stampmill_core::input::{Document, Input, Sources};
use stampmill_core::json::{Compiled, Found, Reads, Rules, scan};
use stampmill_core::record::{Batch, Offset, Record};
use stampmill_core::template::{Ambient, Loops, Media, Options, Plan, Template};

use crate::steps;

/// Name, and template. The crate's has a helper `json` in place of our splice, for it prints no JSON of its own.
pub(crate) const TEMPLATES: [(&str, &str, &str); 4] = [
    (
        "envelope",
        r#"{"eventType": "transaction", "source": "bank-transactions", "data": {{payload}}}"#,
        r#"{"eventType": "transaction", "source": "bank-transactions", "data": {{json payload}}}"#,
    ),
    (
        "5 fields",
        r#"{"id": {{payload.id}}, "type": "{{payload.type}}", "account": {{payload.accountId}}, "amount": {{payload.amount}}, "booked": {{payload.booked}}}"#,
        r#"{"id": {{json payload.id}}, "type": "{{payload.type}}", "account": {{json payload.accountId}}, "amount": {{json payload.amount}}, "booked": {{json payload.booked}}}"#,
    ),
    ("20 fields", TWENTY, TWENTY_OF_CRATE),
    (
        "if and each",
        r#"{"id": {{payload.id}}, "items": [{{#each payload.items}}{"sku": {{sku}}{{#if booked}}, "price": {{price}}{{/if}}}{{#unless @last}}, {{/unless}}{{/each}}]}"#,
        r#"{"id": {{json payload.id}}, "items": [{{#each payload.items}}{"sku": {{json sku}}{{#if booked}}, "price": {{json price}}{{/if}} }{{#unless @last}}, {{/unless}}{{/each}}]}"#,
    ),
];

const TWENTY: &str = r#"[{{payload.id}}, {{payload.type}}, {{payload.accountId}}, {{payload.amount}}, {{payload.booked}}, {{payload.customer.name}}, {{payload.customer.address.city}}, {{payload.customer.address.zip}}, {{payload.items.0.sku}}, {{payload.items.0.quantity}}, {{payload.items.0.price}}, {{payload.items.0.booked}}, {{payload.items.1.sku}}, {{payload.items.1.quantity}}, {{payload.items.1.price}}, {{payload.items.1.note}}, {{payload.items.2.sku}}, {{payload.items.2.quantity}}, {{payload.items.2.price}}, {{payload.none}}]"#;
const TWENTY_OF_CRATE: &str = r#"[{{json payload.id}}, {{json payload.type}}, {{json payload.accountId}}, {{json payload.amount}}, {{json payload.booked}}, {{json payload.customer.name}}, {{json payload.customer.address.city}}, {{json payload.customer.address.zip}}, {{json payload.items.0.sku}}, {{json payload.items.0.quantity}}, {{json payload.items.0.price}}, {{json payload.items.0.booked}}, {{json payload.items.1.sku}}, {{json payload.items.1.quantity}}, {{json payload.items.1.price}}, {{json payload.items.1.note}}, {{json payload.items.2.sku}}, {{json payload.items.2.quantity}}, {{json payload.items.2.price}}, {{json payload.none}}]"#;

pub(crate) const AMBIENT: Ambient = Ambient { now: || 0, random: || [0; 16] };

/// Runs a case once for each record.
pub(crate) type Run = Box<dyn FnMut(&[u8])>;

/// The case of that name: `steps`, `schema, steps`, both with `flat: ` before them, `validate`, `condition`, `conditions`, `serde`, a template's name, or that of the crate's with `crate: ` before it.
pub(crate) fn case(name: &str) -> Option<Run> {
    match name {
        "steps" => Some(steps::envelope()),
        "flat: steps" => Some(steps::flat()),
        "flat: schema, steps" => Some(steps::schema_and_flat()),
        "schema, steps" => Some(steps::schema_and_envelope()),
        "validate" => Some(validate()),
        "condition" => Some(condition(r#"payload.amount > 1000"#)),
        "conditions" => Some(condition(r#"payload.type == "withdraw" && payload.amount > 1000.50"#)),
        "serde" => Some(Box::new(|payload| {
            let text = std::str::from_utf8(black_box(payload)).expect("is UTF-8");
            serde_json::from_str::<serde::de::IgnoredAny>(text).expect("a document");
        })),
        _ => match name.strip_prefix("crate: ") {
            Some(name) => TEMPLATES.iter().find(|(known, ..)| *known == name).map(|(_, _, source)| of_crate(source)),
            None => TEMPLATES.iter().find(|(known, ..)| *known == name).map(|(_, source, _)| ours(source)),
        },
    }
}

fn validate() -> Run {
    let (reads, mut found) = (Reads::default().compile(), Found::default());
    let rules = Rules::default();
    Box::new(move |payload| scan(black_box(payload), &rules, &reads, &mut found).expect("a document"))
}

/// A payload is checked, and a condition asked of it.
fn condition(source: &str) -> Run {
    let options = cel::Options::default();
    let condition = Expression::condition(source, &options).unwrap_or_else(|error| panic!("{error}"));
    let mut sources = Sources::default();
    let plan = condition.plan(&mut sources);
    let (reads, mut found) = (sources.payload.compile(), Found::default());
    let record = record();
    let rules = Rules::default();
    Box::new(move |payload| {
        scan(black_box(payload), &rules, &reads, &mut found).expect("a document");
        let payload = Document { bytes: Some(payload), found: &found, reads: &reads };
        let holds = plan.condition(&Input { record: &record, payload, vars: Document::unread() });
        assert!(holds.expect("true or false"));
    })
}

/// Not what is measured here: one record is made, and every payload stands for its own.
fn record() -> Record<'static> {
    let batch: &'static mut Batch = Box::leak(Box::new(Batch::new("bank-transactions".into(), 0)));
    batch.push(Offset::new(0), None, None, None);
    batch.record(0)
}

struct Ours {
    plan: Plan,
    reads: Compiled,
    found: Found,
    loops: Loops,
    out: Vec<u8>,
}

fn ours(source: &str) -> Run {
    let template = Template::new(source, &Options::new(Media::Json, AMBIENT)).unwrap_or_else(|error| panic!("{error}"));
    let mut sources = Sources::default();
    let plan = template.plan(&mut sources);
    let mut ours = Ours {
        plan,
        reads: sources.payload.compile(),
        found: Found::default(),
        loops: Loops::default(),
        out: Vec::new(),
    };
    let record = record();
    let rules = Rules::default();
    Box::new(move |payload| {
        let Ours { plan, reads, found, loops, out } = &mut ours;
        out.clear();
        scan(black_box(payload), &rules, reads, found).expect("a document");
        let payload = Document { bytes: Some(payload), found, reads };
        let input = Input { record: &record, payload, vars: Document::unread() };
        plan.render(&input, loops, out).expect("an output");
        black_box(&out);
    })
}

/// As fast as the crate goes: the payload moved into the context, the output into a buffer that is used again.
fn of_crate(source: &str) -> Run {
    handlebars_helper!(json: |value: Value| value.to_string());
    let mut registry = Handlebars::new();
    registry.register_escape_fn(handlebars::no_escape);
    registry.register_helper("json", Box::new(json));
    registry.register_template_string("t", source).expect("a template");
    let mut out = Vec::new();
    Box::new(move |payload| {
        out.clear();
        let value: Value = serde_json::from_slice(black_box(payload)).expect("a document");
        let mut data = serde_json::Map::new();
        data.insert("payload".into(), value);
        let context = Context::from(Value::Object(data));
        registry.render_with_context_to_write("t", &context, &mut out).expect("an output");
        black_box(&out);
    })
}
