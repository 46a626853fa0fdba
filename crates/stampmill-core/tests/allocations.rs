//! Once its buffers have grown, rendering takes no memory.

use std::sync::Arc;

use stampmill_core::cel::{self, Expression};
use stampmill_core::input::{Document, Input, Sources};
use stampmill_core::json::{Found, Rules, scan};
use stampmill_core::record::{Batch, Offset};
use stampmill_core::template::{Ambient, Media, Options, Template};
use stampmill_core::transform::{Came, Flow, LogSink, Outlet, Reading, Scratch, Step, To, Transforms};

const AMBIENT: Ambient = Ambient { now: || 0, random: || [0; 16] };

const TEMPLATES: [&str; 4] = [
    r#"{"eventType": "transaction", "data": {{payload}}}"#,
    r#"{"id": {{payload.id}}, "text": "{{payload.id}}-{{topic}}", "none": {{payload.none}}, "k": {{key}}}"#,
    r#"[{{#each payload.items}}{"v": {{v}}{{#if w}}, "w": {{w}}{{/if}}}{{#unless @last}}, {{/unless}}{{/each}}]"#,
    r#"{{#with payload.nested}}{"deep": {{a.b.c}}}{{else}}null{{/with}}"#,
];

const PAYLOAD: &str =
    r#"{ "id": "TXN011", "items": [ {"v": 1.50, "w": [1, 2]}, {"v": "x\"y"} ], "nested": {"a": {"b": {"c": {}}}} }"#;

#[test]
fn no_memory_is_taken_once_warm() {
    for source in TEMPLATES {
        let template = Template::new(source, &Options::new(Media::Json, AMBIENT)).expect("a template");
        let outlets = vec![Outlet { when: None, to: To::Sink { number: 0, templates: Vec::new() } }];
        let flow = Flow { steps: vec![Step::Envelope(template)], outlets };
        let transforms = Transforms::new(flow, Reading::default());
        let mut batch = Batch::new("bank-transactions".into(), 0);
        batch.push(Offset::new(0), None, Some(b"k"), Some(PAYLOAD.as_bytes()));
        let log = LogSink { enabled: &|_, _| true, write: &|_, _, _, _| {} };
        let (mut scratch, mut out) = (Scratch::default(), Vec::with_capacity(10_000));
        let mut render = || {
            let mut came = |came: Came<'_, '_>| {
                let Came::Out { outgoing, .. } = came else { panic!("something comes out") };
                out.extend_from_slice(outgoing.payload().expect("no tombstone"));
                Ok(())
            };
            transforms.apply(&batch.record(0), &mut scratch, log, &mut came).expect("an output");
        };
        render();
        let taken = allocation_counter::measure(|| {
            for _ in 0..10 {
                render();
            }
        });
        assert_eq!(taken.count_total, 0, "{source}");
    }
}

const CONDITIONS: [&str; 6] = [
    r#"payload.id == "TXN011" && payload.amount > 1000.5 && payload.amount < 1e6"#,
    r#"payload.id in ["TXN010", "TXN011"] && payload.nested.a.b.c == {}"#,
    r#"payload.missing == 1 || payload.none == 1 || !has(payload.gone) || payload.id.startsWith("X")"#,
    r#"topic == "bank-transactions" && partition == 0 && offset >= 0 && key == "k" && timestamp == null"#,
    r#"payload.id.matches("^TXN[0-9]+$") && size(payload.items) == 2 && vars.limit * 2 < payload.amount"#,
    r#"headers.kind == "a" ? payload.amount % 2 == 1 : false"#,
];

/// What is true most of the time takes none either.
#[test]
fn a_condition_takes_no_memory_once_warm() {
    let payload = PAYLOAD.replacen('{', r#"{"amount": 1501, "#, 1);
    let options = cel::Options { vars: Arc::new(["limit".to_owned()].into()), ..cel::Options::default() };
    let mut batch = Batch::new("bank-transactions".into(), 0);
    batch.push(Offset::new(0), None, Some(b"k"), Some(payload.as_bytes()));
    batch.push_header(b"kind", Some(b"a"));
    let record = batch.record(0);
    for source in CONDITIONS {
        let condition = Expression::condition(source, &options).unwrap_or_else(|error| panic!("{error}"));
        let mut sources = Sources::default();
        let plan = condition.plan(&mut sources);
        let (reads, vars_reads) = (sources.payload.compile(), sources.vars.compile());
        let (mut found, mut vars_found) = (Found::default(), Found::default());
        let mut ask = || {
            scan(payload.as_bytes(), &Rules::default(), &reads, &mut found).expect("a document");
            scan(br#"{"limit": 100.00}"#, &Rules::default(), &vars_reads, &mut vars_found).expect("a document");
            let payload = Document { bytes: record.payload, found: &found, reads: &reads };
            let vars = Document { bytes: Some(br#"{"limit": 100.00}"#), found: &vars_found, reads: &vars_reads };
            plan.condition(&Input { record: &record, payload, vars })
        };
        // A pattern takes some when it is first asked for.
        assert_eq!(ask(), Ok(true), "{source}");
        let taken = allocation_counter::measure(|| (0..10).for_each(|_| drop(ask())));
        assert_eq!(taken.count_total, 0, "{source}");
    }
}
