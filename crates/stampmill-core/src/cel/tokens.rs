//! The words of an expression (CEL's language definition, "Syntax").

use super::error::{Mistake, Place};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A name, or a word that the language keeps for itself.
    Name(String),
    /// A field's name between `` ` `` and `` ` ``.
    Quoted(String),
    Int(i64),
    /// `1u`.
    Uint(u64),
    /// With a point or an exponent, as JSON writes it.
    Decimal(String),
    Text(String),
    Bytes(Vec<u8>),
    Symbol(&'static str),
    /// `-9223372036854775808` is a whole number, and this is one more than the largest.
    LeastInt,
    End,
}

/// Longer ones first.
const SYMBOLS: [&str; 24] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",", "(", ")", "[", "]",
    "{", "}",
];

struct Reader<'a> {
    source: &'a str,
    at: usize,
}

/// The words and where they stand; the last is [`Token::End`].
pub(super) fn tokens(source: &str) -> Result<Vec<(Token, Place)>, Mistake> {
    let mut reader = Reader { source, at: 0 };
    let mut tokens = Vec::new();
    loop {
        reader.skip();
        let start = reader.at;
        let token = reader.token()?;
        let is_end = token == Token::End;
        tokens.push((token, Place::new(start, reader.at)));
        if is_end {
            return Ok(tokens);
        }
    }
}

