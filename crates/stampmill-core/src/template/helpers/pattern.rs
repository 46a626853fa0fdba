//! Regular expressions, which take time in proportion to the text whatever they are.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use regex_lite::Regex;

use super::super::value::Value;
use super::{Helper, bounded};

pub(super) const HELPERS: &[Helper] = &[
    Helper {
        name: "matches",
        arguments: "text regex",
        count: 2..=2,
        doc: "whether the regular expression is found in the text",
        example: ("{{#if (matches payload.a \"^CH[0-9]{2}\")}}Swiss{{/if}}", r#"{"a":"CH93"}"#, "Swiss"),
        check,
        call: |_, values| {
            let pattern = pattern(&values[1])?;
            Ok(Value::Bool(values[0].text().is_some_and(|text| pattern.is_match(&text))))
        },
    },
    Helper {
        name: "regex_replace",
        arguments: "text regex with",
        count: 3..=3,
        doc: "with every match replaced; `$1` is the first group, `${1}0` the same before a digit",
        example: (
            "{{regex_replace payload.a \"[0-9]{12}([0-9]{4})\" \"…$1\"}}",
            r#"{"a":"4111111111111111"}"#,
            "…1111",
        ),
        check,
        call: |_, values| {
            let pattern = pattern(&values[1])?;
            let with = values[2].text().unwrap_or_default();
            Ok(match values[0].text() {
                None => Value::Null,
                Some(text) => Value::Text(replaced(&pattern, &text, &with)?.into()),
            })
        },
    },
];

/// Patterns that come from records are not kept without end.
const KEPT: usize = 64;

thread_local! {
    static COMPILED: RefCell<HashMap<String, Arc<Regex>>> = RefCell::default();
}

/// A record must not choose the pattern, for some take time in proportion to the square of the text.
fn check(literals: &[Option<&Value<'_>>]) -> Result<(), String> {
    match literals.get(1).copied().flatten() {
        Some(literal) => {
            let pattern = pattern(literal)?;
            let with = literals.get(2).copied().flatten().and_then(Value::text);
            with.map_or(Ok(()), |with| groups_exist(&pattern, &with))
        }
        None => Err("expected a regular expression in quotes, for a record must not choose it".into()),
    }
}

/// A group that is not there would replace by nothing, and `$1a` is the group `1a`.
fn groups_exist(pattern: &Regex, with: &str) -> Result<(), String> {
    let mut rest = with;
    while let Some((_, after)) = rest.split_once('$') {
        if let Some(escaped) = after.strip_prefix('$') {
            rest = escaped;
            continue;
        }
        let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
        let name = match after.strip_prefix('{') {
            Some(braced) => braced.split('}').next().unwrap_or_default(),
            None => &after[..after.find(|character| !is_name(character)).unwrap_or(after.len())],
        };
        let number: Option<usize> = name.parse().ok();
        let exists = number.is_some_and(|number| number < pattern.captures_len())
            || pattern.capture_names().flatten().any(|known| known == name);
        if !name.is_empty() && !exists {
            return Err(format!(
                "the regular expression has no group `{name}`: write `${{1}}` before a letter or digit"
            ));
        }
        rest = after;
    }
    Ok(())
}

fn replaced(pattern: &Regex, text: &str, with: &str) -> Result<String, String> {
    let (mut out, mut copied) = (String::new(), 0);
    for captures in pattern.captures_iter(text) {
        let Some(found) = captures.get(0) else { continue };
        out.push_str(&text[copied..found.start()]);
        captures.expand(with, &mut out);
        copied = found.end();
        bounded("regex_replace", out.len())?;
    }
    out.push_str(&text[copied..]);
    Ok(out)
}

fn pattern(value: &Value<'_>) -> Result<Arc<Regex>, String> {
    let text = value.text().ok_or_else(|| format!("expected a regular expression, and found {value}"))?;
    COMPILED.with_borrow_mut(|compiled| {
        if let Some(known) = compiled.get(text.as_ref()) {
            return Ok(Arc::clone(known));
        }
        let pattern = Regex::new(&text).map_err(|error| format!("`{text}` is no regular expression: {error}"))?;
        if compiled.len() == KEPT {
            compiled.clear();
        }
        let pattern = Arc::new(pattern);
        compiled.insert(text.into_owned(), Arc::clone(&pattern));
        Ok(pattern)
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::call;
    use super::*;

    #[test]
    fn a_pattern_is_checked_when_it_is_a_literal() {
        assert!(
            check(&[None, Some(&Value::Text("(".into()))]).is_err_and(|error| error.contains("no regular expression"))
        );
        assert!(check(&[None, None]).is_err_and(|error| error.contains("a record must not choose it")));
        assert_eq!(call("matches", &["", "\"a\""]), Ok("false".into()));
        assert_eq!(call("regex_replace", &["\"a1b2\"", "\"([0-9])\"", "\"<$1>\""]), Ok("\"a<1>b<2>\"".into()));
    }

    #[test]
    fn groups_that_are_not_there_are_refused() {
        let with = |with: &'static str| {
            let (pattern, with) = (Value::Text("(?P<a>x)(y)".into()), Value::Text(with.into()));
            check(&[None, Some(&pattern), Some(&with)])
        };
        for right in ["", "$1$2", "${1}a", "$a", "$0", "$$3", "$", "a$ b"] {
            assert_eq!(with(right), Ok(()), "{right}");
        }
        for wrong in ["$3", "$1a", "${b}", "x$2$b"] {
            assert!(with(wrong).is_err_and(|error| error.contains("has no group")), "{wrong}");
        }
    }

    #[test]
    fn patterns_without_end_are_not_kept() {
        for number in 0..3 * KEPT {
            let value = Value::Text(number.to_string().into());
            assert!(pattern(&value).is_ok_and(|pattern| pattern.is_match(&number.to_string())));
        }
        assert!(COMPILED.with_borrow(HashMap::len) <= KEPT);
    }
}
