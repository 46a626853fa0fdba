//! Any text as a template, a NUL, and any payload: what is accepted makes JSON of it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use stampmill_core::input::{Document, Input, Sources};
use stampmill_core::json::{Found, Reads, Rules, scan};
use stampmill_core::record::{Batch, Offset};
use stampmill_core::template::{Ambient, Commas, Limits, Loops, Media, Options, Template};

const AMBIENT: Ambient = Ambient { now: || 0, random: || [0; 16] };

fuzz_target!(|text: &str| {
    let (source, payload) = text.split_once('\0').unwrap_or((text, "{}"));
    for (media, commas) in [(Media::Json, Commas::Strict), (Media::Json, Commas::Fix), (Media::Xml, Commas::Strict)] {
        let limits = Limits { output_bytes: 1 << 20, steps: 10_000 };
        let options = Options { commas, limits, ..Options::new(media, AMBIENT) };
        let template = match Template::new(source, &options) {
            Ok(template) => template,
            Err(error) => {
                assert!(!error.to_string().is_empty());
                continue;
            }
        };
        let mut sources = Sources::default();
        let plan = template.plan(&mut sources);
        let (reads, mut found) = (sources.payload.compile(), Found::default());
        if scan(payload.as_bytes(), &Rules::default(), &reads, &mut found).is_err() {
            continue;
        }
        let mut batch = Batch::new("t\"".into(), 0);
        batch.push(Offset::new(0), Some(1), Some(b"k\"\\"), Some(payload.as_bytes()));
        let record = batch.record(0);
        let payload = Document { bytes: record.payload, found: &found, reads: &reads };
        let input = Input { record: &record, payload, vars: Document::unread() };
        let mut out = Vec::new();
        if plan.render(&input, &mut Loops::default(), &mut out).is_ok() && media == Media::Json {
            let deep = Rules { max_depth: 1 << 30, ..Rules::default() };
            let checked = scan(&out, &deep, &Reads::default().compile(), &mut Found::default());
            assert_eq!(checked, Ok(()), "{source:?} over {payload:?} gave {:?}", String::from_utf8_lossy(&out));
        }
    }
});
