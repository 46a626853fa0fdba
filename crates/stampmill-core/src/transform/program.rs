//! Steps made into one list of operations, with jumps where a record may go several ways.
//!
//! A *stage* is a payload together with all that is read of it, so that one pass over it serves every step that follows.
//! Which stage a record is in follows from where in the program it is: a step that makes another payload leads into a
//! stage of its own, and where ways meet that have ended in several stages, another begins.

use std::sync::Arc;

use super::steps::{Log, Lookup, Passes, Target};
use super::{cel, template};
use crate::json::{Compiled, Reads, Scope, Slot};
use crate::schema::Schema;

/// The number of a stage.
pub(super) type Stage = usize;
/// The place of an operation.
pub(super) type Pc = usize;

#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) operations: Vec<Operation>,
    /// What is read in each stage.
    pub(super) stages: Vec<Compiled>,
    pub(super) vars: Compiled,
    /// By their numbers.
    pub(super) sinks: Vec<Sink>,
    pub(super) logs: Vec<Log>,
    /// The kinds of the steps, as a configuration calls them; not those within others.
    pub(super) kinds: Vec<&'static str>,
    /// The sizes of windows of `dedupe` steps.
    pub(super) windows: Vec<usize>,
    /// The rates of `throttle` steps.
    pub(super) buckets: Vec<u32>,
}

#[derive(Clone, Debug)]
pub(super) enum Operation {
    /// By the number of the log step.
    Log {
        log: usize,
        message: template::Plan,
        stage: Stage,
    },
    Envelope {
        name: Arc<str>,
        plan: template::Plan,
        from: Stage,
        to: Stage,
    },
    Filter {
        name: Arc<str>,
        condition: cel::Plan,
        passes: Passes,
        stage: Stage,
    },
    /// On to the first case that holds, or else to the last place.
    Switch {
        name: Arc<str>,
        cases: Vec<(cel::Plan, Pc)>,
        otherwise: Pc,
        stage: Stage,
    },
    Set {
        name: Arc<str>,
        assignments: Vec<(Target, Value)>,
        stage: Stage,
    },
    Split {
        name: Arc<str>,
        list: List,
        limit: usize,
        from: Stage,
        to: Stage,
    },
    Mask {
        name: Arc<str>,
        document: Slot,
        mask: usize,
        from: Stage,
        to: Stage,
    },
    Lookup {
        name: Arc<str>,
        lookup: Lookup,
        key: cel::Plan,
        stage: Stage,
    },
    Validate {
        name: Arc<str>,
        schema: Schema,
        stage: Stage,
    },
    /// By the number of the window.
    Dedupe {
        name: Arc<str>,
        key: cel::Plan,
        window: usize,
        stage: Stage,
    },
    /// By the number of the bucket.
    Throttle {
        bucket: usize,
    },
    Jump(Pc),
    /// The payload goes on in another stage.
    Move {
        from: Stage,
        to: Stage,
    },
    /// The end of a flow. What its conditions are over is the origin.
    Out {
        name: Arc<str>,
        ways: Vec<Way>,
        origin: Stage,
        stage: Stage,
    },
}

#[derive(Clone, Debug)]
pub(super) enum Value {
    Template(template::Plan),
    Expression(cel::Plan),
    Nothing,
}

/// Where the items of a list are found.
#[derive(Clone, Debug)]
pub(super) struct List {
    pub(super) path: String,
    pub(super) value: Slot,
    pub(super) rows: Slot,
    pub(super) items: Scope,
    pub(super) item: Slot,
}

/// A way out of a flow.
#[derive(Clone, Debug)]
pub(super) struct Way {
    /// `sinks[0]`.
    pub(super) name: Arc<str>,
    pub(super) when: Option<cel::Plan>,
    pub(super) to: End,
}

#[derive(Clone, Debug)]
pub(super) enum End {
    Sink(usize),
    /// The sink of the topic that is rendered.
    TopicOf {
        topic: template::Plan,
        sinks: Vec<(String, usize)>,
    },
    Flow(Pc),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Sink {
    pub(super) templates: Vec<template::Plan>,
    /// What they are rendered over.
    pub(super) origin: Stage,
}

// === impl List ===

impl List {
    pub(super) fn new(reads: &mut Reads, path: &[String]) -> Self {
        let value = reads.field(Scope::DOCUMENT, path);
        let (rows, items) = reads.list(Scope::DOCUMENT, path);
        let item = reads.field(items, &[]);
        let names = ["payload"].into_iter().chain(path.iter().map(String::as_str));
        Self { path: names.collect::<Vec<_>>().join("."), value, rows, items, item }
    }
}
