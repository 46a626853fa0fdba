//! Any text as an expression, a NUL, and any payload: it is refused, has a value that is JSON, or a reason why not.

#![no_main]

use libfuzzer_sys::fuzz_target;
use stampmill_core::cel::{Expression, Options};
use stampmill_core::input::{Document, Input, Sources};
use stampmill_core::json::{Found, Reads, Rules, scan};
use stampmill_core::record::{Batch, Offset};
use stampmill_core::template::Limits;

fuzz_target!(|text: &str| {
    let (source, payload) = text.split_once('\0').unwrap_or((text, "{}"));
    let limits = Limits { output_bytes: 1 << 20, steps: 10_000 };
    let expression = match Expression::new(source, &Options { limits, ..Options::default() }) {
        Ok(expression) => expression,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let mut sources = Sources::default();
    let plan = expression.plan(&mut sources);
    let (reads, mut found) = (sources.payload.compile(), Found::default());
    if scan(payload.as_bytes(), &Rules::default(), &reads, &mut found).is_err() {
        return;
    }
    let (vars_reads, mut vars_found) = (sources.vars.compile(), Found::default());
    scan(b"{}", &Rules::default(), &vars_reads, &mut vars_found).expect("no variables are JSON, too");
    let mut batch = Batch::new("t\"".into(), 0);
    batch.push(Offset::new(0), Some(1), Some(b"k\"\\"), Some(payload.as_bytes()));
    batch.push_header(b"h", Some(&[0xff]));
    let record = batch.record(0);
    let payload = Document { bytes: record.payload, found: &found, reads: &reads };
    let vars = Document { bytes: Some(b"{}"), found: &vars_found, reads: &vars_reads };
    let input = Input { record: &record, payload, vars };
    let mut out = Vec::new();
    match plan.write_json(&input, &mut out) {
        Ok(()) => {
            let deep = Rules { max_depth: 1 << 30, ..Rules::default() };
            let checked = scan(&out, &deep, &Reads::default().compile(), &mut Found::default());
            assert_eq!(checked, Ok(()), "{source:?} gave {:?}", String::from_utf8_lossy(&out));
        }
        Err(fault) => assert!(out.is_empty() && !fault.reason.is_empty()),
    }
});
