//! An array becomes records, and masks become payloads: what is found in one stage is copied into the next.

use std::sync::Arc;

use super::Failed;
use super::flowing::Holds;
use super::program::{List, Pc, Stage};
use super::running::{Running, failed};
use crate::fault::{Fault, FaultClass};
use crate::input::Document;
use crate::json::Slot;

impl Running<'_, '_> {
    pub(super) fn split(&mut self, step: (&str, &List, usize), from: Stage, to: Stage, next: Pc) -> Result<(), Failed> {
        let (name, list, limit) = step;
        self.read(from, true, false).map_err(failed(name))?;
        let count = self.items(list, from, limit).map_err(failed(name))?;
        if count == 0 {
            return self.drop(name);
        }
        let kept = self.keep();
        let about = Arc::from("split");
        for index in 0..count {
            self.restore(&kept);
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

    /// What the masks hide is found when the payload is read.
    pub(super) fn mask(&mut self, document: Slot, mask: usize, from: Stage, to: Stage) -> Result<(), Fault> {
        self.read(from, true, false)?;
        let Document { bytes, found, .. } = self.document(from);
        let bytes = bytes.unwrap_or(b"null");
        let whole = found.at(found.document(), document);
        let masked = whole.map(|span| found.masked(bytes, span, mask)).unwrap_or_default();
        self.scratch.stages[to].bytes = masked;
        self.scratch.stages[to].put(Holds::Made);
        Ok(())
    }
}
