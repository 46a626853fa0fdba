//! The tokens of a document: strings, numbers, words, and the white space between them.

use super::error::JsonError;
use super::found::Span;
use super::plain::{STEP, brackets_and_quotes, in_string, not_plain};
use super::scan::{Failed, Scanner};

/// The length of `\uXXXX`.
const UNIT: usize = 6;

// === impl Scanner ===

impl Scanner<'_> {
    /// Reads a string from its first quote to behind its last, and says whether it has escapes.
    #[inline(always)]
    pub(super) fn string(&mut self, start: usize) -> Result<(usize, bool), Failed> {
        // Most strings are short, and without escapes.
        let end = self.plain_end(start + 1);
        if self.byte(end) == Some(b'"') {
            return Ok((end + 1, false));
        }
        self.long_string(start + 1)
    }

    /// Behind the plain characters here, or those of one step.
    #[inline(always)]
    pub(super) fn plain_end(&self, at: usize) -> usize {
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
    pub(super) fn number(&mut self, start: usize, byte: u8) -> Result<usize, Failed> {
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
    pub(super) fn word(&mut self, start: usize, word: &'static [u8]) -> Result<usize, Failed> {
        let end = start + word.len();
        if self.document.get(start..end) == Some(word) {
            return Ok(end);
        }
        Err(self.unexpected(start, "a value"))
    }

    /// From an opening bracket to behind the one that closes it; what is between is only skipped.
    pub(super) fn skip_container(&mut self, mut at: usize) -> Result<usize, Failed> {
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
    pub(super) fn token(&mut self, at: usize) -> (usize, u8) {
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
}
