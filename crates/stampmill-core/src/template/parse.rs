//! Reads a template with the handlebars crate, whose language it is, into a tree with every name resolved.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use handlebars::template::{BlockParam, DecoratorTemplate, HelperTemplate, Parameter, TemplateElement};
use handlebars::{Path, PathSeg, Template};
use serde_json::Value as Json;

use super::error::{Place, Source, TemplateError};
use super::helpers;
use super::names::{BUILT_IN, Names, Up, nearest};
use super::place::Cursor;
use super::tree::{Call, Each, Expression, Field, If, Kind, Node};
use super::value::Value;

/// Partials by name.
pub type Partials = BTreeMap<String, String>;

/// A partial that uses itself would have no end.
const MAX_NESTING: usize = 32;

pub(super) struct Parser<'a> {
    source: Arc<Source>,
    partials: &'a Partials,
    /// Blocks and partials within one another.
    nesting: usize,
    next_id: &'a Cell<usize>,
}

pub(super) fn parse(source: &Arc<Source>, partials: &Partials, names: &Names) -> Result<Vec<Node>, TemplateError> {
    let next_id = Cell::new(0);
    Parser { source: Arc::clone(source), partials, nesting: 0, next_id: &next_id }.source(names)
}

// === impl Parser ===

impl Parser<'_> {
    fn source(&self, names: &Names) -> Result<Vec<Node>, TemplateError> {
        let text = &self.source.text;
        // The crate's own reason names rules of its grammar, which help nobody: only its place is kept.
        let template = Template::compile(text).map_err(|error| {
            let (line, column) = error.pos().unwrap_or((1, 1));
            Place::new(&self.source, super::place::byte_at(text, line, column)).error(NOT_HANDLEBARS)
        })?;
        self.nodes(&template, &mut Cursor::new(text), names)
    }

    fn nodes(&self, template: &Template, cursor: &mut Cursor<'_>, names: &Names) -> Result<Vec<Node>, TemplateError> {
        let mut nodes = Vec::with_capacity(template.elements.len());
        for (index, element) in template.elements.iter().enumerate() {
            let at = match element {
                TemplateElement::RawString(text) => {
                    cursor.text(text, template.mapping.get(index + 1).map(|next| (next.0, next.1)))
                }
                _ => cursor.tag(template.mapping.get(index).map(|place| (place.0, place.1))),
            };
            let place = Place::new(&self.source, at);
            match element {
                TemplateElement::PartialExpression(partial) => nodes.extend(self.partial(partial, &place, names)?),
                TemplateElement::HelperBlock(block) => nodes.push(self.block(block, &place, cursor, names)?),
                other => nodes.extend(self.leaf(other, &place, names)?),
            }
        }
        Ok(nodes)
    }

    fn leaf(&self, element: &TemplateElement, place: &Place, names: &Names) -> Result<Option<Node>, TemplateError> {
        let kind = match element {
            TemplateElement::RawString(text) => Kind::Text(text.clone()),
            TemplateElement::Expression(expression) | TemplateElement::HtmlExpression(expression) => {
                Kind::Value(expression_of(expression, names).map_err(|message| place.error(message))?)
            }
            TemplateElement::Comment(_) => return Ok(None),
            TemplateElement::PartialBlock(_) => return Err(place.error(foreign("a partial with a block"))),
            _ => return Err(place.error(foreign("a decorator"))),
        };
        Ok(Some(self.node(kind, place)))
    }

    fn block(
        &self,
        block: &HelperTemplate,
        place: &Place,
        cursor: &mut Cursor<'_>,
        names: &Names,
    ) -> Result<Node, TemplateError> {
        let inner = self.nested(place)?;
        let fail = |message: String| place.error(message);
        let name = name_of(&block.name);
        let mut nodes = |template: &Option<Template>, names: &Names| match template {
            Some(template) => inner.nodes(template, cursor, names),
            None => Ok(Vec::new()),
        };
        let kind = match name.as_str() {
            "if" | "unless" => {
                let condition = only_argument(block, names).map_err(fail)?;
                let include_zero = include_zero(&block.hash).map_err(fail)?;
                let (mut then, mut otherwise) = (nodes(&block.template, names)?, nodes(&block.inverse, names)?);
                let name = if name == "if" { "if" } else { "unless" };
                if name == "unless" {
                    std::mem::swap(&mut then, &mut otherwise);
                }
                Kind::If(If { name, condition, include_zero, then, otherwise, must_be_there: false })
            }
            "each" => {
                let list = field_argument(block, names).map_err(fail)?;
                let within = names.each(&list, block_parameters(block).map_err(fail)?);
                let (body, otherwise) = (nodes(&block.template, &within)?, nodes(&block.inverse, names)?);
                Kind::Each(Each { depth: within.depth, list, body, otherwise, has_else: block.inverse.is_some() })
            }
            "with" => {
                let field = field_argument(block, names).map_err(fail)?;
                let parameter = block_parameters(block).map_err(fail)?.map(|(value, _)| value);
                let within = names.with(&field, parameter);
                let (then, otherwise) = (nodes(&block.template, &within)?, nodes(&block.inverse, names)?);
                let must_be_there = block.inverse.is_none();
                let condition = Expression::Field(field);
                Kind::If(If { name: "with", condition, include_zero: false, then, otherwise, must_be_there })
            }
            _ => return Err(fail(unknown_block(&name))),
        };
        Ok(self.node(kind, place))
    }

    /// A partial's nodes in place of the tag.
    fn partial(&self, partial: &DecoratorTemplate, place: &Place, names: &Names) -> Result<Vec<Node>, TemplateError> {
        let name = name_of(&partial.name);
        let inner = self.nested(place)?;
        let Some(text) = self.partials.get(&name) else {
            let known = nearest(&name, self.partials.keys().map(String::as_str));
            let hint = known.map_or_else(
                || format!("expected a file `{name}.hbs` in the folder `templates` beside the configuration"),
                |known| format!("did you mean `{known}`?"),
            );
            return Err(place.error(format!("there is no partial `{name}`: {hint}")));
        };
        let mut given = BTreeMap::new();
        for (name, parameter) in &partial.hash {
            given.insert(name.clone(), argument(parameter, names).map_err(|message| place.error(message))?);
        }
        let within = match partial.params.as_slice() {
            [] => names.clone(),
            [context] => match argument(context, names).map_err(|message| place.error(message))? {
                Expression::Field(field) => names.with(&field, None),
                _ => return Err(place.error("expected a field of the payload as what the partial is about")),
            },
            _ => return Err(place.error("expected at most one value before `name=value` pairs")),
        };
        let text = text.trim_end_matches(['\r', '\n']).to_owned();
        let source = Arc::new(Source { partial: Some(name), text });
        Parser { source, ..inner }.source(&within.partial(given))
    }

    fn nested(&self, place: &Place) -> Result<Self, TemplateError> {
        if self.nesting == MAX_NESTING {
            let message = format!("expected at most {MAX_NESTING} blocks and partials within one another");
            return Err(place.error(message));
        }
        Ok(Self { source: Arc::clone(&self.source), nesting: self.nesting + 1, ..*self })
    }

    fn node(&self, kind: Kind, place: &Place) -> Node {
        let id = self.next_id.get();
        self.next_id.set(id + 1);
        Node { id, kind, place: place.clone() }
    }
}

