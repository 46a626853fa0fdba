use std::cell::{Cell, RefCell};

use super::*;
use crate::fault::FaultClass;
use crate::record::{Batch, Offset};
use crate::template::{Ambient, Media, Options};

fn batch(payloads: &[Option<&[u8]>]) -> Batch {
    let mut batch = Batch::new("bank-transactions".into(), 0);
    for (offset, payload) in payloads.iter().enumerate() {
        batch.push(Offset::new(offset as i64), None, Some(b"k"), *payload);
    }
    batch
}

fn envelope(source: &str) -> Step {
    Step::Envelope(
        Template::new(source, &Options::new(Media::Json, ambient())).unwrap_or_else(|error| panic!("{error}")),
    )
}

fn log(message: &str) -> Step {
    let message =
        Template::new(message, &Options::new(Media::Text, ambient())).unwrap_or_else(|error| panic!("{error}"));
    let options = LogOptions::default();
    Step::Log(Log { level: Level::Info, target: "bank-audit".into(), message, options })
}

fn transforms(steps: Vec<Step>) -> Transforms {
    Transforms::new(steps, &[], Reading::default())
}

fn ambient() -> Ambient {
    Ambient { now: || 0, random: || [0; 16] }
}

/// Everything that came out of one record, with one scratch for all calls of a test.
struct Run {
    out: Result<(Outcome, String), Failed>,
    lines: Vec<String>,
}

fn apply(steps: &Transforms, record: &Record<'_>, scratch: &mut Scratch) -> Run {
    let lines = RefCell::new(Vec::new());
    let write = |_: usize, _: &Log, _: &Record<'_>, line: &str| lines.borrow_mut().push(line.to_owned());
    let mut out = b"kept".to_vec();
    let done = steps.apply(record, scratch, LogSink { enabled: &|_, _| true, write: &write }, &mut out);
    let out = String::from_utf8(out).expect("the output is UTF-8");
    assert!(done.is_ok() || out == "kept", "a failure leaves nothing behind");
    Run { out: done.map(|outcome| (outcome, out["kept".len()..].to_owned())), lines: lines.into_inner() }
}

fn payload(text: &str) -> Result<(Outcome, String), Failed> {
    Ok((Outcome::Payload, text.to_owned()))
}

