//! Any bytes as a payload: the scanner takes just what serde_json does, and a template makes JSON of what is taken.

#![no_main]

use libfuzzer_sys::fuzz_target;
use stampmill_core::input::{Document, Input, Sources};
use stampmill_core::json::{Found, Reads, Rules, scan};
use stampmill_core::record::{Batch, Offset};
use stampmill_core::template::{Ambient, Commas, Loops, Media, Options, Template};

const AMBIENT: Ambient = Ambient { now: || 0, random: || [0; 16] };

const TEMPLATE: &str = r#"{"all": {{payload}}, "a": "<{{payload.a}}>", {{#if payload.b}}"{{payload.b}}": {{payload.0}},{{/if}}
    "each": [{{#each payload}}{"{{@key}}": {{this}}, "i": {{@index}}, "x": [{{#each this}}{{a}}{{/each}}]},{{/each}}],
    "h": [{{upper payload.a}}, {{length payload}}, {{json payload.b}}, {{substring payload.a -3 2}}, {{lookup payload "a"}}]}"#;

fuzz_target!(|payload: &[u8]| {
    let is_json = std::str::from_utf8(payload)
        .is_ok_and(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok());
    let options = Options { commas: Commas::Fix, ..Options::new(Media::Json, AMBIENT) };
    let template = Template::new(TEMPLATE, &options).expect("a template");
    let mut sources = Sources::default();
    let plan = template.plan(&mut sources);
    let (reads, mut found) = (sources.payload.compile(), Found::default());
    let deep = Rules { max_depth: 1 << 30, ..Rules::default() };
    // serde_json itself stops at 128.
    let nested = scan(payload, &Rules { max_depth: 127, ..deep }, &reads, &mut found).is_ok();
    assert!(!nested || is_json, "taken, but no JSON");
    assert!(!is_json || scan(payload, &deep, &reads, &mut found).is_ok(), "JSON, but not taken");
    let touched = Rules { only_touched: true, ..deep };
    assert!(!is_json || scan(payload, &touched, &reads, &mut found).is_ok(), "JSON, but not taken where it is touched");
    if scan(payload, &Rules::default(), &reads, &mut found).is_ok() {
        let mut batch = Batch::new("t".into(), 0);
        batch.push(Offset::new(0), None, None, Some(payload));
        let record = batch.record(0);
        let payload = Document { bytes: Some(payload), found: &found, reads: &reads };
        let input = Input { record: &record, payload, vars: Document::unread() };
        let mut out = Vec::new();
        if plan.render(&input, &mut Loops::default(), &mut out).is_ok() {
            scan(&out, &deep, &Reads::default().compile(), &mut Found::default()).expect("the output is JSON");
        }
    }
});
