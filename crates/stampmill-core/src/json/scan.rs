//! One pass over a document: checks all of it (RFC 8259), and notes where stands what was asked for.

use super::error::{Found as FoundByte, JsonError};
use super::found::{Found, Frame, Inside, Span};
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

pub(super) struct Scanner<'a> {
    pub(super) document: &'a [u8],
    /// Whether a byte of it was seen that is not ASCII.
    pub(super) has_wide: bool,
    pub(super) rules: &'a Rules,
    reads: &'a Compiled,
    pub(super) found: &'a mut Found,
    error: Option<JsonError>,
}

/// An array or object up to its first key or value, or all of it.
enum Opened {
    Filled { first: (usize, u8), within: Inside },
    Done { end: usize },
}

/// The scanner has an error. It is kept apart because a result without it fits a register.
pub(super) struct Failed;

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

    #[inline(always)]
    pub(super) fn byte(&self, at: usize) -> Option<u8> {
        self.document.get(at).copied()
    }

    #[cold]
    pub(super) fn unexpected(&mut self, at: usize, expected: &'static str) -> Failed {
        self.fail(JsonError::Unexpected { expected, found: FoundByte::at(self.document, at), at })
    }

    #[cold]
    pub(super) fn fail(&mut self, error: JsonError) -> Failed {
        self.error = Some(error);
        Failed
    }
}
