//! What a name in a template stands for, at the place where it stands.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::PayloadFormat;
use super::helpers;
use super::tree::{Counter, CounterKind, Expression, Field, Part};
use crate::input::Which;

/// What names are looked up in: a stack of blocks, of which `../` leaves one at a time.
#[derive(Clone, Debug)]
pub(super) struct Names {
    payload: PayloadFormat,
    /// The variables that steps before have set.
    vars: Arc<BTreeSet<String>>,
    blocks: Vec<Block>,
    /// `#each` blocks around, partials included.
    pub(super) depth: usize,
}

#[derive(Clone, Debug)]
struct Block {
    context: Context,
    /// Block parameters, and the parameters of a partial.
    named: BTreeMap<String, Expression>,
    /// The `#each` whose `@index` counts here.
    depth: usize,
}

/// What a name is a part of.
#[derive(Clone, Debug)]
enum Context {
    Record,
    Field(Field),
}

const VARIABLES: [&str; 8] = ["payload", "key", "headers", "topic", "partition", "offset", "timestamp", "vars"];

/// What the language itself calls helpers, and what a field of that name must be told from.
pub(super) const BUILT_IN: [&str; 6] = ["if", "unless", "each", "with", "log", "raw"];

// === impl Names ===

impl Names {
    pub(super) fn new(payload: PayloadFormat, vars: Arc<BTreeSet<String>>) -> Self {
        let record = Block { context: Context::Record, named: BTreeMap::new(), depth: 0 };
        Self { payload, vars, blocks: vec![record], depth: 0 }
    }

    /// Within `#each` over that list.
    pub(super) fn each(&self, list: &Field, parameters: Option<(String, Option<String>)>) -> Self {
        let mut within = self.clone();
        within.depth += 1;
        let depth = within.depth;
        let item = Field { document: list.document, depth, path: Vec::new(), name: "this".into() };
        let mut named = BTreeMap::new();
        if let Some((value, key)) = parameters {
            named.insert(value.clone(), Expression::Field(Field { name: value, ..item.clone() }));
            let counter = Expression::Loop(Counter { depth, kind: CounterKind::KeyOrIndex });
            named.extend(key.map(|key| (key, counter)));
        }
        within.blocks.push(Block { context: Context::Field(item), named, depth });
        within
    }

    /// Within `#with`.
    pub(super) fn with(&self, field: &Field, parameter: Option<String>) -> Self {
        let mut within = self.clone();
        let named = parameter.map(|name| (name.clone(), Expression::Field(Field { name, ..field.clone() })));
        let block = Block {
            context: Context::Field(field.clone()),
            named: named.into_iter().collect(),
            depth: self.block().map_or(0, |block| block.depth),
        };
        within.blocks.push(block);
        within
    }

    /// Within a partial that was given values by name: it stands where it is used, and adds no `../`.
    pub(super) fn partial(&self, given: BTreeMap<String, Expression>) -> Self {
        let mut within = self.clone();
        if let Some(block) = within.blocks.last_mut() {
            block.named.extend(given);
        }
        within
    }

    fn block(&self) -> Option<&Block> {
        self.blocks.last()
    }

    /// `@index` and its like; `up` is how many blocks to leave.
    pub(super) fn local(&self, up: usize, name: &str) -> Result<Expression, String> {
        let kind = match name {
            "index" => CounterKind::Index,
            "key" => CounterKind::Key,
            "first" => CounterKind::First,
            "last" => CounterKind::Last,
            _ => {
                return Err(format!("there is no `@{name}`: expected `@index`, `@key`, `@first`, `@last` or `@root`"));
            }
        };
        let block = self.blocks.len().checked_sub(up + 1).and_then(|place| self.blocks.get(place));
        match block {
            Some(Block { depth, .. }) if *depth > 0 => Ok(Expression::Loop(Counter { depth: *depth, kind })),
            _ => Err(format!("`@{name}` has a value only within `#each`")),
        }
    }

