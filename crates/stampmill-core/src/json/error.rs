//! Why bytes are not a JSON document.

use thiserror::Error;

use crate::fault::{Fault, FaultClass};

/// Positions are in bytes from 0.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum JsonError {
    #[error("no bytes at all, where a JSON document is expected")]
    Empty,
    #[error("longer than {} bytes", super::MAX_LENGTH)]
    TooLong,
    #[error("not UTF-8 at byte {at}")]
    NotUtf8 { at: usize },
    #[error("expected {expected} at byte {at}, and found {found}")]
    Unexpected { expected: &'static str, found: Found, at: usize },
    #[error("more than {max} arrays and objects within one another at byte {at}")]
    TooDeep { max: usize, at: usize },
    #[error("half of a surrogate pair without the other at byte {at}, and `surrogates: reject` takes none")]
    LoneSurrogate { at: usize },
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

// === impl Found ===

impl Found {
    /// What stands at a byte of a document that need not be UTF-8.
    pub(super) fn at(document: &[u8], at: usize) -> Self {
        let rest = document.get(at..).unwrap_or_default();
        let character = rest.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next());
        match (character, rest.first()) {
            (Some(character), _) if !character.is_control() => Self::Character(character),
            (_, Some(byte)) => Self::Byte(*byte),
            (_, None) => Self::End,
        }
    }
}

impl From<JsonError> for Fault {
    fn from(error: JsonError) -> Self {
        let class = match error {
            JsonError::Empty => FaultClass::Empty,
            JsonError::NotUtf8 { .. } => FaultClass::InvalidUtf8,
            JsonError::Unexpected { .. } | JsonError::LoneSurrogate { .. } => FaultClass::NotJson,
            JsonError::TooDeep { .. } => FaultClass::TooDeep,
            JsonError::TooLong => FaultClass::TooLarge,
        };
        Fault::new(class, format!("the payload is not a JSON document: {error}"))
    }
}
