//! Payloads that must meet a schema.

use super::program::Stage;
use super::running::Running;
use crate::fault::Fault;
use crate::schema::Schema;

impl Running<'_, '_> {
    pub(super) fn validate(&mut self, schema: &Schema, stage: Stage) -> Result<(), Fault> {
        self.read(stage, true, false)?;
        let payload = self.scratch.stages[stage].payload(self.record).unwrap_or(b"null");
        schema.check(payload, &mut self.scratch.tree)
    }
}
