//! Values of the language, and which kinds of them there are.

use std::borrow::Cow;
use std::fmt;
use std::ops::BitOr;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::number::Number;
use crate::json::unescaped;

/// What an expression comes to. It borrows from the record and from the expression.
#[derive(Clone, Debug)]
pub enum Value<'a> {
    Null,
    Bool(bool),
    Number(Number<'a>),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
    Timestamp(Timestamp),
    Duration(SignedDuration),
    /// An array or object as its document has it, white space and all.
    Json(&'a [u8]),
    List(Arc<[Value<'a>]>),
    /// No key stands twice.
    Map(Arc<[(Value<'a>, Value<'a>)]>),
    /// What `type(…)` says.
    Type(&'static str),
}

/// Kinds that a value may be of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kinds(u16);

// === impl Value ===

impl<'a> Value<'a> {
    /// What stands in a document that was checked.
    #[inline]
    pub(super) fn of_json(json: &'a [u8]) -> Self {
        match json {
            [b'"', content @ .., b'"'] => Self::of_content(content),
            [b'{' | b'[', ..] => Self::Json(json),
            [b't', ..] => Self::Bool(true),
            [b'f', ..] => Self::Bool(false),
            [b'n', ..] => Self::Null,
            number => Self::Number(Number::parse(number)),
        }
    }

    /// The text that the content of a JSON string stands for.
    pub(super) fn of_content(content: &'a [u8]) -> Self {
        match unescaped(content) {
            Some(text) => Self::Text(Cow::Owned(text)),
            None => Self::Text(Cow::Borrowed(as_text(content))),
        }
    }

    /// Text if the bytes are UTF-8.
    pub(super) fn of_bytes(bytes: Option<&'a [u8]>) -> Self {
        match bytes.map(|bytes| (simdutf8::basic::from_utf8(bytes), bytes)) {
            None => Self::Null,
            Some((Ok(text), _)) => Self::Text(Cow::Borrowed(text)),
            Some((Err(_), bytes)) => Self::Bytes(Cow::Borrowed(bytes)),
        }
    }

    pub(super) fn int(whole: i64) -> Self {
        Self::Number(Number::Int(whole))
    }

    pub(super) fn kind(&self) -> Kinds {
        match self {
            Self::Null => Kinds::NULL,
            Self::Bool(_) => Kinds::BOOL,
            Self::Number(number) => match number.whole() {
                Some(_) => Kinds::INT,
                None => Kinds::DECIMAL,
            },
            Self::Text(_) => Kinds::TEXT,
            Self::Bytes(_) => Kinds::BYTES,
            Self::Timestamp(_) => Kinds::TIMESTAMP,
            Self::Duration(_) => Kinds::DURATION,
            Self::Json([b'[', ..]) | Self::List(_) => Kinds::LIST,
            Self::Json(_) | Self::Map(_) => Kinds::MAP,
            Self::Type(_) => Kinds::TYPE,
        }
    }

    /// The same value, without a copy of its text.
    pub(super) fn borrowed(&'a self) -> Self {
        match self {
            Self::Text(text) => Self::Text(Cow::Borrowed(text)),
            Self::Bytes(bytes) => Self::Bytes(Cow::Borrowed(bytes)),
            Self::Number(Number::Long(text)) => Self::Number(Number::Long(Cow::Borrowed(text))),
            other => other.clone(),
        }
    }

    /// `None` for what holds a part of a document: no constant does.
    pub(super) fn into_constant(self) -> Option<Value<'static>> {
        Some(match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Number(number) => Value::Number(number.into_owned()),
            Self::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Self::Bytes(bytes) => Value::Bytes(Cow::Owned(bytes.into_owned())),
            Self::Timestamp(time) => Value::Timestamp(time),
            Self::Duration(duration) => Value::Duration(duration),
            Self::Json(_) => return None,
            Self::List(list) => {
                Value::List(list.iter().map(|value| value.clone().into_constant()).collect::<Option<_>>()?)
            }
            Self::Map(entries) => {
                let constant = |(key, value): &(Value<'a>, Value<'a>)| {
                    Some((key.clone().into_constant()?, value.clone().into_constant()?))
                };
                Value::Map(entries.iter().map(constant).collect::<Option<_>>()?)
            }
            Self::Type(name) => Value::Type(name),
        })
    }
}

/// A document that was scanned is UTF-8, so that this cannot fail; and if it did, nothing would be read.
fn as_text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

// === impl Kinds ===

impl Kinds {
    pub(super) const NULL: Self = Self(1);
    pub(super) const BOOL: Self = Self(1 << 1);
    pub(super) const INT: Self = Self(1 << 2);
    pub(super) const DECIMAL: Self = Self(1 << 3);
    pub(super) const TEXT: Self = Self(1 << 4);
    pub(super) const BYTES: Self = Self(1 << 5);
    pub(super) const TIMESTAMP: Self = Self(1 << 6);
    pub(super) const DURATION: Self = Self(1 << 7);
    pub(super) const LIST: Self = Self(1 << 8);
    pub(super) const MAP: Self = Self(1 << 9);
    pub(super) const TYPE: Self = Self(1 << 10);

    pub(super) const NUMBER: Self = Self(Self::INT.0 | Self::DECIMAL.0);
    pub(super) const ANY: Self = Self((1 << 11) - 1);
    /// What stands in a JSON document.
    pub(super) const JSON: Self =
        Self(Self::NULL.0 | Self::BOOL.0 | Self::NUMBER.0 | Self::TEXT.0 | Self::LIST.0 | Self::MAP.0);

    /// As the language calls them: `type(…)` says so.
    const NAMES: [(Self, &'static str, &'static str); 11] = [
        (Self::BOOL, "bool", "true or false"),
        (Self::INT, "int", "a whole number"),
        (Self::DECIMAL, "double", "a decimal"),
        (Self::TEXT, "string", "a string"),
        (Self::BYTES, "bytes", "bytes"),
        (Self::TIMESTAMP, "google.protobuf.Timestamp", "a timestamp"),
        (Self::DURATION, "google.protobuf.Duration", "a duration"),
        (Self::LIST, "list", "a list"),
        (Self::MAP, "map", "a map"),
        (Self::TYPE, "type", "a type"),
        (Self::NULL, "null_type", "null"),
    ];

    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) fn is_none(self) -> bool {
        self.0 == 0
    }

    pub(super) fn meets(self, other: Self) -> bool {
        !self.and(other).is_none()
    }

    /// Every number counts as each kind of number.
    pub(super) fn with_all_numbers(self) -> Self {
        if self.meets(Self::NUMBER) { self.or(Self::NUMBER) } else { self }
    }

    pub(super) fn type_name(self) -> &'static str {
        Self::NAMES.iter().find(|(kind, ..)| *kind == self).map_or("dyn", |(_, name, _)| name)
    }

    /// The type of that name.
    pub(super) fn type_named(name: &str) -> Option<&'static str> {
        Self::NAMES.iter().find(|(_, known, _)| *known == name).map(|(_, name, _)| *name)
    }
}

impl BitOr for Kinds {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.or(other)
    }
}

/// In words: `a string or null`.
impl fmt::Display for Kinds {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = *self;
        let mut names = Vec::new();
        if rest.and(Self::NUMBER) == Self::NUMBER {
            names.push("a number");
            rest = Self(rest.0 & !Self::NUMBER.0);
        }
        names.extend(Self::NAMES.iter().filter(|(kind, ..)| rest.meets(*kind)).map(|(.., words)| *words));
        match names.split_last() {
            None => out.write_str("nothing"),
            Some((last, [])) => out.write_str(last),
            Some((last, others)) => write!(out, "{} or {last}", others.join(", ")),
        }
    }
}
