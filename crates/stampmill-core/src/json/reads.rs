//! What templates read of a document, as one automaton over its keys: so that a single pass finds all of it.
//!
//! A *scope* is what a path starts from: the document, or any item of a list that is gone through. Paths of all
//! scopes are walked at once, so that one value may be a field to one template and an item to another.

use std::collections::BTreeMap;
use std::ops::Range;

/// What paths start from. The first is the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope(pub(super) usize);

/// Where in a scope's row something that was found is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slot {
    pub(super) scope: Scope,
    pub(super) place: usize,
}

/// Paths, collected while templates are compiled.
#[derive(Clone, Debug)]
pub struct Reads {
    nodes: Vec<Node>,
    /// The node of each scope, and how many slots a row of it has.
    scopes: Vec<(usize, usize)>,
    masks: usize,
}

#[derive(Clone, Debug)]
struct Node {
    slot: Slot,
    /// Its value is copied, and not only what is in it looked for.
    is_read: bool,
    fields: Vec<(String, usize)>,
    list: Option<List>,
    masks: Vec<usize>,
}

#[derive(Clone, Copy, Debug)]
struct List {
    /// Keeps which rows of the items' scope are this list's.
    rows: Slot,
    items: Scope,
}

/// The automaton. A state is a set of nodes, for a value may be several things at once.
#[derive(Clone, Debug)]
pub struct Compiled {
    pub(super) states: Vec<State>,
    /// Slots in a row of each scope.
    pub(super) scopes: Vec<usize>,
}

/// A place in the automaton; [`NOTHING`] where no path leads.
pub(super) type StateId = u32;

pub(super) const NOTHING: StateId = u32::MAX;

#[derive(Clone, Debug)]
pub(super) struct State {
    /// Where the value is kept.
    pub(super) slot: Slot,
    /// And where else, for it may be several things at once.
    pub(super) more_slots: Vec<Slot>,
    pub(super) fields: Vec<Field>,
    pub(super) elements: Vec<(u32, StateId)>,
    /// Every other key or element.
    pub(super) other: StateId,
    /// Rows of lists, and the scope of their items.
    pub(super) lists: Vec<(Slot, Scope)>,
    pub(super) looks_within: bool,
    pub(super) is_read: bool,
    pub(super) masks: Vec<usize>,
    /// All that was found below, when the same key comes again: the last one counts.
    pub(super) below: Vec<Slot>,
}

/// A key that is looked for. Most are told apart by their length and their first bytes.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) start: KeyStart,
    pub(super) name: Box<[u8]>,
    pub(super) next: StateId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeyStart {
    length: usize,
    /// The first eight bytes, or all of them and zeros.
    bytes: u64,
}

/// The slots that every row of an item has.
const ITEM: usize = 0;
const KEY: usize = 1;
const FIRST_FREE: usize = 2;

// === impl Scope ===

impl Scope {
    pub const DOCUMENT: Self = Self(0);

    /// The document or item itself.
    fn whole(self) -> Slot {
        Slot { scope: self, place: ITEM }
    }

    /// The item's key, if it is a member of an object: the content of its string.
    pub fn key(self) -> Slot {
        Slot { scope: self, place: KEY }
    }
}

// === impl Reads ===

impl Default for Reads {
    fn default() -> Self {
        let mut reads = Self { nodes: Vec::new(), scopes: Vec::new(), masks: 0 };
        reads.add_scope();
        reads
    }
}

impl Reads {
    /// The value at a path of keys and array places.
    pub fn field(&mut self, scope: Scope, path: &[String]) -> Slot {
        let node = self.node(scope, path);
        self.nodes[node].is_read = true;
        self.nodes[node].slot
    }

    /// Where the value at a path stands, which is only looked at for what kind of value it is.
    pub(crate) fn place(&mut self, scope: Scope, path: &[String]) -> Slot {
        let node = self.node(scope, path);
        self.nodes[node].slot
    }

    /// The rows of the items of what stands at a path, and the scope to read them in.
    pub fn list(&mut self, scope: Scope, path: &[String]) -> (Slot, Scope) {
        let node = self.node(scope, path);
        let list = self.nodes[node].list.unwrap_or_else(|| {
            let list = List { rows: self.add_slot(scope), items: self.add_scope() };
            self.nodes[node].list = Some(list);
            list
        });
        (list.rows, list.items)
    }

    /// Values at these paths of the document, in which `*` stands for every item, are kept each time that they come, and
    /// told apart from those of other calls by the number that is returned.
    pub fn mask(&mut self, paths: &[Vec<String>]) -> usize {
        let mask = self.masks;
        self.masks += 1;
        for path in paths {
            let mut scope = Scope::DOCUMENT;
            let mut parts = path.split(|key| key == "*").peekable();
            while let Some(part) = parts.next() {
                if parts.peek().is_some() {
                    scope = self.list(scope, part).1;
                } else {
                    let node = self.node(scope, part);
                    self.nodes[node].masks.push(mask);
                }
            }
        }
        mask
    }

    fn node(&mut self, scope: Scope, path: &[String]) -> usize {
        let mut node = self.scopes[scope.0].0;
        for key in path {
            let found = self.nodes[node].fields.iter().find(|(known, _)| known == key);
            node = match found {
                Some((_, next)) => *next,
                None => {
                    let slot = self.add_slot(scope);
                    let next = self.add_node(slot);
                    self.nodes[node].fields.push((key.clone(), next));
                    next
                }
            };
        }
        node
    }