const NOT_HANDLEBARS: &str = "not a Handlebars template: expected a whole tag such as `{{payload.id}}` or \
                              `{{payload.[a key]}}`, a block that is closed by the tag of its name, and a space \
                              between a `{` of JSON and a tag";

fn foreign(what: &str) -> String {
    format!("{what} cannot be proven to render JSON: use a partial, or `engine: handlebars`")
}

fn unknown_block(name: &str) -> String {
    let hint = match nearest(name, ["if", "unless", "each", "with"].into_iter()) {
        Some(known) => format!("did you mean `#{known}`?"),
        None => "expected `#if`, `#unless`, `#each` or `#with`".into(),
    };
    format!("there is no block `#{name}`: {hint}")
}

/// The expression of `{{…}}`, with or without arguments.
fn expression_of(expression: &HelperTemplate, names: &Names) -> Result<Expression, String> {
    let name = name_of(&expression.name);
    if !expression.params.is_empty() || !expression.hash.is_empty() {
        return call(&name, &expression.params, &expression.hash, names);
    }
    match (&expression.name, helpers::find(&name)) {
        (Parameter::Literal(literal), _) => Err(format!("`{literal}` is not a variable: write it as text")),
        (_, Some(helper)) if *helper.count.start() == 0 => call(&name, &[], &expression.hash, names),
        (name_parameter, found) => {
            let resolved = argument(name_parameter, names)?;
            // Handlebars would call the helper, and a field of its name would never be seen.
            if (found.is_some() || BUILT_IN.contains(&name.as_str())) && matches!(resolved, Expression::Field(_)) {
                let arguments = found.map_or("", |helper| helper.arguments);
                return Err(format!(
                    "`{name}` is the name of a helper: write `{{{{{name} {arguments}}}}}`, or `{{{{this.{name}}}}}` for \
                     a field of that name"
                ));
            }
            Ok(resolved)
        }
    }
}

