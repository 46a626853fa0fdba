//! Goes through one value of a document that was checked, white space and all, without noting anything.

use super::text::{key_equals, unescape};

/// A member of an object, or an element of an array, which has no key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item<'a> {
    /// The content of its string.
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: &'a [u8],
}

/// What is in an array or object, in order; nothing in any other value.
#[derive(Clone, Debug)]
pub(crate) struct Items<'a> {
    rest: &'a [u8],
    is_object: bool,
}

/// Goes through an array or object. Twice the same key comes twice.
pub(crate) fn items(value: &[u8]) -> Items<'_> {
    match value {
        [b'{', rest @ ..] => Items { rest, is_object: true },
        [b'[', rest @ ..] => Items { rest, is_object: false },
        _ => Items { rest: &[], is_object: false },
    }
}

/// The value of a key; of several the last, which is the one that counts.
pub(crate) fn member<'a>(object: &'a [u8], key: &str) -> Option<&'a [u8]> {
    let is_it = |found: &[u8]| match found.contains(&b'\\') {
        true => key_equals(&String::from_utf8_lossy(found), key),
        false => found == key.as_bytes(),
    };
    items(object).filter(|item| item.key.is_some_and(is_it)).last().map(|item| item.value)
}

/// The text that the content of a JSON string stands for, if it is not the content itself.
pub(crate) fn unescaped(content: &[u8]) -> Option<String> {
    content.contains(&b'\\').then(|| unescape(&String::from_utf8_lossy(content)))
}

/// Appends a value without insignificant white space.
pub(crate) fn copy_compact(value: &[u8], out: &mut Vec<u8>) {
    let mut rest = value;
    while let Some(byte) = rest.first() {
        let length = match byte {
            b'"' => end_of_string(rest),
            b' ' | b'\n' | b'\r' | b'\t' => {
                rest = &rest[1..];
                continue;
            }
            _ => 1,
        };
        out.extend_from_slice(&rest[..length]);
        rest = &rest[length..];
    }
}

// === impl Items ===

impl<'a> Items<'a> {
    fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// Up to the next token, over white space and what stands between items.
    fn skip(&mut self) {
        let is_between = |byte: &u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | b',' | b':');
        let count = self.rest.iter().position(|byte| !is_between(byte)).unwrap_or(self.rest.len());
        self.take(count);
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        self.skip();
        if matches!(self.rest.first(), None | Some(b'}' | b']')) {
            self.rest = &[];
            return None;
        }
        let key = self.is_object.then(|| {
            let key = self.take(end_of_string(self.rest));
            self.skip();
            key.get(1..key.len().saturating_sub(1)).unwrap_or_default()
        });
        let value = self.take(end_of_value(self.rest));
        Some(Item { key, value })
    }
}

/// How long the value is that stands here.
fn end_of_value(bytes: &[u8]) -> usize {
    match bytes.first() {
        Some(b'"') => end_of_string(bytes),
        Some(b'{' | b'[') => end_of_container(bytes),
        _ => {
            let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t');
            bytes.iter().position(ends).unwrap_or(bytes.len())
        }
    }
}

fn end_of_container(bytes: &[u8]) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at += end_of_string(&bytes[at..]);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return at;
        }
    }
    bytes.len()
}

fn end_of_string(bytes: &[u8]) -> usize {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_come_in_order_with_their_keys() {
        let of = |value: &'static str| {
            let text = |bytes: &'static [u8]| std::str::from_utf8(bytes).expect("UTF-8");
            items(value.as_bytes()).map(|item| (item.key.map(text), text(item.value))).collect::<Vec<_>>()
        };
        assert_eq!(
            of(r#"[ 1 ,"a,]" , [2, 3],{"b" : [] } ]"#),
            [(None, "1"), (None, r#""a,]""#), (None, "[2, 3]"), (None, r#"{"b" : [] }"#)]
        );
        assert_eq!(
            of("{ \"a\" : 1\n, \"b,\\\"\": \"c\" , \"\":null}"),
            [(Some("a"), "1"), (Some("b,\\\""), r#""c""#), (Some(""), "null")]
        );
        assert!(of("[ ]").is_empty() && of("{ }").is_empty() && of("12").is_empty() && of("").is_empty());
    }

    #[test]
    fn the_last_of_two_members_counts() {
        let object = br#"{"a": 1, "caf\u00e9": [true], "a": {"x": 2}}"#;
        assert_eq!(member(object, "a"), Some(&br#"{"x": 2}"#[..]));
        assert_eq!(member(object, "café"), Some(&b"[true]"[..]));
        assert_eq!(member(object, "b"), None);
        assert_eq!(member(b"[1]", "0"), None);
    }

    #[test]
    fn white_space_between_tokens_goes() {
        let mut out = Vec::new();
        copy_compact(b"{ \"a b\" : [ 1.50 ,\n\"x \\\" y\" ] }", &mut out);
        assert_eq!(out, br#"{"a b":[1.50,"x \" y"]}"#);
    }
}
