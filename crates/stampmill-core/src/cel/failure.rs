//! Why an expression has no value for a record. Most are absorbed by an `||`, and so made without memory of their own.

use super::error::Place;
use super::number::{MAX_DIGITS, Refused};
use super::value::Kinds;
use crate::fault::{Fault, FaultClass};
use crate::place::line_and_column;

/// Something went wrong at a place.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) place: Place,
    pub(super) problem: Problem,
}

#[derive(Clone, Debug)]
pub(super) enum Problem {
    /// A field, header or key.
    Missing,
    /// What stands before the field is no map.
    NoFields {
        of: Place,
        kind: Kinds,
    },
    /// An index of a list with so many elements.
    NoElement {
        elements: usize,
    },
    /// What stands before the brackets is neither list nor map.
    NoElements {
        of: Place,
        kind: Kinds,
    },
    /// A list takes whole numbers, an object of JSON takes strings.
    BadIndex {
        of: Kinds,
        found: Kinds,
    },
    /// An operator or function does not take this.
    Operand {
        of: &'static str,
        expected: Kinds,
        found: Kinds,
    },
    /// It takes either, but not with the other.
    Operands {
        of: &'static str,
        left: Kinds,
        right: Kinds,
    },
    Arithmetic {
        of: &'static str,
        refused: Refused,
    },
    /// Something else, where only true and false do.
    NotBool(Kinds),
    TimeOutOfRange,
    SameKeyTwice,
    TooDeep,
    TooManySteps(u64),
    TooLong(usize),
    Other(Box<str>),
}

// === impl Failure ===

impl Failure {
    /// Whether it ends the expression, whatever an `&&` or `||` around it would make of it.
    pub(super) fn is_final(&self) -> bool {
        matches!(self.problem, Problem::TooManySteps(_) | Problem::TooLong(_))
    }

    #[cold]
    pub(super) fn fault(&self, source: &str) -> Fault {
        let (line, column) = line_and_column(source, self.place.start as usize);
        let class = match self.problem {
            Problem::TooManySteps(_) | Problem::TooLong(_) => FaultClass::Limit,
            _ => FaultClass::Condition,
        };
        let reason = format!("expression line {line}, column {column}: {}", self.message(source));
        Fault::new(class, reason)
    }

    pub(super) fn message(&self, source: &str) -> String {
        let here = self.place.text(source);
        match &self.problem {
            Problem::Missing => format!("`{here}` is not there, and nothing like `has({here})` asked before"),
            Problem::NoFields { of, kind } => {
                format!("`{}` is {kind}, which has no fields: there is no `{here}`", of.text(source))
            }
            Problem::NoElement { elements } => format!("`{here}` is not there: the list has {elements} elements"),
            Problem::NoElements { of, kind } => {
                format!("`{}` is {kind}, and only lists and maps have `[…]`", of.text(source))
            }
            Problem::BadIndex { of, found } => match *of {
                Kinds::LIST => format!("expected a whole number between the brackets of `{here}`, and found {found}"),
                _ => format!("expected a string between the brackets of `{here}`, and found {found}"),
            },
            Problem::Operand { of, expected, found } => {
                format!("`{of}` takes {expected}, and `{here}` is {found}")
            }
            Problem::Operands { of, left, right } => {
                format!("`{of}` does not take {left} and {right}, which are in `{here}`")
            }
            Problem::Arithmetic { of, refused } => match refused {
                Refused::Overflow => format!("the result of `{of}` in `{here}` is no whole number of 64 bits"),
                Refused::ByZero => format!("`{of}` by zero in `{here}`"),
                Refused::TooLong => format!("`{of}` takes numbers of at most {MAX_DIGITS} digits, in `{here}`"),
                Refused::NotWhole => format!("`{of}` takes whole numbers, in `{here}`"),
            },
            Problem::NotBool(kind) => format!("expected true or false, and `{here}` is {kind}"),
            Problem::TimeOutOfRange => format!("`{here}` is out of the range of times, the years -9999 to 9999"),
            Problem::SameKeyTwice => format!("`{here}` has the same key twice"),
            Problem::TooDeep => format!("`{here}` has more lists and maps within one another than are compared"),
            Problem::TooManySteps(most) => {
                format!("it takes more than the {most} steps that `limits.steps` allows")
            }
            Problem::TooLong(most) => {
                format!("`{here}` is longer than the {most} bytes that `limits.output_bytes` allows")
            }
            Problem::Other(message) => message.to_string(),
        }
    }
}

// === impl Place ===

impl Place {
    #[cold]
    pub(super) fn fails(self, problem: Problem) -> Failure {
        Failure { place: self, problem }
    }
}
