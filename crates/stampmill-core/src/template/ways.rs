//! The ways that records can lead through a template, as far as the proof has come.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::automaton::{Automaton, Unexpected};
use super::conditions::Fact;
use super::error::{Place, TemplateError};

/// Where a way has come to, and what must be so of the record.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) automaton: Automaton,
    /// By the numbers that [`super::conditions`] gives.
    pub(super) facts: BTreeMap<usize, bool>,
    trail: Option<Rc<Step>>,
}

/// Ways, of which those that have come to the same are one, whatever led there.
#[derive(Clone, Debug, Default)]
pub(super) struct Ways(BTreeMap<State, Option<Rc<Step>>>);

type State = (Automaton, BTreeMap<usize, bool>);

/// The last thing that had to be so, and those before it.
#[derive(Debug)]
struct Step {
    what: String,
    before: Option<Rc<Step>>,
}

// === impl Way ===

impl Way {
    /// At the start of a template.
    pub(super) fn new() -> Self {
        Self { automaton: Automaton::new(), facts: BTreeMap::new(), trail: None }
    }

    /// What is known of conditions is forgotten, which proves less and never more.
    pub(super) fn forgetting(self) -> Self {
        Self { facts: BTreeMap::new(), ..self }
    }

    pub(super) fn assume(mut self, fact: &Fact, holds: bool, what: impl FnOnce() -> String) -> Self {
        if let Some(number) = fact.number {
            self.facts.insert(number, holds == fact.says);
        }
        self.then(what)
    }

    pub(super) fn said(mut self, fact: usize, holds: bool) -> Self {
        self.facts.insert(fact, holds);
        self
    }

    pub(super) fn then(mut self, what: impl FnOnce() -> String) -> Self {
        self.trail = Some(Rc::new(Step { what: what(), before: self.trail.take() }));
        self
    }

    pub(super) fn unexpected(&self, place: &Place, unexpected: &Unexpected, found: &str) -> TemplateError {
        self.error(place, format!("the output would not be JSON: expected {}, and found {found}", unexpected.expected))
    }

    pub(super) fn error(&self, place: &Place, message: impl Into<String>) -> TemplateError {
        let mut trail = Vec::new();
        let mut step = self.trail.as_ref();
        while let Some(found) = step {
            trail.push(found.what.clone());
            step = found.before.as_ref();
        }
        trail.reverse();
        place.error(message).because(trail)
    }
}

// === impl Ways ===

impl Ways {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn each(self) -> impl Iterator<Item = Way> {
        self.0.into_iter().map(|((automaton, facts), trail)| Way { automaton, facts, trail })
    }

    pub(super) fn extend(&mut self, ways: Self) {
        ways.each().for_each(|way| self.add(way));
    }

    pub(super) fn add(&mut self, way: Way) {
        self.0.entry((way.automaton, way.facts)).or_insert(way.trail);
    }
}

impl FromIterator<Way> for Ways {
    fn from_iter<I: IntoIterator<Item = Way>>(ways: I) -> Self {
        let mut set = Self::default();
        ways.into_iter().for_each(|way| set.add(way));
        set
    }
}