    /// A path of names, after `up` blocks are left, or from the record.
    pub(super) fn path(&self, up: Up, path: &[String], raw: &str) -> Result<Expression, String> {
        let blocks = match up {
            Up::Root => &self.blocks[..1],
            // Above the record there is nothing: Handlebars stays there, and so do we.
            Up::Blocks(up) => &self.blocks[..self.blocks.len().saturating_sub(up).max(1)],
        };
        if let (Up::Blocks(0), Some((name, rest))) = (up, path.split_first())
            && let Some(given) = blocks.iter().rev().find_map(|block| block.named.get(name))
        {
            return extend(given, rest, raw);
        }
        match blocks.last().map(|block| &block.context) {
            Some(Context::Field(field)) => {
                let path = field.path.iter().chain(path).cloned().collect();
                Ok(Expression::Field(Field { path, name: raw.to_owned(), ..field.clone() }))
            }
            _ => self.variable(path, raw),
        }
    }

    fn variable(&self, path: &[String], raw: &str) -> Result<Expression, String> {
        let (name, rest) =
            path.split_first().ok_or("expected a variable such as `payload`: the record itself is none")?;
        let part = match (name.as_str(), rest) {
            ("payload", _) if self.payload == PayloadFormat::Json => {
                return Ok(root(Which::Payload, rest, raw));
            }
            ("vars", []) => return Ok(root(Which::Vars, rest, raw)),
            ("vars", [first, ..]) if self.vars.contains(first) => return Ok(root(Which::Vars, rest, raw)),
            ("vars", [first, ..]) => return Err(unknown_variable(first, &self.vars)),
            ("headers", [header]) => return Ok(Expression::Record(Part::Header(header.clone()))),
            ("headers", _) => {
                return Err(
                    "expected the name of one header, as in `{{headers.trace}}` or `{{headers.[content-type]}}`".into(),
                );
            }
            ("payload", _) if self.payload == PayloadFormat::Text => Part::PayloadText,
            ("payload", _) => Part::PayloadBytes,
            ("key", _) => Part::Key,
            ("topic", _) => Part::Topic,
            ("partition", _) => Part::Partition,
            ("offset", _) => Part::Offset,
            ("timestamp", _) => Part::Timestamp,
            _ => return Err(unknown(name)),
        };
        extend(&Expression::Record(part), rest, name)
    }
}

/// From where a path starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Up {
    Root,
    Blocks(usize),
}

/// A field of what a name stands for.
fn extend(given: &Expression, rest: &[String], raw: &str) -> Result<Expression, String> {
    match (given, rest) {
        (_, []) => Ok(given.clone()),
        (Expression::Field(field), _) => {
            let path = field.path.iter().chain(rest).cloned().collect();
            Ok(Expression::Field(Field { path, name: raw.to_owned(), ..field.clone() }))
        }
        (_, [field, ..]) => {
            let name = raw.split(['.', '/']).next().unwrap_or(raw);
            Err(format!("`{name}` has no fields, so `{name}.{field}` is nothing: write `{{{{{name}}}}}`"))
        }
    }
}

fn root(document: Which, path: &[String], raw: &str) -> Expression {
    Expression::Field(Field { document, depth: 0, path: path.to_vec(), name: raw.to_owned() })
}

fn unknown(name: &str) -> String {
    if let Some(helper) = helpers::find(name) {
        return format!("`{name}` is a helper and wants arguments: `{{{{{name} {}}}}}`", helper.arguments);
    }
    match nearest(name, VARIABLES.into_iter()) {
        Some(known) => format!("there is no variable `{name}`: did you mean `{known}`?"),
        None => format!(
            "there is no variable `{name}`: expected one of `{}`; a field of the payload is `payload.{name}`",
            VARIABLES.join("`, `")
        ),
    }
}

/// What to say of a variable that no step before has set.
pub(crate) fn unknown_variable(name: &str, known: &BTreeSet<String>) -> String {
    let expected = known.iter().map(|known| format!("`vars.{known}`")).collect::<Vec<_>>().join(", ");
    match (nearest(name, known.iter().map(String::as_str)), known.is_empty()) {
        (Some(known), _) => format!("no step before sets `vars.{name}`: did you mean `vars.{known}`?"),
        (None, true) => format!("no step before sets `vars.{name}`, nor any other variable"),
        (None, false) => format!("no step before sets `vars.{name}`: expected one of {expected}"),
    }
}

/// The name that was probably meant.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let nearest = known.map(|known| (strsim::damerau_levenshtein(name, known), known)).min();
    nearest.filter(|(distance, known)| distance * 2 < known.len()).map(|(_, known)| known)
}
