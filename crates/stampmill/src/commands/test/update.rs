//! Rewrites the expectations of a case file, and nothing else of it.
//!
//! No YAML library writes a file back as it was. So the lines of an `expect` are replaced in the text, by the places
//! that the parser tells, and what came out is read again: it must say the same of every case but for what was written.

use std::ops::Range;

use saphyr::{MarkedYaml, YamlData};

use super::case::{Case, CaseFile};
use super::expectation;
use super::file::{self, Expectations};
use super::judge::judge;
use super::outcome::Found;
use crate::config::{Settings, yaml};

#[derive(Debug, thiserror::Error)]
pub(super) enum UpdateError {
    #[error("{at}: `expect` cannot be rewritten: {reason}; write it by hand")]
    Place { at: String, reason: &'static str },
    #[error("`{path}` cannot be written: {source}")]
    Write { path: String, source: std::io::Error },
}

/// A part of a text, and what takes its place.
struct Edit {
    range: Range<usize>,
    text: String,
}

/// The text of the file with what was found in place of what was expected, for each case of `found` by its index.
///
/// # Errors
/// Where it is written in a form that is not rewritten.
pub(super) fn updated(
    file: &CaseFile<'_>,
    found: &[(usize, &Found)],
    settings: &Settings,
) -> Result<String, Vec<UpdateError>> {
    let documents = yaml::scan(&file.text).unwrap_or_default();
    let nodes = documents.first().map(cases).unwrap_or_default();
    let text = Text::new(&file.text);
    let edits: Vec<_> =
        found.iter().map(|(index, found)| edit(file, &text, nodes.get(*index), *index, found)).collect();
    if edits.iter().any(Result::is_err) {
        return Err(edits.into_iter().filter_map(Result::err).collect());
    }
    let mut text = file.text.clone();
    // From the end, so that the places of the others stay.
    let mut edits: Vec<Edit> = edits.into_iter().filter_map(Result::ok).collect();
    edits.sort_by_key(|edit| edit.range.start);
    let end = if file.text.contains("\r\n") { "\r\n" } else { "\n" };
    edits.into_iter().rev().for_each(|edit| text.replace_range(edit.range, &edit.text.replace('\n', end)));
    let wrong = wrong(file, found, &text, settings);
    if wrong.is_empty() { Ok(text) } else { Err(wrong) }
}

fn refused(case: &Case, reason: &'static str) -> UpdateError {
    UpdateError::Place { at: case.at.clone(), reason }
}

fn edit(
    file: &CaseFile<'_>,
    text: &Text<'_>,
    node: Option<&MarkedYaml<'_>>,
    index: usize,
    found: &Found,
) -> Result<Edit, UpdateError> {
    let case = &file.cases[index];
    let no_form = "YAML has no form for what was found";
    let block = expectation::written(found, case.expect.as_ref(), file.pipeline);
    let block = block.ok_or_else(|| refused(case, no_form))?;
    let Some((node, entries)) = node.and_then(|node| Some((node, entries(node)?))) else {
        return Err(refused(case, "its place in the file is not known"));
    };
    if text.is_flow(node) {
        return Err(refused(case, "the case is written in braces"));
    }
    // That of the case's keys.
    let indent = node.span.start.col();
    match entries.iter().find(|(name, _, _)| name == "expect") {
        None => {
            let end = text.line_end(text.content_end(node));
            let text = format!("\n{:indent$}expect:\n{}", "", indented(&block, indent + 2));
            Ok(Edit { range: end..end, text })
        }
        Some((_, key, value)) => text.replaced(key, value, &block, indent + 2).map_err(|reason| refused(case, reason)),
    }
}

/// Whatever is not as it was, or not as it was found.
fn wrong(file: &CaseFile<'_>, found: &[(usize, &Found)], text: &str, settings: &Settings) -> Vec<UpdateError> {
    let again = file::parse(&file.path, text.to_owned(), settings, Expectations::Optional, &mut Vec::new());
    let cases = again.map(|again| again.cases).unwrap_or_default();
    let is_right = |index: usize, case: &Case| {
        let Some(now) = cases.get(index) else { return false };
        let same = now.name == case.name && now.now == case.now && now.input == case.input;
        same && match found.iter().find(|(of, _)| *of == index) {
            None => now.expect == case.expect,
            Some((_, found)) => {
                now.expect.as_ref().is_some_and(|expect| judge(file.pipeline, now, expect, found).is_empty())
            }
        }
    };
    let wrong = file.cases.iter().enumerate().filter(|(index, case)| !is_right(*index, case));
    wrong.map(|(_, case)| refused(case, "what was written would not be read as it was found")).collect()
}

/// The items under `cases`.
fn cases<'a, 'i>(root: &'a MarkedYaml<'i>) -> &'a [MarkedYaml<'i>] {
    let cases = entries(root).into_iter().flatten().find(|(name, _, _)| name == "cases");
    match cases.map(|(_, _, cases)| &cases.data) {
        Some(YamlData::Sequence(items)) => items,
        _ => &[],
    }
}

