//! What to say of a name that nothing has.

use super::functions;
use crate::template::nearest;

const ROOTS: [&str; 8] = ["payload", "key", "headers", "topic", "partition", "offset", "timestamp", "vars"];

/// What other implementations of the language have, and this one does not.
const LEFT_OUT: [&str; 41] = [
    "charAt",
    "indexOf",
    "lastIndexOf",
    "join",
    "quote",
    "replace",
    "reverse",
    "split",
    "substring",
    "format",
    "greatest",
    "least",
    "ceil",
    "floor",
    "round",
    "trunc",
    "abs",
    "sign",
    "isNaN",
    "isInf",
    "isFinite",
    "encode",
    "decode",
    "contains_all",
    "distinct",
    "flatten",
    "slice",
    "sort",
    "sortBy",
    "range",
    "first",
    "last",
    "optMap",
    "optFlatMap",
    "orValue",
    "or",
    "value",
    "hasValue",
    "bind",
    "transformList",
    "transformMap",
];

pub(super) fn unknown_root(name: &str, locals: &[String]) -> String {
    if functions::find(name).is_some() || name == "has" {
        return format!("`{name}` is a function: write `{name}(…)`");
    }
    let known = ROOTS.into_iter().chain(locals.iter().map(String::as_str));
    match nearest(name, known) {
        Some(known) => format!("there is no variable `{name}`: did you mean `{known}`?"),
        None => format!(
            "there is no variable `{name}`: expected one of `{}`; a field of the payload is `payload.{name}`, and text \
             is written \"{name}\"",
            ROOTS.join("`, `")
        ),
    }
}

pub(super) fn unknown_function<'a>(name: &str, is_method: bool, known: impl Iterator<Item = &'a str>) -> String {
    if LEFT_OUT.contains(&name) {
        return format!("`{name}` of other implementations of the language is not supported here");
    }
    let shown = if is_method { format!(".{name}") } else { name.to_owned() };
    match nearest(name, known) {
        Some(known) => format!("there is no function `{shown}`: did you mean `{known}`?"),
        None => format!("there is no function `{shown}`: the reference of expressions has all of them"),
    }
}
