//! A document taken apart, with texts and numbers as ranges of it: what a schema is asked about.

use std::cmp::Ordering;
use std::ops::Range;

use super::error::DocumentError;
use crate::json::{STEP, in_string, not_plain, unescape};

/// Arrays and objects within one another: a schema may go through them with a few calls for each.
pub(super) const MAX_DEPTH: usize = 128;

/// Where everything of a document is. It is filled anew for each, and keeps its memory.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(super) root: Value,
    /// What is in an array or object is in one row; in an object with more than [`FEW`] members in the order of
    /// [`by_key`].
    pub(super) items: Vec<Item>,
    /// Texts that are written with escapes, without them.
    unescaped: String,
    /// What the arrays and objects hold that are not closed yet.
    pending: Vec<Item>,
    open: Vec<Open>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Item {
    /// Nothing, in an array.
    pub(super) key: Text,
    pub(super) value: Value,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Value {
    #[default]
    Null,
    Bool(bool),
    /// As it is written.
    Number(Span),
    Text(Text),
    Array(Span),
    Object(Span),
}

/// A range of the document, or of [`Tree::items`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    from: u32,
    to: u32,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Text {
    span: Span,
    is_unescaped: bool,
}

#[derive(Debug)]
struct Open {
    key: Text,
    is_object: bool,
    /// Where its items begin among those pending.
    first: usize,
}

/// Members of an object that are not put into order: to look at all of them is faster.
const FEW: usize = 32;

/// By length first, which mostly decides.
pub(super) fn by_key(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.as_bytes().cmp(b.as_bytes()))
}

// === impl Span ===

impl Span {
    /// Documents are below 4 GiB ([`crate::json::MAX_LENGTH`]), and have fewer values than bytes.
    fn new(from: usize, to: usize) -> Self {
        let place = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
        Self { from: place(from), to: place(to) }
    }

    fn len(self) -> u32 {
        self.to.wrapping_sub(self.from)
    }

    pub(super) fn range(self) -> Range<usize> {
        self.from as usize..self.to as usize
    }
}

// === impl Text ===

impl Text {
    fn of<'a>(self, document: &'a str, unescaped: &'a str) -> &'a str {
        let whole = if self.is_unescaped { unescaped } else { document };
        whole.get(self.span.range()).unwrap_or_default()
    }

    fn equals(self, other: Self, document: &str, unescaped: &str) -> bool {
        self.span.len() == other.span.len() && self.of(document, unescaped) == other.of(document, unescaped)
    }
}

// === impl Tree ===

impl Tree {
    /// Of a document that was checked. Of any other it makes something, too.
    ///
    /// # Errors
    /// It is deeper than [`MAX_DEPTH`], or has a key twice in an object, of which readers take one or the other.
    pub(super) fn read(&mut self, document: &str) -> Result<(), DocumentError> {
        self.root = Value::Null;
        self.items.clear();
        self.unescaped.clear();
        self.pending.clear();
        self.open.clear();
        let bytes = document.as_bytes();
        let (mut at, mut key) = (0, None);
        while let Some(byte) = bytes.get(at) {
            let start = at;
            at += 1;
            let value = match byte {
                b' ' | b'\n' | b'\r' | b'\t' | b',' | b':' => continue,
                b'{' | b'[' => {
                    self.enter(key.take(), *byte == b'{')?;
                    continue;
                }
                b'}' | b']' => {
                    self.close(document)?;
                    continue;
                }
                b'"' => {
                    let (end, has_escapes) = end_of_string(bytes, start);
                    at = end;
                    let text = self.text(document, Span::new(start + 1, end - 1), has_escapes);
                    if key.is_none() && self.is_in_object() {
                        key = Some(text);
                        at += usize::from(bytes.get(at) == Some(&b':'));
                        continue;
                    }
                    Value::Text(text)
                }
                _ => {
                    at = end_of_word(bytes, start);
                    match byte {
                        b't' => Value::Bool(true),
                        b'f' => Value::Bool(false),
                        b'n' => Value::Null,
                        _ => Value::Number(Span::new(start, at)),
                    }
                }
            };
            self.put(key.take(), value);
            at += usize::from(bytes.get(at) == Some(&b','));
        }
        Ok(())
    }

    fn is_in_object(&self) -> bool {
        self.open.last().is_some_and(|open| open.is_object)
    }

    pub(super) fn row(&self, row: Span) -> &[Item] {
        self.items.get(row.range()).unwrap_or_default()
    }

    /// The member of that name.
    pub(super) fn find<'a>(&'a self, document: &str, members: &'a [Item], key: &str) -> Option<&'a Item> {
        let text = |item: &Item| item.key.of(document, &self.unescaped);
        if members.len() > FEW {
            return members.get(members.binary_search_by(|item| by_key(text(item), key)).ok()?);
        }
        members.iter().find(|item| item.key.span.len() as usize == key.len() && text(item) == key)
    }

