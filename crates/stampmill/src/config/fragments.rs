//! Puts what stands under `fragments` and `flows` in the places that name it, before anything is read: what follows sees
//! pipelines that are whole.

use config::{Map, Value, ValueKind};

use super::connection::is_name;
use super::error::{ConfigError, remedy};
use super::layers::{entries, get, long_form};
use super::parameters::{self, Parameters};
use super::reading::{join, not_a, place};
use super::schema::{FLOW, FRAGMENT, Key, NAMED_STEPS};

/// What the names stand for.
struct Library<'a> {
    fragments: Value,
    flows: Value,
    errors: &'a mut Vec<ConfigError>,
}

/// The names that led to a place, so that none leads back to itself.
type Trail<'t> = &'t [&'t str];

/// Takes `fragments` and `flows` out of a merged configuration and puts them where they are named.
pub(super) fn put_in(merged: &mut Value, errors: &mut Vec<ConfigError>) {
    let ValueKind::Table(root) = &mut merged.kind else { return };
    let mut take = |name: &str| root.remove(name).unwrap_or_else(|| Value::new(None, Map::<String, Value>::new()));
    let (fragments, flows) = (take("fragments"), take("flows"));
    look_at(&fragments, "fragments", NAMED_STEPS, errors);
    look_at(&flows, "flows", FLOW, errors);
    let mut library = Library { fragments, flows, errors };
    let Some(ValueKind::Table(pipelines)) = root.get_mut("pipelines").map(|pipelines| &mut pipelines.kind) else {
        return;
    };
    let mut pipelines: Vec<(&String, &mut Value)> = pipelines.iter_mut().collect();
    // In the order in which errors are told.
    pipelines.sort_unstable_by_key(|(name, _)| *name);
    for (name, pipeline) in pipelines {
        library.in_flow(pipeline, &join("pipelines", name), &[]);
    }
}

/// Used or not: a key that is not known would leave its steps out without a word.
fn look_at(named: &Value, section: &str, keys: &[Key], errors: &mut Vec<ConfigError>) {
    if !matches!(named.kind, ValueKind::Table(_)) {
        errors.push(not_a("a table", named, section));
    }
    for (name, value) in entries(Some(named)) {
        let path = join(section, name);
        if !is_name(name) {
            errors.push(ConfigError::Name { at: place(Some(value), &path), name: name.to_owned() });
        }
        if !matches!(value.kind, ValueKind::Table(_)) {
            errors.push(not_a("a table", value, &path));
        }
        for (key, entry) in
            entries(Some(value)).into_iter().filter(|(key, _)| !keys.iter().any(|known| known.name == *key))
        {
            let remedy = remedy(key, keys.iter().map(|known| known.name));
            errors.push(ConfigError::UnknownKey { at: place(Some(entry), &join(&path, key)), remedy });
        }
    }
}

// === impl Library ===

impl Library<'_> {
    /// In all that has `transforms` and `sinks`. What has another shape than it should is left for its reader to refuse.
    fn in_flow(&mut self, flow: &mut Value, path: &str, trail: Trail<'_>) {
        let ValueKind::Table(flow) = &mut flow.kind else { return };
        each(flow, path, "transforms", |step, path| self.in_step(step, path, trail));
        each(flow, path, "sinks", |sink, path| self.in_sink(sink, path, trail));
    }

    fn in_step(&mut self, step: &mut Map<String, Value>, path: &str, trail: Trail<'_>) {
        each(step, path, "switch", |case, path| {
            each(case, path, "transforms", |step, path| self.in_step(step, path, trail));
        });
        let Some(mut fragment) = step.get("fragment").and_then(|fragment| long_form(FRAGMENT, fragment)) else {
            return;
        };
        let origin = step.get("fragment").and_then(|fragment| fragment.origin().map(str::to_owned));
        let path = join(path, "fragment");
        let name = text(fragment.get("name"));
        let has_own = fragment.contains_key("transforms");
        let found = name.as_deref().filter(|_| !has_own).and_then(|name| {
            let found = self.find("fragments", name, fragment.get("name"), &join(&path, "name"), trail)?;
            Some(self.filled(name, found, &fragment, &path))
        });
        fragment.extend(found.map(|steps| ("transforms".to_owned(), steps)));
        if !has_own {
            fragment.remove("with");
        }
        let trail = [trail, name.as_deref().as_slice()].concat();
        each(&mut fragment, &path, "transforms", |step, path| self.in_step(step, path, &trail));
        step.insert("fragment".to_owned(), Value::new(origin.as_ref(), fragment));
    }

    /// The steps of a fragment, with what its parameters stand for.
    fn filled(&mut self, name: &str, fragment: Value, used: &Map<String, Value>, path: &str) -> Value {
        let mut steps =
            get(Some(&fragment), "transforms").cloned().unwrap_or_else(|| Value::new(None, Vec::<Value>::new()));
        let declared = entries(get(Some(&fragment), "parameters"));
        let parameters = Parameters::new(&declared, used.get("with"), &join(path, "with"), self.errors);
        parameters::put_in(&mut steps, &parameters, &format!("fragments.{name}.transforms"), self.errors);
        steps
    }

    fn in_sink(&mut self, sink: &mut Map<String, Value>, path: &str, trail: Trail<'_>) {
        let Some(name) = text(sink.get("flow")) else { return };
        if !sink.contains_key("transforms") && !sink.contains_key("sinks") {
            let found = self.find("flows", &name, sink.get("flow"), &join(path, "flow"), trail);
            if let Some(Value { kind: ValueKind::Table(flow), .. }) = found {
                sink.extend(flow);
            }
        }
        let trail = [trail, &[name.as_str()]].concat();
        each(sink, path, "transforms", |step, path| self.in_step(step, path, &trail));
        each(sink, path, "sinks", |sink, path| self.in_sink(sink, path, &trail));
    }

    fn find(
        &mut self,
        section: &str,
        name: &str,
        named: Option<&Value>,
        path: &str,
        trail: Trail<'_>,
    ) -> Option<Value> {
        let all = if section == "flows" { &self.flows } else { &self.fragments };
        let (expected, found) = match get(Some(all), name) {
            Some(_) if trail.contains(&name) => {
                let way = trail.iter().chain([&name]).map(|name| format!("`{name}`")).collect::<Vec<_>>();
                (format!("a name under `{section}` that does not lead back to itself"), way.join(" within "))
            }
            Some(found) => return Some(found.clone()),
            None => {
                let known = entries(Some(all)).into_iter().map(|(name, _)| name);
                (format!("a name under `{section}`; {}", remedy(name, known)), format!("`{name}`"))
            }
        };
        self.errors.push(ConfigError::Mismatch { at: place(named, path), expected, found });
        None
    }
}

fn text(value: Option<&Value>) -> Option<String> {
    match &value?.kind {
        ValueKind::String(text) => Some(text.clone()),
        _ => None,
    }
}

/// Each table in the list under that key, with its path.
fn each(table: &mut Map<String, Value>, path: &str, key: &str, mut visit: impl FnMut(&mut Map<String, Value>, &str)) {
    let Some(ValueKind::Array(items)) = table.get_mut(key).map(|list| &mut list.kind) else { return };
    for (index, item) in items.iter_mut().enumerate() {
        if let ValueKind::Table(item) = &mut item.kind {
            visit(item, &format!("{}.{index}", join(path, key)));
        }
    }
}

#[cfg(test)]
mod tests;
