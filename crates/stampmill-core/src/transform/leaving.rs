//! The end of a flow: what comes out goes to sinks, and into the flows behind it.

use super::flowing::{Changes, Values};
use super::program::{End, Pc, Stage, Way};
use super::running::{Running, failed};
use super::{Came, Failed, Outgoing, template};
use crate::fault::{Fault, FaultClass};

/// What one way of a record must not leave behind for the next.
pub(super) struct Kept {
    changes: Changes,
    vars: Values,
}

impl Running<'_, '_> {
    pub(super) fn out(&mut self, name: &str, ways: &[Way], origin: Stage, stage: Stage) -> Result<(), Failed> {
        let mut wanted = std::mem::take(&mut self.scratch.wanted);
        wanted.clear();
        let mut flows = Vec::new();
        for way in ways {
            self.take(way, origin, &mut wanted, &mut flows)?;
        }
        let done = match wanted.is_empty() {
            true if flows.is_empty() => (self.came)(Came::Nothing { step: name }),
            true => Ok(()),
            false => self.send(&wanted, stage),
        };
        self.scratch.wanted = wanted;
        done?;
        self.follow(&flows)
    }

    /// All conditions are asked before anything goes on, so that no flow is seen by another.
    fn take(&mut self, way: &Way, origin: Stage, sinks: &mut Vec<usize>, flows: &mut Vec<Pc>) -> Result<(), Failed> {
        let at = |key: &str| format!("{}.{key}", way.name);
        if let Some(when) = &way.when
            && !self.holds(when, origin).map_err(|fault| failed(&at("when"))(fault))?
        {
            return Ok(());
        }
        match &way.to {
            End::Sink(number) => sinks.push(*number),
            End::TopicOf { topic, sinks: of } => {
                let sink = self.sink_of(topic, of, origin);
                sinks.push(sink.map_err(|fault| failed(&at("topic"))(fault))?);
            }
            End::Flow(start) => flows.push(*start),
        }
        Ok(())
    }

    /// No record can name a topic that the configuration does not.
    fn sink_of(&mut self, topic: &template::Plan, sinks: &[(String, usize)], origin: Stage) -> Result<usize, Fault> {
        let mut name = std::mem::take(&mut self.scratch.line);
        name.clear();
        let rendered = self.render(topic, origin, &mut name);
        let found = sinks.iter().find(|(of, _)| of.as_bytes() == name).map(|(_, number)| *number);
        let text = found.is_none().then(|| String::from_utf8_lossy(&name).into_owned());
        self.scratch.line = name;
        rendered?;
        found.ok_or_else(|| {
            let allowed = sinks.iter().map(|(of, _)| format!("`{of}`")).collect::<Vec<_>>().join(", ");
            let reason = format!("`{}` is none of the topics of this sink: {allowed}", text.unwrap_or_default());
            Fault::new(FaultClass::Topic, reason)
        })
    }

    fn send(&mut self, sinks: &[usize], stage: Stage) -> Result<(), Failed> {
        let Self { program, reading, record, scratch, came, .. } = self;
        let mut outgoing = Outgoing { program, reading: *reading, original: record, scratch, stage };
        came(Came::Out { sinks, outgoing: &mut outgoing })
    }

    fn follow(&mut self, flows: &[Pc]) -> Result<(), Failed> {
        if flows.is_empty() {
            return Ok(());
        }
        let kept = self.keep();
        for start in flows {
            self.restore(&kept);
            self.run(*start)?;
        }
        Ok(())
    }

    pub(super) fn keep(&self) -> Kept {
        Kept { changes: self.scratch.changes.clone(), vars: self.scratch.vars.values() }
    }

    pub(super) fn restore(&mut self, kept: &Kept) {
        self.scratch.changes.clone_from(&kept.changes);
        self.scratch.vars.put(kept.vars.clone());
    }
}
