//! Why a record cannot be processed: a value that travels with it to the dead letters.

use thiserror::Error;

#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct Fault {
    pub class: FaultClass,
    /// What was expected, what came, and where in the record.
    pub reason: String,
}

/// The kinds that operators count and route by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultClass {
    NotJson,
    InvalidUtf8,
    /// No bytes at all, where a JSON document is expected. Null is something else: a tombstone.
    Empty,
    TooDeep,
    /// A template asks for a field that the record does not have, under `missing: strict`.
    MissingField,
    /// What is to be split is no array.
    NotAnArray,
    /// A `lookup` found no row, with `missing: fail`.
    NoRow,
    /// The payload does not meet the schema of a `validate` step.
    Invalid,
    /// A template's helper could not take what it was given.
    Helper,
    /// An expression has no value for the record: a field that is not there, or of a kind that an operator does not take.
    Condition,
    /// A sink's topic is rendered, and is none of those that the sink may write.
    Topic,
    /// Larger, or more work, than a template may make of one record.
    Limit,
    /// What a template rendered by `engine: handlebars` is not what it must be.
    Output,
    /// A transform panicked each time it was tried.
    Panic,
    /// Larger than the sink's topic takes.
    TooLarge,
    /// The sink's topic does not take it for another reason.
    Refused,
}

// === impl Fault ===

impl Fault {
    pub fn new(class: FaultClass, reason: impl Into<String>) -> Self {
        Self { class, reason: reason.into() }
    }
}

// === impl FaultClass ===

impl FaultClass {
    pub const ALL: [Self; 16] = [
        Self::NotJson,
        Self::InvalidUtf8,
        Self::Empty,
        Self::TooDeep,
        Self::MissingField,
        Self::NotAnArray,
        Self::NoRow,
        Self::Invalid,
        Self::Helper,
        Self::Condition,
        Self::Topic,
        Self::Limit,
        Self::Output,
        Self::Panic,
        Self::TooLarge,
        Self::Refused,
    ];

    /// The name in headers, metrics and docs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotJson => "not-json",
            Self::InvalidUtf8 => "invalid-utf8",
            Self::Empty => "empty",
            Self::TooDeep => "too-deep",
            Self::MissingField => "missing-field",
            Self::NotAnArray => "not-an-array",
            Self::NoRow => "no-row",
            Self::Invalid => "invalid",
            Self::Helper => "helper",
            Self::Condition => "condition",
            Self::Topic => "topic",
            Self::Limit => "limit",
            Self::Output => "output",
            Self::Panic => "panic",
            Self::TooLarge => "too-large",
            Self::Refused => "refused",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_listed_and_have_names_of_their_own() {
        for (index, class) in FaultClass::ALL.into_iter().enumerate() {
            assert_eq!(class as usize, index);
            let same = FaultClass::ALL.iter().filter(|other| other.as_str() == class.as_str());
            assert_eq!(same.count(), 1, "{}", class.as_str());
        }
    }
}
