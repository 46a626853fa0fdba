//! `${ENV}`, `${ENV:-default}` and `${file:/run/secrets/x}` in the texts of a configuration file.
//!
//! It happens on parsed scalars, so that what is put in stays one text, whatever it holds. Templates are left alone:
//! there `${` is literal.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use stampmill_engine::credentials::{Piece, Secret};

use super::secrets::is_secret_variable;

/// A text with everything put in.
#[derive(Debug, Default)]
pub(crate) struct Interpolated {
    pub(crate) text: String,
    /// As it stands in the file, but for the defaults: one of them may be a password.
    pub(crate) outline: String,
    /// What was put in: `${NAME}`, `${file:path}`.
    pub(crate) from: Vec<String>,
    /// The text by what it is put together from, so that its files can be read again.
    pub(crate) secret: Secret,
    /// Whether something is from a file, or from a variable whose name tells of a secret.
    pub(crate) is_secret: bool,
}

/// Puts everything in, once: what a variable holds is not looked at again. `$${` stands for `${`.
///
/// Files are relative to `folder`; one line end at the end of a file is not part of its text.
///
/// # Errors
/// A sentence that says what is wrong with an expression. It names the expression and never what was put in, nor a default.
pub(crate) fn interpolate(
    text: &str,
    environment: &BTreeMap<String, String>,
    folder: &Path,
) -> Result<Interpolated, String> {
    let mut out = Interpolated::default();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let before = &rest[..start];
        rest = &rest[start + 2..];
        if let Some(escaped) = before.strip_suffix('$') {
            out.push(&format!("{escaped}${{"), &format!("{before}${{"));
            continue;
        }
        let Some(end) = rest.find('}') else {
            return Err("`${` without its `}`; close it, or write `$${` for the text `${`".to_owned());
        };
        out.push(before, before);
        let (value, name, is_secret) = evaluate(&rest[..end], environment, folder)?;
        let file = name.strip_prefix("file:").map(|file| folder.join(file));
        let name = format!("${{{name}}}");
        match file {
            Some(file) => out.push_file(&value, &name, file),
            None => out.push(&value, &name),
        }
        out.from.push(name);
        out.is_secret |= is_secret;
        rest = &rest[end + 1..];
    }
    out.push(rest, rest);
    Ok(out)
}

/// The value, the expression without its default, and whether it is a secret.
fn evaluate<'a>(
    expression: &'a str,
    environment: &BTreeMap<String, String>,
    folder: &Path,
) -> Result<(String, &'a str, bool), String> {
    if let Some(file) = expression.strip_prefix("file:") {
        let text = Piece::File(folder.join(file)).read();
        return Ok((text.map_err(|error| format!("file `{file}` cannot be read: {error}"))?, expression, true));
    }
    let (name, default) = match expression.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (expression, None),
    };
    if !is_variable(name) {
        // What follows the name may be a secret.
        let name: String = name.chars().take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_').collect();
        return Err(format!(
            "`${{{name}…}}` is not understood; write `${{NAME}}`, `${{NAME:-default}}` or `${{file:path}}`"
        ));
    }
    // As in a shell, `:-` stands in for an empty variable too.
    let value = match (environment.get(name), default) {
        (Some(value), None) => value,
        (Some(value), Some(_)) if !value.is_empty() => value,
        (_, Some(default)) => default,
        (None, None) => {
            return Err(format!("environment variable `{name}` is not set; set it, or write `${{{name}:-default}}`"));
        }
    };
    Ok((value.to_owned(), name, is_secret_variable(name)))
}

fn is_variable(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

// === impl Interpolated ===

impl Interpolated {
    fn push(&mut self, text: &str, outline: &str) {
        self.text.push_str(text);
        self.outline.push_str(outline);
        self.secret.0.push(Piece::Text(text.to_owned()));
    }

    fn push_file(&mut self, text: &str, outline: &str, file: PathBuf) {
        self.text.push_str(text);
        self.outline.push_str(outline);
        self.secret.0.push(Piece::File(file));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interpolated(text: &str) -> Result<Interpolated, String> {
        let environment = [("A", "1"), ("EMPTY", ""), ("NESTED", "${A}"), ("YAML", "x: [y]\n- z")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        interpolate(text, &BTreeMap::from(environment), Path::new("/nowhere"))
    }

    fn put(text: &str) -> Result<String, String> {
        interpolated(text).map(|interpolated| interpolated.text)
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
        assert!(put("${file:gone}").is_err_and(|error| error.contains("`gone` cannot be read")));
        let error = put("${A:=s3cret}").expect_err("no default is written so");
        assert!(error.contains("`${A…}` is not understood") && !error.contains("s3cret"), "{error}");
    }

    #[test]
    fn it_is_told_what_was_put_in_and_from_where() {
        let found = interpolated("$${A}: ${A}, ${DB_PASSWORD:-s3cret}").expect("can be put in");
        assert_eq!(found.text, "${A}: 1, s3cret");
        assert_eq!(found.outline, "$${A}: ${A}, ${DB_PASSWORD}");
        assert_eq!(found.from, ["${A}", "${DB_PASSWORD}"]);
        assert!(found.is_secret);
        assert!(!interpolated("password: ${A}").expect("can be put in").is_secret, "the name of the variable tells");
    }
}
