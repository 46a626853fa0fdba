//! The keywords that compare numbers, over numbers as they are written: the validator's own would compare 64-bit floats.

use std::cmp::Ordering;

use jsonschema::json::Node as _;
use jsonschema::paths::Location;
use jsonschema::{Keyword, ValidationError, ValidationOptions};
use serde_json::{Map, Value};

use super::decimal::Step;
use super::node::{At, Payload};
use crate::cel::Number;

type Options = ValidationOptions<'static, std::sync::Arc<dyn jsonschema::Retrieve>, Payload>;
type Made<'a> = Result<Box<dyn for<'i> Keyword<'i, Payload>>, ValidationError<'a>>;

/// `maximum` and the like.
struct Bound {
    limit: Number<'static>,
    holds: fn(Ordering) -> bool,
    /// What it is, where it does not hold.
    is: &'static str,
}

struct MultipleOf {
    step: Step,
    written: String,
}

struct Const(Value);

pub(super) fn with_exact_numbers(options: Options) -> Options {
    options
        .with_keyword("maximum", |around, value, _| bound(around, value, Ordering::is_le, "greater than"))
        .with_keyword("minimum", |around, value, _| bound(around, value, Ordering::is_ge, "less than"))
        .with_keyword("exclusiveMaximum", |around, value, _| bound(around, value, Ordering::is_lt, "not less than"))
        .with_keyword("exclusiveMinimum", |around, value, _| bound(around, value, Ordering::is_gt, "not greater than"))
        .with_keyword("multipleOf", multiple_of)
        .with_keyword("const", constant)
}

fn bound<'a>(around: &Map<String, Value>, value: &Value, holds: fn(Ordering) -> bool, is: &'static str) -> Made<'a> {
    let is_of_draft_4 =
        ["exclusiveMinimum", "exclusiveMaximum"].iter().any(|name| around.get(*name).is_some_and(Value::is_boolean));
    match value {
        Value::Number(limit) if !is_of_draft_4 => {
            let limit = Number::parse(limit.to_string().as_bytes()).into_owned();
            Ok(Box::new(Bound { limit, holds, is }))
        }
        _ => Err(ValidationError::custom("expected a number; `true` and `false` are of draft 4, which is not taken")),
    }
}

fn multiple_of<'a>(_: &'a Map<String, Value>, value: &'a Value, _: Location) -> Made<'a> {
    let written = value.to_string();
    match Step::new(&written).filter(|_| value.is_number()) {
        Some(step) => Ok(Box::new(MultipleOf { step, written })),
        None => Err(ValidationError::custom("expected a number above 0")),
    }
}

fn constant<'a>(_: &'a Map<String, Value>, value: &'a Value, _: Location) -> Made<'a> {
    Ok(Box::new(Const(value.clone())))
}

// === impl Bound ===

impl<'i> Keyword<'i, Payload> for Bound {
    fn validate(&self, instance: At<'i>) -> Result<(), ValidationError<'i>> {
        let Self { is, limit, .. } = self;
        self.is_valid(instance).then_some(()).ok_or_else(|| ValidationError::custom(format!("it is {is} {limit}")))
    }

    fn is_valid(&self, instance: At<'i>) -> bool {
        instance.as_number().is_none_or(|number| (self.holds)(Number::parse(number.0.as_bytes()).compare(&self.limit)))
    }
}

// === impl MultipleOf ===

impl<'i> Keyword<'i, Payload> for MultipleOf {
    fn validate(&self, instance: At<'i>) -> Result<(), ValidationError<'i>> {
        let fault = || ValidationError::custom(format!("it is no multiple of {}", self.written));
        self.is_valid(instance).then_some(()).ok_or_else(fault)
    }

    fn is_valid(&self, instance: At<'i>) -> bool {
        instance.as_number().is_none_or(|number| self.step.divides(number.0))
    }
}

// === impl Const ===

impl<'i> Keyword<'i, Payload> for Const {
    fn validate(&self, instance: At<'i>) -> Result<(), ValidationError<'i>> {
        self.is_valid(instance).then_some(()).ok_or_else(|| ValidationError::custom(format!("it is not {}", self.0)))
    }

    fn is_valid(&self, instance: At<'i>) -> bool {
        instance.equals(&self.0)
    }
}
