//! What goes through lists and maps: `all`, `exists`, `exists_one`, `map` and `filter`.

use std::sync::Arc;

use super::eval::{Evaluated, Run, not_taken};
use super::items::Elements;
use super::tree::{Macro, MacroKind, Node};
use super::value::{Kinds, Value};

impl<'a> Run<'a> {
    /// What a macro goes through.
    fn range(&mut self, of: &'a Macro, name: &'static str) -> Evaluated<Elements<'a>> {
        let range = self.operand(&of.range)?;
        if !range.kind().meets(Kinds::LIST | Kinds::MAP) {
            return Err(of.range.place.fails(not_taken(name, Kinds::LIST | Kinds::MAP, &range)));
        }
        self.charge(&range, of.range.place)?;
        Ok(Elements::or_keys_of(range))
    }

    /// Works a part of a macro out for one element.
    fn within<T>(
        &mut self,
        element: Value<'a>,
        body: &'a Node,
        made: fn(&mut Self, &'a Node) -> Evaluated<T>,
    ) -> Evaluated<T> {
        self.step(body.place)?;
        let depth = self.locals.len();
        self.locals.push(element);
        let made = made(self, body);
        self.locals.truncate(depth);
        made
    }

    /// `all`, `exists` and `exists_one`. The first two absorb failures as `&&` and `||` do, the last does not.
    pub(super) fn asked(&mut self, of: &'a Macro) -> Evaluated<bool> {
        let (name, decides) = match of.kind {
            MacroKind::All => ("all", Some(false)),
            MacroKind::Exists => ("exists", Some(true)),
            _ => ("exists_one", None),
        };
        let range = self.range(of, name)?;
        let Some(body) = &of.body else { return Ok(false) };
        let (mut failed, mut count) = (None, 0);
        for element in range {
            match (self.within(element, body, Self::holds), decides) {
                (Ok(holds), Some(decides)) if holds == decides => return Ok(decides),
                (Ok(holds), _) => count += usize::from(holds),
                (Err(failure), Some(_)) if !failure.is_final() => failed = failed.or(Some(failure)),
                (Err(failure), _) => return Err(failure),
            }
        }
        match (failed, decides) {
            (Some(failure), _) => Err(failure),
            (None, Some(decides)) => Ok(!decides),
            (None, None) => Ok(count == 1),
        }
    }

    /// `map` and `filter`.
    pub(super) fn collect(&mut self, node: &'a Node, of: &'a Macro) -> Evaluated<Value<'a>> {
        let name = if of.kind == MacroKind::Map { "map" } else { "filter" };
        let mut made = Vec::new();
        for element in self.range(of, name)? {
            self.step(node.place)?;
            if let Some(condition) = &of.condition
                && !self.within(element.clone(), condition, Self::holds)?
            {
                continue;
            }
            made.push(match &of.body {
                Some(body) => self.within(element, body, Self::value)?,
                None => element,
            });
        }
        Ok(Value::List(Arc::from(made)))
    }
}
