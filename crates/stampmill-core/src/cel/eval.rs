//! Works an expression out for a record.

use std::borrow::Cow;
use std::cmp::Ordering;

use jiff::Timestamp;

use super::ast::Operator;
use super::compare::order;
use super::error::Place;
use super::failure::{Failure, Problem};
use super::items::{self, Elements};
use super::plan::Read;
use super::tree::{MacroKind, Node, Operation, Part, Path};
use super::value::{Kinds, Value};
use crate::fault::Fault;
use crate::input::{Document, Input};
use crate::json::member;
use crate::record::{Headers, Offset, Record};
use crate::template::Limits;

/// One evaluation.
pub(super) struct Run<'a> {
    pub(super) source: &'a str,
    pub(super) paths: &'a [Path],
    pub(super) reads: &'a [Read],
    pub(super) limits: Limits,
    pub(super) input: Input<'a>,
    /// The variables of the macros around.
    pub(super) locals: Vec<Value<'a>>,
    pub(super) steps: u64,
}

pub(super) type Evaluated<T> = Result<T, Failure>;

/// JSON looked through counts as a step for every so many bytes.
pub(super) const BYTES_A_STEP: usize = 64;

/// The value of a node whose operands are constants; `None` for any other.
pub(super) fn constant(node: &Node, source: &str) -> Option<Evaluated<Value<'static>>> {
    node.is_of_constants().then(|| closed(node, source))
}

/// The value of a node that reads nothing.
pub(super) fn closed(node: &Node, source: &str) -> Evaluated<Value<'static>> {
    static NOTHING: Record<'static> = Record {
        topic: "",
        partition: 0,
        offset: Offset::new(0),
        timestamp: None,
        key: None,
        payload: None,
        headers: Headers::NONE,
    };
    let input = Input { record: &NOTHING, payload: Document::unread(), vars: Document::unread() };
    let limits = Limits::default();
    let mut run = Run { source, paths: &[], reads: &[], limits, input, locals: Vec::new(), steps: 0 };
    let value = run.value(node)?;
    value.into_constant().ok_or_else(|| node.place.fails(Problem::Other("it reads a record".into())))
}

// === impl Run ===

impl<'a> Run<'a> {
    pub(super) fn fault(&self, failure: &Failure) -> Fault {
        failure.fault(self.source)
    }

