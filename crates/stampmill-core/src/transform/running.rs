//! Takes a record through the operations of a program.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::flowing::{Changes, Holds, Scratch, Values};
use super::program::{End, List, Operation, Pc, Program, Stage, Value};
use super::steps::{MissingRow, Passes, Target};
use super::{Came, Failed, LogSink, OnNull, Outgoing, Reading, cel, template};
use crate::fault::{Fault, FaultClass};
use crate::input::{Document, Input};
use crate::json::Slot;
use crate::record::Record;
use crate::table::Table;

pub(super) struct Running<'a, 's> {
    pub(super) program: &'a Program,
    pub(super) reading: Reading,
    pub(super) record: &'a Record<'a>,
    pub(super) log: LogSink<'a>,
    pub(super) scratch: &'s mut Scratch,
    pub(super) came: &'s mut dyn FnMut(Came<'_, '_>) -> Result<(), Failed>,
}

/// What a part of a record must not leave behind for the next.
struct Kept {
    changes: Changes,
    vars: Values,
}

fn failed(step: &str) -> impl Fn(Fault) -> Failed + '_ {
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
                Operation::Lookup { name, table, key, into, missing, stage } => {
                    let row = self.look_up(table, key, *stage, *missing).map_err(failed(name))?;
                    if row.is_none() && *missing == MissingRow::Drop {
                        return self.drop(name);
                    }
                    self.scratch.vars.set(into, Some(row.map_or_else(|| b"null".to_vec(), |row| row.to_vec())));
                    place + 1
                }
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
                Operation::Out { outlets, origin, stage } => return self.out(outlets, *origin, *stage),
            };
        }
    }

    fn is_null(&self, stage: Stage) -> bool {
        self.scratch.stages[stage].payload(self.record).is_none()
    }

    fn drop(&mut self, step: &str) -> Result<(), Failed> {
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

    fn render(&mut self, plan: &template::Plan, stage: Stage, out: &mut Vec<u8>) -> Result<(), Fault> {
        self.read(stage, plan.reads_payload(), plan.reads_vars())?;
        let Scratch { loops, stages, changes, vars, .. } = &mut *self.scratch;
        let record = changes.apply(self.record);
        let payload = stages[stage].document(self.record, &self.program.stages[stage]);
        let vars = vars.document(&self.program.vars);
        plan.render(&Input { record: &record, payload, vars }, loops, out)
    }

    fn evaluate<T>(
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

    fn read(&mut self, stage: Stage, payload: bool, vars: bool) -> Result<(), Fault> {
        if payload {
            self.scratch.stages[stage].read(self.record, self.reading.rules, &self.program.stages[stage])?;
        }
        if vars {
            self.scratch.vars.read(&self.program.vars)?;
        }
        Ok(())
    }

    fn document(&self, stage: Stage) -> Document<'_> {
        self.scratch.stages[stage].document(self.record, &self.program.stages[stage])
    }

    fn holds(&mut self, condition: &cel::Plan, stage: Stage) -> Result<bool, Fault> {
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

    fn assign(&mut self, target: &Target, value: &Value, stage: Stage) -> Result<(), Fault> {
        match target {
            Target::Var(name) => {
                let json = self.json(value, stage)?;
                self.scratch.vars.set(name, json);
            }
            Target::Key => {
                let key = self.text(value, stage)?;
                self.scratch.changes.key = Some(key);
            }
            Target::Header(name) => {
                let value = self.text(value, stage)?;
                self.scratch.changes.set_header(name, value);
            }
            Target::Timestamp => {
                let timestamp = self.milliseconds(value, stage)?;
                self.scratch.changes.timestamp = Some(timestamp);
            }
        }
        Ok(())
    }

    /// As one JSON document: a template's text is a string.
    fn json(&mut self, value: &Value, stage: Stage) -> Result<Option<Vec<u8>>, Fault> {
        match value {
            Value::Nothing => Ok(None),
            Value::Expression(plan) => {
                let mut json = Vec::new();
                self.evaluate(plan, stage, |plan, input| plan.write_json(input, &mut json))?;
                Ok(Some(json))
            }
            Value::Template(plan) => {
                let mut text = Vec::new();
                self.render(plan, stage, &mut text)?;
                let text = simdutf8::basic::from_utf8(&text)
                    .map_err(|_| Fault::new(FaultClass::InvalidUtf8, "a variable is to be text, and is not UTF-8"))?;
                Ok(Some(serde_json::Value::from(text).to_string().into_bytes()))
            }
        }
    }

    fn text(&mut self, value: &Value, stage: Stage) -> Result<Option<Vec<u8>>, Fault> {
        let mut text = Vec::new();
        match value {
            Value::Nothing => return Ok(None),
            Value::Template(plan) => self.render(plan, stage, &mut text)?,
            Value::Expression(plan) => {
                let is_there = self.evaluate(plan, stage, |plan, input| plan.write_text(input, &mut text))?;
                if !is_there {
                    return Ok(None);
                }
            }
        }
        Ok(Some(text))
    }

    fn milliseconds(&mut self, value: &Value, stage: Stage) -> Result<Option<i64>, Fault> {
        let Some(text) = self.text(value, stage)? else { return Ok(None) };
        let text = String::from_utf8_lossy(&text);
        let number = text.trim().parse().ok().filter(|number| *number >= 0);
        let number = number.ok_or_else(|| {
            let reason = format!("expected a timestamp in milliseconds since 1970, got `{text}`");
            Fault::new(FaultClass::Condition, reason)
        })?;
        Ok(Some(number))
    }

    /// What the masks hide is found when the payload is read.
    fn mask(&mut self, document: Slot, mask: usize, from: Stage, to: Stage) -> Result<(), Fault> {
        self.read(from, true, false)?;
        let Document { bytes, found, .. } = self.document(from);
        let bytes = bytes.unwrap_or(b"null");
        let whole = found.at(found.document(), document);
        let masked = whole.map(|span| found.masked(bytes, span, mask)).unwrap_or_default();
        self.scratch.stages[to].bytes = masked;
        self.scratch.stages[to].put(Holds::Made);
        Ok(())
    }

    fn look_up(
        &mut self,
        table: &Table,
        key: &cel::Plan,
        stage: Stage,
        missing: MissingRow,
    ) -> Result<Option<Arc<[u8]>>, Fault> {
        let mut text = std::mem::take(&mut self.scratch.line);
        text.clear();
        let found = self.evaluate(key, stage, |plan, input| plan.write_text(input, &mut text));
        let row = found.map(|is_there| if is_there { table.row(&text) } else { None });
        let row = row.and_then(|row| match (row, missing) {
            (None, MissingRow::Fail) => {
                let reason = format!("`{}` has no row `{}`", table.name(), String::from_utf8_lossy(&text));
                Err(Fault::new(FaultClass::NoRow, reason))
            }
            (row, _) => Ok(row),
        });
        self.scratch.line = text;
        row
    }

    /// Of the key's type and text.
    fn hash(&mut self, key: &cel::Plan, stage: Stage) -> Result<u128, Fault> {
        let mut text = std::mem::take(&mut self.scratch.line);
        text.clear();
        let written = self.evaluate(key, stage, |plan, input| plan.write_json(input, &mut text));
        let hash = Sha256::digest(&text);
        self.scratch.line = text;
        written?;
        Ok(hash.iter().take(16).fold(0, |hash, byte| hash << 8 | u128::from(*byte)))
    }

    fn split(&mut self, step: (&str, &List, usize), from: Stage, to: Stage, next: Pc) -> Result<(), Failed> {
        let (name, list, limit) = step;
        self.read(from, true, false).map_err(failed(name))?;
        let count = self.items(list, from, limit).map_err(failed(name))?;
        if count == 0 {
            return self.drop(name);
        }
        let kept = Kept { changes: self.scratch.changes.clone(), vars: self.scratch.vars.values() };
        let about = Arc::from("split");
        for index in 0..count {
            self.scratch.changes.clone_from(&kept.changes);
            self.scratch.vars.put(kept.vars.clone());
            self.scratch.vars.set(&about, Some(format!(r#"{{"index":{index},"count":{count}}}"#).into_bytes()));
            self.take_item(list, index, from, to);
            self.run(next)?;
        }
        Ok(())
    }

    fn items(&self, list: &List, stage: Stage, limit: usize) -> Result<usize, Fault> {
        let Document { bytes, found, reads } = self.document(stage);
        let payload = bytes.unwrap_or(b"null");
        let what = found.at(found.document(), list.value).map(|span| payload[span.range()].first().copied());
        match what {
            Some(Some(b'[')) => {}
            None => {
                let reason = format!("`{}` is to be an array, and is not there", list.path);
                return Err(Fault::new(FaultClass::MissingField, reason));
            }
            Some(_) => {
                let reason = format!("`{}` is to be an array, and is another value", list.path);
                return Err(Fault::new(FaultClass::NotAnArray, reason));
            }
        }
        let count = found.rows(found.document(), list.rows, list.items, reads).count();
        if count > limit {
            let reason = format!("`{}` has {count} items, and `limit` is {limit}", list.path);
            return Err(Fault::new(FaultClass::Limit, reason));
        }
        Ok(count)
    }

    /// What was found in the stage that is split stays there while its items go their way.
    fn take_item(&mut self, list: &List, index: usize, from: Stage, to: Stage) {
        let mut bytes = std::mem::take(&mut self.scratch.stages[to].bytes);
        bytes.clear();
        let Document { bytes: payload, found, reads } = self.document(from);
        let row = found.rows(found.document(), list.rows, list.items, reads).nth(index);
        if let Some(span) = row.and_then(|row| found.at(row, list.item)) {
            found.copy(payload.unwrap_or(b"null"), span, &mut bytes);
        }
        self.scratch.stages[to].bytes = bytes;
        self.scratch.stages[to].put(Holds::Made);
    }

    fn out(&mut self, outlets: &'a [super::program::Way], origin: Stage, stage: Stage) -> Result<(), Failed> {
        let mut wanted = std::mem::take(&mut self.scratch.wanted);
        wanted.clear();
        let mut flows = 0;
        for way in outlets {
            let takes = match &way.when {
                None => true,
                Some(when) => self.holds(when, origin).map_err(failed(&way.name))?,
            };
            match (takes, way.to) {
                (true, End::Sink(sink)) => wanted.push(sink),
                (true, End::Flow(_)) => flows += 1,
                (false, _) => {}
            }
        }
        let done = match (wanted.is_empty(), flows) {
            (true, 0) => (self.came)(Came::Nothing { step: "sinks" }),
            (true, _) => Ok(()),
            (false, _) => self.send(&wanted, stage),
        };
        self.scratch.wanted = wanted;
        done?;
        if flows > 0 { self.flows(outlets, origin) } else { Ok(()) }
    }

    fn send(&mut self, sinks: &[usize], stage: Stage) -> Result<(), Failed> {
        let Self { program, reading, record, scratch, came, .. } = self;
        let mut outgoing = Outgoing { program, reading: *reading, original: record, scratch, stage };
        came(Came::Out { sinks, outgoing: &mut outgoing })
    }

    /// Into other pipelines, none of which sees what another has changed.
    fn flows(&mut self, outlets: &'a [super::program::Way], origin: Stage) -> Result<(), Failed> {
        let kept = Kept { changes: self.scratch.changes.clone(), vars: self.scratch.vars.values() };
        for way in outlets {
            let End::Flow(start) = way.to else { continue };
            // Asked again, for what was found out before is not kept: it is the same.
            let takes = match &way.when {
                None => true,
                Some(when) => self.holds(when, origin).map_err(failed(&way.name))?,
            };
            if takes {
                self.run(start)?;
                self.scratch.changes.clone_from(&kept.changes);
                self.scratch.vars.put(kept.vars.clone());
            }
        }
        Ok(())
    }
}
