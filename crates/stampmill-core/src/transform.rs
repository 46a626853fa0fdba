//! The steps that a record goes through.

use crate::escape::escape_line;
use crate::fault::Fault;
use crate::json;
use crate::log_options::LogOptions;
use crate::record::Record;
use crate::template::{Input, Template};

/// The steps of a pipeline, in order.
#[derive(Clone, Debug)]
pub struct Transforms(Vec<Step>);

#[derive(Clone, Debug)]
pub enum Step {
    Log(Log),
    /// The output takes the payload's place for what follows.
    Envelope(Template),
}

/// Writes a line for each record.
#[derive(Clone, Debug)]
pub struct Log {
    pub level: Level,
    /// The name that stands in the log, and that filters go by.
    pub target: String,
    pub message: Template,
    pub options: LogOptions,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// Where log lines go. A line that is not enabled is not rendered. Both are told the step's place among the steps.
#[derive(Clone, Copy)]
pub struct LogSink<'a> {
    pub enabled: &'a dyn Fn(usize, &Log) -> bool,
    pub write: &'a dyn Fn(usize, &Log, &Record<'_>, &str),
}

/// What came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Payload,
    /// A null payload goes through as one: an envelope around nothing would undo a deletion.
    Tombstone,
}

/// The step at which it ended, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Its kind and place: `envelope[1]`.
    pub step: String,
    pub fault: Fault,
}

/// Buffers that are used again for each record.
#[derive(Debug, Default)]
pub struct Scratch {
    line: String,
    current: Current,
    rendered: Vec<u8>,
}

/// The payload as the next step sees it.
#[derive(Debug, Default)]
struct Current {
    source: Document,
    /// What the last envelope made.
    envelope: Vec<u8>,
    /// Unless there was one, the record's own payload counts.
    is_enveloped: bool,
    enveloped: Document,
}

/// The compact form of a payload, made when it is first asked for.
#[derive(Debug, Default)]
struct Document {
    read: Option<Result<(), Fault>>,
    bytes: Vec<u8>,
}

// === impl Transforms ===

impl Transforms {
    pub fn new(steps: Vec<Step>) -> Self {
        Self(steps)
    }

    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Takes a record through all steps and appends what comes out. On a fault `out` is left as it was.
    pub fn apply(
        &self,
        record: &Record<'_>,
        scratch: &mut Scratch,
        log: LogSink<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Outcome, Failed> {
        scratch.current.begin();
        for (place, step) in self.0.iter().enumerate() {
            match step {
                Step::Log(step) => scratch.log(place, step, record, log),
                Step::Envelope(template) => {
                    let done = scratch.envelope(template, record);
                    done.map_err(|fault| Failed { step: format!("envelope[{place}]"), fault })?;
                }
            }
        }
        match scratch.current.payload(record) {
            Some(payload) => out.extend_from_slice(payload),
            None => return Ok(Outcome::Tombstone),
        }
        Ok(Outcome::Payload)
    }
}

// === impl Scratch ===

impl Scratch {
    /// Renders a template over the record as it came, whatever the steps made of it. It must be the one that
    /// [`Transforms::apply`] was given last, for its payload is read once.
    pub fn render(&mut self, template: &Template, record: &Record<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
        template.render(&Input { record, payload: self.current.source(record) }, out)
    }

    /// What a log shows must not decide what is delivered, or a change of its level would: a record that cannot be
    /// rendered leaves a line that says so, and goes on.
    fn log(&mut self, place: usize, step: &Log, record: &Record<'_>, log: LogSink<'_>) {
        if !(log.enabled)(place, step) {
            return;
        }
        self.line.clear();
        let input = Input { record, payload: self.current.document(record) };
        if let Err(fault) = step.message.render_line(&input, &mut self.line) {
            self.line.push_str("not rendered: ");
            escape_line(&fault.reason, &mut self.line);
        }
        step.options.cut(&mut self.line);
        (log.write)(place, step, record, &self.line);
    }

    fn envelope(&mut self, template: &Template, record: &Record<'_>) -> Result<(), Fault> {
        if record.payload.is_none() {
            return Ok(());
        }
        self.rendered.clear();
        template.render(&Input { record, payload: self.current.document(record) }, &mut self.rendered)?;
        self.current.replace(&mut self.rendered);
        Ok(())
    }
}

// === impl Current ===

impl Current {
    fn begin(&mut self) {
        self.is_enveloped = false;
        self.source.read = None;
    }

    fn replace(&mut self, rendered: &mut Vec<u8>) {
        std::mem::swap(&mut self.envelope, rendered);
        self.is_enveloped = true;
        self.enveloped.read = None;
    }

