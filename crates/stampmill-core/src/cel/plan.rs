//! An expression over the slots that one pass over each document fills.

use std::sync::Arc;

use super::error::Place;
use super::eval::{Evaluated, Run};
use super::failure::Problem;
use super::tree::{Node, Path, Step};
use super::value::{Kinds, Value};
use super::write;
use crate::fault::Fault;
use crate::input::{Input, Sources, Which};
use crate::json::{Scope, Slot, items};
use crate::template::Limits;

/// Made for one set of [`Sources`], and worked out over what was found for these.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(super) expression: Arc<Parts>,
    reads: Box<[Read]>,
}

/// An expression that was checked.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) source: String,
    pub(super) root: Node,
    pub(super) paths: Vec<Path>,
    pub(super) limits: Limits,
}

/// Where a path of an expression is kept.
#[derive(Clone, Debug)]
pub(super) struct Read {
    which: Which,
    slot: Slot,
    /// What each step is taken in: the document, and the values at the steps before.
    within: Box<[Slot]>,
    /// A key and a place in an array look alike to [`crate::json::Reads`]: what the steps are taken in must be looked at.
    is_ambiguous: bool,
}

// === impl Plan ===

impl Plan {
    pub(super) fn new(expression: &Arc<Parts>, sources: &mut Sources) -> Self {
        let reads = expression.paths.iter().map(|path| Read::new(path, sources)).collect();
        Self { expression: Arc::clone(expression), reads }
    }

    /// Whether it looks into a JSON payload: if not, nothing has to be found in it first.
    pub fn reads_payload(&self) -> bool {
        self.reads.iter().any(|read| read.which == Which::Payload)
    }

    /// Whether it looks into the variables.
    pub fn reads_vars(&self) -> bool {
        self.reads.iter().any(|read| read.which == Which::Vars)
    }

    /// Whether the record meets the condition.
    pub fn condition(&self, input: &Input<'_>) -> Result<bool, Fault> {
        let mut run = self.run(input);
        run.holds(&self.expression.root).map_err(|failure| run.fault(&failure))
    }

    pub fn value<'a>(&'a self, input: &Input<'a>) -> Result<Value<'a>, Fault> {
        let mut run = self.run(input);
        run.value(&self.expression.root).map_err(|failure| run.fault(&failure))
    }

    /// Appends the value as JSON, compact: bytes as base64, times as RFC 3339, durations as seconds (`1.5s`). On a fault
    /// `out` is left as it was.
    pub fn write_json(&self, input: &Input<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
        self.write(input, out, write::json)
    }

    /// Appends the value as text: a string as it is, null as nothing, lists and maps as JSON. On a fault `out` is left as it
    /// was.
    pub fn write_text(&self, input: &Input<'_>, out: &mut Vec<u8>) -> Result<(), Fault> {
        self.write(input, out, write::text)
    }

    fn write(&self, input: &Input<'_>, out: &mut Vec<u8>, write: write::Write) -> Result<(), Fault> {
        let start = out.len();
        let value = self.value(input)?;
        let most = self.expression.limits.output_bytes;
        if write(&value, start.saturating_add(most), out).is_err() {
            out.truncate(start);
            let failure = self.expression.root.place.fails(Problem::TooLong(most));
            return Err(failure.fault(&self.expression.source));
        }
        Ok(())
    }

    fn run<'a>(&'a self, input: &Input<'a>) -> Run<'a> {
        let Parts { source, paths, limits, .. } = self.expression.as_ref();
        Run { source, paths, reads: &self.reads, limits: *limits, input: *input, locals: Vec::new(), steps: 0 }
    }
}

// === impl Read ===

impl Read {
    fn new(path: &Path, sources: &mut Sources) -> Self {
        let reads = sources.of(path.which);
        let keys: Vec<String> = path.steps.iter().map(|step| step.key.clone()).collect();
        let within = (0..keys.len()).map(|length| reads.place(Scope::DOCUMENT, &keys[..length])).collect();
        let looks_like_place = |step: &Step| step.key.bytes().all(|byte| byte.is_ascii_digit());
        Self {
            which: path.which,
            slot: reads.field(Scope::DOCUMENT, &keys),
            within,
            is_ambiguous: path.steps.iter().any(looks_like_place),
        }
    }
}

// === impl Run ===

impl<'a> Run<'a> {
    /// The value at a path, or which of its steps leads nowhere.
    #[inline]
    pub(super) fn read(&self, path: usize) -> Evaluated<&'a [u8]> {
        let read = &self.reads[path];
        match self.at(read, read.slot) {
            Some(value) if !read.is_ambiguous => Ok(value),
            found => self.walked(path, found),
        }
    }

    /// Whether the last step of a path leads to something; the steps before must.
    pub(super) fn has(&self, path: usize) -> Evaluated<bool> {
        let read = &self.reads[path];
        if !read.is_ambiguous && self.at(read, read.slot).is_some() {
            return Ok(true);
        }
        match self.walked(path, self.at(read, read.slot)) {
            Ok(_) => Ok(true),
            Err(failure) => match (&failure.problem, self.paths[path].steps.last()) {
                (Problem::Missing, Some(last)) if last.place == failure.place => Ok(false),
                _ => Err(failure),
            },
        }
    }

    #[inline]
    fn at(&self, read: &Read, slot: Slot) -> Option<&'a [u8]> {
        let document = self.input.document(read.which);
        let span = document.found.at(document.found.document(), slot)?;
        Some(&document.text()[span.range()])
    }

    #[cold]
    fn walked(&self, path: usize, found: Option<&'a [u8]>) -> Evaluated<&'a [u8]> {
        let (path, read) = (&self.paths[path], &self.reads[path]);
        let mut before = path.root;
        for (place, step) in path.steps.iter().enumerate() {
            let within = self.at(read, read.within[place]).unwrap_or_default();
            self.stepped(within, before, step)?;
            before = step.place;
            let next = read.within.get(place + 1).map_or(found, |slot| self.at(read, *slot));
            if next.is_none() {
                return Err(missing(within, step));
            }
        }
        found.ok_or_else(|| before.fails(Problem::Missing))
    }

    /// Whether a step can be taken in such a value at all.
    fn stepped(&self, within: &'a [u8], before: Place, step: &Step) -> Evaluated<()> {
        let kind = Value::of_json(within).kind();
        match (step.is_place, kind) {
            (true, Kinds::LIST) | (false, Kinds::MAP) => Ok(()),
            (true, Kinds::MAP) | (false, Kinds::LIST) if step.key_is_in_brackets(self.source) => {
                let found = if step.is_place { Kinds::INT } else { Kinds::TEXT };
                Err(step.place.fails(Problem::BadIndex { of: kind, found }))
            }
            (true, _) => Err(step.place.fails(Problem::NoElements { of: before, kind })),
            (false, _) => Err(step.place.fails(Problem::NoFields { of: before, kind })),
        }
    }
}

fn missing(within: &[u8], step: &Step) -> super::failure::Failure {
    step.place.fails(match step.is_place {
        true => Problem::NoElement { elements: items(within).count() },
        false => Problem::Missing,
    })
}

// === impl Step ===

impl Step {
    fn key_is_in_brackets(&self, source: &str) -> bool {
        self.place.text(source).ends_with(']')
    }
}
