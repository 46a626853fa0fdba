//! What must not be shown: values under names that tell of a secret, keys, and logins in URLs.

use std::collections::BTreeSet;

#[cfg(test)]
mod tests;

pub(crate) const REDACTED: &str = "(redacted)";

/// Texts that must not be shown, as they were met.
#[derive(Clone, Debug, Default)]
pub(crate) struct Secrets(BTreeSet<String>);

/// Anywhere in a name, whatever stands between its letters: `sasl.jaas.config`, `X-Api-Key`.
const PARTS: [&str; 13] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "credential",
    "authorization",
    "cookie",
    "jaas",
    "apikey",
    "accesskey",
    "privatekey",
    "keypem",
];
/// As a word of a name: within others they mean nothing.
const WORDS: [&str; 5] = ["auth", "cred", "pass", "pw", "pwd"];
/// As a word of the name of a variable, where it is never that of a record's key.
const WORDS_OF_VARIABLES: [&str; 2] = ["key", "pem"];

/// Shorter ones would be found in every text.
const LEAST_TO_FIND: usize = 4;

/// Of a property or a header.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let letters: String = name.chars().filter(|letter| letter.is_alphanumeric()).collect();
    let letters = letters.to_lowercase();
    PARTS.iter().any(|part| letters.contains(part)) || has_word(name, &WORDS)
}

/// Of an environment variable that a configuration names.
pub(crate) fn is_secret_variable(name: &str) -> bool {
    is_secret_name(name) || has_word(name, &WORDS_OF_VARIABLES)
}

fn has_word(name: &str, words: &[&str]) -> bool {
    name.split(|letter: char| !letter.is_alphanumeric())
        .any(|found| words.iter().any(|word| found.eq_ignore_ascii_case(word)))
}

/// A private key in PEM, wherever it stands.
pub(crate) fn is_key(text: &str) -> bool {
    text.contains("PRIVATE KEY-----")
}

/// The text without what stands before the `@` of its URLs.
pub(crate) fn without_logins(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("://") {
        let (before, after) = rest.split_at(start + "://".len());
        out.push_str(before);
        let end = after.find(is_after_url).unwrap_or(after.len());
        // A list of URLs: what follows is looked at by itself.
        let end = after[..end].find("://").map_or(end, |next| scheme_start(&after[..next]));
        if let Some(at) = end_of_login(&after[..end]) {
            out.push_str(REDACTED);
            rest = &after[at..];
        } else {
            out.push_str(&after[..end]);
            rest = &after[end..];
        }
    }
    out.push_str(rest);
    out
}

fn is_after_url(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '"' | '\'' | '`' | '<' | '>')
}

/// Where the scheme at the end of the text begins.
fn scheme_start(text: &str) -> usize {
    let is_of_scheme = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '+' | '-' | '.' | '_');
    text.trim_end_matches(is_of_scheme).len()
}

/// Where the `@` behind a login is. A password may hold a `/` against the rules: then no host and port stand before it.
fn end_of_login(url: &str) -> Option<usize> {
    let authority = &url[..url.find(['/', '?', '#']).unwrap_or(url.len())];
    if let Some(at) = authority.rfind('@') {
        return Some(at);
    }
    let port = authority.rsplit_once(':').map_or("", |(_, port)| port);
    if port.bytes().all(|byte| byte.is_ascii_digit()) { None } else { url.rfind('@') }
}

// === impl Secrets ===

impl Secrets {
    /// With the items of a list with commas, which may be shown one by one.
    pub(crate) fn add(&mut self, text: &str) {
        let items = text.split(',').map(str::trim).chain([text]);
        self.0.extend(items.filter(|item| !item.is_empty()).map(str::to_owned));
    }

    /// A text as it may be shown.
    pub(crate) fn shown<'a>(&self, text: &'a str) -> &'a str {
        if self.0.contains(text) { REDACTED } else { text }
    }

    /// A text that may tell of some of them, as it may be shown.
    pub(crate) fn mask(&self, text: &str) -> String {
        // The longest first: a part of it may be another.
        let mut secrets: Vec<&String> = self.0.iter().filter(|secret| secret.len() >= LEAST_TO_FIND).collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        let masked = secrets.into_iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), REDACTED));
        without_logins(&masked)
    }
}
