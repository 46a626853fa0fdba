//! Makes the operations of a program, step by step.

use super::program::{End, List, Operation, Pc, Program, Sink, Stage, Value, Way};
use super::steps::{Assigned, Assignment, Case, Dedupe, Filter, Flow, Log, Split, Step, To};
use crate::input::Sources;
use crate::json::{Reads, Scope};
use crate::template::Template;

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
    fn flow(&mut self, Flow { steps, outlets }: Flow, path: &str, start: At) {
        let at = self.steps(steps, path, start);
        let place = self.operations.len();
        self.operations.push(Operation::Jump(0)); // the way out, when the flows behind it have their places
        let ways = outlets.into_iter().enumerate().map(|(number, outlet)| {
            let name = format!("{path}sinks[{number}]").into();
            let when = outlet.when.as_ref().map(|when| self.planned(at.origin, |sources| when.plan(sources)));
            Way { name, when, to: self.end(outlet.to, path, at) }
        });
        let ways = ways.collect();
        let name = format!("{path}sinks").into();
        self.operations[place] = Operation::Out { name, ways, origin: at.origin, stage: at.stage };
    }

    fn end(&mut self, to: To, path: &str, at: At) -> End {
        match to {
            To::Sink { number, templates } => {
                self.sink(number, &templates, at.origin);
                End::Sink(number)
            }
            To::TopicOf { topic, sinks, templates } => {
                sinks.iter().for_each(|(_, number)| self.sink(*number, &templates, at.origin));
                End::TopicOf { topic: self.planned(at.origin, |sources| topic.plan(sources)), sinks }
            }
            To::Flow { name, flow } => {
                let start = self.operations.len();
                self.flow(flow, &format!("{path}{name}."), At { stage: at.stage, origin: at.stage });
                End::Flow(start)
            }
        }
    }

    fn sink(&mut self, number: usize, templates: &[Template], origin: Stage) {
        let templates =
            self.planned(origin, |sources| templates.iter().map(|template| template.plan(sources)).collect());
        self.sinks.resize_with(self.sinks.len().max(number + 1), Sink::default);
        self.sinks[number] = Sink { templates, origin };
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
            Step::Lookup(lookup) => {
                let key = self.planned(stage, |sources| lookup.key.plan(sources));
                self.operations.push(Operation::Lookup { name: name("lookup").into(), lookup, key, stage });
                at
            }
            Step::Validate(schema) => {
                // It looks at all of the payload, which is to be found JSON, then, whatever `only_touched` says.
                self.stages[stage].field(Scope::DOCUMENT, &[]);
                self.operations.push(Operation::Validate { name: name("validate").into(), schema, stage });
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
            Step::Fragment { name: of, steps } => self.steps(steps, &format!("{}.{of}.", name("fragment")), at),
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