// === impl Reader ===

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.source[self.at..]
    }

    fn fail<T>(&self, start: usize, message: impl Into<String>) -> Result<T, Mistake> {
        Err(Place::new(start, self.at).mistake(message))
    }

    /// White space, and comments up to the end of their line.
    fn skip(&mut self) {
        loop {
            let rest = self.rest();
            let white = rest.trim_start_matches([' ', '\t', '\r', '\n', '\u{c}']);
            self.at += rest.len() - white.len();
            if !white.starts_with("//") {
                return;
            }
            self.at += white.find('\n').unwrap_or(white.len());
        }
    }

    fn token(&mut self) -> Result<Token, Mistake> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(Token::End) };
        let second = rest.chars().nth(1);
        if first.is_ascii_digit() || (first == '.' && second.is_some_and(|next| next.is_ascii_digit())) {
            return self.number();
        }
        if let Some(prefix) = string_prefix(rest) {
            return self.string(prefix);
        }
        if first.is_ascii_alphabetic() || first == '_' {
            let is_part = |character: char| character.is_ascii_alphanumeric() || character == '_';
            let length = rest.find(|character| !is_part(character)).unwrap_or(rest.len());
            self.at += length;
            return Ok(Token::Name(rest[..length].to_owned()));
        }
        if first == '`' {
            return self.quoted();
        }
        if let Some(symbol) = SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol)) {
            self.at += symbol.len();
            return Ok(Token::Symbol(symbol));
        }
        let hint = match first {
            '=' => "did you mean `==`?",
            '&' => "did you mean `&&`?",
            '|' => "did you mean `||`?",
            _ => "no such character stands outside of strings",
        };
        self.at += first.len_utf8();
        self.fail(self.at - first.len_utf8(), format!("found `{}`: {hint}", first.escape_debug()))
    }

    fn quoted(&mut self) -> Result<Token, Mistake> {
        let start = self.at;
        let content = &self.rest()[1..];
        let is_part = |character: char| character.is_ascii_alphanumeric() || "_.-/ ".contains(character);
        let length = content.find(|character| !is_part(character)).unwrap_or(content.len());
        self.at += 1 + length;
        if length == 0 || !content[length..].starts_with('`') {
            return self.fail(start, "expected a field's name between backticks, of letters, digits and `_.-/ `");
        }
        self.at += 1;
        Ok(Token::Quoted(content[..length].to_owned()))
    }

    fn number(&mut self) -> Result<Token, Mistake> {
        let (start, rest) = (self.at, self.rest());
        if let Some(digits) = rest.strip_prefix("0x").or_else(|| rest.strip_prefix("0X")) {
            let length = digits.find(|digit: char| !digit.is_ascii_hexdigit()).unwrap_or(digits.len());
            self.at += 2 + length;
            return self.whole(start, &digits[..length], 16);
        }
        let digits = |text: &str| text.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(text.len());
        let mut length = digits(rest);
        let mut is_whole = true;
        // `1.size()` would be a call of a number: what follows a point must be a digit.
        if let Some(fraction) = rest[length..].strip_prefix('.')
            && digits(fraction) > 0
        {
            (length, is_whole) = (length + 1 + digits(fraction), false);
        }
        if let Some(exponent) = rest[length..].strip_prefix(['e', 'E']) {
            let sign = usize::from(exponent.starts_with(['+', '-']));
            let count = digits(&exponent[sign..]);
            if count > 0 {
                (length, is_whole) = (length + 1 + sign + count, false);
            }
        }
        self.at += length;
        match is_whole {
            true => self.whole(start, &rest[..length], 10),
            false => self.decimal(start, &rest[..length]),
        }
    }

    /// `.5` and `007.5` are decimals to CEL, and none to JSON.
    fn decimal(&mut self, start: usize, text: &str) -> Result<Token, Mistake> {
        self.ends(start)?;
        let zeros = text.trim_start_matches('0');
        let text =
            if zeros.starts_with(|first: char| first.is_ascii_digit()) { zeros.into() } else { format!("0{zeros}") };
        Ok(Token::Decimal(text))
    }

    fn whole(&mut self, start: usize, digits: &str, radix: u32) -> Result<Token, Mistake> {
        let is_unsigned = self.rest().starts_with(['u', 'U']);
        self.at += usize::from(is_unsigned);
        self.ends(start)?;
        let value = u64::from_str_radix(digits, radix);
        match (value, is_unsigned) {
            (Ok(value), true) => Ok(Token::Uint(value)),
            (Ok(value), false) if value == 1 << 63 => Ok(Token::LeastInt),
            (Ok(value), false) if i64::try_from(value).is_ok() => Ok(Token::Int(value.cast_signed())),
            _ if digits.is_empty() => self.fail(start, "expected hexadecimal digits after `0x`"),
            _ => self.fail(start, format!("a whole number has 64 bits: write `{digits}.0`, which is a decimal")),
        }
    }

    /// A number is not followed by a letter.
    fn ends(&mut self, start: usize) -> Result<(), Mistake> {
        match self.rest().chars().next() {
            Some(next) if next.is_ascii_alphanumeric() || next == '_' => {
                self.at += 1;
                self.fail(start, format!("expected the end of a number, and found `{next}`"))
            }
            _ => Ok(()),
        }
    }

    fn string(&mut self, Prefix { length, is_raw, is_bytes }: Prefix) -> Result<Token, Mistake> {
        let start = self.at;
        self.at += length;
        let rest = self.rest();
        let one = &rest[..1];
        let quote = if rest.starts_with(&one.repeat(3)) { one.repeat(3) } else { one.to_owned() };
        self.at += quote.len();
        let mut bytes = Vec::new();
        loop {
            let rest = self.rest();
            let Some(next) = rest.chars().next() else {
                return self.fail(start, format!("expected `{quote}` at the end of the string"));
            };
            if rest.starts_with(&quote) {
                self.at += quote.len();
                break;
            }
            match next {
                '\n' | '\r' if quote.len() == 1 => {
                    return self
                        .fail(start, format!("expected `{one}` at the end of the string, before the line ends"));
                }
                '\\' if !is_raw => self.escape(is_bytes, &mut bytes)?,
                _ => {
                    self.at += next.len_utf8();
                    bytes.extend_from_slice(&rest.as_bytes()[..next.len_utf8()]);
                }
            }
        }
        match is_bytes {
            true => Ok(Token::Bytes(bytes)),
            // Characters and characters' escapes come together as UTF-8.
            false => Ok(Token::Text(String::from_utf8(bytes).unwrap_or_default())),
        }
    }

    fn escape(&mut self, is_bytes: bool, bytes: &mut Vec<u8>) -> Result<(), Mistake> {
        let (start, escape) = (self.at, &self.rest()[1..]);
        let Some(kind) = escape.chars().next() else { return self.fail(start, "expected a character after `\\`") };
        let (skipped, digits, radix) = match kind {
            'x' | 'X' => (1, 2, 16),
            'u' if !is_bytes => (1, 4, 16),
            'U' if !is_bytes => (1, 8, 16),
            '0'..='3' => (0, 3, 8),
            _ => {
                self.at += 1 + kind.len_utf8();
                let Some(byte) = plain_escape(kind) else {
                    return self.fail(start, format!("there is no escape `\\{kind}`: write `\\\\{kind}`, or r\"…\""));
                };
                bytes.push(byte);
                return Ok(());
            }
        };
        let code = escape.get(skipped..skipped + digits).and_then(|digits| code(digits, radix));
        self.at += 1 + skipped + if code.is_some() { digits } else { 0 };
        let character = code.and_then(char::from_u32);
        match (code, character) {
            (Some(code), _) if is_bytes => bytes.push(u8::try_from(code).unwrap_or(u8::MAX)),
            (_, Some(character)) => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
            (Some(_), None) => return self.fail(start, "the escape stands for no character"),
            (None, _) => return self.fail(start, format!("expected {digits} digits of base {radix} in the escape")),
        }
        Ok(())
    }
}

struct Prefix {
    length: usize,
    is_raw: bool,
    is_bytes: bool,
}

/// What stands before the quote of a string; `None` if there is no string.
fn string_prefix(rest: &str) -> Option<Prefix> {
    let length = rest.bytes().take(3).position(|byte| matches!(byte, b'"' | b'\''))?;
    let letters = rest[..length].to_ascii_lowercase();
    matches!(letters.as_str(), "" | "r" | "b" | "br" | "rb").then(|| Prefix {
        length,
        is_raw: letters.contains('r'),
        is_bytes: letters.contains('b'),
    })
}

fn plain_escape(kind: char) -> Option<u8> {
    Some(match kind {
        'a' => 0x07,
        'b' => 0x08,
        'f' => 0x0c,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 0x0b,
        '\\' | '?' | '"' | '\'' | '`' => u8::try_from(kind).ok()?,
        _ => return None,
    })
}

/// `from_str_radix` alone takes a sign.
fn code(digits: &str, radix: u32) -> Option<u32> {
    let are_digits = digits.chars().all(|digit| digit.is_digit(radix));
    if are_digits { u32::from_str_radix(digits, radix).ok() } else { None }
}
