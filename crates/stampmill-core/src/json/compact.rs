//! One pass that checks a document and copies it without insignificant white space.

use thiserror::Error;

use crate::fault::{Fault, FaultClass};

/// Arrays and objects within one another, at the most.
pub const MAX_DEPTH: u32 = 128;

/// Why bytes are not a JSON document. Positions are in bytes from 0.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum JsonError {
    #[error("no bytes at all, where a JSON document is expected")]
    Empty,
    #[error("not UTF-8 at byte {at}")]
    NotUtf8 { at: usize },
    #[error("expected {expected} at byte {at}, and found {found}")]
    Unexpected { expected: &'static str, found: Found, at: usize },
    #[error("more than {MAX_DEPTH} arrays and objects within one another at byte {at}")]
    TooDeep { at: usize },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Found {
    #[error("`{0}`")]
    Character(char),
    #[error("the byte {0:#04x}")]
    Byte(u8),
    #[error("the end")]
    End,
}

/// Appends the document to `out` without insignificant white space. On an error `out` is left as it was.
pub fn compact(source: &[u8], out: &mut Vec<u8>) -> Result<(), JsonError> {
    if source.is_empty() {
        return Err(JsonError::Empty);
    }
    if let Err(error) = std::str::from_utf8(source) {
        return Err(JsonError::NotUtf8 { at: error.valid_up_to() });
    }
    let before = out.len();
    out.reserve(source.len());
    let mut scanner = Scanner { source, at: 0, copied: 0, out, depth: 0, objects: 0 };
    let checked = scanner.document();
    if checked.is_err() {
        out.truncate(before);
    }
    checked
}

struct Scanner<'a> {
    source: &'a [u8],
    at: usize,
    /// Everything before this is in `out`, or was white space.
    copied: usize,
    out: &'a mut Vec<u8>,
    depth: u32,
    /// One bit for each level, the innermost lowest: set for an object. [`MAX_DEPTH`] is what fits.
    objects: u128,
}

/// What stands after a value.
enum After {
    Value,
    End,
}

// === impl Scanner ===

impl Scanner<'_> {
    /// Iterative: a hostile document must not choose how much stack is used.
    fn document(&mut self) -> Result<(), JsonError> {
        loop {
            self.skip_white_space();
            let is_open = self.value()?;
            if !is_open && let After::End = self.after_value()? {
                break;
            }
        }
        self.skip_white_space();
        if self.at < self.source.len() {
            return Err(self.unexpected("the end of the document"));
        }
        self.flush();
        Ok(())
    }

    /// Reads a value up to its end, or an array or object up to its first value; then it is open.
    fn value(&mut self) -> Result<bool, JsonError> {
        match self.peek() {
            Some(b'"') => self.string()?,
            Some(b'{') => return self.open_object(),
            Some(b'[') => return self.open_array(),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word(b"true")?,
            Some(b'f') => self.word(b"false")?,
            Some(b'n') => self.word(b"null")?,
            _ => return Err(self.unexpected("a value")),
        }
        Ok(false)
    }

    fn open_object(&mut self) -> Result<bool, JsonError> {
        self.open(true)?;
        if self.peek() == Some(b'}') {
            self.close();
            return Ok(false);
        }
        self.key()?;
        Ok(true)
    }

    fn open_array(&mut self) -> Result<bool, JsonError> {
        self.open(false)?;
        if self.peek() == Some(b']') {
            self.close();
            return Ok(false);
        }
        Ok(true)
    }

    fn open(&mut self, object: bool) -> Result<(), JsonError> {
        if self.depth == MAX_DEPTH {
            return Err(JsonError::TooDeep { at: self.at });
        }
        self.depth += 1;
        self.objects = self.objects << 1 | u128::from(object);
        self.at += 1;
        self.skip_white_space();
        Ok(())
    }

    fn close(&mut self) {
        self.depth -= 1;
        self.objects >>= 1;
        self.at += 1;
    }

    fn key(&mut self) -> Result<(), JsonError> {
        if self.peek() != Some(b'"') {
            return Err(self.unexpected("a key in quotes"));
        }
        self.string()?;
        self.skip_white_space();
        if self.peek() != Some(b':') {
            return Err(self.unexpected("`:`"));
        }
        self.at += 1;
        Ok(())
    }

    /// Goes on from the end of a value to the next one, or to the end.
    fn after_value(&mut self) -> Result<After, JsonError> {
        while self.depth > 0 {
            self.skip_white_space();
            let in_object = self.objects & 1 == 1;
            match (self.peek(), in_object) {
                (Some(b','), true) => {
                    self.at += 1;
                    self.skip_white_space();
                    self.key()?;
                    return Ok(After::Value);
                }
                (Some(b','), false) => {
                    self.at += 1;
                    return Ok(After::Value);
                }
                (Some(b'}'), true) | (Some(b']'), false) => self.close(),
                (_, true) => return Err(self.unexpected("`,` or `}`")),
                (_, false) => return Err(self.unexpected("`,` or `]`")),
            }
        }
        Ok(After::End)
    }

    fn string(&mut self) -> Result<(), JsonError> {
        self.at += 1;
        loop {
            while self.peek().is_some_and(|byte| PLAIN[usize::from(byte)]) {
                self.at += 1;
            }
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
                Some(_) => return Err(self.unexpected("no control character in a string")),
                None => return Err(self.unexpected("`\"`")),
            }
        }
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                self.at += 1;
                for _ in 0..4 {
                    if !self.peek().is_some_and(|byte| byte.is_ascii_hexdigit()) {
                        return Err(self.unexpected("a hexadecimal digit"));
                    }
                    self.at += 1;
                }
            }
            _ => return Err(self.unexpected("one of `\"\\/bfnrtu` after `\\`")),
        }
        Ok(())
    }

    fn number(&mut self) -> Result<(), JsonError> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return Err(self.unexpected("a digit"));
        }
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }

    fn word(&mut self, word: &'static [u8]) -> Result<(), JsonError> {
        if self.source[self.at..].starts_with(word) {
            self.at += word.len();
            return Ok(());
        }
        Err(self.unexpected("a value"))
    }

    fn skip_white_space(&mut self) {
        if !self.peek().is_some_and(is_white_space) {
            return;
        }
        self.flush();
        while self.peek().is_some_and(is_white_space) {
            self.at += 1;
        }
        self.copied = self.at;
    }

    fn flush(&mut self) {
        self.out.extend_from_slice(&self.source[self.copied..self.at]);
        self.copied = self.at;
    }

    fn peek(&self) -> Option<u8> {
        self.source.get(self.at).copied()
    }

    fn unexpected(&self, expected: &'static str) -> JsonError {
        let rest = std::str::from_utf8(&self.source[self.at..]).ok();
        let found = match (rest.and_then(|rest| rest.chars().next()), self.peek()) {
            (Some(character), _) if !character.is_control() => Found::Character(character),
            (_, Some(byte)) => Found::Byte(byte),
            (_, None) => Found::End,
        };
        JsonError::Unexpected { expected, found, at: self.at }
    }
}

