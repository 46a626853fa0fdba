//! Which conditions the proof remembers the answers of, and what they say of each other.

use super::tree::{Counter, CounterKind, Expression, Kind, Node};
use super::ways::Way;

/// The conditions that are asked more than once, so that it matters to remember the answer. Their numbers come behind
/// those of `@first` and `@last`, which each depth has.
pub(super) struct Conditions(Vec<Expression>);

/// What a condition says, if the answer is remembered.
pub(super) struct Fact {
    pub(super) number: Option<usize>,
    /// Whether the condition holds when the fact does.
    pub(super) says: bool,
}

const FIRST_CONDITION: usize = 1 << 20;

pub(super) fn first(depth: usize) -> usize {
    depth * 2
}

pub(super) fn last(depth: usize) -> usize {
    depth * 2 + 1
}

// === impl Conditions ===

impl Conditions {
    pub(super) fn fact(&self, condition: &Expression, include_zero: bool) -> Fact {
        match condition {
            Expression::Loop(Counter { depth, kind: CounterKind::First }) => {
                Fact { number: Some(first(*depth)), says: true }
            }
            Expression::Loop(Counter { depth, kind: CounterKind::Last }) => {
                Fact { number: Some(last(*depth)), says: true }
            }
            // 0 at the first item, and nothing else is.
            Expression::Loop(Counter { depth, kind: CounterKind::Index }) if !include_zero => {
                Fact { number: Some(first(*depth)), says: false }
            }
            other if !include_zero => {
                let place = self.0.iter().position(|known| known == other);
                Fact { number: place.map(|place| FIRST_CONDITION + place), says: true }
            }
            _ => Fact { number: None, says: true },
        }
    }

    /// Whether a fact holds for all items of an `#each` of that depth.
    pub(super) fn outlives_item(&self, fact: usize, depth: usize) -> bool {
        match fact.checked_sub(FIRST_CONDITION) {
            Some(place) => deepest(&self.0[place]) < depth,
            None => fact / 2 < depth,
        }
    }

    /// A helper's answer may change from one call to the next (`now`), so that none of them is remembered.
    pub(super) fn of(nodes: &[Node]) -> Self {
        let mut seen: Vec<(&Expression, usize)> = Vec::new();
        collect(nodes, &mut |condition| match seen.iter_mut().find(|(known, _)| *known == condition) {
            Some((_, times)) => *times += 1,
            None => seen.push((condition, 1)),
        });
        let repeated = seen.into_iter().filter(|(_, times)| *times > 1).map(|(condition, _)| condition);
        let stays = |condition: &&Expression| matches!(condition, Expression::Field(_) | Expression::Record(_));
        Self(repeated.filter(stays).cloned().collect())
    }
}

// === impl Fact ===

impl Fact {
    pub(super) fn known(&self, way: &Way) -> Option<bool> {
        way.facts.get(&self.number?).map(|fact| *fact == self.says)
    }
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

fn collect<'a>(nodes: &'a [Node], found: &mut dyn FnMut(&'a Expression)) {
    for node in nodes {
        match &node.kind {
            Kind::If(block) => {
                if !block.include_zero {
                    found(&block.condition);
                }
                collect(&block.then, found);
                collect(&block.otherwise, found);
            }
            Kind::Each(block) => {
                collect(&block.body, found);
                collect(&block.otherwise, found);
            }
            Kind::Text(_) | Kind::Value(_) => {}
        }
    }
}
