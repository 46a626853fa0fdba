//! The proof that a template renders JSON whatever the record holds.
//!
//! The text is fed to the automaton of JSON along every way that a record can lead through the template: a set of
//! states goes through the tree, both branches of a condition are followed, and the body of `#each` until no new
//! state comes. An expression must stand alike on all ways that reach it; then it is known whether it becomes a whole
//! value or the content of a string, and in both cases what it writes leaves the automaton where the proof says.
//! What is left out is refused, with the way that leads there.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::Commas;
use super::automaton::{Automaton, Repair, Standing, Unexpected};
use super::error::{Place, TemplateError};
use super::tree::{Counter, CounterKind, Each, Expression, If, Kind, Node};

/// What the proof found out, by the nodes' ids.
#[derive(Clone, Debug, Default)]
pub(super) struct Proof {
    standings: BTreeMap<usize, Standing>,
    /// By the byte of the node's text.
    repairs: BTreeMap<(usize, usize), Repair>,
}

/// One way through the template so far: where it has come to, and what must be so of the record.
#[derive(Clone, Debug)]
struct Way {
    automaton: Automaton,
    facts: BTreeMap<usize, bool>,
    trail: Option<Rc<Step>>,
}

/// The last thing that had to be so, and those before it.
#[derive(Debug)]
struct Step {
    what: String,
    before: Option<Rc<Step>>,
}

/// Ways that have come to the same, whatever led there.
type Ways = BTreeMap<(Automaton, BTreeMap<usize, bool>), Option<Rc<Step>>>;

/// More ways than this are too many to follow; what is known of conditions is forgotten first, which proves less but
/// never more.
const MAX_WAYS: usize = 256;
const MAX_STEPS: usize = 2_000_000;

struct Prover {
    commas: Commas,
    proof: Proof,
    /// Conditions that are asked more than once, so that it matters to remember the answer.
    conditions: Vec<Expression>,
    steps: usize,
}

pub(super) fn prove(nodes: &[Node], end: &Place, commas: Commas) -> Result<Proof, TemplateError> {
    let mut prover = Prover { commas, proof: Proof::default(), conditions: repeated(nodes), steps: 0 };
    let start = Way { automaton: Automaton::new(), facts: BTreeMap::new(), trail: None };
    let ways = prover.nodes(nodes, [start].into_iter().collect::<Set>().0)?;
    for way in each(ways) {
        if !way.automaton.is_complete() {
            let expected = way.automaton.expected();
            return Err(way.error(end, format!("the output would not be JSON: expected {expected}, and found the end")));
        }
    }
    Ok(prover.proof)
}

// === impl Proof ===

impl Proof {
    /// How an expression stands. One that no way leads to is never rendered, and stands as a value.
    pub(super) fn standing(&self, node: &Node) -> Standing {
        self.standings.get(&node.id).copied().unwrap_or(Standing::Value)
    }

    /// What is to be repaired in a text, or before an expression, in order.
    pub(super) fn repairs(&self, node: &Node) -> impl Iterator<Item = (usize, Repair)> {
        self.repairs.range((node.id, 0)..=(node.id, usize::MAX)).map(|((_, at), repair)| (*at, *repair))
    }
}

// === impl Prover ===

impl Prover {
    fn nodes(&mut self, nodes: &[Node], mut ways: Ways) -> Result<Ways, TemplateError> {
        for node in nodes {
            ways = match &node.kind {
                Kind::Text(text) => self.text(node, text, ways)?,
                Kind::Value(_) => self.expression(node, ways)?,
                Kind::If(block) => self.condition(block, node, ways)?,
                Kind::Each(block) => self.list(block, node, ways)?,
            };
            if ways.len() > MAX_WAYS {
                ways = each(ways).map(|way| Way { facts: BTreeMap::new(), ..way }).collect::<Set>().0;
            }
            if ways.len() > MAX_WAYS || self.steps > MAX_STEPS {
                return Err(node.place.error(
                    "too many combinations of conditions to follow: use fewer of them in one template, or close \
                     arrays, objects and strings in the block that opens them",
                ));
            }
        }
        Ok(ways)
    }

    fn text(&mut self, node: &Node, text: &str, ways: Ways) -> Result<Ways, TemplateError> {
        let mut after = Set::default();
        for mut way in each(ways) {
            for (at, character) in text.char_indices() {
                self.steps += 1;
                if let Err(unexpected) = way.automaton.step(character) {
                    self.repair_text(node, &mut way, at, character, &unexpected)?;
                }
            }
            let end = node.place.later(text.len());
            way.automaton.border().map_err(|unexpected| way.unexpected(&end, &unexpected, "the end of the text"))?;
            after.add(way);
        }
        Ok(after.0)
    }

