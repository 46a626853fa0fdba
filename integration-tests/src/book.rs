//! Pages of Markdown and the blocks of code on them, and whether an output is what a page shows.

use std::path::{Path, PathBuf};

use crate::workspace;

/// A page of the book, or the README.
pub struct Page {
    pub path: PathBuf,
    pub blocks: Vec<Block>,
    /// With the blocks left out.
    pub prose: String,
}

/// A block of code.
pub struct Block {
    /// File and line, for messages.
    pub place: String,
    pub language: String,
    /// What stands behind the language: names, some with a value behind a `=`.
    pub marks: Vec<(String, String)>,
    pub text: String,
}

/// What an author writes where a line or a part of one is left out.
const ANYTHING: char = '…';

/// The README, and every page in `docs/src`.
pub fn pages() -> Vec<Page> {
    let folder = workspace().join("docs/src");
    let files = folder.read_dir().expect("the book is there").map(|file| file.expect("a file").path());
    let mut paths: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|kind| kind == "md")).collect();
    paths.sort();
    paths.insert(0, workspace().join("README.md"));
    paths.into_iter().map(Page::read).collect()
}

// === impl Page ===

impl Page {
    fn read(path: PathBuf) -> Self {
        let text = std::fs::read_to_string(&path).expect("the page can be read");
        Self::parse(path, &text)
    }

    fn parse(path: PathBuf, text: &str) -> Self {
        let (mut blocks, mut prose) = (Vec::new(), String::new());
        let mut lines = (1..).zip(text.lines());
        while let Some((number, line)) = lines.next() {
            let (indent, begin) = line.split_at(line.len() - line.trim_start().len());
            let Some(info) = begin.strip_prefix("```") else {
                prose += &format!("{line}\n");
                continue;
            };
            let inside = lines.by_ref().map(|(_, line)| line.strip_prefix(indent).unwrap_or(line));
            let text = inside.take_while(|line| *line != "```").map(|line| format!("{line}\n")).collect();
            let place = format!("{}:{number}", name(&path));
            blocks.push(Block::new(place, info, text));
        }
        Self { path, blocks, prose }
    }

    pub fn name(&self) -> String {
        name(&self.path)
    }

    /// Where the page's links lead, and what it includes: a path and what stands behind a `#`.
    pub fn links(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let links = self.prose.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
        let included = self.prose.split("{{#include ").skip(1).filter_map(|rest| rest.split_once("}}"));
        let targets = links.chain(included).map(|(target, _)| target).filter(|target| !target.contains("://"));
        targets.map(|target| target.split_once('#').map_or((target, None), |(path, anchor)| (path, Some(anchor))))
    }

    /// The anchors of its headings, as GitHub and mdbook make them.
    pub fn anchors(&self) -> Vec<String> {
        let headings = self.prose.lines().filter(|line| line.starts_with('#'));
        headings.map(|line| anchor(line.trim_start_matches('#').trim())).collect()
    }
}

fn name(path: &Path) -> String {
    path.strip_prefix(workspace()).unwrap_or(path).display().to_string()
}

fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

// === impl Block ===

impl Block {
    fn new(place: String, info: &str, text: String) -> Self {
        let mut words = info.trim().split(',').map(|word| word.split_once('=').unwrap_or((word, "")));
        let language = words.next().map(|(language, _)| language.to_owned()).unwrap_or_default();
        let marks = words.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { place, language, marks, text }
    }

    /// The value of a mark; empty where it has none.
    pub fn mark(&self, name: &str) -> Option<&str> {
        self.marks.iter().find(|(mark, _)| mark == name).map(|(_, value)| value.as_str())
    }

    /// The code with which it is to end.
    pub fn exit(&self) -> i32 {
        self.mark("exit").map_or(0, |code| code.parse().expect("`exit` has a number"))
    }

    /// The commands of a console, each with what stands below it.
    pub fn commands(&self) -> Vec<(String, String)> {
        let mut commands: Vec<(String, String)> = Vec::new();
        let mut goes_on = false;
        for line in self.text.lines() {
            let first = line.strip_prefix("$ ");
            match (first, commands.last_mut()) {
                (Some(command), _) => commands.push((format!("{command}\n"), String::new())),
                (None, Some((command, _))) if goes_on => *command += &format!("{line}\n"),
                (None, Some((_, output))) => *output += &format!("{line}\n"),
                (None, None) => panic!("{}: a console begins with `$ `", self.place),
            }
            goes_on = (first.is_some() || goes_on) && line.ends_with('\\');
        }
        commands
    }

