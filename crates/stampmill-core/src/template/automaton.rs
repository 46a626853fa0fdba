//! JSON as a push-down automaton (RFC 8259), fed by the characters of a template's text.

/// Where in a document a text has come to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Automaton {
    /// The brackets that are open, as they are written.
    pub(super) open: Vec<char>,
    mode: Mode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mode {
    /// At the start, or behind a colon.
    Value,
    /// Behind `[`.
    FirstElement,
    /// Behind a comma in an array.
    NextElement,
    /// Behind `{`.
    FirstKey,
    /// Behind a comma in an object.
    NextKey,
    /// Within quotes.
    String {
        key: bool,
    },
    /// Within quotes, behind `\`.
    Escape {
        key: bool,
    },
    /// Within quotes, with so many hexadecimal digits to come.
    Unicode {
        key: bool,
        digits: u8,
    },
    /// Behind a key.
    Colon,
    Number(Number),
    /// Within `true`, `false` or `null`: what is to come of it.
    Word(&'static str),
    AfterValue,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Number {
    Minus,
    Zero,
    Digits,
    Point,
    Fraction,
    Exponent,
    Sign,
    ExponentDigits,
}

/// What an expression would become here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    Value,
    String,
}

/// What `commas: fix` does at run time where some record leads to a comma too many or too few.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Repair {
    /// The comma here is written only behind a value.
    Drop,
    /// A comma before this closing bracket is taken back.
    TakeBack,
    /// A comma is written first, if the last thing was a value.
    Add,
}

/// What was expected, and whether a repair of commas would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unexpected {
    pub(super) expected: &'static str,
    pub(super) repair: Option<Repair>,
}

type Stepped = Result<(), Unexpected>;

const HEX: &str = "a hexadecimal digit of `\\uXXXX`";

// === impl Automaton ===

impl Automaton {
    pub(super) fn new() -> Self {
        Self { open: Vec::new(), mode: Mode::Value }
    }

    /// Whether what came so far is a whole document.
    pub(super) fn is_complete(&self) -> bool {
        self.mode == Mode::AfterValue && self.open.is_empty()
    }

    /// A text, an expression or a block ends here: no number or word goes on in the next.
    pub(super) fn border(&mut self) -> Stepped {
        match self.mode {
            Mode::Number(Number::Zero | Number::Digits | Number::Fraction | Number::ExponentDigits) => {
                self.mode = Mode::AfterValue;
                Ok(())
            }
            Mode::Number(_) => unexpected("a digit: a number is written in one piece"),
            Mode::Word(_) => unexpected("the rest of `true`, `false` or `null`: a word is written in one piece"),
            _ => Ok(()),
        }
    }

    /// An expression comes.
    pub(super) fn expression(&mut self) -> Result<Standing, Unexpected> {
        match self.mode {
            Mode::Value | Mode::FirstElement | Mode::NextElement => {
                self.mode = Mode::AfterValue;
                Ok(Standing::Value)
            }
            Mode::String { .. } => Ok(Standing::String),
            Mode::Escape { .. } | Mode::Unicode { .. } => Err(Unexpected {
                expected: "the rest of an escape; Handlebars takes one of the backslashes before a tag for itself, so \
                           write one more",
                repair: None,
            }),
            Mode::FirstKey | Mode::NextKey => {
                unexpected("a key in quotes: write `\"{{…}}\"`, or a value behind its key and `:`")
                    .map(|()| Standing::Value)
            }
            Mode::AfterValue if self.open.last() == Some(&'[') => {
                Err(Unexpected { expected: self.after_value(), repair: Some(Repair::Add) })
            }
            _ => unexpected(self.expected()).map(|()| Standing::Value),
        }
    }

    /// A character of the text comes.
    pub(super) fn step(&mut self, character: char) -> Stepped {
        match self.mode {
            Mode::String { key } => self.in_string(key, character),
            Mode::Escape { key } => self.in_escape(key, character),
            Mode::Unicode { key, digits } => self.in_unicode(key, digits, character),
            Mode::Number(number) => self.in_number(number, character),
            Mode::Word(rest) => self.in_word(rest, character),
            _ if matches!(character, ' ' | '\n' | '\r' | '\t') => Ok(()),
            Mode::AfterValue => self.behind_value(character),
            Mode::Colon => match character {
                ':' => self.go(Mode::Value),
                _ => unexpected("`:`"),
            },
            Mode::FirstKey | Mode::NextKey => self.at_key(character),
            Mode::Value | Mode::FirstElement | Mode::NextElement => self.at_value(character),
        }
    }

    /// The comma that is missing here is there.
    pub(super) fn add_comma(&mut self) {
        self.mode = if self.open.last() == Some(&'{') { Mode::NextKey } else { Mode::NextElement };
    }

    /// The bracket that closes here, with the comma before it taken back.
    pub(super) fn close_without_comma(&mut self) {
        self.open.pop();
        self.mode = Mode::AfterValue;
    }

    fn go(&mut self, mode: Mode) -> Stepped {
        self.mode = mode;
        Ok(())
    }