    fn repair_text(
        &mut self,
        node: &Node,
        way: &mut Way,
        at: usize,
        character: char,
        unexpected: &Unexpected,
    ) -> Result<(), TemplateError> {
        let place = node.place.later(at);
        let repair = self.repair(way, &place, unexpected, &format!("`{}`", character.escape_debug()))?;
        match repair {
            Repair::Drop => {}
            Repair::TakeBack => way.automaton.close_without_comma(),
            Repair::Add => {
                way.automaton.add_comma();
                let again = way.automaton.step(character);
                again.map_err(|unexpected| way.unexpected(&place, &unexpected, &format!("`{character}`")))?;
            }
        }
        self.proof.repairs.insert((node.id, at), repair);
        Ok(())
    }

    fn repair(&self, way: &Way, place: &Place, unexpected: &Unexpected, found: &str) -> Result<Repair, TemplateError> {
        match (unexpected.repair, self.commas) {
            (Some(repair), Commas::Fix) => Ok(repair),
            (Some(_), Commas::Strict) => {
                let expected = unexpected.expected;
                let message = format!(
                    "the output would not be JSON: expected {expected}, and found {found}; or write `commas: fix`"
                );
                Err(way.error(place, message))
            }
            (None, _) => Err(way.unexpected(place, unexpected, found)),
        }
    }

    fn expression(&mut self, node: &Node, ways: Ways) -> Result<Ways, TemplateError> {
        let mut after = Set::default();
        for mut way in each(ways) {
            self.steps += 1;
            let standing = match way.automaton.expression() {
                Ok(standing) => standing,
                Err(unexpected) => {
                    let repair = self.repair(&way, &node.place, &unexpected, "an expression")?;
                    way.automaton.add_comma();
                    self.proof.repairs.insert((node.id, 0), repair);
                    let again = way.automaton.expression();
                    again.map_err(|unexpected| way.unexpected(&node.place, &unexpected, "an expression"))?
                }
            };
            let known = *self.proof.standings.entry(node.id).or_insert(standing);
            if known != standing {
                let message = "this stands in place of a value on one way and within a string on another: write it \
                               in a block of its own for each";
                return Err(way.error(&node.place, message));
            }
            after.add(way);
        }
        Ok(after.0)
    }

    fn condition(&mut self, block: &If, node: &Node, ways: Ways) -> Result<Ways, TemplateError> {
        let fact = self.fact(&block.condition, block.include_zero);
        let (mut then, mut otherwise) = (Set::default(), Set::default());
        for way in each(ways) {
            let known = fact.known(&way);
            if known != Some(false) {
                then.add(
                    way.clone()
                        .assume(&fact, true, || format!("{}: the value of `#{}` is something", node.place, block.name)),
                );
            }
            if known != Some(true) {
                otherwise.add(
                    way.assume(&fact, false, || format!("{}: the value of `#{}` is nothing", node.place, block.name)),
                );
            }
        }
        let then = self.nodes(&block.then, then.0)?;
        let otherwise = self.nodes(&block.otherwise, otherwise.0)?;
        Ok(each(then).chain(each(otherwise)).collect::<Set>().0)
    }

    fn fact(&self, condition: &Expression, include_zero: bool) -> Fact {
        match condition {
            Expression::Loop(Counter { depth, kind: CounterKind::First }) => {
                Fact { place: Some(first(*depth)), says: true }
            }
            Expression::Loop(Counter { depth, kind: CounterKind::Last }) => {
                Fact { place: Some(last(*depth)), says: true }
            }
            // 0 at the first item, and nothing else is.
            Expression::Loop(Counter { depth, kind: CounterKind::Index }) if !include_zero => {
                Fact { place: Some(first(*depth)), says: false }
            }
            other if !include_zero => {
                let place = self.conditions.iter().position(|known| known == other);
                Fact { place: place.map(|place| FIRST_CONDITION + place), says: true }
            }
            _ => Fact { place: None, says: true },
        }
    }

    /// No item, one item, or a first, any number between, and a last.
    fn list(&mut self, block: &Each, node: &Node, ways: Ways) -> Result<Ways, TemplateError> {
        let depth = block.depth;
        let place = &node.place;
        let with = |ways: &Ways, is_first: bool, is_last: bool, what: &str| {
            let step = || format!("{place}: `#each` {what}");
            let assume = |way: Way| way.said(first(depth), is_first).said(last(depth), is_last).then(step);
            each(ways.clone()).map(assume).collect::<Set>().0
        };
        let mut after: Set =
            each(self.nodes(&block.otherwise, with_step(&ways, &format!("{place}: `#each` has no items")))?).collect();
        let only = with(&ways, true, true, "has one item");
        after.extend(self.item(block, node, depth, only)?);
        let first_item = with(&ways, true, false, "has several items");
        let mut between = self.item(block, node, depth, first_item)?;
        loop {
            let middle = with(&between, false, false, "has more than two items");
            let known = between.len();
            for way in each(self.item(block, node, depth, middle)?) {
                between.entry((way.automaton, way.facts)).or_insert(way.trail);
            }
            if between.len() == known {
                break;
            }
            if between.len() > MAX_WAYS {
                return Err(place.error("too many combinations of conditions to follow within this `#each`"));
            }
        }
        after.extend(self.item(block, node, depth, with(&between, false, true, "comes to its last item"))?);
        Ok(after.0)
    }