    pub(super) fn value(&mut self, node: &'a Node) -> Evaluated<Value<'a>> {
        match &node.operation {
            Operation::Constant(value) => Ok(value.borrowed()),
            Operation::Path(path) => Ok(Value::of_json(self.read(*path)?)),
            Operation::Part(part) => self.part(node.place, *part),
            Operation::Header(name) => match self.input.record.headers.last(name) {
                Some(value) => Ok(Value::of_bytes(value)),
                None => Err(node.place.fails(Problem::Missing)),
            },
            Operation::Local(local) => Ok(self.locals[*local].clone()),
            Operation::Select { of, field } => {
                let map = self.operand(of)?;
                let found = self.field(&map, of.place, node.place, field)?;
                found.ok_or_else(|| node.place.fails(Problem::Missing))
            }
            Operation::Index(sides) => self.index(node.place, sides),
            Operation::Negate(operand) => match self.operand(operand)?.as_ref() {
                Value::Number(number) => self.number("-", node.place, number.negate()),
                other => Err(operand.place.fails(not_taken("-", Kinds::NUMBER, other))),
            },
            Operation::If(parts) => {
                let [condition, then, otherwise] = parts.as_ref();
                let holds = self.holds(condition)?;
                self.value(if holds { then } else { otherwise })
            }
            Operation::Arithmetic { operator, sides } => {
                let (left, right) = (self.operand(&sides[0])?, self.operand(&sides[1])?);
                self.arithmetic(node.place, *operator, &left, &right)
            }
            Operation::List(elements) => {
                let elements = elements.iter().map(|element| self.value(element)).collect::<Evaluated<_>>()?;
                Ok(Value::List(elements))
            }
            Operation::Map(entries) => self.map(node.place, entries),
            Operation::Call { function, arguments } => {
                let mut values = [const { None }; 2];
                for (place, argument) in arguments.iter().enumerate() {
                    let value = self.value(argument)?;
                    if !value.kind().meets(function.takes[place]) {
                        let problem = not_taken(function.name, function.takes[place], &value);
                        return Err(argument.place.fails(problem));
                    }
                    self.charge(&value, argument.place)?;
                    values[place] = Some(value);
                }
                let [first, second] = values;
                (function.call)(first.unwrap_or(Value::Null), second).map_err(|problem| node.place.fails(problem))
            }
            Operation::Macro(of) if matches!(of.kind, MacroKind::Map | MacroKind::Filter) => self.collect(node, of),
            _ => self.holds(node).map(Value::Bool),
        }
    }

    /// What is true or false.
    pub(super) fn holds(&mut self, node: &'a Node) -> Evaluated<bool> {
        match &node.operation {
            Operation::And(operands) => self.logic(operands, false),
            Operation::Or(operands) => self.logic(operands, true),
            Operation::Not(operand) => self.holds(operand).map(|holds| !holds),
            Operation::Compare { operator, sides } => {
                let (left, right) = (self.operand(&sides[0])?, self.operand(&sides[1])?);
                let order = order(&left, &right).ok_or_else(|| {
                    let (left, right) = (left.kind(), right.kind());
                    node.place.fails(Problem::Operands { of: operator.symbol(), left, right })
                })?;
                Ok(match operator {
                    Operator::Less => order == Ordering::Less,
                    Operator::LessOrEqual => order != Ordering::Greater,
                    Operator::Greater => order == Ordering::Greater,
                    _ => order != Ordering::Less,
                })
            }
            Operation::Equal { negated, sides } => {
                let (left, right) = (self.operand(&sides[0])?, self.operand(&sides[1])?);
                Ok(self.equal(node.place, &left, &right, 0)? != *negated)
            }
            Operation::In(sides) => {
                let (value, range) = (self.operand(&sides[0])?, self.operand(&sides[1])?);
                self.is_in(sides, &value, &range)
            }
            Operation::HasPath(path) => self.has(*path),
            Operation::HasHeader(name) => Ok(self.input.record.headers.last(name).is_some()),
            Operation::HasField { of, field } => {
                let map = self.operand(of)?;
                Ok(self.field(&map, of.place, node.place, field)?.is_some())
            }
            Operation::Matches { text, pattern } => match self.operand(text)?.as_ref() {
                Value::Text(text) => Ok(pattern.is_match(text)),
                other => Err(text.place.fails(not_taken("matches", Kinds::TEXT, other))),
            },
            Operation::Macro(of) if !matches!(of.kind, MacroKind::Map | MacroKind::Filter) => self.asked(of),
            Operation::Constant(Value::Bool(value)) => Ok(*value),
            Operation::Constant(other) => Err(node.place.fails(Problem::NotBool(other.kind()))),
            _ => match self.value(node)? {
                Value::Bool(value) => Ok(value),
                other => Err(node.place.fails(Problem::NotBool(other.kind()))),
            },
        }
    }

    /// A constant is not copied.
    #[inline]
    pub(super) fn operand(&mut self, node: &'a Node) -> Evaluated<Cow<'a, Value<'a>>> {
        match &node.operation {
            Operation::Constant(value) => Ok(Cow::Borrowed(value)),
            _ => self.value(node).map(Cow::Owned),
        }
    }

    /// What decides ends it, whatever else fails: `false && error` and `error && false` are false (CEL's language
    /// definition, "Logical Operators").
    fn logic(&mut self, operands: &'a [Node], decides: bool) -> Evaluated<bool> {
        let mut failed = None;
        for operand in operands {
            match self.holds(operand) {
                Ok(holds) if holds == decides => return Ok(decides),
                Ok(_) => {}
                Err(failure) if failure.is_final() => return Err(failure),
                Err(failure) => failed = failed.or(Some(failure)),
            }
        }
        failed.map_or(Ok(!decides), Err)
    }

    fn part(&self, place: Place, part: Part) -> Evaluated<Value<'a>> {
        let record = self.input.record;
        Ok(match part {
            Part::PayloadText => match self.input.payload.bytes.map(simdutf8::basic::from_utf8) {
                None => Value::Null,
                Some(Ok(text)) => Value::Text(text.into()),
                Some(Err(_)) => return Err(place.fails(Problem::Other("the payload is not UTF-8".into()))),
            },
            Part::PayloadBytes => self.input.payload.bytes.map_or(Value::Null, |bytes| Value::Bytes(bytes.into())),
            Part::Key => Value::of_bytes(record.key),
            Part::Headers => items::headers(record),
            Part::Topic => Value::Text(record.topic.into()),
            Part::Partition => Value::int(record.partition.into()),
            Part::Offset => Value::int(record.offset.get()),
            Part::Timestamp => match record.timestamp {
                None => Value::Null,
                Some(time) => Value::Timestamp(
                    Timestamp::from_millisecond(time).map_err(|_| place.fails(Problem::TimeOutOfRange))?,
                ),
            },
        })
    }