    fn at_value(&mut self, character: char) -> Stepped {
        match character {
            '"' => self.go(Mode::String { key: false }),
            '{' => self.open(character, Mode::FirstKey),
            '[' => self.open(character, Mode::FirstElement),
            ']' if self.mode == Mode::FirstElement => self.close(),
            '-' => self.go(Mode::Number(Number::Minus)),
            '0' => self.go(Mode::Number(Number::Zero)),
            '1'..='9' => self.go(Mode::Number(Number::Digits)),
            't' => self.go(Mode::Word("rue")),
            'f' => self.go(Mode::Word("alse")),
            'n' => self.go(Mode::Word("ull")),
            ']' if self.mode == Mode::NextElement => {
                Err(Unexpected { expected: "a value behind the comma", repair: Some(Repair::TakeBack) })
            }
            ',' if self.mode != Mode::Value => Err(Unexpected { expected: "a value", repair: Some(Repair::Drop) }),
            _ => unexpected("a value"),
        }
    }

    fn at_key(&mut self, character: char) -> Stepped {
        match character {
            '"' => self.go(Mode::String { key: true }),
            '}' if self.mode == Mode::FirstKey => self.close(),
            '}' => Err(Unexpected { expected: "a key in quotes behind the comma", repair: Some(Repair::TakeBack) }),
            ',' => Err(Unexpected { expected: "a key in quotes", repair: Some(Repair::Drop) }),
            _ => unexpected("a key in quotes"),
        }
    }

    fn behind_value(&mut self, character: char) -> Stepped {
        match (self.open.last(), character) {
            (Some('{'), ',') => self.go(Mode::NextKey),
            (Some('['), ',') => self.go(Mode::NextElement),
            (Some('{'), '}') | (Some('['), ']') => self.close(),
            (Some('{'), '"') => Err(Unexpected { expected: self.after_value(), repair: Some(Repair::Add) }),
            (Some('['), other) if begins_value(other) => {
                Err(Unexpected { expected: self.after_value(), repair: Some(Repair::Add) })
            }
            _ => unexpected(self.after_value()),
        }
    }

    fn open(&mut self, bracket: char, mode: Mode) -> Stepped {
        self.open.push(bracket);
        self.go(mode)
    }

    fn close(&mut self) -> Stepped {
        self.open.pop();
        self.go(Mode::AfterValue)
    }

    fn in_string(&mut self, key: bool, character: char) -> Stepped {
        match character {
            '"' if key => self.go(Mode::Colon),
            '"' => self.go(Mode::AfterValue),
            '\\' => self.go(Mode::Escape { key }),
            '\0'..=' ' if character != ' ' => unexpected("no line end or other control character in a string"),
            _ => Ok(()),
        }
    }

    fn in_escape(&mut self, key: bool, character: char) -> Stepped {
        match character {
            '"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't' => self.go(Mode::String { key }),
            'u' => self.go(Mode::Unicode { key, digits: 4 }),
            _ => unexpected("one of `\"\\/bfnrtu` behind `\\`"),
        }
    }

    fn in_unicode(&mut self, key: bool, digits: u8, character: char) -> Stepped {
        match (character.is_ascii_hexdigit(), digits) {
            (true, 1) => self.go(Mode::String { key }),
            (true, _) => self.go(Mode::Unicode { key, digits: digits - 1 }),
            (false, _) => unexpected(HEX),
        }
    }

    fn in_number(&mut self, number: Number, character: char) -> Stepped {
        let next = match (number, character) {
            (Number::Minus, '0') => Number::Zero,
            (Number::Minus, '1'..='9') => Number::Digits,
            (Number::Digits, '0'..='9') => Number::Digits,
            (Number::Zero | Number::Digits, '.') => Number::Point,
            (Number::Point | Number::Fraction, '0'..='9') => Number::Fraction,
            (Number::Zero | Number::Digits | Number::Fraction, 'e' | 'E') => Number::Exponent,
            (Number::Exponent, '+' | '-') => Number::Sign,
            (Number::Exponent | Number::Sign | Number::ExponentDigits, '0'..='9') => Number::ExponentDigits,
            _ => {
                self.border()?;
                return self.step(character);
            }
        };
        self.go(Mode::Number(next))
    }

    fn in_word(&mut self, rest: &'static str, character: char) -> Stepped {
        match rest.strip_prefix(character) {
            Some("") => self.go(Mode::AfterValue),
            Some(rest) => self.go(Mode::Word(rest)),
            None => unexpected("a value"),
        }
    }

    fn after_value(&self) -> &'static str {
        match self.open.last() {
            Some('{') => "`,` or `}`",
            Some(_) => "`,` or `]`",
            None => "the end of the document",
        }
    }

    /// What is expected at the end of a text.
    pub(super) fn expected(&self) -> &'static str {
        match self.mode {
            Mode::Value | Mode::NextElement => "a value",
            Mode::FirstElement => "a value or `]`",
            Mode::FirstKey => "a key in quotes or `}`",
            Mode::NextKey => "a key in quotes",
            Mode::String { .. } => "`\"`",
            Mode::Escape { .. } => "one of `\"\\/bfnrtu` behind `\\`",
            Mode::Unicode { .. } => HEX,
            Mode::Colon => "`:`",
            Mode::Number(_) => "a digit",
            Mode::Word(_) => "the rest of `true`, `false` or `null`",
            Mode::AfterValue => self.after_value(),
        }
    }
}

fn begins_value(character: char) -> bool {
    matches!(character, '"' | '{' | '[' | '-' | '0'..='9' | 't' | 'f' | 'n')
}

fn unexpected(expected: &'static str) -> Stepped {
    Err(Unexpected { expected, repair: None })
}
