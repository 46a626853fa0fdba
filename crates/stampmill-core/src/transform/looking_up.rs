//! A row of a table becomes a variable.

use super::cel;
use super::program::Stage;
use super::running::Running;
use super::steps::{Lookup, MissingRow};
use crate::fault::{Fault, FaultClass};

impl Running<'_, '_> {
    pub(super) fn look_up(&mut self, lookup: &Lookup, key: &cel::Plan, stage: Stage) -> Result<(), Fault> {
        let mut text = std::mem::take(&mut self.scratch.line);
        text.clear();
        let written = self.evaluate(key, stage, |plan, input| plan.write_text(input, &mut text));
        let row = written.and_then(|is_there| row(lookup, is_there.then_some(&text)));
        self.scratch.line = text;
        self.scratch.vars.set(&lookup.into, Some(row?));
        Ok(())
    }
}

fn row(lookup: &Lookup, key: Option<&Vec<u8>>) -> Result<Vec<u8>, Fault> {
    let Lookup { table, missing, .. } = lookup;
    match (key.and_then(|key| table.row(key)), missing, key) {
        (Some(row), _, _) => Ok(row),
        (None, MissingRow::Null, _) => Ok(b"null".to_vec()),
        (None, MissingRow::Fail, Some(key)) => {
            let reason = format!("`{}` has no row `{}`", table.name(), String::from_utf8_lossy(key));
            Err(Fault::new(FaultClass::NoRow, reason))
        }
        (None, MissingRow::Fail, None) => {
            let reason = format!("the key is null, and `{}` has no row under null", table.name());
            Err(Fault::new(FaultClass::NoRow, reason))
        }
    }
}
