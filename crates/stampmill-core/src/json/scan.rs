//! One pass over a document: checks all of it (RFC 8259), and notes where stands what was asked for.

use super::error::{Found as FoundByte, JsonError};
use super::found::{Found, Frame, Inside, Span};
use super::plain::{STEP, brackets_and_quotes, in_string, not_plain};
use super::reads::{Compiled, KeyStart, NOTHING, StateId};
use super::text::unescape;

/// The longest document, in bytes: Kafka's records are far below.
pub const MAX_LENGTH: usize = u32::MAX as usize - 1;

/// What a document must be beyond RFC 8259.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Arrays and objects within one another, at the most.
    pub max_depth: usize,
    /// Whether half of a surrogate pair (`\ud800`) may stand alone, as RFC 8259 lets it.
    pub lone_surrogates: bool,
    /// Whether arrays and objects that nothing is read of are skipped with only their brackets and strings checked.
    pub only_touched: bool,
}

/// Checks the document and fills `found`. On an error `found` says nothing.
pub fn scan(document: &[u8], rules: &Rules, reads: &Compiled, found: &mut Found) -> Result<(), JsonError> {
    if document.is_empty() {
        return Err(JsonError::Empty);
    }
    if document.len() > MAX_LENGTH {
        return Err(JsonError::TooLong);
    }
    found.begin(reads);
    let mut scanner = Scanner { document, has_wide: false, rules, reads, found, error: None };
    let scanned = scanner.document();
    let error = scanner.error.take();
    // All that is not ASCII stands in strings, so that a document without any is UTF-8. Bytes that are none are the
    // first thing to tell of a document, whatever else is wrong with it.
    if (scanner.has_wide || scanned.is_err())
        && let Err(error) = simdutf8::compat::from_utf8(document)
    {
        return Err(JsonError::NotUtf8 { at: error.valid_up_to() });
    }
    error.map_or(Ok(()), Err)
}

struct Scanner<'a> {
    document: &'a [u8],
    /// Whether a byte of it was seen that is not ASCII.
    has_wide: bool,
    rules: &'a Rules,
    reads: &'a Compiled,
    found: &'a mut Found,
    error: Option<JsonError>,
}

/// An array or object up to its first key or value, or all of it.
enum Opened {
    Filled { first: (usize, u8), within: Inside },
    Done { end: usize },
}

/// The scanner has an error. It is kept apart because a result without it fits a register.
struct Failed;

// === impl Default for Rules ===

impl Default for Rules {
    fn default() -> Self {
        Self { max_depth: 128, lone_surrogates: true, only_touched: false }
    }
}

// === impl Scanner ===