fn call(
    name: &str,
    parameters: &[Parameter],
    hash: &HashMap<String, Parameter>,
    names: &Names,
) -> Result<Expression, String> {
    let helper = helpers::find(name).ok_or_else(|| match nearest(name, helpers::names()) {
        Some(known) => format!("there is no helper `{name}`: did you mean `{known}`?"),
        None => format!("there is no helper `{name}`: the reference of helpers has all of them"),
    })?;
    if let Some(named) = hash.keys().min() {
        return Err(format!("`{name}` takes no `{named}=`: expected `{{{{{name} {}}}}}`", helper.arguments));
    }
    if !helper.count.contains(&parameters.len()) {
        let found = parameters.len();
        return Err(format!("expected `{{{{{name} {}}}}}`, and found {found} arguments", helper.arguments));
    }
    let arguments: Vec<Expression> =
        parameters.iter().map(|parameter| argument(parameter, names)).collect::<Result<_, _>>()?;
    let literals: Vec<Option<&Value<'_>>> = arguments
        .iter()
        .map(|argument| match argument {
            Expression::Literal(value) => Some(value),
            _ => None,
        })
        .collect();
    (helper.check)(&literals)?;
    Ok(Expression::Call(Call { helper, arguments }))
}

fn argument(parameter: &Parameter, names: &Names) -> Result<Expression, String> {
    match parameter {
        Parameter::Name(name) => names.path(Up::Blocks(0), std::slice::from_ref(name), name),
        Parameter::Path(Path::Relative((segments, raw))) => {
            let (up, path) = path(segments, raw)?;
            names.path(up, &path, raw)
        }
        Parameter::Path(Path::Local((up, name, _))) => names.local(*up, name),
        Parameter::Literal(literal) => literal_value(literal).map(Expression::Literal),
        Parameter::Subexpression(inner) => match inner.as_element() {
            TemplateElement::Expression(inner) => call(&name_of(&inner.name), &inner.params, &inner.hash, names),
            _ => Err("expected a helper and its arguments within `(` and `)`".into()),
        },
        _ => Err("expected a variable, a literal, or a helper within `(` and `)`".into()),
    }
}

fn literal_value(literal: &Json) -> Result<Value<'static>, String> {
    Ok(match literal {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        // The crate reads it as a float, which holds 15 digits for sure.
        Json::Number(number) if number.is_f64() && number.to_string().len() > 16 => {
            return Err(format!("`{number}` has more digits than a number in a template holds: write it in quotes"));
        }
        Json::Number(number) => Value::Number(number.to_string().into()),
        Json::String(text) => Value::Text(text.clone().into()),
        other => Value::Json(other.to_string().into()),
    })
}

