//! Carries out a plan: writes the parts of a record to where they stand.

use std::borrow::Cow;

use super::automaton::Repair;
use super::plan::{Absent, Operand, Operation, Plan, Position, Read};
use super::tree::{CounterKind, Part};
use super::value::Value;
use super::write::{self, write_json, write_value};
use crate::fault::{Fault, FaultClass};
use crate::input::{Document, Input, Which};
use crate::json::{Row, Span};

/// Where each `#each` is: the document comes first. Kept between records for its memory.
#[derive(Debug, Default)]
pub struct Loops(Vec<Loop>);

#[derive(Clone, Copy, Debug)]
struct Loop {
    row: Row,
    index: usize,
    is_last: bool,
}

struct Run<'a> {
    input: &'a Input<'a>,
    /// The payload, or `null` where there is none.
    document: &'a [u8],
    plan: &'a Plan,
    loops: &'a mut Vec<Loop>,
    out: &'a mut Vec<u8>,
    start: usize,
    steps: u64,
}

// === impl Plan ===

impl Plan {
    /// Whether it looks into a JSON payload: if not, nothing has to be found first.
    pub fn reads_payload(&self) -> bool {
        self.reads_payload
    }

    /// Whether it looks into the variables: if not, nothing has to be found in them first.
    pub fn reads_vars(&self) -> bool {
        self.reads_vars
    }

    /// Appends the output to `out`. On a fault `out` is left as it was.
    pub fn render(&self, input: &Input<'_>, loops: &mut Loops, out: &mut Vec<u8>) -> Result<(), Fault> {
        let start = out.len();
        if let Some(foreign) = &self.foreign {
            let rendered = foreign.render(input, &self.limits, out);
            if rendered.is_err() {
                out.truncate(start);
            }
            return rendered;
        }
        let document = input.payload.text();
        let loops = &mut loops.0;
        loops.clear();
        loops.push(Loop { row: input.payload.found.document(), index: 0, is_last: true });
        let mut run = Run { input, document, plan: self, loops, out, start, steps: 0 };
        let rendered = run.operations(&self.operations);
        if rendered.is_err() {
            out.truncate(start);
        }
        rendered
    }
}

// === impl Input ===

impl<'a> Input<'a> {
    pub(super) fn part(&self, part: &Part) -> Result<Value<'a>, Fault> {
        let record = self.record;
        match part {
            Part::PayloadText => {
                self.payload.bytes.map_or(Ok(Value::Null), |payload| text(format_args!("the payload"), payload))
            }
            Part::PayloadBytes => Ok(self.payload.bytes.map_or(Value::Null, write::base64)),
            Part::Key => record.key.map_or(Ok(Value::Null), |key| text(format_args!("the key"), key)),
            Part::Header(name) => match record.headers.last(name) {
                None => Ok(Value::Missing),
                Some(None) => Ok(Value::Null),
                Some(Some(value)) => text(format_args!("the header `{name}`"), value),
            },
            Part::Topic => Ok(Value::Text(record.topic.into())),
            Part::Partition => Ok(Value::Number(record.partition.to_string().into())),
            Part::Offset => Ok(Value::Number(record.offset.get().to_string().into())),
            Part::Timestamp => Ok(record.timestamp.map_or(Value::Null, |time| Value::Number(time.to_string().into()))),
        }
    }
}

// === impl Run ===

impl<'a> Run<'a> {
    fn operations(&mut self, operations: &'a [Operation]) -> Result<(), Fault> {
        for operation in operations {
            match operation {
                Operation::Text(text) => self.out.extend_from_slice(text),
                Operation::Field { field, position } => self.field(field, *position)?,
                Operation::Variable { field, position } => self.variable(field, *position)?,
                Operation::Write { operand, position } => {
                    let value = self.value(operand)?;
                    write_value(&value, *position, self.out);
                }
                Operation::If { condition, include_zero, then, otherwise } => {
                    let holds = self.truthy(condition, *include_zero)?;
                    self.operations(if holds { then } else { otherwise })?;
                }
                Operation::Each { document, list, rows, items, body, otherwise } => {
                    let document = self.input.document(*document);
                    self.present(document, list)?;
                    let rows = document.found.rows(self.row(list.depth), *rows, *items, document.reads);
                    if rows.is_empty() {
                        self.operations(otherwise)?;
                    }
                    self.items(rows, body)?;
                }
                Operation::Repair(repair) => self.repair(*repair),
            }
        }
        self.limit(operations.len())
    }

