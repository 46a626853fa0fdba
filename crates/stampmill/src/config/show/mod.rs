//! The configuration that is in force, as YAML that loads again and means the same.
//!
//! [`complete`] puts in what follows from other keys, [`lines`] writes each value with its origin and hides the secret ones.

mod complete;
mod lines;
mod properties;
mod scalar;
mod tables;
#[cfg(test)]
mod tests;

use config::Value;

use self::lines::Lines;
use super::reading::Reading;
use super::schema;
use super::{Settings, secrets};

/// `available` is the memory of the process in bytes, if that is known.
pub(super) fn document(reading: &Reading<'_>, merged: &Value, settings: &Settings, available: Option<usize>) -> String {
    let complete = complete::complete(reading, merged, settings, available);
    let mut lines = Lines::new(reading);
    lines.comment(
        "What is in force, and behind each value where it comes from. What was left out, and what only the engine",
    );
    lines.comment("sets, is a comment.");
    lines.comment(&format!("What shows as {} has to be put in again.", secrets::REDACTED));
    lines.table(schema::ROOT, Some(&complete), 0);
    lines.into_text()
}
