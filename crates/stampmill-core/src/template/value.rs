//! Values between a record and a template's output.

use std::borrow::Cow;

/// A value on its way into a helper or out of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    /// A field that is not there.
    Missing,
    Null,
    Bool(bool),
    /// A JSON number, as it is written.
    Number(Cow<'a, str>),
    /// Text, unescaped.
    Text(Cow<'a, str>),
    /// An array or object, as compact JSON.
    Json(Cow<'a, str>),
}
