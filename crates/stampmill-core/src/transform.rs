//! The steps that a record goes through.

use crate::fault::Fault;
use crate::json;
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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// Where log lines go. A line that is not enabled is not rendered.
#[derive(Clone, Copy)]
pub struct LogSink<'a> {
    pub enabled: &'a dyn Fn(&Log) -> bool,
    pub write: &'a dyn Fn(&Log, &str),
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
    /// What the last envelope made; unless there was one, the record's own payload counts.
    envelope: Option<Vec<u8>>,
    document: Document,
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
            let (done, kind) = match step {
                Step::Log(step) => (scratch.log(step, record, log), "log"),
                Step::Envelope(template) => (scratch.envelope(template, record), "envelope"),
            };
            done.map_err(|fault| Failed { step: format!("{kind}[{place}]"), fault })?;
        }
        match (&scratch.current.envelope, record.payload) {
            (Some(envelope), _) => out.extend_from_slice(envelope),
            (None, Some(payload)) => out.extend_from_slice(payload),
            (None, None) => return Ok(Outcome::Tombstone),
        }
        Ok(Outcome::Payload)
    }
}

// === impl Scratch ===

impl Scratch {
    /// Renders a template over the record as it came, whatever the steps made of it.
    pub fn render(&mut self, template: &Template, record: &Record<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
        self.current.begin();
        template.render(&Input { record, payload: self.current.document(record) }, out)
    }

    fn log(&mut self, step: &Log, record: &Record<'_>, log: LogSink<'_>) -> Result<(), Fault> {
        if !(log.enabled)(step) {
            return Ok(());
        }
        self.line.clear();
        step.message.render_line(&Input { record, payload: self.current.document(record) }, &mut self.line)?;
        (log.write)(step, &self.line);
        Ok(())
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
        self.envelope = None;
        self.document.read = None;
    }

    fn replace(&mut self, rendered: &mut Vec<u8>) {
        let envelope = self.envelope.get_or_insert_default();
        std::mem::swap(envelope, rendered);
        self.document.read = None;
    }

    fn document(&mut self, record: &Record<'_>) -> Result<&str, &Fault> {
        match self.envelope.as_deref().or(record.payload) {
            Some(payload) => self.document.read(payload),
            None => Ok("null"),
        }
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
