//! `${ENV}`, `${ENV:-default}` and `${file:/run/secrets/x}` in the texts of a configuration file.
//!
//! It happens on parsed scalars, so that what is put in stays one text, whatever it holds. Templates are left alone:
//! there `${` is literal.

use std::collections::BTreeMap;
use std::path::Path;

/// The text with everything put in, once: what a variable holds is not looked at again. `$${` stands for `${`.
///
/// Files are relative to `folder`; one line end at the end of a file is not part of its text.
///
/// # Errors
/// A sentence that says what is wrong with an expression. It names the expression and never what was put in.
pub(crate) fn interpolate(text: &str, environment: &BTreeMap<String, String>, folder: &Path) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let before = &rest[..start];
        rest = &rest[start + 2..];
        if let Some(escaped) = before.strip_suffix('$') {
            out.push_str(escaped);
            out.push_str("${");
            continue;
        }
        let Some(end) = rest.find('}') else {
            return Err("`${` without its `}`; close it, or write `$${` for the text `${`".to_owned());
        };
        out.push_str(before);
        out.push_str(&evaluate(&rest[..end], environment, folder)?);
        rest = &rest[end + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

fn evaluate(expression: &str, environment: &BTreeMap<String, String>, folder: &Path) -> Result<String, String> {
    if let Some(file) = expression.strip_prefix("file:") {
        let text = std::fs::read_to_string(folder.join(file))
            .map_err(|error| format!("file `{file}` cannot be read: {error}"))?;
        let line = text.strip_suffix('\n').unwrap_or(&text);
        return Ok(line.strip_suffix('\r').unwrap_or(line).to_owned());
    }
    let (name, default) = match expression.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (expression, None),
    };
    if !is_variable(name) {
        return Err(format!(
            "`${{{expression}}}` is not understood; write `${{NAME}}`, `${{NAME:-default}}` or `${{file:path}}`"
        ));
    }
    // As in a shell, `:-` stands in for an empty variable too.
    match (environment.get(name), default) {
        (Some(value), None) => Ok(value.clone()),
        (Some(value), Some(_)) if !value.is_empty() => Ok(value.clone()),
        (_, Some(default)) => Ok(default.to_owned()),
        (None, None) => {
            Err(format!("environment variable `{name}` is not set; set it, or write `${{{name}:-default}}`"))
        }
    }
}

fn is_variable(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(text: &str) -> Result<String, String> {
        let environment = [("A", "1"), ("EMPTY", ""), ("NESTED", "${A}"), ("YAML", "x: [y]\n- z")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        interpolate(text, &BTreeMap::from(environment), Path::new("/nowhere"))
    }

    #[test]
    fn variables_and_defaults_are_put_in_once() {
        assert_eq!(put("plain $ {} text").as_deref(), Ok("plain $ {} text"));
        assert_eq!(put("<${A}${A}>").as_deref(), Ok("<11>"));
        assert_eq!(put("${NONE:-d:-e}").as_deref(), Ok("d:-e"));
        assert_eq!(put("${EMPTY}|${EMPTY:-d}|${NONE:-}").as_deref(), Ok("|d|"));
        assert_eq!(put("${NESTED}").as_deref(), Ok("${A}"));
        assert_eq!(put("${YAML}").as_deref(), Ok("x: [y]\n- z"));
        assert_eq!(put("a$${A}b").as_deref(), Ok("a${A}b"));
    }

    #[test]
    fn what_cannot_be_put_in_is_an_error_that_says_why() {
        assert!(put("${NONE}").is_err_and(|error| error.contains("`NONE` is not set")));
        assert!(put("${A").is_err_and(|error| error.contains("without its `}`")));
        assert!(put("${A B}").is_err_and(|error| error.contains("is not understood")));
        assert!(put("${file:gone}").is_err_and(|error| error.contains("`gone` cannot be read")));
    }
}