    fn add_scope(&mut self) -> Scope {
        let scope = Scope(self.scopes.len());
        let node = self.add_node(scope.whole());
        self.scopes.push((node, FIRST_FREE));
        scope
    }

    fn add_slot(&mut self, scope: Scope) -> Slot {
        let slots = &mut self.scopes[scope.0].1;
        *slots += 1;
        Slot { scope, place: *slots - 1 }
    }

    fn add_node(&mut self, slot: Slot) -> usize {
        self.nodes.push(Node { slot, is_read: false, fields: Vec::new(), list: None, masks: Vec::new() });
        self.nodes.len() - 1
    }

    /// From sets of nodes to states, as from any automaton whose steps have several ends.
    pub fn compile(&self) -> Compiled {
        let mut known = BTreeMap::from([(vec![0], 0)]);
        let mut waiting = vec![vec![0]];
        let mut states = Vec::new();
        while states.len() < waiting.len() {
            let nodes = waiting[states.len()].clone();
            let mut state_of = |mut nodes: Vec<usize>| {
                nodes.sort_unstable();
                let next = StateId::try_from(waiting.len()).unwrap_or(NOTHING);
                match nodes.is_empty() {
                    true => NOTHING,
                    false => *known.entry(nodes).or_insert_with_key(|nodes| {
                        waiting.push(nodes.clone());
                        next
                    }),
                }
            };
            states.push(self.state(&nodes, &mut state_of));
        }
        Compiled { states, scopes: self.scopes.iter().map(|(_, slots)| *slots).collect() }
    }

    fn state(&self, nodes: &[usize], state_of: &mut dyn FnMut(Vec<usize>) -> StateId) -> State {
        let members = || nodes.iter().map(|node| &self.nodes[*node]);
        let items: Vec<usize> = members().filter_map(|node| Some(self.scopes[node.list?.items.0].0)).collect();
        let mut fields: Vec<Field> = Vec::new();
        for (key, _) in members().flat_map(|node| &node.fields) {
            if fields.iter().any(|field| *field.name == *key.as_bytes()) {
                continue;
            }
            let nexts = members().flat_map(|node| &node.fields).filter(|(name, _)| name == key);
            let next = state_of(nexts.map(|(_, next)| *next).chain(items.iter().copied()).collect());
            fields.push(Field { start: KeyStart::of(key.as_bytes()), name: key.as_bytes().into(), next });
        }
        let place = |field: &Field| Some((array_place(std::str::from_utf8(&field.name).ok()?)?, field.next));
        let slots: Vec<Slot> = members().map(|node| node.slot).collect();
        let lists: Vec<_> = members().filter_map(|node| node.list.map(|list| (list.rows, list.items))).collect();
        let mut below = Vec::new();
        nodes.iter().for_each(|node| self.below(*node, &mut below));
        State {
            slot: slots[0],
            more_slots: slots[1..].to_vec(),
            other: state_of(items.clone()),
            elements: fields.iter().filter_map(place).collect(),
            looks_within: !fields.is_empty() || !lists.is_empty(),
            is_read: members().any(|node| node.is_read),
            masks: members().flat_map(|node| node.masks.iter().copied()).collect(),
            fields,
            lists,
            below,
        }
    }

    /// The slots of a node and of all that is in the same row below it.
    fn below(&self, node: usize, slots: &mut Vec<Slot>) {
        let node = &self.nodes[node];
        slots.push(node.slot);
        slots.extend(node.list.map(|list| list.rows));
        node.fields.iter().for_each(|(_, next)| self.below(*next, slots));
    }
}

// === impl KeyStart ===

impl KeyStart {
    pub(super) fn of(key: &[u8]) -> Self {
        let bytes = key.iter().take(8).rev().fold(0, |bytes, byte| bytes << 8 | u64::from(*byte));
        Self { length: key.len(), bytes }
    }

    /// Of a key within a document, which mostly has eight bytes from there on.
    #[inline(always)]
    pub(super) fn within(document: &[u8], key: Range<usize>) -> Self {
        let length = key.len();
        match document.get(key.start..).and_then(<[u8]>::first_chunk) {
            Some(bytes) if length >= 8 => Self { length, bytes: u64::from_le_bytes(*bytes) },
            Some(bytes) => Self { length, bytes: u64::from_le_bytes(*bytes) & ((1 << (8 * length)) - 1) },
            None => Self::of(&document[key]),
        }
    }
}

// === impl Field ===

impl Field {
    #[inline]
    pub(super) fn is(&self, start: KeyStart, key: &[u8]) -> bool {
        self.start == start && (start.length <= 8 || *self.name == *key)
    }
}

// === impl Compiled ===

impl Compiled {
    /// Of no reads at all: what no document is scanned for.
    pub(crate) const fn new() -> Self {
        Self { states: Vec::new(), scopes: Vec::new() }
    }

    /// The state of what is in a value of this one: none, if nothing is read of that.
    #[inline]
    pub(super) fn within(&self, state: StateId) -> StateId {
        match self.states.get(state as usize) {
            Some(found) if found.looks_within => state,
            _ => NOTHING,
        }
    }

    /// Whether a value of this state is copied.
    pub(super) fn is_read(&self, state: StateId) -> bool {
        self.states.get(state as usize).is_some_and(|found| found.is_read)
    }
}

/// `0`, or digits that do not begin with a zero: `+1` and `01` are keys, which no array has.
pub(super) fn array_place(key: &str) -> Option<u32> {
    let is_plain = key == "0" || key.starts_with(|digit: char| matches!(digit, '1'..='9'));
    if is_plain { key.parse().ok() } else { None }
}