impl Scanner<'_> {
    /// Iterative: a hostile document must not choose how much stack is used.
    fn document(&mut self) -> Result<(), Failed> {
        let (mut at, mut byte) = self.token(0);
        let mut inside = Inside::DOCUMENT;
        let mut state = 0;
        self.found.enter(self.reads, state);
        loop {
            (at, byte) = match byte {
                b'{' | b'[' => match self.open(at, state, inside)? {
                    Opened::Filled { first, within } => {
                        inside = within;
                        (at, byte, state) = self.first(first, inside)?;
                        continue;
                    }
                    Opened::Done { end } => self.token(end),
                },
                _ => {
                    let end = self.scalar(at, byte, state)?;
                    self.token(end)
                }
            };
            loop {
                match (byte, inside.is_object) {
                    (b',', true) => {
                        (at, byte) = self.token(at + 1);
                        (at, byte, state) = self.key(at, byte, inside.state)?;
                        break;
                    }
                    (b'}', true) => inside = self.close(at),
                    _ if self.found.frames.is_empty() => return self.end(at),
                    (b',', false) => {
                        (at, byte) = self.token(at + 1);
                        state = self.next_element(inside.state);
                        break;
                    }
                    (b']', false) => inside = self.close(at),
                    (_, true) => return Err(self.unexpected(at, "`,` or `}`")),
                    (_, false) => return Err(self.unexpected(at, "`,` or `]`")),
                }
                (at, byte) = self.token(at + 1);
            }
        }
    }

    fn end(&mut self, at: usize) -> Result<(), Failed> {
        if at < self.document.len() {
            return Err(self.unexpected(at, "the end of the document"));
        }
        Ok(())
    }

    /// A string, number or word, up to its end.
    #[inline(always)]
    fn scalar(&mut self, start: usize, byte: u8, state: StateId) -> Result<usize, Failed> {
        let end = match byte {
            b'"' => self.string(start)?.0,
            b'-' | b'0'..=b'9' => self.number(start, byte)?,
            b't' => self.word(start, b"true")?,
            b'f' => self.word(start, b"false")?,
            b'n' => self.word(start, b"null")?,
            _ => return Err(self.unexpected(start, "a value")),
        };
        if state != NOTHING {
            self.found.keep(self.reads, state, Span::new(start, end));
        }
        Ok(end)
    }

    #[inline(always)]
    fn open(&mut self, at: usize, state: StateId, inside: Inside) -> Result<Opened, Failed> {
        if self.found.frames.len() >= self.rules.max_depth {
            return Err(self.fail(JsonError::TooDeep { max: self.rules.max_depth, at }));
        }
        let is_read = inside.is_read || self.reads.is_read(state);
        if state == NOTHING && !is_read && self.rules.only_touched {
            return Ok(Opened::Done { end: self.skip_container(at)? });
        }
        let within = Inside { state: self.reads.within(state), is_object: self.byte(at) == Some(b'{'), is_read };
        self.found.frames.push(Frame { state, start: Span::new(at, 0).start, element: 0, within });
        if within.state != NOTHING {
            self.found.begin_lists(self.reads, state);
        }
        let first = self.token(at + 1);
        match (within.is_object, first.1) {
            (true, b'}') | (false, b']') => {
                self.close(first.0);
                Ok(Opened::Done { end: first.0 + 1 })
            }
            _ => Ok(Opened::Filled { first, within }),
        }
    }

    /// What is open behind the bracket.
    #[inline(always)]
    fn close(&mut self, at: usize) -> Inside {
        if let Some(frame) = self.found.frames.pop()
            && frame.state != NOTHING
        {
            if self.reads.within(frame.state) != NOTHING {
                self.found.end_lists(self.reads, frame.state);
            }
            self.found.keep(self.reads, frame.state, Span::new(frame.start as usize, at + 1));
        }
        self.found.frames.last().map_or(Inside::DOCUMENT, |frame| frame.within)
    }

    #[inline(always)]
    fn element(&mut self, inside: StateId, place: u32) -> StateId {
        if inside == NOTHING { NOTHING } else { self.found.element(self.reads, inside, place) }
    }

    #[inline(always)]
    fn next_element(&mut self, inside: StateId) -> StateId {
        if inside == NOTHING {
            return NOTHING;
        }
        let place = self.found.frames.last_mut().map_or(0, |frame| {
            frame.element += 1;
            frame.element
        });
        self.found.element(self.reads, inside, place)
    }

    /// The first value in an array or object, where it begins, and its first byte.
    #[inline(always)]
    fn first(&mut self, (at, byte): (usize, u8), inside: Inside) -> Result<(usize, u8, StateId), Failed> {
        match inside.is_object {
            true => self.key(at, byte, inside.state),
            false => Ok((at, byte, self.element(inside.state, 0))),
        }
    }

    /// Reads a key and its colon, up to the member's value.
    #[inline(always)]
    fn key(&mut self, start: usize, byte: u8, inside: StateId) -> Result<(usize, u8, StateId), Failed> {
        if byte != b'"' {
            return Err(self.unexpected(start, "a key in quotes"));
        }
        // Most keys are short, without escapes, and with neither white space before the colon nor behind it.
        let end = self.plain_end(start + 1);
        let rest = self.document.get(end..).and_then(<[u8]>::first_chunk);
        if let Some([b'"', b':', byte]) = rest
            && *byte > b' '
        {
            let content = Span::new(start + 1, end);
            let state = if inside == NOTHING { NOTHING } else { self.member(inside, content) };
            return Ok((end + 2, *byte, state));
        }
        self.other_key(start, inside)
    }

    #[inline(never)]
    fn other_key(&mut self, start: usize, inside: StateId) -> Result<(usize, u8, StateId), Failed> {
        let (end, has_escapes) = self.string(start)?;
        let (colon, byte) = self.token(end);
        if byte != b':' {
            return Err(self.unexpected(colon, "`:`"));
        }
        let content = Span::new(start + 1, end - 1);
        let state = match (inside, has_escapes) {
            (NOTHING, _) => NOTHING,
            (_, false) => self.member(inside, content),
            (_, true) => self.escaped_member(inside, content),
        };
        let (at, byte) = self.token(colon + 1);
        Ok((at, byte, state))
    }

    #[inline(never)]
    fn member(&mut self, inside: StateId, content: Span) -> StateId {
        let start = KeyStart::within(self.document, content.range());
        let key = &self.document[content.range()];
        self.found.member(self.reads, inside, (key, start), content)
    }

    #[cold]
    fn escaped_member(&mut self, inside: StateId, content: Span) -> StateId {
        let key = unescape(&String::from_utf8_lossy(&self.document[content.range()]));
        let key = (key.as_bytes(), KeyStart::of(key.as_bytes()));
        self.found.member(self.reads, inside, key, content)
    }

    /// Reads a string from its first quote to behind its last, and says whether it has escapes.
    #[inline(always)]
    fn string(&mut self, start: usize) -> Result<(usize, bool), Failed> {
        // Most strings are short, and without escapes.
        let end = self.plain_end(start + 1);
        if self.byte(end) == Some(b'"') {
            return Ok((end + 1, false));
        }
        self.long_string(start + 1)
    }

    /// Behind the plain characters here, or those of one step.
    #[inline(always)]
    fn plain_end(&self, at: usize) -> usize {
        let bytes = self.document.get(at..).and_then(<[u8]>::first_chunk);
        at + bytes.map_or(0, |bytes| (not_plain(bytes) | 1 << STEP).trailing_zeros() as usize)
    }

    #[inline(never)]
    fn long_string(&mut self, mut at: usize) -> Result<(usize, bool), Failed> {
        let mut has_escapes = false;
        loop {
            let Some(bytes) = self.step(at) else { return Err(self.unexpected(at, "`\"`")) };
            let found = in_string(&bytes);
            self.has_wide |= found.wide != 0;
            if found.ends == 0 {
                at += STEP;
                continue;
            }
            at += found.ends.trailing_zeros() as usize;
            match self.byte(at) {
                Some(b'"') => return Ok((at + 1, has_escapes)),
                Some(b'\\') => (at, has_escapes) = (self.escape(at)?, true),
                Some(_) => return Err(self.unexpected(at, "no control character in a string")),
                None => return Err(self.unexpected(at, "`\"`")),
            }
        }
    }

    /// The bytes from here on. Behind the end of the document stand quotes, which end any search; `None` at the end.
    fn step(&self, at: usize) -> Option<[u8; STEP]> {
        let rest = self.document.get(at..)?;
        if let Some(bytes) = rest.first_chunk() {
            return Some(*bytes);
        }
        let mut bytes = [b'"'; STEP];
        bytes[..rest.len()].copy_from_slice(rest);
        (!rest.is_empty()).then_some(bytes)
    }

    fn escape(&mut self, start: usize) -> Result<usize, Failed> {
        match self.byte(start + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(start + 2),
            Some(b'u') => {
                let unit = self.unit(start)?;
                match (0xd800..0xe000).contains(&unit) && !self.rules.lone_surrogates {
                    true => self.pair(start, unit),
                    false => Ok(start + UNIT),
                }
            }
            _ => Err(self.unexpected(start + 1, "one of `\"\\/bfnrtu` after `\\`")),
        }
    }

    /// The four digits of `\uXXXX`.
    fn unit(&mut self, start: usize) -> Result<u32, Failed> {
        let mut unit = 0;
        for at in start + 2..start + UNIT {
            let digit = self.byte(at).and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else { return Err(self.unexpected(at, "a hexadecimal digit")) };
            unit = unit << 4 | digit;
        }
        Ok(unit)
    }

    /// A surrogate pair, of which `unit` must be the first half, up to its end.
    fn pair(&mut self, start: usize, unit: u32) -> Result<usize, Failed> {
        let second = start + UNIT;
        if unit < 0xdc00
            && self.document[second..].starts_with(b"\\u")
            && (0xdc00..0xe000).contains(&self.unit(second)?)
        {
            return Ok(second + UNIT);
        }
        Err(self.fail(JsonError::LoneSurrogate { at: start }))
    }

    #[inline(always)]
    fn number(&mut self, start: usize, byte: u8) -> Result<usize, Failed> {
        let start = if byte == b'-' { start + 1 } else { start };
        let mut at = self.digits(start)?;
        if self.byte(start) == Some(b'0') {
            at = start + 1;
        }
        if self.byte(at) == Some(b'.') {
            at = self.digits(at + 1)?;
        }
        match self.byte(at) {
            Some(b'e' | b'E') => self.exponent(at + 1),
            _ => Ok(at),
        }
    }

    #[inline(never)]
    fn exponent(&mut self, start: usize) -> Result<usize, Failed> {
        let sign = matches!(self.byte(start), Some(b'+' | b'-'));
        self.digits(start + usize::from(sign))
    }

    #[inline(always)]
    fn digits(&mut self, start: usize) -> Result<usize, Failed> {
        let mut at = start;
        while self.byte(at).is_some_and(|byte| byte.is_ascii_digit()) {
            at += 1;
        }
        if at == start {
            return Err(self.unexpected(at, "a digit"));
        }
        Ok(at)
    }

    #[inline(always)]
    fn word(&mut self, start: usize, word: &'static [u8]) -> Result<usize, Failed> {
        let end = start + word.len();
        if self.document.get(start..end) == Some(word) {
            return Ok(end);
        }
        Err(self.unexpected(start, "a value"))
    }

    /// From an opening bracket to behind the one that closes it; what is between is only skipped.
    fn skip_container(&mut self, mut at: usize) -> Result<usize, Failed> {
        let mut depth = 0;
        loop {
            let Some(bytes) = self.step(at) else { return Err(self.unexpected(at, "a closing bracket")) };
            let found = brackets_and_quotes(&bytes);
            if found == 0 {
                at += STEP;
                continue;
            }
            at += found.trailing_zeros() as usize;
            match self.byte(at) {
                Some(b'"') => {
                    at = self.string(at)?.0;
                    continue;
                }
                Some(b'{' | b'[') => depth += 1,
                Some(_) => depth -= 1,
                None => return Err(self.unexpected(at, "a closing bracket")),
            }
            if self.found.frames.len() + depth > self.rules.max_depth {
                return Err(self.fail(JsonError::TooDeep { max: self.rules.max_depth, at }));
            }
            at += 1;
            if depth == 0 {
                return Ok(at);
            }
        }
    }

    /// Where the next token begins, and its first byte: 0, which begins none, at the end.
    #[inline(always)]
    fn token(&mut self, at: usize) -> (usize, u8) {
        match self.byte(at) {
            Some(byte) if byte > b' ' => (at, byte),
            Some(_) => self.skip_white_space(at),
            None => (at, 0),
        }
    }

    #[inline(never)]
    fn skip_white_space(&mut self, at: usize) -> (usize, u8) {
        let is_white_space = |byte: &u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
        let rest = &self.document[at..];
        let count = rest.iter().position(|byte| !is_white_space(byte)).unwrap_or(rest.len());
        if count > 0 {
            self.found.gaps.push(Span::new(at, at + count));
        }
        (at + count, self.byte(at + count).unwrap_or(0))
    }

    #[inline(always)]
    fn byte(&self, at: usize) -> Option<u8> {
        self.document.get(at).copied()
    }

    #[cold]
    fn unexpected(&mut self, at: usize, expected: &'static str) -> Failed {
        self.fail(JsonError::Unexpected { expected, found: FoundByte::at(self.document, at), at })
    }

    #[cold]
    fn fail(&mut self, error: JsonError) -> Failed {
        self.error = Some(error);
        Failed
    }
}

/// The length of `\uXXXX`.
const UNIT: usize = 6;

#[cfg(test)]
mod tests {
    use super::super::compact;
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
            let found = FoundByte::Byte(byte);
            assert_eq!(compact(&document, &mut Vec::new()), Err(JsonError::Unexpected { expected, found, at: 2 }));
        }
        assert!(compacted("\"\u{7f}\u{80}\"").is_ok());
    }

    #[test]
    fn depth_is_bounded_and_costs_no_stack() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(compacted(&nested(128)).is_ok());
        assert_eq!(compacted(&nested(129)), Err(JsonError::TooDeep { max: 128, at: 128 }));
        assert_eq!(compacted(&"[".repeat(1 << 20)), Err(JsonError::TooDeep { max: 128, at: 128 }));
        assert!(compacted(&("{\"a\":".repeat(128) + "1" + &"}".repeat(128))).is_ok());
    }

    #[test]
    fn what_was_there_before_an_error_stays() {
        let mut out = b"kept".to_vec();
        assert!(compact(b"[ 1, oops ]", &mut out).is_err());
        assert_eq!(out, b"kept");
    }
}