    fn items(&mut self, rows: crate::json::Rows, body: &'a [Operation]) -> Result<(), Fault> {
        let count = rows.len();
        let depth = self.loops.len();
        for (index, row) in rows.enumerate() {
            self.loops.truncate(depth);
            self.loops.push(Loop { row, index, is_last: index + 1 == count });
            self.operations(body)?;
        }
        self.loops.truncate(depth);
        Ok(())
    }

    /// Both are counted and not timed, so that a record meets the same end each time.
    fn limit(&mut self, operations: usize) -> Result<(), Fault> {
        let limits = &self.plan.limits;
        self.steps += 1 + operations as u64;
        if self.steps > limits.steps {
            let reason = format!("the template takes more than the {} steps that `limits.steps` allows", limits.steps);
            return Err(Fault::new(FaultClass::Limit, reason));
        }
        if self.out.len() - self.start > limits.output_bytes {
            let most = limits.output_bytes;
            let reason = format!("the output is longer than the {most} bytes that `limits.output_bytes` allows");
            return Err(Fault::new(FaultClass::Limit, reason));
        }
        Ok(())
    }

    fn row(&self, depth: usize) -> Row {
        self.loops[depth].row
    }

    /// Where a field stands, or a fault if it must be there.
    #[inline(always)]
    fn present(&self, document: &Document<'_>, field: &Read) -> Result<Option<Span>, Fault> {
        let span = document.found.at(self.row(field.depth), field.slot);
        match (&field.absent, span) {
            (Some(absent), None) => Err(missing(absent)),
            _ => Ok(span),
        }
    }

    #[inline(always)]
    fn field(&mut self, field: &Read, position: Position) -> Result<(), Fault> {
        let span = self.present(&self.input.payload, field)?;
        match (span, position) {
            (Some(span), Position::Value) if self.plan.mask.is_none() => {
                self.input.payload.found.copy(self.document, span, self.out);
            }
            (Some(span), _) => self.converted(span, field.is_payload, position),
            (None, _) => write_value(&Value::Missing, position, self.out),
        }
        Ok(())
    }

    #[inline(never)]
    fn converted(&mut self, span: Span, is_payload: bool, position: Position) {
        let found = self.input.payload.found;
        match self.plan.mask {
            Some(mask) => write_json(&found.masked(self.document, span, mask), is_payload, position, self.out),
            None if found.is_compact(span) => {
                write_json(&self.document[span.range()], is_payload, position, self.out);
            }
            None => {
                let mut compact = Vec::new();
                found.copy(self.document, span, &mut compact);
                write_json(&compact, is_payload, position, self.out);
            }
        }
    }

    /// Masks hide what is in the payload, and nothing here.
    #[inline(never)]
    fn variable(&mut self, field: &Read, position: Position) -> Result<(), Fault> {
        let vars = &self.input.vars;
        match self.present(vars, field)? {
            Some(span) => write_json(&compact(vars, span), false, position, self.out),
            None => write_value(&Value::Missing, position, self.out),
        }
        Ok(())
    }

    fn truthy(&self, operand: &'a Operand, include_zero: bool) -> Result<bool, Fault> {
        Ok(match operand {
            Operand::Field(field) => {
                let span = self.present(&self.input.payload, field)?;
                span.is_some_and(|span| self.input.payload.found.is_something(self.document, span, include_zero))
            }
            Operand::Variable(field) => {
                let vars = &self.input.vars;
                let span = self.present(vars, field)?;
                span.is_some_and(|span| vars.found.is_something(vars.text(), span, include_zero))
            }
            other => self.value(other)?.is_truthy(include_zero),
        })
    }