    /// The body once. What was known of an item does not hold for the next.
    fn item(&mut self, block: &Each, node: &Node, depth: usize, ways: Ways) -> Result<Ways, TemplateError> {
        let before: BTreeSet<Vec<char>> = ways.keys().map(|(automaton, _)| automaton.open.clone()).collect();
        let after = self.nodes(&block.body, ways)?;
        for way in each(after.clone()) {
            if !before.contains(&way.automaton.open) {
                let message = "the body of this `#each` opens or closes a bracket that it does not match";
                return Err(way.error(&node.place, message));
            }
        }
        let forget = |mut way: Way| {
            way.facts.retain(|fact, _| match fact.checked_sub(FIRST_CONDITION) {
                Some(place) => deepest(&self.conditions[place]) < depth,
                None => fact / 2 < depth,
            });
            way
        };
        Ok(each(after).map(forget).collect::<Set>().0)
    }
}

/// What a condition says, if the answer is remembered.
struct Fact {
    place: Option<usize>,
    /// Whether the condition holds when the fact does.
    says: bool,
}

/// `@first` and `@last` of each depth come first, then the conditions that are repeated.
const FIRST_CONDITION: usize = 1 << 20;

fn first(depth: usize) -> usize {
    depth * 2
}

fn last(depth: usize) -> usize {
    depth * 2 + 1
}

// === impl Fact ===

impl Fact {
    fn known(&self, way: &Way) -> Option<bool> {
        way.facts.get(&self.place?).map(|fact| *fact == self.says)
    }
}

// === impl Way ===

impl Way {
    fn assume(mut self, fact: &Fact, holds: bool, what: impl FnOnce() -> String) -> Self {
        if let Some(place) = fact.place {
            self.facts.insert(place, holds == fact.says);
        }
        self.then(what)
    }

    fn said(mut self, fact: usize, holds: bool) -> Self {
        self.facts.insert(fact, holds);
        self
    }

    fn then(mut self, what: impl FnOnce() -> String) -> Self {
        self.trail = Some(Rc::new(Step { what: what(), before: self.trail.take() }));
        self
    }

    fn unexpected(&self, place: &Place, unexpected: &Unexpected, found: &str) -> TemplateError {
        self.error(place, format!("the output would not be JSON: expected {}, and found {found}", unexpected.expected))
    }

    fn error(&self, place: &Place, message: impl Into<String>) -> TemplateError {
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

/// Ways, of which those that have come to the same are one.
#[derive(Default)]
struct Set(Ways);

impl Set {
    fn add(&mut self, way: Way) {
        self.0.entry((way.automaton, way.facts)).or_insert(way.trail);
    }

    fn extend(&mut self, ways: Ways) {
        each(ways).for_each(|way| self.add(way));
    }
}

impl FromIterator<Way> for Set {
    fn from_iter<I: IntoIterator<Item = Way>>(ways: I) -> Self {
        let mut set = Self::default();
        ways.into_iter().for_each(|way| set.add(way));
        set
    }
}

fn each(ways: Ways) -> impl Iterator<Item = Way> {
    ways.into_iter().map(|((automaton, facts), trail)| Way { automaton, facts, trail })
}

fn with_step(ways: &Ways, what: &str) -> Ways {
    each(ways.clone()).map(|way| way.then(|| what.to_owned())).collect::<Set>().0
}

/// The deepest `#each` that an expression takes something of.
fn deepest(expression: &Expression) -> usize {
    match expression {
        Expression::Field(field) => field.depth,
        Expression::Loop(counter) => counter.depth,
        Expression::Call(call) => call.arguments.iter().map(deepest).max().unwrap_or(0),
        Expression::Record(_) | Expression::Literal(_) => 0,
    }
}

/// The conditions that come more than once. A helper's answer may change from one call to the next (`now`), so that
/// none of them is remembered.
fn repeated(nodes: &[Node]) -> Vec<Expression> {
    let mut seen: Vec<(&Expression, usize)> = Vec::new();
    conditions(nodes, &mut |condition| match seen.iter_mut().find(|(known, _)| *known == condition) {
        Some((_, times)) => *times += 1,
        None => seen.push((condition, 1)),
    });
    let repeated = seen.into_iter().filter(|(_, times)| *times > 1).map(|(condition, _)| condition);
    repeated.filter(|condition| matches!(condition, Expression::Field(_) | Expression::Record(_))).cloned().collect()
}

fn conditions<'a>(nodes: &'a [Node], found: &mut dyn FnMut(&'a Expression)) {
    for node in nodes {
        match &node.kind {
            Kind::If(block) => {
                if !block.include_zero {
                    found(&block.condition);
                }
                conditions(&block.then, found);
                conditions(&block.otherwise, found);
            }
            Kind::Each(block) => {
                conditions(&block.body, found);
                conditions(&block.otherwise, found);
            }
            Kind::Text(_) | Kind::Value(_) => {}
        }
    }
}
