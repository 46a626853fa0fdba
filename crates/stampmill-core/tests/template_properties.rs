//! What must hold of every template and every payload.

mod generators;

use handlebars::{Handlebars, handlebars_helper};
use proptest::prelude::*;
use serde_json::Value;
use stampmill_core::fault::FaultClass;
use stampmill_core::input::{Document, Input, Sources};
use stampmill_core::json::{Found, Rules, scan};
use stampmill_core::record::{Batch, Offset};
use stampmill_core::template::{Ambient, Commas, Limits, Loops, Media, Options, Template};

use self::generators::{document, json_template, text_template};

const AMBIENT: Ambient = Ambient { now: || 1_700_000_000_000_000_000, random: || [7; 16] };

/// The fault's class is all that the tests ask for.
fn render(template: &Template, document: &str, key: Option<&str>) -> Result<String, FaultClass> {
    let mut batch = Batch::new("t\"1".into(), 0);
    batch.push(Offset::new(1), None, key.map(str::as_bytes), Some(document.as_bytes()));
    batch.push_header(b"h", key.map(str::as_bytes));
    let record = batch.record(0);
    let mut sources = Sources::default();
    let plan = template.plan(&mut sources);
    let (reads, mut found) = (sources.payload.compile(), Found::default());
    scan(document.as_bytes(), &Rules::default(), &reads, &mut found).expect("a document");
    let mut out = Vec::new();
    let payload = Document { bytes: record.payload, found: &found, reads: &reads };
    let input = Input { record: &record, payload, vars: Document::unread() };
    plan.render(&input, &mut Loops::default(), &mut out).map_err(|fault| fault.class)?;
    Ok(String::from_utf8(out).expect("the output is UTF-8"))
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// Prints what a value is, for the crate itself prints arrays and objects as no JSON.
fn reference() -> Handlebars<'static> {
    handlebars_helper!(print: |value: Value| match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    });
    let mut registry = Handlebars::new();
    registry.register_escape_fn(handlebars::no_escape);
    registry.register_helper("P", Box::new(print));
    registry
}

/// Documents as the crate can hold them: no key twice, in the order of their names, whole numbers.
fn plain() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2i64..3).prop_map(Value::from),
        "[a\"\\\\\n😀<]{0,3}".prop_map(Value::from),
    ];
    scalar.prop_recursive(4, 30, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(prop::sample::select(vec!["a", "b", "c"]), inner, 0..4).prop_map(|members| {
                Value::Object(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases()) })]

    #[test]
    fn what_is_accepted_renders_json(
        source in json_template(),
        documents in prop::collection::vec(document(), 4),
        key in prop::option::of(".{0,6}"),
        fix in any::<bool>(),
    ) {
        let commas = if fix { Commas::Fix } else { Commas::Strict };
        let limits = Limits { output_bytes: 1 << 20, steps: 100_000 };
        if let Ok(template) = Template::new(&source, &Options { commas, limits, ..Options::new(Media::Json, AMBIENT) }) {
            for document in documents {
                match render(&template, &document, key.as_deref()) {
                    Ok(out) => prop_assert!(is_json(&out), "{} over {} gave {}", source, document, out),
                    Err(class) => prop_assert!(matches!(class, FaultClass::Limit | FaultClass::Helper), "{:?}", class),
                }
            }
        }
    }

    #[test]
    fn blocks_do_what_the_crate_does(source in text_template(), payload in plain()) {
        let ours = Template::new(&source.replace("{{P ", "{{"), &Options::new(Media::Text, AMBIENT));
        let data = serde_json::json!({ "payload": payload });
        // A name within an array is an error to the crate, and nothing to us.
        if let (Ok(ours), Ok(expected)) = (ours, reference().render_template(&source, &data)) {
            let out = render(&ours, &payload.to_string(), None);
            let normal = |text: &str| if payload.is_null() { text.replace("null", "") } else { text.to_owned() };
            prop_assert_eq!(out.as_deref().map(normal), Ok(normal(&expected)), "{} over {}", source, payload);
        }
    }
}

/// 10,000 unless told otherwise: `PROPTEST_CASES=1000000`.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(10_000)
}

/// Without these the properties would prove nothing.
#[test]
fn generators_give_what_is_accepted_and_what_is_not() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let (mut accepted, mut fixed) = (0, 0);
    for _ in 0..2000 {
        let source = json_template().new_tree(&mut runner).expect("a template").current();
        let with = |commas| Template::new(&source, &Options { commas, ..Options::new(Media::Json, AMBIENT) }).is_ok();
        accepted += u32::from(with(Commas::Strict));
        fixed += u32::from(with(Commas::Fix));
    }
    assert!((400..1600).contains(&accepted) && fixed > accepted + 100, "{accepted} strict, {fixed} with commas fixed");
}
