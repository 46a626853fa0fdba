//! What a `set` step makes of values, and a `dedupe` step of its key.

use sha2::{Digest, Sha256};

use super::cel;
use super::program::{Stage, Value};
use super::running::Running;
use super::steps::Target;
use crate::fault::{Fault, FaultClass};

impl Running<'_, '_> {
    pub(super) fn assign(&mut self, target: &Target, value: &Value, stage: Stage) -> Result<(), Fault> {
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

    /// Of the key's type and text.
    pub(super) fn hash(&mut self, key: &cel::Plan, stage: Stage) -> Result<u128, Fault> {
        let mut text = std::mem::take(&mut self.scratch.line);
        text.clear();
        let written = self.evaluate(key, stage, |plan, input| plan.write_json(input, &mut text));
        let hash = Sha256::digest(&text);
        self.scratch.line = text;
        written?;
        Ok(hash.iter().take(16).fold(0, |hash, byte| hash << 8 | u128::from(*byte)))
    }
}
