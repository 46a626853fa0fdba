//! A template as a tree, with every name resolved: what the proof walks through, and what the plan is made of.

use super::error::Place;
use super::helpers::Helper;
use super::value::Value;
use crate::input::Which;

#[derive(Clone, Debug)]
pub(super) struct Node {
    /// No other node of the tree has it.
    pub(super) id: usize,
    pub(super) kind: Kind,
    pub(super) place: Place,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Text(String),
    Value(Expression),
    If(If),
    Each(Each),
}

/// `#if` and `#unless`; and `#with`, whose body is resolved already and only asks whether there is something.
#[derive(Clone, Debug)]
pub(super) struct If {
    /// As it is called in the template.
    pub(super) name: &'static str,
    pub(super) condition: Expression,
    pub(super) include_zero: bool,
    pub(super) then: Vec<Node>,
    pub(super) otherwise: Vec<Node>,
    /// Under `missing: strict` a `#with` that has no `else` asks for its field.
    pub(super) must_be_there: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Each {
    /// How many `#each` are around the body, this one included.
    pub(super) depth: usize,
    pub(super) list: Field,
    pub(super) body: Vec<Node>,
    pub(super) otherwise: Vec<Node>,
    pub(super) has_else: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    Field(Field),
    Record(Part),
    Loop(Counter),
    Literal(Value<'static>),
    Call(Call),
}

/// A value of the payload, or of the variables.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) document: Which,
    /// 0 is the document, 1 an item of the outermost `#each`, and so on inwards.
    pub(super) depth: usize,
    pub(super) path: Vec<String>,
    /// As it is written in the template.
    pub(super) name: String,
}

/// A part of a record that is no field of a JSON payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A payload that is text.
    PayloadText,
    /// A payload that is bytes, as base64.
    PayloadBytes,
    Key,
    /// The last header of that name.
    Header(String),
    Topic,
    Partition,
    Offset,
    Timestamp,
}

/// Where an `#each` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counter {
    /// Of the `#each`, from 1.
    pub(super) depth: usize,
    pub(super) kind: CounterKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CounterKind {
    Index,
    /// Of a member of an object; missing for an element of an array.
    Key,
    /// The key of a member, the index of an element: the second block parameter.
    KeyOrIndex,
    First,
    Last,
}

#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) helper: &'static Helper,
    pub(super) arguments: Vec<Expression>,
}

/// However it is written.
impl PartialEq for Field {
    fn eq(&self, other: &Self) -> bool {
        self.document == other.document && self.depth == other.depth && self.path == other.path
    }
}

impl PartialEq for Call {
    fn eq(&self, other: &Self) -> bool {
        self.helper.name == other.helper.name && self.arguments == other.arguments
    }
}

/// What an expression is called in an error.
impl std::fmt::Display for Expression {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Field(field) => out.write_str(&field.name),
            Self::Record(part) => part.fmt(out),
            Self::Loop(counter) => out.write_str(match counter.kind {
                CounterKind::Index => "@index",
                CounterKind::Key | CounterKind::KeyOrIndex => "@key",
                CounterKind::First => "@first",
                CounterKind::Last => "@last",
            }),
            Self::Literal(_) => out.write_str("a literal"),
            Self::Call(call) => out.write_str(call.helper.name),
        }
    }
}

impl std::fmt::Display for Part {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::PayloadText | Self::PayloadBytes => out.write_str("payload"),
            Self::Header(name) => write!(out, "headers.{name}"),
            Self::Key => out.write_str("key"),
            Self::Topic => out.write_str("topic"),
            Self::Partition => out.write_str("partition"),
            Self::Offset => out.write_str("offset"),
            Self::Timestamp => out.write_str("timestamp"),
        }
    }
}
