//! An expression with every name resolved: what is evaluated.

use std::sync::Arc;

use regex_lite::Regex;

use super::ast::Operator;
use super::error::Place;
use super::functions::Function;
use super::value::{Kinds, Value};
use crate::input::Which;

#[derive(Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) operation: Operation,
    /// What it may come to.
    pub(super) gives: Kinds,
}

#[derive(Debug)]
pub(super) enum Operation {
    Constant(Value<'static>),
    /// A value of a document, by its number among the paths.
    Path(usize),
    HasPath(usize),
    Part(Part),
    Header(Box<str>),
    HasHeader(Box<str>),
    /// The variable of a macro, by how many are around it.
    Local(usize),
    Select {
        of: Box<Node>,
        field: Box<str>,
    },
    HasField {
        of: Box<Node>,
        field: Box<str>,
    },
    Index(Box<[Node; 2]>),
    Not(Box<Node>),
    Negate(Box<Node>),
    And(Box<[Node]>),
    Or(Box<[Node]>),
    If(Box<[Node; 3]>),
    /// `<` and its like.
    Compare {
        operator: Operator,
        sides: Box<[Node; 2]>,
    },
    Equal {
        negated: bool,
        sides: Box<[Node; 2]>,
    },
    In(Box<[Node; 2]>),
    Arithmetic {
        operator: Operator,
        sides: Box<[Node; 2]>,
    },
    List(Box<[Node]>),
    Map(Box<[(Node, Node)]>),
    Call {
        function: &'static Function,
        arguments: Box<[Node]>,
    },
    Matches {
        text: Box<Node>,
        pattern: Arc<Regex>,
    },
    Macro(Box<Macro>),
}

/// A part of a record that is no field of a JSON payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    PayloadText,
    PayloadBytes,
    Key,
    /// All of them, the last of each name.
    Headers,
    Topic,
    Partition,
    Offset,
    Timestamp,
}

/// Goes through the elements of a list or the keys of a map.
#[derive(Debug)]
pub(super) struct Macro {
    pub(super) kind: MacroKind,
    pub(super) range: Node,
    /// Of `map` with three arguments and of `filter`, what an element must be to count.
    pub(super) condition: Option<Node>,
    /// Of `map`, what becomes of an element; of the others but `filter`, what is asked of it.
    pub(super) body: Option<Node>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MacroKind {
    All,
    Exists,
    ExistsOne,
    Map,
    Filter,
}

/// A value within a document.
#[derive(Clone, Debug)]
pub(super) struct Path {
    pub(super) which: Which,
    pub(super) root: Place,
    pub(super) steps: Vec<Step>,
}

#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) key: String,
    /// `[0]`, which is a place in an array, and no key of an object.
    pub(super) is_place: bool,
    /// From the root to here.
    pub(super) place: Place,
}

// === impl Node ===

impl Node {
    pub(super) fn constant(&self) -> Option<&Value<'static>> {
        match &self.operation {
            Operation::Constant(value) => Some(value),
            _ => None,
        }
    }

    /// Whether it works on constants and nothing else.
    pub(super) fn is_of_constants(&self) -> bool {
        let all = |nodes: &[Self]| nodes.iter().all(|node| node.constant().is_some());
        match &self.operation {
            Operation::Not(of) | Operation::Negate(of) | Operation::Select { of, .. } => of.constant().is_some(),
            Operation::HasField { of, .. } | Operation::Matches { text: of, .. } => of.constant().is_some(),
            Operation::Compare { sides, .. } | Operation::Equal { sides, .. } => all(&sides[..]),
            Operation::Arithmetic { sides, .. } | Operation::In(sides) | Operation::Index(sides) => all(&sides[..]),
            Operation::If(parts) => all(&parts[..]),
            Operation::And(parts) | Operation::Or(parts) | Operation::List(parts) => all(parts),
            Operation::Call { arguments, .. } => all(arguments),
            Operation::Map(entries) => {
                entries.iter().all(|(key, value)| key.constant().is_some() && value.constant().is_some())
            }
            _ => false,
        }
    }
}

// === impl Operator ===

impl Operator {
    pub(super) fn symbol(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::In => "in",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }

    /// What it may give for these; nothing if it takes none of them.
    pub(super) fn gives(self, left: Kinds, right: Kinds) -> Kinds {
        let both = |kind: Kinds| left.and(right).and(kind);
        let are = |a: Kinds, b: Kinds| left.meets(a) && right.meets(b);
        let none = Kinds::NULL.and(Kinds::BOOL);
        let when = |holds: bool, kind: Kinds| if holds { kind } else { none };
        let has_decimal = (left | right).meets(Kinds::DECIMAL) && are(Kinds::NUMBER, Kinds::NUMBER);
        let number = both(Kinds::INT) | when(has_decimal, Kinds::DECIMAL);
        let (time, length) = (Kinds::TIMESTAMP, Kinds::DURATION);
        match self {
            Self::Add => {
                number
                    | both(Kinds::TEXT | Kinds::BYTES | Kinds::LIST | length)
                    | when(are(time, length) || are(length, time), time)
            }
            Self::Subtract => number | both(length) | when(are(time, time), length) | when(are(time, length), time),
            Self::Multiply | Self::Divide => number,
            Self::Remainder => both(Kinds::INT),
            _ => Kinds::BOOL,
        }
    }
}
