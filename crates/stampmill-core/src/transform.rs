//! The steps that a record goes through.

use crate::fault::Fault;
use crate::input::{Document, Input, Sources};
use crate::json::{Compiled, Found, Rules, scan};
use crate::log_options::LogOptions;
use crate::record::Record;
use crate::template::{Loops, Plan, Template};

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
    /// It made nothing, for null passed by it.
    is_null: bool,
    /// Whether `found` speaks of this payload; read when that is first asked for.
    read: Option<Result<(), Fault>>,
    found: Found,
}

// === impl Transforms ===

impl Transforms {
    /// `sink` are the templates of [`Transforms::render_sink`].
    pub fn new(steps: Vec<Step>, sink: &[Template], reading: Reading) -> Self {
        let mut source = Sources::default();
        let sink = sink.iter().map(|template| template.plan(&mut source)).collect();
        let mut stages = vec![source];
        let mut planned = Vec::with_capacity(steps.len());
        for step in steps {
            let sources = stages.last_mut().unwrap_or_else(|| unreachable!("there is always a stage"));
            match &step {
                Step::Log(log) => {
                    let plan = log.message.plan(sources);
                    planned.push((step, plan));
                }
                Step::Envelope(template) => {
                    let plan = template.plan(sources);
                    planned.push((step, plan));
                    stages.push(Sources::default());
                }
            }
        }
        let stages = stages.iter().map(|sources| sources.payload.compile()).collect();
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
                // Every envelope begins a stage, whose reads the next steps were planned for.
                Step::Envelope(_) if record.payload.is_none() && self.reading.on_null == OnNull::Pass => {
                    stage += 1;
                    scratch.stages[stage].is_null = true;
                }
                Step::Envelope(_) => {
                    let done = self.envelope(plan, stage, record, scratch);
                    done.map_err(|fault| Failed { step: format!("envelope[{place}]"), fault })?;
                    stage += 1;
                    scratch.stages[stage].is_null = false;
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
        let bytes = stages[stage].payload(stage, record);
        let payload = Document { bytes, found: &stages[stage].found, reads };
        // No step sets variables, so that no template may name one.
        plan.render(&Input { record, payload, vars: Document::unread() }, loops, out)
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
        match (stage, self.is_null) {
            (0, _) => record.payload,
            (_, true) => None,
            (_, false) => Some(&self.envelope),
        }
    }

    fn read(&mut self, stage: usize, record: &Record<'_>, rules: &Rules, reads: &Compiled) -> Result<(), Fault> {
        if self.read.is_none() {
            // A null payload reads `null`.
            let payload = match (stage, self.is_null) {
                (0, _) => record.payload.unwrap_or(b"null"),
                (_, true) => b"null",
                (_, false) => &self.envelope,
            };
            self.read = Some(scan(payload, rules, reads, &mut self.found).map_err(Fault::from));
        }
        self.read.clone().unwrap_or(Ok(()))
    }
}

#[cfg(test)]
mod tests;
