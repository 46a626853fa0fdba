//! What `$(NAME)` stands for in the texts of a fragment.

use std::collections::BTreeMap;

use config::{Value, ValueKind};

use super::error::{ConfigError, remedy};
use super::layers::entries;
use super::reading::{join, not_a, place};

/// By name; none for one that must be given and is not, which has been noted.
pub(super) struct Parameters(BTreeMap<String, Option<String>>);

// === impl Parameters ===

impl Parameters {
    /// Of those that a fragment declares, with their defaults, and of what is given for them.
    pub(super) fn new(
        declared: &[(&str, &Value)],
        given: Option<&Value>,
        path: &str,
        errors: &mut Vec<ConfigError>,
    ) -> Self {
        for (name, value) in entries(given) {
            if !declared.iter().any(|(known, _)| *known == name) {
                let remedy = remedy(name, declared.iter().map(|(known, _)| *known));
                errors.push(ConfigError::UnknownKey { at: place(Some(value), &join(path, name)), remedy });
            }
        }
        let of = |(name, default): &(&str, &Value)| {
            let value = entries(given).into_iter().find(|(given, _)| given == name).map(|(_, value)| value);
            let path = join(path, name);
            let stands_for = match value.unwrap_or(default) {
                Value { kind: ValueKind::String(text), .. } => Some(text.clone()),
                Value { kind: ValueKind::Nil, .. } => {
                    let doc = "a text; the fragment has no default for it";
                    errors.push(ConfigError::Missing { at: place(value.or(given).or(Some(default)), &path), doc });
                    None
                }
                other => {
                    errors.push(not_a("a text", other, &path));
                    None
                }
            };
            ((*name).to_owned(), stands_for)
        };
        Self(declared.iter().map(of).collect())
    }

    /// # Errors
    /// The name that is none of a parameter.
    fn fill(&self, text: &str) -> Result<String, String> {
        let (mut filled, mut rest) = (String::with_capacity(text.len()), text);
        while let Some(start) = rest.find("$(") {
            let (before, behind) = rest.split_at(start);
            if let Some(before) = before.strip_suffix('$') {
                filled.push_str(before);
                filled.push_str("$(");
                rest = &behind[2..];
                continue;
            }
            filled.push_str(before);
            let (name, after) = behind[2..].split_once(')').ok_or_else(|| behind[2..].to_owned())?;
            match self.0.get(name) {
                Some(value) => filled.push_str(value.as_deref().unwrap_or_default()),
                None => return Err(name.to_owned()),
            }
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }
}

/// Puts in the parameters wherever a text stands.
pub(super) fn put_in(value: &mut Value, parameters: &Parameters, path: &str, errors: &mut Vec<ConfigError>) {
    let at = place(Some(value), path);
    match &mut value.kind {
        ValueKind::String(text) if text.contains("$(") => match parameters.fill(text) {
            Ok(filled) => *text = filled,
            Err(name) => {
                let known = remedy(&name, parameters.0.keys().map(String::as_str));
                let expected = format!("a parameter of the fragment, or `$$(` for `$(` itself; {known}");
                errors.push(ConfigError::Mismatch { at, expected, found: format!("`$({name})`") });
            }
        },
        ValueKind::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                put_in(item, parameters, &format!("{path}.{index}"), errors);
            }
        }
        ValueKind::Table(table) => {
            table.iter_mut().for_each(|(name, value)| put_in(value, parameters, &join(path, name), errors));
        }
        _ => {}
    }
}