fn only_argument(block: &HelperTemplate, names: &Names) -> Result<Expression, String> {
    match block.params.as_slice() {
        [only] => argument(only, names),
        others => Err(format!("expected one value after `#{}`, and found {}", name_of(&block.name), others.len())),
    }
}

fn field_argument(block: &HelperTemplate, names: &Names) -> Result<Field, String> {
    match only_argument(block, names)? {
        Expression::Field(field) => Ok(field),
        other => Err(format!("expected a field of the payload after `#{}`, and found `{other}`", name_of(&block.name))),
    }
}

fn include_zero(hash: &HashMap<String, Parameter>) -> Result<bool, String> {
    match hash.iter().next() {
        None => Ok(false),
        Some((name, Parameter::Literal(Json::Bool(value)))) if name == "includeZero" && hash.len() == 1 => Ok(*value),
        Some((name, _)) => Err(format!("expected `includeZero=true` or nothing, and found `{name}=`")),
    }
}

/// The names after `as`: of the value, and of its key or index.
fn block_parameters(block: &HelperTemplate) -> Result<Option<(String, Option<String>)>, String> {
    let name = |parameter: &Parameter| match parameter {
        Parameter::Name(name) => Ok(name.clone()),
        other => Err(format!("expected a name within `|` and `|`, and found `{}`", name_of(other))),
    };
    match &block.block_param {
        None => Ok(None),
        Some(BlockParam::Single(value)) => Ok(Some((name(value)?, None))),
        Some(BlockParam::Pair((value, key))) => Ok(Some((name(value)?, Some(name(key)?)))),
        Some(_) => Err("expected one or two names within `|` and `|`".into()),
    }
}

fn path(segments: &[PathSeg], raw: &str) -> Result<(Up, Vec<String>), String> {
    let mut up = Up::Blocks(0);
    let mut path = Vec::new();
    for segment in segments {
        match (segment, up) {
            (PathSeg::Named(name), _) => path.push(name.clone()),
            // The rule's type is private to the crate, its name is not; a test fails if that changes.
            (PathSeg::Ruled(rule), Up::Blocks(count)) if format!("{rule:?}") == "path_up" && path.is_empty() => {
                up = Up::Blocks(count + 1);
            }
            (PathSeg::Ruled(rule), Up::Blocks(0)) if format!("{rule:?}") == "path_root" && path.is_empty() => {
                up = Up::Root;
            }
            _ => return Err(format!("`{raw}` leads nowhere: `../` and `@root` stand at the start of a path")),
        }
    }
    if is_all_of(raw, &path) {
        return Ok((up, path));
    }
    Err(format!(
        "`this` within `{raw}` names no field, for Handlebars leaves it out: a field of that name cannot be picked"
    ))
}

/// Whether a path as it was written is these names and nothing more: the handlebars crate drops a step `this`.
fn is_all_of(raw: &str, names: &[String]) -> bool {
    let mut start = raw;
    while let Some(rest) = ["../", "..", "@root/", "@root.", "@root"].iter().find_map(|up| start.strip_prefix(up)) {
        start = rest;
    }
    let here = ["this.", "this/", "./"].iter().find_map(|here| start.strip_prefix(here));
    let here = here.or_else(|| (names.is_empty() && matches!(start, "this" | ".")).then_some(""));
    let rest = names.iter().try_fold(here.unwrap_or(start), |rest, name| {
        let rest = rest.strip_prefix(['.', '/']).unwrap_or(rest);
        let bracketed = || rest.strip_prefix('[')?.strip_prefix(name.as_str())?.strip_prefix(']');
        bracketed().or_else(|| rest.strip_prefix(name.as_str()))
    });
    rest == Some("")
}

fn name_of(parameter: &Parameter) -> String {
    match parameter {
        Parameter::Name(name) => name.clone(),
        Parameter::Path(Path::Relative((_, raw)) | Path::Local((_, _, raw))) => raw.clone(),
        Parameter::Literal(Json::String(text)) => text.clone(),
        Parameter::Literal(literal) => literal.to_string(),
        _ => "(…)".into(),
    }
}