fn is_white_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

/// What stands for itself in a string.
const PLAIN: [bool; 256] = {
    let mut plain = [true; 256];
    let mut byte = 0;
    while byte < 0x20 {
        plain[byte] = false;
        byte += 1;
    }
    plain[b'"' as usize] = false;
    plain[b'\\' as usize] = false;
    plain
};

impl From<JsonError> for Fault {
    fn from(error: JsonError) -> Self {
        let class = match error {
            JsonError::Empty => FaultClass::Empty,
            JsonError::NotUtf8 { .. } => FaultClass::InvalidUtf8,
            JsonError::Unexpected { .. } => FaultClass::NotJson,
            JsonError::TooDeep { .. } => FaultClass::TooDeep,
        };
        Fault::new(class, format!("the payload is not a JSON document: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compacted(source: &str) -> Result<String, JsonError> {
        let mut out = Vec::new();
        compact(source.as_bytes(), &mut out).map(|()| String::from_utf8(out).expect("UTF-8 in, UTF-8 out"))
    }

    #[test]
    fn only_white_space_between_tokens_goes() {
        let source = " { \"a b\" : [ 1234567890123456789.123456789 , 1500.00,1e400 ] ,\t\"a b\":\"\\u00e9 \\n\" , \"z\":{ }, \"y\":[ ] }\r\n";
        let expected = r#"{"a b":[1234567890123456789.123456789,1500.00,1e400],"a b":"\u00e9 \n","z":{},"y":[]}"#;
        assert_eq!(compacted(source).as_deref(), Ok(expected));
    }

    #[test]
    fn an_error_says_what_and_where() {
        let cases = [
            ("", "no bytes at all, where a JSON document is expected"),
            ("{\"a\":}", "expected a value at byte 5, and found `}`"),
            ("{\"a\" 1}", "expected `:` at byte 5, and found `1`"),
            ("[1,]", "expected a value at byte 3, and found `]`"),
            ("[1 2]", "expected `,` or `]` at byte 3, and found `2`"),
            ("{\"a\":1", "expected `,` or `}` at byte 6, and found the end"),
            ("{a:1}", "expected a key in quotes at byte 1, and found `a`"),
            ("01", "expected the end of the document at byte 1, and found `1`"),
            ("\"a\nb\"", "expected no control character in a string at byte 2, and found the byte 0x0a"),
            ("é", "expected a value at byte 0, and found `é`"),
        ];
        for (source, expected) in cases {
            assert_eq!(compacted(source).map_err(|error| error.to_string()), Err(expected.to_owned()), "{source}");
        }
    }

    #[test]
    fn no_control_character_stands_in_a_string() {
        for byte in 0..0x20 {
            let document = ["[\"".as_bytes(), &[byte], b"\"]"].concat();
            let expected = "no control character in a string";
            let found = Found::Byte(byte);
            assert_eq!(compact(&document, &mut Vec::new()), Err(JsonError::Unexpected { expected, found, at: 2 }));
        }
        assert!(compacted("\"\u{7f}\u{80}\"").is_ok());
    }

    #[test]
    fn depth_is_bounded_and_costs_no_stack() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(compacted(&nested(128)).is_ok());
        assert_eq!(compacted(&nested(129)), Err(JsonError::TooDeep { at: 128 }));
        assert_eq!(compacted(&"[".repeat(1 << 20)), Err(JsonError::TooDeep { at: 128 }));
        assert!(compacted(&("{\"a\":".repeat(128) + "1" + &"}".repeat(128))).is_ok());
    }

    #[test]
    fn what_was_there_before_an_error_stays() {
        let mut out = b"kept".to_vec();
        assert!(compact(b"[ 1, oops ]", &mut out).is_err());
        assert_eq!(out, b"kept");
    }
}