    fn payload<'a>(&'a self, record: &Record<'a>) -> Option<&'a [u8]> {
        if self.is_enveloped { Some(&self.envelope) } else { record.payload }
    }

    fn document(&mut self, record: &Record<'_>) -> Result<&str, &Fault> {
        if self.is_enveloped { self.enveloped.read(&self.envelope) } else { self.source(record) }
    }

    /// A null payload reads `null`.
    fn source(&mut self, record: &Record<'_>) -> Result<&str, &Fault> {
        record.payload.map_or(Ok("null"), |payload| self.source.read(payload))
    }
}

// === impl Document ===

impl Document {
    fn read(&mut self, payload: &[u8]) -> Result<&str, &Fault> {
        let bytes = &mut self.bytes;
        let read = self.read.get_or_insert_with(|| {
            bytes.clear();
            json::compact(payload, bytes).map_err(Fault::from)
        });
        match read {
            // `compact` copies nothing that is not UTF-8, so this cannot fail; and if it did, nothing is read.
            Ok(()) => Ok(std::str::from_utf8(&self.bytes).unwrap_or_default()),
            Err(fault) => Err(fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;
    use crate::fault::FaultClass;
    use crate::record::{Batch, Offset};
    use crate::template::Missing;

    fn batch(payloads: &[Option<&[u8]>]) -> Batch {
        let mut batch = Batch::new("bank-transactions".into(), 0);
        for (offset, payload) in payloads.iter().enumerate() {
            batch.push(Offset::new(offset as i64), None, Some(b"k"), *payload);
        }
        batch
    }

    fn envelope(source: &str) -> Step {
        Step::Envelope(Template::json(source, Missing::Lenient).expect("a JSON template"))
    }

    fn log(message: &str) -> Step {
        let message = Template::text(message, Missing::Lenient).expect("a text template");
        Step::Log(Log { level: Level::Info, target: "bank-audit".into(), message, options: LogOptions::default() })
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
        let steps = Transforms::new(vec![
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
        let steps = Transforms::new(vec![log("data = {{payload}}"), envelope(r#"{"data": {{payload}}}"#)]);
        let batch = batch(&[Some(b"1"), None]);
        let mut scratch = Scratch::default();
        assert_eq!(apply(&steps, &batch.record(0), &mut scratch).out, payload(r#"{"data": 1}"#));
        let run = apply(&steps, &batch.record(1), &mut scratch);
        assert_eq!(run.out, Ok((Outcome::Tombstone, String::new())));
        assert_eq!(run.lines, ["data = null"]);
    }

    #[test]
    fn what_no_step_reads_passes_as_it_is() {
        let steps = Transforms::new(vec![log("{{topic}} {{offset}}")]);
        let batch = batch(&[Some(b"\xff{"), Some(b"")]);
        let mut out = Vec::new();
        let ignored = LogSink { enabled: &|_, _| true, write: &|_, _, _, _| {} };
        let outcome = steps.apply(&batch.record(0), &mut Scratch::default(), ignored, &mut out);
        assert_eq!((outcome, out.as_slice()), (Ok(Outcome::Payload), &b"\xff{"[..]));
        assert_eq!(apply(&steps, &batch.record(1), &mut Scratch::default()).out, payload(""));
    }

    #[test]
    fn a_failure_names_its_step_and_does_not_touch_the_next_record() {
        let steps = Transforms::new(vec![log("{{offset}}"), envelope("[{{payload}}]")]);
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
        let steps = Transforms::new(vec![log("{{payload}}")]);
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
        let steps = Transforms::new(vec![log("data = {{payload}}")]);
        let run = apply(&steps, &batch(&[Some(b"not\nJSON")]).record(0), &mut Scratch::default());
        assert_eq!(run.out, payload("not\nJSON"), "as it would be with the level off");
        assert_eq!(run.lines.len(), 1);
        assert!(run.lines[0].starts_with("not rendered: the payload is not a JSON document"), "{:?}", run.lines);
    }

    #[test]
    fn a_template_of_the_sink_reads_the_record_as_it_came() {
        let steps = Transforms::new(vec![envelope(r#"{"id": 0}"#)]);
        let key = Template::text("{{payload.id}}", Missing::Lenient).expect("a text template");
        let batch = batch(&[Some(br#"{"id": "TXN011"}"#)]);
        let mut scratch = Scratch::default();
        assert_eq!(apply(&steps, &batch.record(0), &mut scratch).out, payload(r#"{"id": 0}"#));
        let mut out = Vec::new();
        assert_eq!(scratch.render(&key, &batch.record(0), &mut out), Ok(()));
        assert_eq!(out, b"TXN011");
    }
}
