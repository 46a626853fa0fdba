//! Once its buffers have grown, rendering takes no memory.

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
