//! Steps made into one list of operations, with jumps where a record may go several ways.
//!
//! A *stage* is a payload together with all that is read of it, so that one pass over it serves every step that follows.
//! Which stage a record is in follows from where in the program it is: a step that makes another payload leads into a
//! stage of its own, and where ways meet that have ended in several stages, another begins.

use std::sync::Arc;

use super::steps::{
    Assigned, Assignment, Case, Dedupe, Filter, Flow, Log, Lookup, MissingRow, Outlet, Passes, Split, Step, Target, To,
};
use super::{cel, template};
use crate::input::Sources;
use crate::json::{Compiled, Reads, Scope, Slot};
use crate::table::Table;

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
    /// By the numbers of the sinks.
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
        table: Arc<Table>,
        key: cel::Plan,
        into: Arc<str>,
        missing: MissingRow,
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
    /// The end of a flow.
    Out {
        outlets: Vec<Way>,
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
    pub(super) name: Arc<str>,
    pub(super) when: Option<cel::Plan>,
    pub(super) to: End,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    Sink(usize),
    Flow(Pc),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Sink {
    pub(super) templates: Vec<template::Plan>,
    /// What they are rendered over.
    pub(super) origin: Stage,
}

struct Builder {
    operations: Vec<Operation>,
    stages: Vec<Reads>,
    vars: Reads,
    sinks: Vec<Sink>,
    logs: Vec<Log>,
    windows: Vec<usize>,
    buckets: Vec<u32>,
}

/// Where a record is.
#[derive(Clone, Copy)]
struct At {
    stage: Stage,
    /// What conditions and templates of sinks are over.
    origin: Stage,
}

// === impl Program ===

impl Program {
    pub(super) fn new(flow: Flow) -> Self {
        let kinds = flow.steps.iter().map(Step::kind).collect();
        let mut builder = Builder {
            operations: Vec::new(),
            stages: vec![Reads::default()],
            vars: Reads::default(),
            sinks: Vec::new(),
            logs: Vec::new(),
            windows: Vec::new(),
            buckets: Vec::new(),
        };
        builder.flow(flow, "", At { stage: 0, origin: 0 });
        let Builder { operations, stages, vars, sinks, logs, windows, buckets } = builder;
        let stages = stages.iter().map(Reads::compile).collect();
        Self { operations, stages, vars: vars.compile(), sinks, logs, kinds, windows, buckets }
    }
}

// === impl Builder ===

impl Builder {
    fn flow(&mut self, Flow { steps, outlets }: Flow, path: &str, at: At) {
        let at = self.steps(steps, path, at);
        let place = self.operations.len();
        // Its ways come behind it, so that it is put in place before they are known.
        self.operations.push(Operation::Out { outlets: Vec::new(), origin: at.origin, stage: at.stage });
        let ways = outlets.into_iter().enumerate().map(|(number, outlet)| self.outlet(outlet, path, number, at));
        let ways = ways.collect();
        if let Operation::Out { outlets, .. } = &mut self.operations[place] {
            *outlets = ways;
        }
    }

    fn outlet(&mut self, Outlet { when, to }: Outlet, path: &str, number: usize, at: At) -> Way {
        let name = format!("{path}sinks[{number}].when").into();
        let when = when.map(|when| self.planned(at.origin, |sources| when.plan(sources)));
        let to = match to {
            To::Sink { number, templates } => {
                let plan = |sources: &mut Sources| templates.iter().map(|template| template.plan(sources)).collect();
                let templates = self.planned(at.origin, plan);
                if self.sinks.len() <= number {
                    self.sinks.resize_with(number + 1, Sink::default);
                }
                self.sinks[number] = Sink { templates, origin: at.origin };
                End::Sink(number)
            }
            To::Flow { name, flow } => {
                let start = self.operations.len();
                // What came out is what the other begins with.
                self.flow(flow, &format!("{name}."), At { stage: at.stage, origin: at.stage });
                End::Flow(start)
            }
        };
        Way { name, when, to }
    }

    fn steps(&mut self, steps: Vec<Step>, path: &str, start: At) -> At {
        let numbered = steps.into_iter().enumerate();
        numbered.fold(start, |at, (number, step)| self.step(step, &|kind| format!("{path}{kind}[{number}]"), at))
    }

    fn step(&mut self, step: Step, name: &dyn Fn(&str) -> String, at: At) -> At {
        let At { stage, origin } = at;
        match step {
            Step::Log(log) => {
                let message = self.planned(stage, |sources| log.message.plan(sources));
                self.operations.push(Operation::Log { log: self.logs.len(), message, stage });
                self.logs.push(log);
                at
            }
            Step::Envelope(template) => {
                let plan = self.planned(stage, |sources| template.plan(sources));
                let to = self.stage();
                self.operations.push(Operation::Envelope { name: name("envelope").into(), plan, from: stage, to });
                At { stage: to, origin }
            }
            Step::Filter(Filter { condition, passes }) => {
                let condition = self.planned(stage, |sources| condition.plan(sources));
                self.operations.push(Operation::Filter { name: name("filter").into(), condition, passes, stage });
                at
            }
            Step::Set(assignments) => {
                let assignments = assignments.iter().map(|Assignment { target, value }| {
                    let value = self.planned(stage, |sources| match value {
                        Assigned::Template(template) => Value::Template(template.plan(sources)),
                        Assigned::Expression(expression) => Value::Expression(expression.plan(sources)),
                        Assigned::Nothing => Value::Nothing,
                    });
                    (target.clone(), value)
                });
                let assignments = assignments.collect();
                self.operations.push(Operation::Set { name: name("set").into(), assignments, stage });
                at
            }
            Step::Split(Split { path, limit }) => {
                let list = List::new(&mut self.stages[stage], &path);
                let to = self.stage();
                let name = name("split").into();
                self.operations.push(Operation::Split { name, list, limit, from: stage, to });
                At { stage: to, origin: to }
            }
            Step::Mask(paths) => {
                let document = self.stages[stage].field(Scope::DOCUMENT, &[]);
                let mask = self.stages[stage].mask(&paths);
                let to = self.stage();
                self.operations.push(Operation::Mask { name: name("mask").into(), document, mask, from: stage, to });
                At { stage: to, origin }
            }
            Step::Lookup(Lookup { table, key, into, missing }) => {
                let key = self.planned(stage, |sources| key.plan(sources));
                let name = name("lookup").into();
                self.operations.push(Operation::Lookup { name, table, key, into, missing, stage });
                at
            }
            Step::Dedupe(Dedupe { key, window }) => {
                let key = self.planned(stage, |sources| key.plan(sources));
                let name = name("dedupe").into();
                self.operations.push(Operation::Dedupe { name, key, window: self.windows.len(), stage });
                self.windows.push(window);
                at
            }
            Step::Throttle { per_second } => {
                self.operations.push(Operation::Throttle { bucket: self.buckets.len() });
                self.buckets.push(per_second);
                at
            }
            Step::Switch(cases) => self.switch(cases, name("switch"), at),
        }
    }

    /// Makes a plan over what there is in a stage.
    fn planned<T>(&mut self, stage: Stage, plan: impl FnOnce(&mut Sources) -> T) -> T {
        let (payload, vars) = (std::mem::take(&mut self.stages[stage]), std::mem::take(&mut self.vars));
        let mut sources = Sources { payload, vars };
        let planned = plan(&mut sources);
        (self.stages[stage], self.vars) = (sources.payload, sources.vars);
        planned
    }

    fn stage(&mut self) -> Stage {
        self.stages.push(Reads::default());
        self.stages.len() - 1
    }

    fn switch(&mut self, cases: Vec<Case>, name: String, at: At) -> At {
        let place = self.operations.len();
        self.operations.push(Operation::Jump(0)); // the switch itself, when all its places are known
        let (mut conditions, mut otherwise, mut ends) = (Vec::new(), None, Vec::new());
        for (number, Case { when, steps }) in cases.into_iter().enumerate() {
            let start = self.operations.len();
            match when {
                Some(when) => {
                    conditions.push((self.planned(at.stage, |sources| when.plan(sources)), start));
                }
                None => otherwise = Some(start),
            }
            let end = self.steps(steps, &format!("{name}.cases[{number}]."), at);
            // Where it goes on is not known yet: room for a move and a jump.
            ends.push((self.operations.len(), end));
            self.operations.extend([Operation::Jump(0), Operation::Jump(0)]);
        }
        let after = self.operations.len();
        let is_open = otherwise.is_none();
        let operation = Operation::Switch {
            name: name.into(),
            cases: conditions,
            otherwise: otherwise.unwrap_or(after),
            stage: at.stage,
        };
        self.operations[place] = operation;
        self.meet(at, is_open, ends, after)
    }

    /// Where the ways of a switch come together again.
    fn meet(&mut self, at: At, is_open: bool, ends: Vec<(Pc, At)>, after: Pc) -> At {
        let all_alike = ends.iter().all(|(_, end)| end.stage == at.stage && end.origin == at.origin);
        if all_alike {
            ends.iter().for_each(|(place, _)| self.operations[*place] = Operation::Jump(after));
            return at;
        }
        let met = self.stage();
        // A way that goes by all cases must come by a move, too.
        if is_open {
            self.operations.push(Operation::Move { from: at.stage, to: met });
        }
        let after = self.operations.len();
        let mut origin = None;
        for (place, end) in ends {
            self.operations[place] = Operation::Move { from: end.stage, to: met };
            self.operations[place + 1] = Operation::Jump(after);
            origin = Some(origin.map_or(end.origin, |origin| if origin == end.origin { origin } else { met }));
        }
        let origin = origin.filter(|origin| !is_open || *origin == at.origin).unwrap_or(met);
        At { stage: met, origin }
    }
}

// === impl List ===

impl List {
    fn new(reads: &mut Reads, path: &[String]) -> Self {
        let value = reads.field(Scope::DOCUMENT, path);
        let (rows, items) = reads.list(Scope::DOCUMENT, path);
        let item = reads.field(items, &[]);
        let names = ["payload"].into_iter().chain(path.iter().map(String::as_str));
        Self { path: names.collect::<Vec<_>>().join("."), value, rows, items, item }
    }
}
