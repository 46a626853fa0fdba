//! Payloads that must meet a schema.

use super::flowing::Holds;
use super::program::Stage;
use super::running::Running;
use crate::fault::Fault;
use crate::json::{Found, Reads, Rules, scan};
use crate::schema::Schema;

impl Running<'_, '_> {
    pub(super) fn validate(&mut self, schema: &Schema, stage: Stage) -> Result<(), Fault> {
        self.read(stage, true, false)?;
        let payload = self.scratch.stages[stage].payload(self.record).unwrap_or(b"null");
        let rules = self.reading.rules;
        // A schema looks at all of it, so that all of it is touched.
        if rules.only_touched && self.scratch.stages[stage].holds == Holds::Record {
            let rules = Rules { only_touched: false, ..rules };
            scan(payload, &rules, &Reads::default().compile(), &mut Found::default())?;
        }
        schema.check(payload, &mut self.scratch.tree)
    }
}
