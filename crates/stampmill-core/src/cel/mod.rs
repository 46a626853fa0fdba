//! Expressions in the Common Expression Language (CEL) over a record: compiled when they are loaded, and worked out
//! over the slots that one pass over a payload fills.
//!
//! In the order of what happens: [`tokens`] and [`parse`] read the source; [`check`] resolves names and refuses what no
//! record could make right, which gives a [`tree`]; the [`plan`] knows where its paths are kept; [`eval`] works it out
//! into a [`Value`], or a [`failure`]; [`write`](write) puts that into bytes.

mod arithmetic;
mod ast;
mod calls;
mod check;
mod compare;
mod error;
mod eval;
mod failure;
mod functions;
mod items;
mod macros;
mod names;
mod number;
mod parse;
mod plan;
#[cfg(test)]
mod tests;
mod time;
mod tokens;
mod tree;
mod value;
mod write;

use std::collections::BTreeSet;
use std::sync::Arc;

use self::check::Checker;
pub use self::error::CelError;
use self::error::Mistake;
pub use self::number::Number;
use self::parse::parse;
use self::plan::Parts;
pub use self::plan::Plan;
use self::value::Kinds;
pub use self::value::Value;
use crate::input::Sources;
use crate::template::{Limits, PayloadFormat};

/// An expression that was read and checked. [`Expression::plan`] makes it fit for records.
#[derive(Clone, Debug)]
pub struct Expression {
    parts: Arc<Parts>,
}

/// What an expression may name, and take.
#[derive(Clone, Debug)]
pub struct Options {
    pub payload: PayloadFormat,
    /// The variables that steps before have set, by the first part of their names.
    pub vars: Arc<BTreeSet<String>>,
    pub limits: Limits,
}

/// The names of all functions and macros.
pub fn function_names() -> impl Iterator<Item = &'static str> {
    calls::function_names()
}

// === impl Expression ===

impl Expression {
    /// Of any value.
    pub fn new(source: &str, options: &Options) -> Result<Self, CelError> {
        Self::read(source, options).map_err(|mistake| CelError::new(source, mistake))
    }

    /// One that must be true or false; what can be neither is refused.
    pub fn condition(source: &str, options: &Options) -> Result<Self, CelError> {
        let expression = Self::new(source, options)?;
        let root = &expression.parts.root;
        if !root.gives.meets(Kinds::BOOL) {
            let message = format!("expected a condition, which is true or false, and this is {}", root.gives);
            return Err(CelError::new(source, root.place.mistake(message)));
        }
        Ok(expression)
    }

    fn read(source: &str, options: &Options) -> Result<Self, Mistake> {
        let ast = parse(source)?;
        let mut checker = Checker::new(source, options);
        let root = checker.root(&ast)?;
        let parts = Parts { source: source.to_owned(), root, paths: checker.paths, limits: options.limits };
        Ok(Self { parts: Arc::new(parts) })
    }

    pub fn source(&self) -> &str {
        &self.parts.source
    }

    /// What is to be done for a record. What it reads of its documents is added to `sources`.
    pub fn plan(&self, sources: &mut Sources) -> Plan {
        Plan::new(&self.parts, sources)
    }
}

// === impl Options ===

impl Default for Options {
    fn default() -> Self {
        Self { payload: PayloadFormat::Json, vars: Arc::default(), limits: Limits::default() }
    }
}