    /// Whether its lines stand in `file`, wherever they are indented, in this order.
    pub fn is_from(&self, file: &str) -> bool {
        let lines: Vec<&str> = file.lines().map(str::trim).collect();
        let (mut wanted, mut from) = (self.text.lines().map(str::trim).peekable(), 0);
        while wanted.peek().is_some() {
            let part: Vec<&str> = wanted.by_ref().take_while(|line| line.trim_start_matches("# ") != "…").collect();
            let Some(at) = (from..=lines.len()).find(|at| lines[*at..].starts_with(&part)) else { return false };
            from = at + part.len();
        }
        true
    }
}

// === what is shown, and what was printed ===

/// Whether all of `printed` is what is shown.
pub fn is_shown(shown: &str, printed: &str) -> bool {
    fn fits(shown: &[String], printed: &[String]) -> bool {
        match (shown.split_first(), printed.split_first()) {
            (None, None) => true,
            (Some((any, rest)), _) if *any == ANYTHING.to_string() => {
                (0..=printed.len()).any(|skipped| fits(rest, &printed[skipped..]))
            }
            (Some((line, shown)), Some((found, printed))) => is_line(line, found) && fits(shown, printed),
            _ => false,
        }
    }
    fits(&lines(shown), &lines(printed))
}

/// Whether the lines shown are among those printed, in this order.
pub fn is_among(shown: &str, printed: &str) -> bool {
    let mut printed = lines(printed).into_iter();
    lines(shown).iter().all(|line| printed.any(|found| is_line(line, &found)))
}

fn lines(text: &str) -> Vec<String> {
    text.trim_end().lines().map(|line| timeless(line.trim_end())).collect()
}

fn is_line(shown: &str, found: &str) -> bool {
    let Some((begin, rest)) = shown.split_once(ANYTHING) else { return shown == found };
    let Some(mut found) = found.strip_prefix(begin) else { return false };
    let mut parts: Vec<&str> = rest.split(ANYTHING).collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        let Some((_, after)) = found.split_once(part) else { return false };
        found = after;
    }
    found.ends_with(end)
}

/// With the digits of every `2026-11-23 14:09:11,123` alike, with a `T` too, and without the end.
fn timeless(line: &str) -> String {
    const SHAPE: &[u8] = b"0000-00-00 00:00:00";
    let mut line = line.as_bytes().to_vec();
    let is_time = |part: &[u8]| {
        part.iter().zip(SHAPE).all(|(found, shape)| match shape {
            b'0' => found.is_ascii_digit(),
            b' ' => b" T".contains(found),
            shape => found == shape,
        })
    };
    for at in 0..(line.len() + 1).saturating_sub(SHAPE.len()) {
        if is_time(&line[at..at + SHAPE.len()]) {
            let time = line[at..].iter_mut().take_while(|byte| byte.is_ascii_digit() || b"-T :.,".contains(*byte));
            time.filter(|byte| byte.is_ascii_digit()).for_each(|byte| *byte = b'0');
        }
    }
    String::from_utf8(line).expect("only digits have changed")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str =
        "# A b: c\n[x](y.md#z) [w](https://w)\n\n1. a\n   ```console,exit=1\n   $ one \\\n     two\n   out\n   ```\n";

    #[test]
    fn a_page_has_blocks_links_and_anchors() {
        let page = Page::parse("p.md".into(), PAGE);
        assert_eq!((page.anchors(), page.links().collect()), (vec!["a-b-c".to_owned()], vec![("y.md", Some("z"))]));
        let [block] = &page.blocks[..] else { panic!("one block") };
        assert_eq!((block.language.as_str(), block.exit(), block.place.as_str()), ("console", 1, "p.md:5"));
        assert_eq!(block.commands(), [("one \\\n  two\n".to_owned(), "out\n".to_owned())]);
    }

    #[test]
    fn what_is_left_out_may_be_anything() {
        let printed = "[2026-01-02 03:04:05,6] a\nb 17 c 18\nd\n";
        assert!(is_shown("[2000-01-01 00:00:00,0] a\nb … c …\nd", printed));
        assert!(is_shown("…\nd", printed) && is_shown("[…\n…", printed) && is_among("b …\nd", printed));
        assert!(!is_shown("…\nb", printed) && !is_shown("[… b\n…", printed) && !is_among("d\nb …", printed));
    }

    #[test]
    fn lines_of_a_file_may_be_indented_and_left_out() {
        let block = |text: &str| Block::new("p".into(), "yaml", text.into());
        assert!(block("b:\n  c: 1\n# …\ne: 2\n").is_from("a:\n  b:\n    c: 1\n  d: 0\n  e: 2\n"));
        assert!(!block("b:\ne: 2\n").is_from("b:\nc: 1\ne: 2\n"));
    }
}