type Entry<'a, 'i> = (String, &'a MarkedYaml<'i>, &'a MarkedYaml<'i>);

/// Name, key and value of each entry.
fn entries<'a, 'i>(node: &'a MarkedYaml<'i>) -> Option<Vec<Entry<'a, 'i>>> {
    let YamlData::Mapping(entries) = &node.data else { return None };
    entries.iter().map(|(key, value)| Some((yaml::name(key).ok()?, key, value))).collect()
}

/// Each line that is not empty, after so many spaces.
fn indented(block: &str, indent: usize) -> String {
    let line = |line: &str| if line.is_empty() { String::new() } else { format!("{:indent$}{line}", "") };
    block.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// A text, and the places of its characters, by which the parser counts.
struct Text<'a> {
    text: &'a str,
    bytes: Vec<usize>,
}

// === impl Text ===

impl<'a> Text<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, bytes: text.char_indices().map(|(at, _)| at).collect() }
    }

    /// Of the character of that number, or the end.
    fn byte(&self, character: usize) -> usize {
        self.bytes.get(character).copied().unwrap_or(self.text.len())
    }

    fn line_start(&self, byte: usize) -> usize {
        self.text[..byte].rfind('\n').map_or(0, |at| at + 1)
    }

    /// Without the line's end.
    fn line_end(&self, byte: usize) -> usize {
        let rest = &self.text[byte..];
        let line = rest.find('\n').map_or(rest, |at| &rest[..at]);
        byte + line.trim_end_matches('\r').len()
    }

    /// Whether it is written in braces or brackets.
    fn is_flow(&self, node: &MarkedYaml<'_>) -> bool {
        let is_collection = matches!(node.data, YamlData::Mapping(_) | YamlData::Sequence(_));
        is_collection && self.text[self.byte(node.span.start.index())..].starts_with(['{', '['])
    }

    /// The edit that puts a block in the place of a value. One in braces becomes a block of that indentation.
    fn replaced(
        &self,
        key: &MarkedYaml<'_>,
        value: &MarkedYaml<'_>,
        block: &str,
        indent: usize,
    ) -> Result<Edit, &'static str> {
        let (behind_key, start) = (self.byte(key.span.end.index()), self.byte(value.span.start.index()));
        let end = self.content_end(value);
        let is_special = |text: &str| text.trim_start_matches([':', ' ']).starts_with(['&', '*', '!']);
        if self.text[behind_key..start].lines().any(is_special) || is_special(&self.text[start..]) {
            return Err("it is an anchor or an alias, or has a tag");
        }
        if !self.is_flow(value) {
            let text = indented(block, value.span.start.col());
            return Ok(Edit { range: self.line_start(start)..self.line_end(end), text });
        }
        // A comment behind the braces stays on the line of the key.
        let comment = self.text[end..self.line_end(end)].trim_end();
        let text = format!(":{comment}\n{}", indented(block, indent));
        Ok(Edit { range: behind_key..self.line_end(end), text })
    }

    /// Behind the last character of a value: the parser says of a block only where the next thing begins.
    fn content_end(&self, node: &MarkedYaml<'_>) -> usize {
        let last = match &node.data {
            // Of a flow collection it names the bracket that ends it.
            _ if self.is_flow(node) => return self.byte(node.span.end.index() + 1),
            YamlData::Mapping(entries) => entries.iter().next_back().map(|(_, value)| value),
            YamlData::Sequence(items) => items.last(),
            _ => None,
        };
        match last {
            Some(last) => self.content_end(last),
            None => self.text[..self.byte(node.span.end.index())].trim_end().len(),
        }
    }
}
