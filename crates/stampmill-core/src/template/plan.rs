//! What a template does, made once: a list of operations over the slots that one pass over a payload fills.

use std::sync::Arc;

use super::automaton::{Repair, Standing};
use super::error::Place;
use super::foreign::Foreign;
use super::helpers::{Ambient, Helper};
use super::prove::Proof;
use super::tree::{Counter, CounterKind, Each, Expression, If, Kind, Node, Part};
use super::value::Value;
use super::{Limits, Media, Template};
use crate::input::{Sources, Which};
use crate::json::{Scope, Slot};

/// Made for one set of [`Sources`], and rendered over what was found for these.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(super) operations: Vec<Operation>,
    pub(super) limits: Limits,
    /// Whether it looks into a JSON payload.
    pub(super) reads_payload: bool,
    pub(super) reads_vars: bool,
    /// Which of the masked values do not show.
    pub(super) mask: Option<usize>,
    pub(super) ambient: Ambient,
    pub(super) foreign: Option<Arc<Foreign>>,
}

#[derive(Clone, Debug)]
pub(super) enum Operation {
    Text(Box<[u8]>),
    /// Of the payload.
    Field {
        field: Read,
        position: Position,
    },
    Variable {
        field: Read,
        position: Position,
    },
    Write {
        operand: Operand,
        position: Position,
    },
    If {
        condition: Operand,
        include_zero: bool,
        then: Vec<Operation>,
        otherwise: Vec<Operation>,
    },
    Each {
        document: Which,
        list: Read,
        rows: Slot,
        items: Scope,
        body: Vec<Operation>,
        otherwise: Vec<Operation>,
    },
    Repair(Repair),
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    /// In place of a JSON value.
    Value,
    /// Within the quotes of a JSON string, be it a value or a key.
    String,
    Text,
    Xml,
}

#[derive(Clone, Debug)]
pub(super) enum Operand {
    /// Of the payload.
    Field(Read),
    Variable(Read),
    Record(Part),
    Loop {
        document: Which,
        depth: usize,
        kind: CounterKind,
        key: Slot,
    },
    Literal(Value<'static>),
    Call {
        helper: &'static Helper,
        arguments: Vec<Operand>,
        place: Box<str>,
    },
}

/// A slot in a row of the `#each` at that depth; the document's is at 0.
#[derive(Clone, Debug)]
pub(super) struct Read {
    pub(super) depth: usize,
    pub(super) slot: Slot,
    /// Whether it is the payload itself, whose null shows in a text.
    pub(super) is_payload: bool,
    pub(super) absent: Option<Box<Absent>>,
}

/// That a value is not there is a fault.
#[derive(Clone, Debug)]
pub(super) struct Absent {
    pub(super) name: String,
    pub(super) place: String,
}

/// What is asked for even if it is not there: these helpers say what then.
const ANSWERS_FOR_MISSING: [&str; 7] = ["default", "coalesce", "and", "or", "not", "eq", "ne"];

struct Builder<'a> {
    template: &'a Template,
    proof: &'a Proof,
    sources: &'a mut Sources,
    /// By depth. At 0 it is of either document.
    scopes: Vec<(Which, Scope)>,
    reads_payload: bool,
    reads_vars: bool,
}

impl Plan {
    pub(super) fn new(template: &Template, proof: &Proof, sources: &mut Sources) -> Self {
        let scopes = vec![(Which::Payload, Scope::DOCUMENT)];
        let mut builder = Builder { template, proof, sources, scopes, reads_payload: false, reads_vars: false };
        let operations = builder.operations(&template.nodes);
        let is_foreign = template.foreign.as_ref().is_some_and(|foreign| foreign.reads_json());
        let reads_payload = builder.reads_payload || !template.masks.is_empty() || is_foreign;
        let reads_vars = builder.reads_vars;
        if is_foreign {
            sources.payload.field(Scope::DOCUMENT, &[]);
        }
        let mask = (!template.masks.is_empty()).then(|| sources.payload.mask(&template.masks));
        let Template { limits, ambient, foreign, .. } = template.clone();
        Self { operations, limits, reads_payload, reads_vars, mask, ambient, foreign }
    }
}

// === impl Builder ===

