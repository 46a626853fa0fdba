//! The steps that a record goes through.

use crate::fault::Fault;
use crate::json::{Compiled, Found, Reads, Rules, scan};
use crate::log_options::LogOptions;
use crate::record::Record;
use crate::template::{Input, Loops, Plan, Template};

/// The steps of a pipeline, in order, and the templates of its sink.
#[derive(Clone, Debug)]
pub struct Transforms {
    steps: Vec<(Step, Plan)>,
    sink: Vec<Plan>,
    /// What is read of the record's payload, and of what each envelope but the last makes of it.
    stages: Vec<Compiled>,
    reading: Reading,
}

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

/// What a payload must be, and what becomes of null.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    pub rules: Rules,
    pub on_null: OnNull,
}

/// What an envelope makes of a null payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnNull {
    /// Null again: an envelope around nothing would undo a deletion.
    #[default]
    Pass,
    /// An envelope in which the payload is `null`.
    Render,
    /// Nothing: the record is settled without an output.
    Skip,
}

/// Where log lines go. A line that is not enabled is not rendered. Both are told the step's place among the steps. A
/// message may hold anything that the record did, line ends included: who writes it escapes it.
#[derive(Clone, Copy)]
pub struct LogSink<'a> {
    pub enabled: &'a dyn Fn(usize, &Log) -> bool,
    pub write: &'a dyn Fn(usize, &Log, &Record<'_>, &str),
}

/// What came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Payload,
    Tombstone,
    Skipped,
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
    line: Vec<u8>,
    loops: Loops,
    stages: Vec<Stage>,
}

/// A payload: the record's, or what an envelope made of it.
#[derive(Debug, Default)]
struct Stage {
    /// What the envelope made; of the first stage nothing, for that is the record's own.
    envelope: Vec<u8>,
    /// Whether `found` speaks of this payload; read when that is first asked for.
    read: Option<Result<(), Fault>>,
    found: Found,
}

// === impl Transforms ===

