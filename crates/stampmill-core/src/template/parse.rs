//! Reads a template with the handlebars crate, whose language it is, and keeps what is supported.

use handlebars::template::{HelperTemplate, Parameter, TemplateElement};
use handlebars::{Path, PathSeg};

use super::error::TemplateError;
use super::variable::Variable;

/// A piece of a template, and the byte of the source that it starts at.
pub(super) struct Parsed {
    pub(super) content: Content,
    pub(super) at: usize,
}

pub(super) enum Content {
    Text(String),
    Variable(Variable),
}

pub(super) fn parse(source: &str) -> Result<Vec<Parsed>, TemplateError> {
    // The crate's own reason names rules of its grammar, which help nobody: only its place is kept.
    let template = handlebars::Template::compile(source).map_err(|error| {
        let (line, column) = error.pos().unwrap_or((1, 1));
        TemplateError::new(source, line, column, NOT_HANDLEBARS)
    })?;
    let places: Vec<usize> = template.mapping.iter().map(|place| byte_at(source, place.0, place.1)).collect();
    let mut pieces = Vec::with_capacity(template.elements.len());
    for (index, element) in template.elements.iter().enumerate() {
        let at = match element {
            TemplateElement::RawString(text) => place_of_text(source, &places, index, text),
            _ => places[index],
        };
        let content = content(element).map_err(|message| TemplateError::at(source, at, message))?;
        pieces.extend(content.map(|content| Parsed { content, at }));
    }
    Ok(pieces)
}

const NOT_HANDLEBARS: &str = "not a Handlebars template: expected a whole tag such as `{{payload.id}}` or \
                              `{{payload.[a key]}}`, and a space between a `{` of JSON and a tag";

/// The byte at a line and a column in characters, both from 1.
fn byte_at(source: &str, line: usize, column: usize) -> usize {
    let mut lines = source.split_inclusive('\n');
    let before: usize = lines.by_ref().take(line - 1).map(str::len).sum();
    let line = lines.next().unwrap_or_default();
    before + line.char_indices().nth(column - 1).map_or(line.len(), |(at, _)| at)
}

/// Where a text starts in the source. The crate says it exactly for tags only: around a text it takes white space
/// away, but nothing else can stand between a text and the next tag, so that the last match is the text.
fn place_of_text(source: &str, places: &[usize], index: usize, text: &str) -> usize {
    let after_last_tag = index.checked_sub(1).map_or(0, |last| places[last]);
    let next_tag = places.get(index + 1).copied().unwrap_or(source.len());
    let found = source.get(after_last_tag..next_tag).and_then(|region| region.rfind(text));
    found.map_or(places[index], |found| after_last_tag + found)
}

fn content(element: &TemplateElement) -> Result<Option<Content>, String> {
    match element {
        TemplateElement::RawString(text) => Ok(Some(Content::Text(text.clone()))),
        TemplateElement::Expression(expression) | TemplateElement::HtmlExpression(expression) => {
            variable(expression).map(|variable| Some(Content::Variable(variable)))
        }
        TemplateElement::Comment(_) => Ok(None),
        TemplateElement::HelperBlock(block) => Err(not_yet(&format!("the block `#{}`", name_of(&block.name)))),
        TemplateElement::PartialExpression(_) | TemplateElement::PartialBlock(_) => Err(not_yet("a partial")),
        _ => Err(not_yet("a decorator")),
    }
}

fn not_yet(what: &str) -> String {
    format!("{what} is not supported: expected text and variables, such as `{{{{payload.id}}}}`")
}

fn variable(expression: &HelperTemplate) -> Result<Variable, String> {
    if !expression.params.is_empty() || !expression.hash.is_empty() {
        return Err(not_yet(&format!("the helper `{}`", name_of(&expression.name))));
    }
    match &expression.name {
        Parameter::Name(name) => Variable::from_path(std::slice::from_ref(name)),
        Parameter::Path(Path::Relative((segments, raw))) => Variable::from_path(&names(segments, raw)?),
        Parameter::Path(Path::Local((_, name, _))) => Err(format!("`@{name}` has a value only within a block")),
        Parameter::Literal(literal) => Err(format!("`{literal}` is not a variable: write it as text")),
        _ => Err(not_yet("a subexpression")),
    }
}

fn names(segments: &[PathSeg], raw: &str) -> Result<Vec<String>, String> {
    let name = |segment: &PathSeg| match segment {
        PathSeg::Named(name) => Ok(name.clone()),
        _ => Err(format!("`{raw}` leads nowhere: a path starts at a variable, such as `payload.id`")),
    };
    let names: Vec<String> = segments.iter().map(name).collect::<Result<_, _>>()?;
    if is_all_of(raw, &names) {
        return Ok(names);
    }
    Err(format!(
        "`this` within `{raw}` names no field, for Handlebars leaves it out: a field of that name cannot be picked"
    ))
}

/// Whether a path as it was written is these names and nothing more: the handlebars crate drops a step `this`.
fn is_all_of(raw: &str, names: &[String]) -> bool {
    let start = ["this.", "this/", "./"].iter().find_map(|here| raw.strip_prefix(here)).unwrap_or(raw);
    let rest = names.iter().try_fold(start, |rest, name| {
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
        Parameter::Literal(literal) => literal.to_string(),
        _ => "(…)".into(),
    }
}
