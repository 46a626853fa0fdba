//! A payload as the validator looks into it: where it stands, and nothing copied.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::slice;

use jsonschema::JsonType;
use jsonschema::json::{Array, Json, JsonNumber, Node, NodeIdentity, Object};

use super::decimal;
use super::tree::{Item, Span, Tree, Value};

/// The representation of payloads.
pub(super) struct Payload;

/// A value of a payload, or the name of a member of one.
#[derive(Clone, Copy)]
pub(super) enum At<'a> {
    Value { of: Whole<'a>, value: &'a Value },
    Name(&'a str),
}

/// A payload, and where everything in it is.
#[derive(Clone, Copy)]
pub(super) struct Whole<'a> {
    pub(super) document: &'a str,
    pub(super) tree: &'a Tree,
}

#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    of: Whole<'a>,
    items: &'a [Item],
}

/// As it is written.
#[derive(Clone, Copy)]
pub(super) struct Number<'a>(pub(super) &'a str);

pub(super) struct Members<'a>(Elements<'a>);

pub(super) struct Elements<'a> {
    of: Whole<'a>,
    items: slice::Iter<'a, Item>,
}

// === impl Whole ===

impl<'a> Whole<'a> {
    pub(super) fn root(self) -> At<'a> {
        At::Value { of: self, value: &self.tree.root }
    }

    fn row(self, row: Span) -> Row<'a> {
        Row { of: self, items: self.tree.row(row) }
    }

    fn member(self, item: &'a Item) -> (&'a str, At<'a>) {
        (self.tree.text_of(self.document, item.key), At::Value { of: self, value: &item.value })
    }
}

// === impl Row ===

impl<'a> Row<'a> {
    pub(super) fn count(&self) -> usize {
        self.items.len()
    }

    /// The members in the order of their keys.
    pub(super) fn sorted(&self) -> Vec<(&'a str, At<'a>)> {
        let mut members: Vec<_> = self.members().collect();
        members.sort_unstable_by_key(|(name, _)| *name);
        members
    }
}

// === impl Payload ===

impl Json for Payload {
    type Node<'a> = At<'a>;
    type PreparedKey = String;
    type StringBuffer = ();

    // To find a member looks at as many, mostly at the lengths of their keys alone.
    const KEYS_PER_LOOKUP: usize = 0;
    const ACYCLIC: bool = true;

    fn prepare_key(key: &str) -> String {
        key.to_owned()
    }

    fn with_string_node<T>((): &mut (), string: &str, f: impl FnOnce(At<'_>) -> T) -> T {
        f(At::Name(string))
    }
}

impl<'a> Node<'a, Payload> for At<'a> {
    type Object = Row<'a>;
    type Array = Row<'a>;
    type Number = Number<'a>;

    fn as_object(&self) -> Option<Row<'a>> {
        match self {
            At::Value { of, value: Value::Object(row) } => Some(of.row(*row)),
            _ => None,
        }
    }

    fn as_array(&self) -> Option<Row<'a>> {
        match self {
            At::Value { of, value: Value::Array(row) } => Some(of.row(*row)),
            _ => None,
        }
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        match self {
            At::Value { of, value: Value::Text(text) } => Some(Cow::Borrowed(of.tree.text_of(of.document, *text))),
            At::Name(name) => Some(Cow::Borrowed(name)),
            At::Value { .. } => None,
        }
    }

    fn as_number(&self) -> Option<Number<'a>> {
        match self {
            At::Value { of, value: Value::Number(span) } => {
                Some(Number(of.document.get(span.range()).unwrap_or_default()))
            }
            _ => None,
        }
    }

    fn as_boolean(&self) -> Option<bool> {
        match self {
            At::Value { value: Value::Bool(is), .. } => Some(*is),
            _ => None,
        }
    }

    fn is_null(&self) -> bool {
        matches!(self, At::Value { value: Value::Null, .. })
    }

    fn is_number(&self) -> bool {
        matches!(self, At::Value { value: Value::Number(_), .. })
    }

    fn json_type(&self) -> JsonType {
        match self {
            At::Name(_) | At::Value { value: Value::Text(_), .. } => JsonType::String,
            At::Value { value: Value::Null, .. } => JsonType::Null,
            At::Value { value: Value::Bool(_), .. } => JsonType::Boolean,
            At::Value { value: Value::Number(_), .. } => JsonType::Number,
            At::Value { value: Value::Array(_), .. } => JsonType::Array,
            At::Value { value: Value::Object(_), .. } => JsonType::Object,
        }
    }

    fn equals_value(&self, expected: &serde_json::Value) -> bool {
        self.equals(expected)
    }

    /// What a violation says shows no value of the payload, and what compares values is done by [`At`] itself: so none is
    /// ever made.
    fn to_value(&self) -> Cow<'a, serde_json::Value> {
        Cow::Owned(serde_json::Value::Null)
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(match self {
            At::Value { value, .. } => NodeIdentity::new(std::ptr::from_ref::<Value>(value).addr()),
            At::Name(name) => NodeIdentity::tagged(name.as_ptr().addr(), 1),
        })
    }
}

impl<'a> Object<'a, Payload> for Row<'a> {
    type Node = At<'a>;
    type MemberName = &'a str;
    type MembersIter = Members<'a>;

    fn len(&self) -> usize {
        self.count()
    }

    fn get(&self, key: &String) -> Option<At<'a>> {
        let Self { of, items } = *self;
        of.tree.find(of.document, items, key).map(|item| At::Value { of, value: &item.value })
    }

    fn members(&self) -> Members<'a> {
        Members(self.elements())
    }
}

impl<'a> Array<'a, Payload> for Row<'a> {
    type Node = At<'a>;
    type ElementsIter = Elements<'a>;

    fn len(&self) -> usize {
        self.count()
    }

    fn elements(&self) -> Elements<'a> {
        Elements { of: self.of, items: self.items.iter() }
    }

    fn is_unique(&self) -> bool {
        let mut sorted: Vec<At<'a>> = self.elements().collect();
        sorted.sort_unstable_by(At::compare);
        sorted.windows(2).all(|pair| pair[0].compare(&pair[1]) != Ordering::Equal)
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, At<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let Self(Elements { of, items }) = self;
        items.next().map(|item| of.member(item))
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = At<'a>;

    fn next(&mut self) -> Option<At<'a>> {
        let Self { of, items } = self;
        items.next().map(|item| of.member(item).1)
    }
}

/// What the keywords of [`super::exact`] do not ask themselves.
impl JsonNumber for Number<'_> {
    fn as_u64(&self) -> Option<u64> {
        self.0.parse().ok()
    }

    fn as_i64(&self) -> Option<i64> {
        self.0.parse().ok()
    }

    fn as_f64(&self) -> Option<f64> {
        self.0.parse().ok().filter(|number: &f64| number.is_finite())
    }

    fn as_str(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.0)
    }

    fn to_number(&self) -> Cow<'_, serde_json::Number> {
        Cow::Owned(self.0.parse().unwrap_or_else(|_| 0.into()))
    }

    fn is_integer(&self) -> bool {
        decimal::is_whole(self.0)
    }
}
