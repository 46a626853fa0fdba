//! An expression as it is written: a tree.

use super::error::{Mistake, Place};
use super::tokens::Token;

/// A part of an expression, as it is written.
#[derive(Clone, Debug)]
pub(super) struct Ast {
    pub(super) place: Place,
    pub(super) kind: Kind,
    pub(super) depth: usize,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// `null`, `true`, numbers, strings and bytes.
    Literal(Token),
    Name(String),
    Select {
        of: Box<Ast>,
        field: String,
    },
    Index {
        of: Box<Ast>,
        index: Box<Ast>,
    },
    Call {
        receiver: Option<Box<Ast>>,
        name: String,
        name_place: Place,
        arguments: Vec<Ast>,
    },
    Not(Box<Ast>),
    Negate(Box<Ast>),
    Binary {
        operator: Operator,
        sides: Box<[Ast; 2]>,
    },
    And(Vec<Ast>),
    Or(Vec<Ast>),
    If(Box<[Ast; 3]>),
    List(Vec<Ast>),
    Map(Vec<(Ast, Ast)>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// Parts within one another: what walks through them uses the stack.
pub(super) const MAX_DEPTH: usize = 100;

pub(super) fn too_deep(place: Place) -> Mistake {
    place.mistake(format!("expected at most {MAX_DEPTH} parts within one another"))
}

/// Refuses what is too deep.
pub(super) fn ast(place: Place, kind: Kind) -> Result<Ast, Mistake> {
    let depth = 1 + match &kind {
        Kind::Literal(_) | Kind::Name(_) => 0,
        Kind::Select { of, .. } | Kind::Not(of) | Kind::Negate(of) => of.depth,
        Kind::Index { of, index } => of.depth.max(index.depth),
        Kind::Call { receiver, arguments, .. } => {
            deepest(arguments).max(receiver.as_ref().map_or(0, |receiver| receiver.depth))
        }
        Kind::Binary { sides, .. } => deepest(&sides[..]),
        Kind::If(parts) => deepest(&parts[..]),
        Kind::And(parts) | Kind::Or(parts) | Kind::List(parts) => deepest(parts),
        Kind::Map(entries) => entries.iter().map(|(key, value)| key.depth.max(value.depth)).max().unwrap_or(0),
    };
    if depth > MAX_DEPTH { Err(too_deep(place)) } else { Ok(Ast { place, kind, depth }) }
}

fn deepest(parts: &[Ast]) -> usize {
    parts.iter().map(|part| part.depth).max().unwrap_or(0)
}
