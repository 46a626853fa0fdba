//! Takes a record through the operations of a program.

use super::flowing::{Holds, Scratch};
use super::program::{Operation, Pc, Program, Stage};
use super::steps::Passes;
use super::{Came, Failed, LogSink, OnNull, Reading, cel, template};
use crate::fault::Fault;
use crate::input::{Document, Input};
use crate::record::Record;

pub(super) struct Running<'a, 's> {
    pub(super) program: &'a Program,
    pub(super) reading: Reading,
    pub(super) record: &'a Record<'a>,
    pub(super) log: LogSink<'a>,
    pub(super) scratch: &'s mut Scratch,
    pub(super) came: &'s mut dyn FnMut(Came<'_, '_>) -> Result<(), Failed>,
}

pub(super) fn failed(step: &str) -> impl Fn(Fault) -> Failed + '_ {
    move |fault| Failed { step: step.to_owned(), fault }
}

// === impl Running ===

impl<'a> Running<'a, '_> {
    /// From an operation to the end of its flow; `place` is not returned to.
    pub(super) fn run(&mut self, mut place: Pc) -> Result<(), Failed> {
        let program = self.program;
        loop {
            place = match &program.operations[place] {
                Operation::Jump(to) => *to,
                Operation::Move { from, to } => {
                    self.carry(*from, *to);
                    place + 1
                }
                Operation::Log { log, message, stage } => {
                    self.log(*log, message, *stage);
                    place + 1
                }
                Operation::Envelope { name, plan, from, to } => match (self.is_null(*from), self.reading.on_null) {
                    (true, OnNull::Skip) => return self.drop(name),
                    (true, OnNull::Pass) => {
                        self.scratch.stages[*to].put(Holds::Null);
                        place + 1
                    }
                    (false, _) | (true, OnNull::Render) => {
                        self.envelope(plan, *from, *to).map_err(failed(name))?;
                        place + 1
                    }
                },
                Operation::Filter { name, condition, passes, stage } => {
                    let holds = self.holds(condition, *stage).map_err(failed(name))?;
                    if holds != (*passes == Passes::If) {
                        return self.drop(name);
                    }
                    place + 1
                }
                Operation::Switch { name, cases, otherwise, stage } => {
                    self.choose(cases, *stage).map_err(failed(name))?.unwrap_or(*otherwise)
                }
                Operation::Set { name, assignments, stage } => {
                    for (target, value) in assignments {
                        self.assign(target, value, *stage).map_err(failed(name))?;
                    }
                    place + 1
                }
                Operation::Split { name, list, limit, from, to } => {
                    return match (self.is_null(*from), self.reading.on_null) {
                        (true, OnNull::Skip) => self.drop(name),
                        (true, OnNull::Pass) => {
                            self.scratch.stages[*to].put(Holds::Null);
                            self.run(place + 1)
                        }
                        (false, _) | (true, OnNull::Render) => self.split((name, list, *limit), *from, *to, place + 1),
                    };
                }
                Operation::Mask { name, document, mask, from, to } => {
                    match self.is_null(*from) {
                        true => self.scratch.stages[*to].put(Holds::Null),
                        false => self.mask(*document, *mask, *from, *to).map_err(failed(name))?,
                    }
                    place + 1
                }
                Operation::Lookup { name, lookup, key, stage } => {
                    self.look_up(lookup, key, *stage).map_err(failed(name))?;
                    place + 1
                }
                Operation::Validate { name, schema, stage } => match (self.is_null(*stage), self.reading.on_null) {
                    (true, OnNull::Skip) => return self.drop(name),
                    (true, OnNull::Pass) => place + 1,
                    (false, _) | (true, OnNull::Render) => {
                        self.validate(schema, *stage).map_err(failed(name))?;
                        place + 1
                    }
                },
                Operation::Dedupe { name, key, window, stage } => {
                    let key = self.hash(key, *stage).map_err(failed(name))?;
                    (self.came)(Came::IfNew { step: name, window: *window, key })?;
                    self.run(place + 1)?;
                    return (self.came)(Came::EndIfNew);
                }
                Operation::Throttle { bucket } => {
                    (self.came)(Came::Throttled { bucket: *bucket })?;
                    place + 1
                }
                Operation::Out { name, ways, origin, stage } => return self.out(name, ways, *origin, *stage),
            };
        }
    }

    fn is_null(&self, stage: Stage) -> bool {
        self.scratch.stages[stage].payload(self.record).is_none()
    }

    pub(super) fn drop(&mut self, step: &str) -> Result<(), Failed> {
        (self.came)(Came::Nothing { step })
    }

    fn carry(&mut self, from: Stage, to: Stage) {
        let (holds, bytes) = (self.scratch.stages[from].holds, std::mem::take(&mut self.scratch.stages[to].bytes));
        let mut bytes = bytes;
        if holds == Holds::Made {
            bytes.clear();
            bytes.extend_from_slice(&self.scratch.stages[from].bytes);
        }
        self.scratch.stages[to].bytes = bytes;
        self.scratch.stages[to].put(holds);
    }

    /// What a log shows must not decide what is delivered, or a change of its level would: a record that cannot be
    /// rendered leaves a line that says so, and goes on.
    fn log(&mut self, number: usize, plan: &template::Plan, stage: Stage) {
        let step = &self.program.logs[number];
        if !(self.log.enabled)(number, step) {
            return;
        }
        let mut line = std::mem::take(&mut self.scratch.line);
        line.clear();
        if let Err(fault) = self.render(plan, stage, &mut line) {
            line.extend_from_slice(b"not rendered: ");
            line.extend_from_slice(fault.reason.as_bytes());
        }
        // Templates and payloads are UTF-8, so that this cannot fail; and if it did, an empty line would be seen.
        let message = step.options.cut(simdutf8::basic::from_utf8(&line).unwrap_or_default());
        (self.log.write)(number, step, self.record, &message);
        self.scratch.line = line;
    }

    fn envelope(&mut self, plan: &template::Plan, from: Stage, to: Stage) -> Result<(), Fault> {
        let mut bytes = std::mem::take(&mut self.scratch.stages[to].bytes);
        bytes.clear();
        let rendered = self.render(plan, from, &mut bytes);
        self.scratch.stages[to].bytes = bytes;
        self.scratch.stages[to].put(Holds::Made);
        rendered
    }

    pub(super) fn render(&mut self, plan: &template::Plan, stage: Stage, out: &mut Vec<u8>) -> Result<(), Fault> {
        self.read(stage, plan.reads_payload(), plan.reads_vars())?;
        let Scratch { loops, stages, changes, vars, .. } = &mut *self.scratch;
        let record = changes.apply(self.record);
        let payload = stages[stage].document(self.record, &self.program.stages[stage]);
        let vars = vars.document(&self.program.vars);
        plan.render(&Input { record: &record, payload, vars }, loops, out)
    }

    pub(super) fn evaluate<T>(
        &mut self,
        plan: &cel::Plan,
        stage: Stage,
        take: impl FnOnce(&cel::Plan, &Input<'_>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.read(stage, plan.reads_payload(), plan.reads_vars())?;
        let Scratch { stages, changes, vars, .. } = &*self.scratch;
        let record = changes.apply(self.record);
        let payload = stages[stage].document(self.record, &self.program.stages[stage]);
        let vars = vars.document(&self.program.vars);
        take(plan, &Input { record: &record, payload, vars })
    }

    pub(super) fn read(&mut self, stage: Stage, payload: bool, vars: bool) -> Result<(), Fault> {
        if payload {
            self.scratch.stages[stage].read(self.record, self.reading.rules, &self.program.stages[stage])?;
        }
        if vars {
            self.scratch.vars.read(&self.program.vars)?;
        }
        Ok(())
    }

    pub(super) fn document(&self, stage: Stage) -> Document<'_> {
        self.scratch.stages[stage].document(self.record, &self.program.stages[stage])
    }

    pub(super) fn holds(&mut self, condition: &cel::Plan, stage: Stage) -> Result<bool, Fault> {
        self.evaluate(condition, stage, cel::Plan::condition)
    }

    fn choose(&mut self, cases: &[(cel::Plan, Pc)], stage: Stage) -> Result<Option<Pc>, Fault> {
        for (when, place) in cases {
            if self.holds(when, stage)? {
                return Ok(Some(*place));
            }
        }
        Ok(None)
    }
}