#[test]
fn each_step_sees_what_the_one_before_made() {
    let steps = transforms(vec![
        log("in {{payload}}"),
        envelope(r#"{"a": {{payload}}}"#),
        log("between {{payload.a.id}}"),
        envelope(r#"{"b": {{payload.a}}, "k": {{key}}}"#),
        log("out {{payload}}"),
    ]);
    let batch = batch(&[Some(br#"{ "id": 1.50 }"#), Some(br#"{"id":2}"#)]);
    let mut scratch = Scratch::default();
    for (index, id) in ["1.50", "2"].into_iter().enumerate() {
        let run = apply(&steps, &batch.record(index), &mut scratch);
        assert_eq!(run.out, payload(&format!(r#"{{"b": {{"id":{id}}}, "k": "k"}}"#)));
        let last = format!(r#"out {{"b":{{"id":{id}}},"k":"k"}}"#);
        assert_eq!(run.lines, [format!(r#"in {{"id":{id}}}"#), format!("between {id}"), last]);
    }
}

#[test]
fn a_tombstone_is_logged_and_stays_one() {
    let steps = transforms(vec![log("data = {{payload}}"), envelope(r#"{"data": {{payload}}}"#)]);
    let batch = batch(&[Some(b"1"), None]);
    let mut scratch = Scratch::default();
    assert_eq!(apply(&steps, &batch.record(0), &mut scratch).out, payload(r#"{"data": 1}"#));
    let run = apply(&steps, &batch.record(1), &mut scratch);
    assert_eq!(run.out, Ok((Outcome::Tombstone, String::new())));
    assert_eq!(run.lines, ["data = null"]);
}

#[test]
fn a_step_behind_an_envelope_reads_null_of_a_tombstone() {
    let steps = transforms(vec![
        log("{{payload}}"),
        envelope(r#"{"a": {{payload}}, "b": [{{payload.x}}]}"#),
        log("{{payload}} {{payload.a.x}}{{payload.b.0}}{{#each payload.a}}{{this.y}}{{/each}}"),
        envelope(r#"{"c": {{payload.a.x}}}"#),
        log("{{payload}} {{payload.c}}"),
    ]);
    let batch = batch(&[Some(br#"{"x":1}"#), None, Some(br#"{"x":2}"#)]);
    let mut scratch = Scratch::default();
    for (index, number) in [(0, 1), (2, 2)] {
        assert_eq!(apply(&steps, &batch.record(index), &mut scratch).out, payload(&format!(r#"{{"c": {number}}}"#)));
        let run = apply(&steps, &batch.record(1), &mut scratch);
        assert_eq!(run.out, Ok((Outcome::Tombstone, String::new())));
        assert_eq!(run.lines, ["null", "null ", "null "]);
    }
}

#[test]
fn what_no_step_reads_passes_as_it_is() {
    let steps = transforms(vec![log("{{topic}} {{offset}}")]);
    let batch = batch(&[Some(b"\xff{"), Some(b"")]);
    let mut out = Vec::new();
    let ignored = LogSink { enabled: &|_, _| true, write: &|_, _, _, _| {} };
    let outcome = steps.apply(&batch.record(0), &mut Scratch::default(), ignored, &mut out);
    assert_eq!((outcome, out.as_slice()), (Ok(Outcome::Payload), &b"\xff{"[..]));
    assert_eq!(apply(&steps, &batch.record(1), &mut Scratch::default()).out, payload(""));
}

#[test]
fn a_failure_names_its_step_and_does_not_touch_the_next_record() {
    let steps = transforms(vec![log("{{offset}}"), envelope("[{{payload}}]")]);
    let batch = batch(&[Some(b"oops"), Some(b""), Some(b"[ 1 ]")]);
    let mut scratch = Scratch::default();
    for (index, class) in [FaultClass::NotJson, FaultClass::Empty].into_iter().enumerate() {
        let failed = apply(&steps, &batch.record(index), &mut scratch).out.expect_err("no JSON");
        assert_eq!((failed.step.as_str(), failed.fault.class), ("envelope[1]", class));
    }
    assert_eq!(apply(&steps, &batch.record(2), &mut scratch).out, payload("[[1]]"));
}

#[test]
fn a_line_that_nobody_wants_is_not_rendered() {
    let steps = transforms(vec![log("{{payload}}")]);
    let written = Cell::new(0);
    let write = |_: usize, _: &Log, _: &Record<'_>, _: &str| written.set(written.get() + 1);
    let (batch, mut out) = (batch(&[Some(b"not JSON")]), Vec::new());
    let off = LogSink { enabled: &|_, _| false, write: &write };
    // Rendering it would end in a fault.
    let outcome = steps.apply(&batch.record(0), &mut Scratch::default(), off, &mut out);
    assert_eq!((outcome, out.as_slice(), written.get()), (Ok(Outcome::Payload), &b"not JSON"[..], 0));
}

#[test]
fn a_line_that_cannot_be_rendered_says_so_and_the_record_goes_on() {
    let steps = transforms(vec![log("data = {{payload}}")]);
    let run = apply(&steps, &batch(&[Some(b"not\nJSON")]).record(0), &mut Scratch::default());
    assert_eq!(run.out, payload("not\nJSON"), "as it would be with the level off");
    assert_eq!(run.lines.len(), 1);
    assert!(run.lines[0].starts_with("not rendered: the payload is not a JSON document"), "{:?}", run.lines);
}

#[test]
fn null_passes_is_rendered_or_is_skipped() {
    let batch = batch(&[None]);
    let expected = [
        (OnNull::Pass, (Outcome::Tombstone, "")),
        (OnNull::Render, (Outcome::Payload, r#"{"data": null, "id": null}"#)),
        (OnNull::Skip, (Outcome::Skipped, "")),
    ];
    for (on_null, (outcome, out)) in expected {
        let reading = Reading { on_null, ..Reading::default() };
        let step = envelope(r#"{"data": {{payload}}, "id": {{payload.id}}}"#);
        let steps = Transforms::new(vec![step], &[], reading);
        let run = apply(&steps, &batch.record(0), &mut Scratch::default());
        assert_eq!(run.out, Ok((outcome, out.to_owned())));
    }
}

#[test]
fn a_template_of_the_sink_reads_the_record_as_it_came() {
    let key = Template::new("{{payload.id}}", &Options::new(Media::Text, ambient())).expect("a text template");
    let steps = Transforms::new(vec![envelope(r#"{"id": 0}"#)], &[vec![key]], Reading::default());
    let batch = batch(&[Some(br#"{"id": "TXN011"}"#)]);
    let mut scratch = Scratch::default();
    assert_eq!(apply(&steps, &batch.record(0), &mut scratch).out, payload(r#"{"id": 0}"#));
    let mut out = Vec::new();
    assert_eq!(steps.render_sink(0, 0, &batch.record(0), &mut scratch, &mut out), Ok(()));
    assert_eq!(out, b"TXN011");
}
