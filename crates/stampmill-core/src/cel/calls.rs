//! Functions, `has` and macros of an expression: which there are, and what they are given.

use std::sync::Arc;

use regex_lite::Regex;

use super::ast::{Ast, Kind};
use super::check::{Checked, Checker, node};
use super::error::{Mistake, Place};
use super::functions::{self, FUNCTIONS, Function, Style};
use super::names;
use super::tree::{Macro, MacroKind, Node, Operation};
use super::value::{Kinds, Value};

const MACROS: [(&str, MacroKind); 6] = [
    ("all", MacroKind::All),
    ("exists", MacroKind::Exists),
    ("exists_one", MacroKind::ExistsOne),
    ("existsOne", MacroKind::ExistsOne),
    ("map", MacroKind::Map),
    ("filter", MacroKind::Filter),
];

impl Checker<'_> {
    pub(super) fn call(
        &mut self,
        place: Place,
        receiver: Option<&Ast>,
        (name, name_place): (&str, Place),
        arguments: &[Ast],
    ) -> Checked {
        if receiver.is_none() && name == "has" {
            return self.has(place, arguments);
        }
        if let (Some(range), Some((_, kind))) = (receiver, MACROS.iter().find(|(known, _)| *known == name)) {
            return self.comprehension(place, range, (name, *kind), arguments);
        }
        let Some(function) = functions::find(name) else {
            return Err(name_place.mistake(names::unknown_function(name, receiver.is_some(), function_names())));
        };
        let is_method = receiver.is_some();
        if matches!((function.style, is_method), (Style::Global, true) | (Style::Method, false)) {
            return Err(name_place.mistake(format!("expected {}", written(function))));
        }
        let count = arguments.len() + usize::from(is_method);
        if count < function.least || count > function.most {
            let found = arguments.len();
            return Err(name_place.mistake(format!("expected {}, and found {found} arguments", written(function))));
        }
        let given: Box<[Node]> =
            receiver.into_iter().chain(arguments).map(|argument| self.node(argument)).collect::<Result<_, _>>()?;
        for (argument, kinds) in given.iter().zip(function.takes) {
            self.takes(argument, kinds, function.name)?;
        }
        if function.name == "matches" {
            return matches_node(place, given);
        }
        // Of what any value may be no more is known than that it was written so.
        Ok(node(place, Operation::Call { function, arguments: given }, function.gives))
    }

    fn has(&mut self, place: Place, arguments: &[Ast]) -> Checked {
        const EXPECTED: &str = "expected a field, as in `has(payload.id)` or `` has(headers.`content-type`) ``";
        let [Ast { kind: Kind::Select { of, field }, place: field_place, .. }] = arguments else {
            return Err(place.mistake(EXPECTED));
        };
        let operation = if self.is_root(of, "headers") {
            self.reads_record = true;
            Operation::HasHeader(field.as_str().into())
        } else if let Some(path) = self.path(&arguments[0])? {
            self.paths.push(path);
            Operation::HasPath(self.paths.len() - 1)
        } else {
            let of = self.node(of)?;
            self.has_fields(&of, *field_place, field)?;
            Operation::HasField { of: of.into(), field: field.as_str().into() }
        };
        Ok(node(place, operation, Kinds::BOOL))
    }

    fn comprehension(
        &mut self,
        place: Place,
        range: &Ast,
        (name, kind): (&str, MacroKind),
        arguments: &[Ast],
    ) -> Checked {
        let range = self.node(range)?;
        self.takes(&range, Kinds::LIST | Kinds::MAP, name)?;
        let (variable, bodies) = match (kind, arguments) {
            (_, [variable, body]) => (variable, [None, Some(body)]),
            (MacroKind::Map, [variable, condition, body]) => (variable, [Some(condition), Some(body)]),
            (MacroKind::Map, _) => {
                return Err(place.mistake("expected `list.map(x, value)` or `list.map(x, condition, value)`"));
            }
            _ => return Err(place.mistake(format!("expected `list.{name}(x, condition)`"))),
        };
        let Kind::Name(local) = &variable.kind else {
            return Err(variable.place.mistake(format!("expected a name, as in `list.{name}(x, …)`")));
        };
        self.locals.push(local.clone());
        let made = self.bodies(kind, name, bodies);
        self.locals.pop();
        let [condition, body] = made?;
        let gives = match kind {
            MacroKind::Map | MacroKind::Filter => Kinds::LIST,
            MacroKind::All | MacroKind::Exists | MacroKind::ExistsOne => Kinds::BOOL,
        };
        Ok(node(place, Operation::Macro(Box::new(Macro { kind, range, condition, body })), gives))
    }

    fn bodies(
        &mut self,
        kind: MacroKind,
        name: &str,
        [condition, body]: [Option<&Ast>; 2],
    ) -> Result<[Option<Node>; 2], Mistake> {
        let condition = condition.map(|condition| self.bool(condition, name)).transpose()?;
        let body = match kind {
            MacroKind::Map => body.map(|body| self.node(body)).transpose()?,
            _ => body.map(|body| self.bool(body, name)).transpose()?,
        };
        Ok(if kind == MacroKind::Filter { [body, None] } else { [condition, body] })
    }
}

/// A pattern is compiled once, and not for each record.
fn matches_node(place: Place, given: Box<[Node]>) -> Checked {
    let mut given = given.into_iter();
    let (Some(text), Some(pattern)) = (given.next(), given.next()) else {
        return Err(place.mistake("expected `text.matches(\"pattern\")`"));
    };
    let Some(Value::Text(source)) = pattern.constant() else {
        return Err(pattern.place.mistake("expected the pattern of `matches` as a string that is written out"));
    };
    let regex = Regex::new(source).map_err(|error| {
        pattern.place.mistake(format!("the pattern is no regular expression (Unicode classes are not known): {error}"))
    })?;
    Ok(node(place, Operation::Matches { text: text.into(), pattern: Arc::new(regex) }, Kinds::BOOL))
}

fn written(function: &Function) -> String {
    let Function { name, style, least, most, .. } = function;
    match (style, least, most) {
        (Style::Global, ..) => format!("`{name}(value)`"),
        (Style::Method, 2, _) => format!("`text.{name}(text)`"),
        (Style::Method, 1, 2) => format!("`time.{name}()` or `time.{name}(\"Europe/Zurich\")`"),
        (Style::Method, ..) => format!("`text.{name}()`"),
        (Style::Both, 2, _) => format!("`text.{name}(text)` or `{name}(text, text)`"),
        (Style::Both, ..) => format!("`{name}(value)` or `value.{name}()`"),
    }
}

pub(super) fn function_names() -> impl Iterator<Item = &'static str> {
    let macros = MACROS.iter().map(|(name, _)| *name).filter(|name| *name != "existsOne");
    FUNCTIONS.iter().map(|function| function.name).chain(macros).chain(["has"])
}