    /// A field of a map; `None` if it is not there.
    fn field(&mut self, map: &Value<'a>, of: Place, here: Place, field: &str) -> Evaluated<Option<Value<'a>>> {
        match map {
            Value::Json(json @ [b'{', ..]) => {
                self.charge(map, here)?;
                Ok(member(json, field).map(Value::of_json))
            }
            Value::Map(entries) => {
                let is_it = |key: &Value<'_>| matches!(key, Value::Text(key) if key == field);
                Ok(entries.iter().find(|(key, _)| is_it(key)).map(|(_, value)| value.clone()))
            }
            other => Err(here.fails(Problem::NoFields { of, kind: other.kind() })),
        }
    }

    fn index(&mut self, place: Place, sides: &'a [Node; 2]) -> Evaluated<Value<'a>> {
        let (range, index) = (self.operand(&sides[0])?, self.operand(&sides[1])?);
        self.charge(&range, place)?;
        let whole = match index.as_ref() {
            Value::Number(number) => number.whole(),
            _ => None,
        };
        let bad = |of| place.fails(Problem::BadIndex { of, found: index.kind() });
        match (range.as_ref(), index.as_ref()) {
            (Value::Json([b'[', ..]) | Value::List(_), _) => {
                let whole = whole.ok_or_else(|| bad(Kinds::LIST))?;
                let at = usize::try_from(whole).ok();
                let found = at.and_then(|at| Elements::of(&range).nth(at));
                found.ok_or_else(|| place.fails(Problem::NoElement { elements: Elements::of(&range).count() }))
            }
            (Value::Json(json), Value::Text(key)) => {
                member(json, key).map(Value::of_json).ok_or_else(|| place.fails(Problem::Missing))
            }
            (Value::Json(_), _) => Err(bad(Kinds::MAP)),
            (Value::Map(entries), key) => {
                let mut found = None;
                for (known, value) in entries.iter() {
                    if self.equal(place, known, key, 0)? {
                        found = Some(value.clone());
                    }
                }
                found.ok_or_else(|| place.fails(Problem::Missing))
            }
            (other, _) => Err(place.fails(Problem::NoElements { of: sides[0].place, kind: other.kind() })),
        }
    }

    fn is_in(&mut self, sides: &[Node; 2], value: &Value<'a>, range: &Value<'a>) -> Evaluated<bool> {
        let here = sides[1].place;
        self.charge(range, here)?;
        let keys = Kinds::TEXT | Kinds::NUMBER | Kinds::BOOL;
        if range.kind() == Kinds::MAP && !value.kind().meets(keys) {
            return Err(sides[0].place.fails(not_taken("in", keys, value)));
        }
        match (range, value) {
            (Value::Json(json @ [b'{', ..]), Value::Text(key)) => Ok(member(json, key).is_some()),
            (Value::Json([b'{', ..]), _) => Ok(false),
            (Value::Json(_), _) => {
                for element in Elements::of(range) {
                    if self.equal(here, &element, value, 0)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            (Value::List(elements), _) => {
                for element in elements.iter() {
                    if self.equal(here, element, value, 0)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            (Value::Map(entries), _) => {
                for (key, _) in entries.iter() {
                    if self.equal(here, key, value, 0)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            _ => Err(here.fails(not_taken("in", Kinds::LIST | Kinds::MAP, range))),
        }
    }

    fn map(&mut self, place: Place, entries: &'a [(Node, Node)]) -> Evaluated<Value<'a>> {
        let mut map: Vec<(Value<'a>, Value<'a>)> = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let key_value = self.value(key)?;
            let expected = Kinds::TEXT | Kinds::INT | Kinds::BOOL;
            if !key_value.kind().meets(expected) {
                return Err(key.place.fails(not_taken("a key of a map", expected, &key_value)));
            }
            for (known, _) in &map {
                if self.equal(place, known, &key_value, 0)? {
                    return Err(place.fails(Problem::SameKeyTwice));
                }
            }
            map.push((key_value, self.value(value)?));
        }
        Ok(Value::Map(map.into()))
    }

    pub(super) fn step(&mut self, place: Place) -> Evaluated<()> {
        self.steps += 1;
        self.limit(place)
    }

    /// What of a document is looked through takes its time.
    pub(super) fn charge(&mut self, value: &Value<'_>, place: Place) -> Evaluated<()> {
        let length = match value {
            Value::Json(json) => json.len(),
            Value::Text(text) => text.len(),
            Value::List(list) => list.len(),
            _ => return Ok(()),
        };
        self.steps += (length / BYTES_A_STEP) as u64;
        self.limit(place)
    }

    fn limit(&self, place: Place) -> Evaluated<()> {
        match self.steps > self.limits.steps {
            true => Err(place.fails(Problem::TooManySteps(self.limits.steps))),
            false => Ok(()),
        }
    }

    pub(super) fn short_enough(&self, place: Place, length: usize) -> Evaluated<()> {
        let most = self.limits.output_bytes;
        if length > most { Err(place.fails(Problem::TooLong(most))) } else { Ok(()) }
    }
}

pub(super) fn not_taken(of: &'static str, expected: Kinds, found: &Value<'_>) -> Problem {
    Problem::Operand { of, expected, found: found.kind() }
}
