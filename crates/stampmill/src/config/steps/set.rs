//! The `set` step.

use std::sync::Arc;

use config::{Value, ValueKind};
use stampmill_core::template::Media;
use stampmill_core::transform::{Assigned, Assignment, Step, Target};

use super::Common;
use crate::config::layers::get;
use crate::config::reading::{describe, join, place};
use crate::config::section::Section;

/// Of a variable.
pub(super) const NAME: &str = "a name of letters, digits and `_`, which does not begin with a digit";

/// Variables first, in the order of their names, then the rest: each sees what was set before it.
pub(super) fn set_step(step: &Section<'_>, common: &mut Common<'_>) -> Option<Step> {
    let path = step.path("set");
    let set = step.table("set", &path);
    let mut assignments = Vec::new();
    for (name, value) in step.reading.entries(set.value("vars"), &set.path("vars")) {
        let path = join(&set.path("vars"), name);
        if !is_name(name) {
            step.reading.mismatch(place(Some(value), &path), NAME, format!("`{name}`"));
        }
        assignments.push(assignment(step, Target::Var(name.into()), value, &path, common));
        common.vars.insert(name.to_owned());
    }
    if let Some(value) = set.value("key") {
        assignments.push(assignment(step, Target::Key, value, &set.path("key"), common));
    }
    for (name, value) in step.reading.entries(set.value("headers"), &set.path("headers")) {
        let target = Target::Header(Arc::from(name));
        assignments.push(assignment(step, target, value, &join(&set.path("headers"), name), common));
    }
    if let Some(value) = set.value("timestamp") {
        assignments.push(assignment(step, Target::Timestamp, value, &set.path("timestamp"), common));
    }
    assignments.into_iter().collect::<Option<_>>().map(Step::Set)
}

/// As CEL and templates can name it without quotes.
pub(super) fn is_name(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    name.bytes().next().is_some_and(letter) && name.bytes().all(|byte| letter(byte) || byte.is_ascii_digit())
}

fn assignment(
    step: &Section<'_>,
    target: Target,
    value: &Value,
    path: &str,
    common: &Common<'_>,
) -> Option<Assignment> {
    let at = place(Some(value), path);
    let value = match (&value.kind, get(Some(value), "cel")) {
        (ValueKind::Nil, _) => Assigned::Nothing,
        (ValueKind::Table(table), Some(expression)) if table.len() == 1 => {
            let read = |source: &str| stampmill_core::cel::Expression::new(source, &common.expressions());
            Assigned::Expression(step.reading.expression(expression, at, read)?)
        }
        (ValueKind::Table(_) | ValueKind::Array(_), _) => {
            let found = describe(&value.kind);
            step.reading.mismatch(at, "a template, `cel:` and an expression, or null", found);
            return None;
        }
        _ => Assigned::Template(step.reading.template(value, at, &common.options(Media::Text))?),
    };
    Some(Assignment { target, value })
}
