//! The steps that a record goes through: what they are, the program that is made of them, and how it runs.

mod assigning;
mod builder;
mod flowing;
mod leaving;
mod looking_up;
mod program;
mod running;
mod splitting;
mod steps;
mod validating;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub use self::flowing::Scratch;
use self::program::{Operation, Program};
use self::running::Running;
pub use self::steps::{
    Assigned, Assignment, Case, Dedupe, Filter, Flow, Level, Log, Lookup, MissingRow, Outlet, Passes, Split, Step,
    Target, To,
};
use crate::fault::Fault;
use crate::input::Input;
use crate::json::Rules;
use crate::record::{HeaderChange, Record};
use crate::table::Table;
use crate::{cel, template};

/// The steps of a pipeline and what its sinks take, as a program.
#[derive(Clone)]
pub struct Transforms {
    id: u64,
    program: Arc<Program>,
    reading: Reading,
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

/// Where log lines go. A line that is not enabled is not rendered. Both are told the step's number among those that log. A
/// message may hold anything that the record did, line ends included: who writes it escapes it.
#[derive(Clone, Copy)]
pub struct LogSink<'a> {
    pub enabled: &'a dyn Fn(usize, &Log) -> bool,
    pub write: &'a dyn Fn(usize, &Log, &Record<'_>, &str),
}

/// What comes of a record, each as it comes.
pub enum Came<'c, 'a> {
    /// These sinks take it, by their numbers.
    Out {
        sinks: &'c [usize],
        outgoing: &'c mut Outgoing<'a, 'c>,
    },
    /// A step let nothing through.
    Nothing {
        step: &'c str,
    },
    /// What comes from here to the [`Came::EndIfNew`] that belongs to it goes out only if the window has not met the key.
    IfNew {
        step: &'c str,
        window: usize,
        key: u128,
    },
    EndIfNew,
    /// What comes counts for that bucket.
    Throttled {
        bucket: usize,
    },
}

/// What goes out of a record.
pub struct Outgoing<'a, 's> {
    program: &'a Program,
    reading: Reading,
    original: &'a Record<'a>,
    scratch: &'s mut Scratch,
    stage: usize,
}

/// The step at which it ended, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Its kind and place: `envelope[1]`.
    pub step: String,
    pub fault: Fault,
}

// === impl Transforms ===

impl Transforms {
    pub fn new(flow: Flow, reading: Reading) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        Self { id, program: Arc::new(Program::new(flow)), reading }
    }

    /// Which steps these are; later ones have a greater number.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The steps that log, in the order of their numbers.
    pub fn logs(&self) -> &[Log] {
        &self.program.logs
    }

    /// The kinds of the steps, in order, as a configuration calls them; not those within others.
    pub fn kinds(&self) -> &[&'static str] {
        &self.program.kinds
    }

    /// Whether there is a `dedupe` step.
    pub fn dedupes(&self) -> bool {
        !self.program.windows.is_empty()
    }

    /// The size of the window of a `dedupe` step.
    pub fn window(&self, number: usize) -> usize {
        self.program.windows[number]
    }

    /// The rates of the `throttle` steps, a second, in the order of their numbers.
    pub fn rates(&self) -> &[u32] {
        &self.program.buckets
    }

    /// The tables that `lookup` steps read, one that several read as often.
    pub fn tables(&self) -> impl Iterator<Item = &Arc<Table>> {
        self.program.operations.iter().filter_map(|operation| match operation {
            Operation::Lookup { lookup, .. } => Some(&lookup.table),
            _ => None,
        })
    }

    /// Takes a record through all steps, and tells what comes of it: something, once at the least, unless it fails. What
    /// was told before a failure is not to be sent.
    pub fn apply<'a>(
        &'a self,
        record: &'a Record<'a>,
        scratch: &mut Scratch,
        log: LogSink<'a>,
        came: &mut dyn FnMut(Came<'_, '_>) -> Result<(), Failed>,
    ) -> Result<(), Failed> {
        scratch.begin(self.program.stages.len());
        Running { program: &self.program, reading: self.reading, record, log, scratch, came }.run(0)
    }
}

impl fmt::Debug for Transforms {
    /// Alike for steps that are alike: their number is left out.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id: _, program, reading } = self;
        out.debug_struct("Transforms").field("program", program).field("reading", reading).finish()
    }
}

// === impl Outgoing ===

impl Outgoing<'_, '_> {
    /// `None` for a tombstone.
    pub fn payload(&self) -> Option<&[u8]> {
        self.scratch.stages[self.stage].payload(self.original)
    }

    /// The key, where a step has set it.
    pub fn key(&self) -> Option<Option<&[u8]>> {
        self.scratch.changes.key.as_ref().map(Option::as_deref)
    }

    /// The timestamp, where a step has set it.
    pub fn timestamp(&self) -> Option<Option<i64>> {
        self.scratch.changes.timestamp
    }

    /// What steps have made of headers.
    pub fn headers(&self) -> &[HeaderChange] {
        &self.scratch.changes.headers
    }

    /// Appends what a template of a sink renders: over the record as it came, or over its part, and not over what the steps
    /// made of it.
    pub fn render(&mut self, sink: usize, template: usize, out: &mut Vec<u8>) -> Result<(), Fault> {
        let (program, sink) = (self.program, &self.program.sinks[sink]);
        let (plan, reads) = (&sink.templates[template], &program.stages[sink.origin]);
        let Scratch { loops, stages, changes, vars, .. } = &mut *self.scratch;
        if plan.reads_payload() {
            stages[sink.origin].read(self.original, self.reading.rules, reads)?;
        }
        if plan.reads_vars() {
            vars.read(&program.vars)?;
        }
        let record = changes.apply(self.original);
        let payload = stages[sink.origin].document(self.original, reads);
        plan.render(&Input { record: &record, payload, vars: vars.document(&program.vars) }, loops, out)
    }
}

#[cfg(test)]
mod tests;
