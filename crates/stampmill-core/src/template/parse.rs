//! Reads a template with the handlebars crate, whose language it is, and keeps what is supported.

use handlebars::template::{HelperTemplate, Parameter, TemplateElement};
use handlebars::{Path, PathSeg};

use super::Piece;
use super::error::TemplateError;
use super::position::Position;
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
    let template = handlebars::Template::compile(source).map_err(|error| {
        let (line, column) = error.pos().unwrap_or((1, 1));
        TemplateError::new(source, line, column, format!("not a Handlebars template: {}", error.reason()))
    })?;
    let mut tags = Tags { source, at: 0 };
    let mut pieces = Vec::with_capacity(template.elements.len());
    for element in &template.elements {
        let at = if let TemplateElement::RawString(_) = element { tags.at } else { tags.next() };
        let content = content(element).map_err(|message| TemplateError::at(source, at, message))?;
        pieces.extend(content.map(|content| Parsed { content, at }));
    }
    Ok(pieces)
}

/// Finds the tags of a template that the handlebars crate has parsed: it keeps their places to itself.
struct Tags<'a> {
    source: &'a str,
    /// Behind the last tag.
    at: usize,
}

impl Tags<'_> {
    /// The start of the next tag.
    fn next(&mut self) -> usize {
        let rest = &self.source[self.at..];
        let opens = rest.match_indices("{{").map(|(at, _)| at).find(|at| !rest[..*at].ends_with('\\'));
        let start = self.at + opens.unwrap_or(0);
        let tag = &self.source[start..];
        let end = ["{{!--", "{{~!--"].iter().find(|comment| tag.starts_with(**comment)).map_or("}}", |_| "--");
        let close = tag.find(end).and_then(|at| Some(at + tag[at..].find("}}")?));
        // A triple tag has one brace more.
        self.at = close.map_or(start, |close| start + close + 2 + usize::from(tag[close + 2..].starts_with('}')));
        start
    }
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
    segments.iter().map(name).collect()
}

fn name_of(parameter: &Parameter) -> String {
    match parameter {
        Parameter::Name(name) => name.clone(),
        Parameter::Path(Path::Relative((_, raw)) | Path::Local((_, _, raw))) => raw.clone(),
        Parameter::Literal(literal) => literal.to_string(),
        _ => "(…)".into(),
    }
}

// === impl Parsed ===

impl Parsed {
    pub(super) fn piece(self, position: Position) -> Piece {
        match self.content {
            Content::Text(text) => Piece::Text(text),
            Content::Variable(variable) => Piece::Splice { variable, position },
        }
    }
}