impl Transforms {
    /// `sink` are the templates of [`Transforms::render_sink`].
    pub fn new(steps: Vec<Step>, sink: &[Template], reading: Reading) -> Self {
        let mut source = Reads::default();
        let sink = sink.iter().map(|template| template.plan(&mut source)).collect();
        let mut stages = vec![source];
        let mut planned = Vec::with_capacity(steps.len());
        for step in steps {
            let reads = stages.last_mut().unwrap_or_else(|| unreachable!("there is always a stage"));
            match &step {
                Step::Log(log) => {
                    let plan = log.message.plan(reads);
                    planned.push((step, plan));
                }
                Step::Envelope(template) => {
                    let plan = template.plan(reads);
                    planned.push((step, plan));
                    stages.push(Reads::default());
                }
            }
        }
        let stages = stages.iter().map(Reads::compile).collect();
        Self { steps: planned, sink, stages, reading }
    }

    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().map(|(step, _)| step)
    }

    /// Takes a record through all steps and appends what comes out. On a fault `out` is left as it was.
    pub fn apply(
        &self,
        record: &Record<'_>,
        scratch: &mut Scratch,
        log: LogSink<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Outcome, Failed> {
        scratch.begin(self.stages.len());
        let mut stage = 0;
        for (place, (step, plan)) in self.steps.iter().enumerate() {
            match step {
                Step::Log(step) => self.log(place, step, plan, stage, record, scratch, log),
                Step::Envelope(_) if record.payload.is_none() && self.reading.on_null == OnNull::Skip => {
                    return Ok(Outcome::Skipped);
                }
                Step::Envelope(_) if record.payload.is_none() && self.reading.on_null == OnNull::Pass => {}
                Step::Envelope(_) => {
                    let done = self.envelope(plan, stage, record, scratch);
                    done.map_err(|fault| Failed { step: format!("envelope[{place}]"), fault })?;
                    stage += 1;
                }
            }
        }
        match scratch.stages[stage].payload(stage, record) {
            Some(payload) => out.extend_from_slice(payload),
            None => return Ok(Outcome::Tombstone),
        }
        Ok(Outcome::Payload)
    }

    /// Renders a template of the sink over the record as it came, whatever the steps made of it. The record must be the
    /// one that [`Transforms::apply`] was given last, for its payload is read once.
    pub fn render_sink(
        &self,
        template: usize,
        record: &Record<'_>,
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        self.render(&self.sink[template], 0, record, scratch, out)
    }

    /// What a log shows must not decide what is delivered, or a change of its level would: a record that cannot be
    /// rendered leaves a line that says so, and goes on.
    #[allow(clippy::too_many_arguments, reason = "all are of the one step")]
    fn log(
        &self,
        place: usize,
        step: &Log,
        plan: &Plan,
        stage: usize,
        record: &Record<'_>,
        scratch: &mut Scratch,
        log: LogSink<'_>,
    ) {
        if !(log.enabled)(place, step) {
            return;
        }
        let mut line = std::mem::take(&mut scratch.line);
        line.clear();
        if let Err(fault) = self.render(plan, stage, record, scratch, &mut line) {
            line.extend_from_slice(b"not rendered: ");
            line.extend_from_slice(fault.reason.as_bytes());
        }
        // Templates and payloads are UTF-8, so that this cannot fail; and if it did, an empty line would be seen.
        let message = step.options.cut(simdutf8::basic::from_utf8(&line).unwrap_or_default());
        (log.write)(place, step, record, &message);
        scratch.line = line;
    }

    fn envelope(&self, plan: &Plan, stage: usize, record: &Record<'_>, scratch: &mut Scratch) -> Result<(), Fault> {
        let mut envelope = std::mem::take(&mut scratch.stages[stage + 1].envelope);
        envelope.clear();
        let rendered = self.render(plan, stage, record, scratch, &mut envelope);
        scratch.stages[stage + 1].envelope = envelope;
        rendered
    }

    fn render(
        &self,
        plan: &Plan,
        stage: usize,
        record: &Record<'_>,
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        let reads = &self.stages[stage];
        if plan.reads_payload() {
            let rules = self.rules(stage);
            scratch.stages[stage].read(stage, record, &rules, reads)?;
        }
        let Scratch { loops, stages, .. } = scratch;
        let payload = stages[stage].payload(stage, record);
        let found = &stages[stage].found;
        plan.render(&Input { record, payload, found, reads }, loops, out)
    }

    /// What an envelope made is JSON, so that only what is read of it must be looked at; and its template's own nesting
    /// does not count against the payload's.
    fn rules(&self, stage: usize) -> Rules {
        match stage {
            0 => self.reading.rules,
            _ => Rules { max_depth: usize::MAX, only_touched: true, ..self.reading.rules },
        }
    }
}

// === impl Scratch ===

impl Scratch {
    fn begin(&mut self, stages: usize) {
        self.stages.resize_with(stages, Stage::default);
        self.stages.iter_mut().for_each(|stage| stage.read = None);
    }
}

// === impl Stage ===

impl Stage {
    fn payload<'a>(&'a self, stage: usize, record: &Record<'a>) -> Option<&'a [u8]> {
        if stage == 0 { record.payload } else { Some(&self.envelope) }
    }

    fn read(&mut self, stage: usize, record: &Record<'_>, rules: &Rules, reads: &Compiled) -> Result<(), Fault> {
        if self.read.is_none() {
            // A null payload reads `null`.
            let payload = if stage == 0 { record.payload.unwrap_or(b"null") } else { &self.envelope };
            self.read = Some(scan(payload, rules, reads, &mut self.found).map_err(Fault::from));
        }
        self.read.clone().unwrap_or(Ok(()))
    }
}

#[cfg(test)]
mod tests {
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
        let steps = Transforms::new(vec![envelope(r#"{"id": 0}"#)], &[key], Reading::default());
        let batch = batch(&[Some(br#"{"id": "TXN011"}"#)]);
        let mut scratch = Scratch::default();
        assert_eq!(apply(&steps, &batch.record(0), &mut scratch).out, payload(r#"{"id": 0}"#));
        let mut out = Vec::new();
        assert_eq!(steps.render_sink(0, &batch.record(0), &mut scratch, &mut out), Ok(()));
        assert_eq!(out, b"TXN011");
    }
}