    pub(super) fn text_of<'a>(&'a self, document: &'a str, text: Text) -> &'a str {
        text.of(document, &self.unescaped)
    }

    fn put(&mut self, key: Option<Text>, value: Value) {
        match self.open.is_empty() {
            true => self.root = value,
            false => self.pending.push(Item { key: key.unwrap_or_default(), value }),
        }
    }

    fn text(&mut self, document: &str, span: Span, has_escapes: bool) -> Text {
        if !has_escapes {
            return Text { span, is_unescaped: false };
        }
        let start = self.unescaped.len();
        self.unescaped.push_str(&unescape(document.get(span.range()).unwrap_or_default()));
        Text { span: Span::new(start, self.unescaped.len()), is_unescaped: true }
    }

    fn enter(&mut self, key: Option<Text>, is_object: bool) -> Result<(), DocumentError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(DocumentError::TooDeep { max: MAX_DEPTH });
        }
        self.open.push(Open { key: key.unwrap_or_default(), is_object, first: self.pending.len() });
        Ok(())
    }

    fn close(&mut self, document: &str) -> Result<(), DocumentError> {
        let Some(&Open { key, is_object, first }) = self.open.last() else { return Ok(()) };
        if is_object && self.has_a_key_twice(document, first) {
            return Err(self.twice(document, first));
        }
        let row = Span::new(self.items.len(), self.items.len() + self.pending.len() - first);
        self.items.extend_from_slice(&self.pending[first..]);
        self.pending.truncate(first);
        self.open.pop();
        self.put(Some(key), if is_object { Value::Object(row) } else { Value::Array(row) });
        Ok(())
    }

    /// Of the object that was opened last. One with many members is put into order.
    fn has_a_key_twice(&mut self, document: &str, first: usize) -> bool {
        let Self { pending, unescaped, .. } = self;
        let members = &mut pending[first..];
        if members.len() > FEW {
            members.sort_unstable_by(|a, b| by_key(a.key.of(document, unescaped), b.key.of(document, unescaped)));
            return members.windows(2).any(|pair| pair[0].key.equals(pair[1].key, document, unescaped));
        }
        let mut rest = &members[..];
        while let [member, others @ ..] = rest {
            if others.iter().any(|other| member.key.equals(other.key, document, unescaped)) {
                return true;
            }
            rest = others;
        }
        false
    }

    #[cold]
    fn twice(&self, document: &str, first: usize) -> DocumentError {
        let mut keys: Vec<&str> =
            self.pending[first..].iter().map(|member| self.text_of(document, member.key)).collect();
        keys.sort_unstable();
        let key = keys.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0]).unwrap_or_default();
        DocumentError::Twice { pointer: self.pointer(document), key: key.to_owned() }
    }

    /// Where what was opened last is, as a JSON pointer.
    fn pointer(&self, document: &str) -> String {
        let steps = self.open.windows(2).map(|pair| match pair[0].is_object {
            true => self.text_of(document, pair[1].key).replace('~', "~0").replace('/', "~1"),
            false => (pair[1].first - pair[0].first).to_string(),
        });
        steps.map(|step| format!("/{step}")).collect()
    }
}

/// Behind the string that begins here, and whether it has escapes.
#[inline(always)]
fn end_of_string(bytes: &[u8], start: usize) -> (usize, bool) {
    // Most strings are short, and without escapes.
    let chunk = bytes.get(start + 1..).and_then(<[u8]>::first_chunk);
    let end = start + 1 + chunk.map_or(0, |chunk| (not_plain(chunk) | 1 << STEP).trailing_zeros() as usize);
    match bytes.get(end) {
        Some(b'"') => (end + 1, false),
        _ => end_of_long_string(bytes, start),
    }
}

#[inline(never)]
fn end_of_long_string(bytes: &[u8], start: usize) -> (usize, bool) {
    let (mut at, mut has_escapes) = (start + 1, false);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => (at, has_escapes) = (at + 2, true),
            b'"' => return (at + 1, has_escapes),
            _ => {
                at += bytes[at..]
                    .first_chunk()
                    .map_or(1, |chunk| in_string(chunk).ends.trailing_zeros().clamp(1, 16) as usize)
            }
        }
    }
    (bytes.len().max(start + 2), has_escapes)
}

/// Behind the number or word that begins here, which has one byte at the least.
#[inline(always)]
fn end_of_word(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while bytes.get(at).is_some_and(|byte| *byte > b',' && !matches!(byte, b']' | b'}') || *byte == b'+') {
        at += 1;
    }
    at
}
