//! A document taken apart, with texts and numbers as ranges of it: what a schema is asked about.

use std::cmp::Ordering;
use std::ops::Range;

use super::error::DocumentError;
use crate::json::unescape;

/// Arrays and objects within one another: a schema may go through them with a few calls for each.
pub(super) const MAX_DEPTH: usize = 128;

/// Where everything of a document is. It is filled anew for each, and keeps its memory.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(super) root: Value,
    /// What is in an array or object is in one row; in an object in the order of [`by_key`].
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
            at += match byte {
                b'"' => length_of_string(&bytes[at..]),
                b'{' | b'[' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t' | b',' | b':' => 1,
                _ => length_of_word(&bytes[at..]),
            };
            match byte {
                b'{' | b'[' => self.enter(key.take(), *byte == b'{')?,
                b'}' | b']' => self.close(document)?,
                b' ' | b'\n' | b'\r' | b'\t' | b',' | b':' => {}
                b'"' => {
                    let text = self.text(document, start + 1, at.saturating_sub(1));
                    match key.is_none() && self.open.last().is_some_and(|open| open.is_object) {
                        true => key = Some(text),
                        false => self.put(key.take(), Value::Text(text)),
                    }
                }
                b't' => self.put(key.take(), Value::Bool(true)),
                b'f' => self.put(key.take(), Value::Bool(false)),
                b'n' => self.put(key.take(), Value::Null),
                _ => self.put(key.take(), Value::Number(Span::new(start, at))),
            }
        }
        Ok(())
    }

    pub(super) fn row(&self, row: Span) -> &[Item] {
        self.items.get(row.range()).unwrap_or_default()
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

    fn text(&mut self, document: &str, from: usize, to: usize) -> Text {
        let content = document.get(from..to).unwrap_or_default();
        if !content.contains('\\') {
            return Text { span: Span::new(from, to), is_unescaped: false };
        }
        let start = self.unescaped.len();
        self.unescaped.push_str(&unescape(content));
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
        if is_object {
            self.sort(document, first)?;
        }
        let row = Span::new(self.items.len(), self.items.len() + self.pending.len() - first);
        self.items.extend(self.pending.drain(first..));
        self.open.pop();
        self.put(Some(key), if is_object { Value::Object(row) } else { Value::Array(row) });
        Ok(())
    }

    /// The members of the object that was opened last.
    fn sort(&mut self, document: &str, first: usize) -> Result<(), DocumentError> {
        let Self { pending, unescaped, .. } = self;
        let members = &mut pending[first..];
        let key = |item: &Item| item.key.of(document, unescaped);
        members.sort_unstable_by(|a, b| by_key(key(a), key(b)));
        match members.windows(2).find(|pair| key(&pair[0]) == key(&pair[1])) {
            None => Ok(()),
            Some(pair) => {
                let key = key(&pair[0]).to_owned();
                Err(DocumentError::Twice { pointer: self.pointer(document), key })
            }
        }
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

fn length_of_string(bytes: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// One byte at the least.
fn length_of_word(bytes: &[u8]) -> usize {
    let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t');
    bytes.iter().position(ends).unwrap_or(bytes.len()).max(1)
}
