//! The proof that a template renders JSON whatever the record holds.
//!
//! The text is fed to the automaton of JSON along every way that a record can lead through the template: a set of
//! states goes through the tree, both branches of a condition are followed, and the body of `#each` until no new
//! state comes. An expression must stand alike on all ways that reach it; then it is known whether it becomes a whole
//! value or the content of a string, and in both cases what it writes leaves the automaton where the proof says.
//! What is left out is refused, with the way that leads there.

use std::collections::{BTreeMap, BTreeSet};

use super::Commas;
use super::automaton::{Repair, Standing, Unexpected};
use super::conditions::{Conditions, first, last};
use super::error::{Place, TemplateError};
use super::tree::{Each, If, Kind, Node};
use super::ways::{Way, Ways};

/// What the proof found out, by the nodes' ids.
#[derive(Clone, Debug, Default)]
pub(super) struct Proof {
    standings: BTreeMap<usize, Standing>,
    /// By the byte of the node's text.
    repairs: BTreeMap<(usize, usize), Repair>,
}

/// More ways than this are too many to follow; what is known of conditions is forgotten first, which proves less but
/// never more.
const MAX_WAYS: usize = 256;
const MAX_STEPS: usize = 2_000_000;

struct Prover {
    commas: Commas,
    proof: Proof,
    conditions: Conditions,
    steps: usize,
}

pub(super) fn prove(nodes: &[Node], end: &Place, commas: Commas) -> Result<Proof, TemplateError> {
    let mut prover = Prover { commas, proof: Proof::default(), conditions: Conditions::of(nodes), steps: 0 };
    let ways = prover.nodes(nodes, Ways::from_iter([Way::new()]))?;
    for way in ways.each() {
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
                ways = ways.each().map(Way::forgetting).collect();
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
        let mut after = Ways::default();
        for mut way in ways.each() {
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
        Ok(after)
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
        let mut after = Ways::default();
        for mut way in ways.each() {
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
        Ok(after)
    }

    fn condition(&mut self, block: &If, node: &Node, ways: Ways) -> Result<Ways, TemplateError> {
        let fact = self.conditions.fact(&block.condition, block.include_zero);
        let (mut then, mut otherwise) = (Ways::default(), Ways::default());
        for way in ways.each() {
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
        let then = self.nodes(&block.then, then)?;
        let otherwise = self.nodes(&block.otherwise, otherwise)?;
        Ok(then.each().chain(otherwise.each()).collect())
    }

    /// No item, one item, or a first, any number between, and a last.
    fn list(&mut self, block: &Each, node: &Node, ways: Ways) -> Result<Ways, TemplateError> {
        let depth = block.depth;
        let place = &node.place;
        let with = |ways: &Ways, is_first: bool, is_last: bool, what: &str| {
            let step = || format!("{place}: `#each` {what}");
            let assume = |way: Way| way.said(first(depth), is_first).said(last(depth), is_last).then(step);
            ways.clone().each().map(assume).collect::<Ways>()
        };
        let none = ways.clone().each().map(|way| way.then(|| format!("{place}: `#each` has no items")));
        let mut after = self.nodes(&block.otherwise, none.collect())?;
        let only = with(&ways, true, true, "has one item");
        after.extend(self.item(block, node, depth, only)?);
        let first_item = with(&ways, true, false, "has several items");
        let mut between = self.item(block, node, depth, first_item)?;
        loop {
            let middle = with(&between, false, false, "has more than two items");
            let known = between.len();
            between.extend(self.item(block, node, depth, middle)?);
            if between.len() == known {
                break;
            }
            if between.len() > MAX_WAYS {
                return Err(place.error("too many combinations of conditions to follow within this `#each`"));
            }
        }
        after.extend(self.item(block, node, depth, with(&between, false, true, "comes to its last item"))?);
        Ok(after)
    }

    /// The body once. What was known of an item does not hold for the next.
    fn item(&mut self, block: &Each, node: &Node, depth: usize, ways: Ways) -> Result<Ways, TemplateError> {
        let before: BTreeSet<Vec<char>> = ways.clone().each().map(|way| way.automaton.open).collect();
        let after = self.nodes(&block.body, ways)?;
        for way in after.clone().each() {
            if !before.contains(&way.automaton.open) {
                let message = "the body of this `#each` opens or closes a bracket that it does not match";
                return Err(way.error(&node.place, message));
            }
        }
        let forget = |mut way: Way| {
            way.facts.retain(|fact, _| self.conditions.outlives_item(*fact, depth));
            way
        };
        Ok(after.each().map(forget).collect())
    }
}
