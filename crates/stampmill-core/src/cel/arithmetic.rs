//! What `+ - * / %` make of numbers, texts, bytes, times and lists.

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};

use super::ast::Operator;
use super::error::Place;
use super::eval::{Evaluated, Run};
use super::failure::Problem;
use super::items::Elements;
use super::number::{Number, Refused};
use super::value::{Kinds, Value};

impl<'a> Run<'a> {
    pub(super) fn number(
        &self,
        of: &'static str,
        place: Place,
        made: Result<Number<'static>, Refused>,
    ) -> Evaluated<Value<'a>> {
        made.map(Value::Number).map_err(|refused| place.fails(Problem::Arithmetic { of, refused }))
    }

    pub(super) fn arithmetic(
        &mut self,
        place: Place,
        operator: Operator,
        left: &Value<'a>,
        right: &Value<'a>,
    ) -> Evaluated<Value<'a>> {
        let of = operator.symbol();
        let refused = || place.fails(Problem::Operands { of, left: left.kind(), right: right.kind() });
        let time =
            |time: Option<Timestamp>| time.map(Value::Timestamp).ok_or_else(|| place.fails(Problem::TimeOutOfRange));
        let length = |length: Option<SignedDuration>| {
            length.map(Value::Duration).ok_or_else(|| place.fails(Problem::TimeOutOfRange))
        };
        match (operator, left, right) {
            (_, Value::Number(a), Value::Number(b)) => {
                let made = match operator {
                    Operator::Add => a.add(b),
                    Operator::Subtract => a.subtract(b),
                    Operator::Multiply => a.multiply(b),
                    Operator::Divide => a.divide(b),
                    _ => a.remainder(b),
                };
                self.number(of, place, made)
            }
            (Operator::Add, Value::Text(a), Value::Text(b)) => {
                self.short_enough(place, a.len() + b.len())?;
                Ok(Value::Text(Cow::Owned(format!("{a}{b}"))))
            }
            (Operator::Add, Value::Bytes(a), Value::Bytes(b)) => {
                self.short_enough(place, a.len() + b.len())?;
                Ok(Value::Bytes(Cow::Owned([a.as_ref(), b.as_ref()].concat())))
            }
            (Operator::Add, Value::Timestamp(at), Value::Duration(by))
            | (Operator::Add, Value::Duration(by), Value::Timestamp(at)) => time(at.checked_add(*by).ok()),
            (Operator::Add, Value::Duration(a), Value::Duration(b)) => length(a.checked_add(*b)),
            (Operator::Subtract, Value::Timestamp(a), Value::Timestamp(b)) => length(Some(a.duration_since(*b))),
            (Operator::Subtract, Value::Timestamp(at), Value::Duration(by)) => time(at.checked_sub(*by).ok()),
            (Operator::Subtract, Value::Duration(a), Value::Duration(b)) => length(a.checked_sub(*b)),
            (Operator::Add, a, b) if a.kind() == Kinds::LIST && b.kind() == Kinds::LIST => {
                let mut both = Vec::new();
                for element in Elements::of(a).chain(Elements::of(b)) {
                    self.step(place)?;
                    both.push(element);
                }
                Ok(Value::List(both.into()))
            }
            _ => Err(refused()),
        }
    }
}