impl Builder<'_> {
    fn operations(&mut self, nodes: &[Node]) -> Vec<Operation> {
        let mut operations = Vec::with_capacity(nodes.len());
        for node in nodes {
            match &node.kind {
                Kind::Text(text) => self.text(node, text, &mut operations),
                Kind::Value(expression) => {
                    operations.extend(self.proof.repairs(node).map(|(_, repair)| Operation::Repair(repair)));
                    operations.push(self.write(node, expression));
                }
                Kind::If(block) => operations.push(self.condition(block, &node.place)),
                Kind::Each(block) => operations.push(self.list(block, &node.place)),
            }
        }
        operations
    }

    fn text(&self, node: &Node, text: &str, operations: &mut Vec<Operation>) {
        let mut written = 0;
        for (at, repair) in self.proof.repairs(node) {
            operations.push(Operation::Text(text.as_bytes()[written..at].into()));
            operations.push(Operation::Repair(repair));
            // A comma that is dropped or not is written by the repair.
            written = at + usize::from(repair == Repair::Drop);
        }
        operations.push(Operation::Text(text.as_bytes()[written..].into()));
    }

    fn write(&mut self, node: &Node, expression: &Expression) -> Operation {
        let position = match (self.template.media, self.proof.standing(node)) {
            (Media::Json, Standing::Value) => Position::Value,
            (Media::Json, Standing::String) => Position::String,
            (Media::Text, _) => Position::Text,
            (Media::Xml, _) => Position::Xml,
        };
        match self.operand(expression, &node.place, self.template.is_strict()) {
            Operand::Field(field) => Operation::Field { field, position },
            Operand::Variable(field) => Operation::Variable { field, position },
            operand => Operation::Write { operand, position },
        }
    }

    fn condition(&mut self, block: &If, place: &Place) -> Operation {
        let must_be_there = block.must_be_there && self.template.is_strict();
        Operation::If {
            condition: self.operand(&block.condition, place, must_be_there),
            include_zero: block.include_zero,
            then: self.operations(&block.then),
            otherwise: self.operations(&block.otherwise),
        }
    }

    fn list(&mut self, block: &Each, place: &Place) -> Operation {
        let must_be_there = self.template.is_strict() && !block.has_else;
        let otherwise = self.operations(&block.otherwise);
        let list = self.read(&block.list, place, must_be_there);
        let document = block.list.document;
        let (_, scope) = self.scopes[block.list.depth];
        let (rows, items) = self.sources.of(document).list(scope, &block.list.path);
        self.scopes.push((document, items));
        let body = self.operations(&block.body);
        self.scopes.pop();
        Operation::Each { document, list, rows, items, body, otherwise }
    }

    fn operand(&mut self, expression: &Expression, place: &Place, must_be_there: bool) -> Operand {
        match expression {
            Expression::Field(field) => {
                let read = self.read(field, place, must_be_there);
                match field.document {
                    Which::Payload => Operand::Field(read),
                    Which::Vars => Operand::Variable(read),
                }
            }
            Expression::Record(part) => Operand::Record(part.clone()),
            Expression::Loop(Counter { depth, kind }) => {
                let (document, scope) = self.scopes[*depth];
                Operand::Loop { document, depth: *depth, kind: *kind, key: scope.key() }
            }
            Expression::Literal(value) => Operand::Literal(value.clone()),
            Expression::Call(call) => {
                let must_be_there = must_be_there && !ANSWERS_FOR_MISSING.contains(&call.helper.name);
                let arguments = &call.arguments;
                let arguments = arguments.iter().map(|argument| self.operand(argument, place, must_be_there)).collect();
                Operand::Call { helper: call.helper, arguments, place: place.to_string().into() }
            }
        }
    }

    fn read(&mut self, field: &super::tree::Field, place: &Place, must_be_there: bool) -> Read {
        match field.document {
            Which::Payload => self.reads_payload = true,
            Which::Vars => self.reads_vars = true,
        }
        let (_, scope) = self.scopes[field.depth];
        let slot = self.sources.of(field.document).field(scope, &field.path);
        let absent = must_be_there.then(|| Box::new(Absent { name: field.name.clone(), place: place.to_string() }));
        Read {
            depth: field.depth,
            slot,
            is_payload: field.document == Which::Payload && field.depth == 0 && field.path.is_empty(),
            absent,
        }
    }
}