    fn value(&self, operand: &'a Operand) -> Result<Value<'a>, Fault> {
        match operand {
            Operand::Field(field) => Ok(match (self.present(&self.input.payload, field)?, self.plan.mask) {
                (None, _) => Value::Missing,
                (Some(span), Some(mask)) => {
                    write::json_value(&self.input.payload.found.masked(self.document, span, mask)).into_owned()
                }
                (Some(span), None) => json_value(&self.input.payload, span),
            }),
            Operand::Variable(field) => {
                let span = self.present(&self.input.vars, field)?;
                Ok(span.map_or(Value::Missing, |span| json_value(&self.input.vars, span)))
            }
            Operand::Record(part) => self.part(part),
            Operand::Loop { document, depth, kind, key } => Ok(self.counter(*document, *depth, *kind, *key)),
            Operand::Literal(value) => Ok(value.clone()),
            Operand::Call { helper, arguments, place } => {
                let arguments: Vec<Value<'a>> =
                    arguments.iter().map(|argument| self.value(argument)).collect::<Result<_, _>>()?;
                (helper.call)(&self.plan.ambient, &arguments)
                    .map_err(|reason| Fault::new(FaultClass::Helper, format!("template {place}: {reason}")))
            }
        }
    }

    fn counter(&self, document: Which, depth: usize, kind: CounterKind, key: crate::json::Slot) -> Value<'a> {
        let here = self.loops[depth];
        let document = self.input.document(document);
        let content = |span: Span| write::content_value(&document.text()[span.range()]);
        let key = || document.found.at(here.row, key).map(content);
        let index = || Value::Number(here.index.to_string().into());
        match kind {
            CounterKind::Index => index(),
            CounterKind::Key => key().unwrap_or(Value::Missing),
            CounterKind::KeyOrIndex => key().unwrap_or_else(index),
            CounterKind::First => Value::Bool(here.index == 0),
            CounterKind::Last => Value::Bool(here.is_last),
        }
    }

    fn part(&self, part: &Part) -> Result<Value<'a>, Fault> {
        self.input.part(part)
    }

    fn repair(&mut self, repair: Repair) {
        let written = &self.out[self.start..];
        let last = written.iter().rposition(|byte| !byte.is_ascii_whitespace()).map(|place| self.start + place);
        let byte = last.map(|place| self.out[place]);
        match (repair, byte) {
            (Repair::Drop | Repair::Add, Some(byte)) if !matches!(byte, b'[' | b'{' | b',' | b':') => {
                self.out.push(b',');
            }
            (Repair::TakeBack, Some(b',')) => drop(last.map(|place| self.out.remove(place))),
            _ => {}
        }
    }
}

/// A part of a document, compact.
fn compact<'a>(document: &Document<'a>, span: Span) -> Cow<'a, [u8]> {
    if document.found.is_compact(span) {
        return Cow::Borrowed(&document.text()[span.range()]);
    }
    let mut compact = Vec::new();
    document.found.copy(document.text(), span, &mut compact);
    Cow::Owned(compact)
}

fn json_value<'a>(document: &Document<'a>, span: Span) -> Value<'a> {
    match compact(document, span) {
        Cow::Borrowed(json) => write::json_value(json),
        Cow::Owned(json) => write::json_value(&json).into_owned(),
    }
}

#[cold]
fn missing(absent: &Absent) -> Fault {
    let Absent { name, place } = absent;
    let reason = format!("the record has no `{name}` (template {place}), and `missing: strict` asks for it");
    Fault::new(FaultClass::MissingField, reason)
}

/// `what` is written out only where it is needed.
fn text<'a>(what: std::fmt::Arguments<'_>, bytes: &'a [u8]) -> Result<Value<'a>, Fault> {
    simdutf8::compat::from_utf8(bytes).map(|text| Value::Text(text.into())).map_err(|error| {
        let reason = format!("{what} is not UTF-8 at byte {}: a template can only write text", error.valid_up_to());
        Fault::new(FaultClass::InvalidUtf8, reason)
    })
}
