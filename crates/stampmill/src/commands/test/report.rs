//! What is said of each case, on standard output.

use std::io::{IsTerminal, Write, stdout};

use super::Verdict;
use super::case::CaseFile;
use super::diff::{Line, diff};
use super::judge::Difference;
use crate::commands::bytes::escaped;

/// Whether there may be colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Colours(bool);

const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const PLAIN: &str = "\x1b[0m";
const INDENT: &str = "        ";

/// The lines of a file: its name, and what became of each case.
pub(super) fn write(
    file: &CaseFile<'_>,
    verdicts: &[Verdict],
    colours: Colours,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    writeln!(out, "{}", file.path.display())?;
    for (case, verdict) in file.cases.iter().zip(verdicts) {
        let name = escaped(&case.name);
        match verdict {
            Verdict::Passed => writeln!(out, "  {}  {name}", colours.paint(GREEN, "ok    "))?,
            Verdict::Updated => writeln!(out, "  {}  {name}", colours.paint(GREEN, "update"))?,
            Verdict::Failed(differences) => {
                writeln!(out, "  {}  {name} ({})", colours.paint(RED, "FAILED"), case.at)?;
                for line in failure(differences, colours) {
                    writeln!(out, "{INDENT}  {line}")?;
                }
            }
        }
    }
    Ok(())
}

/// The last line.
pub(super) fn summary(files: usize, verdicts: &[Verdict], out: &mut dyn Write) -> std::io::Result<()> {
    let count = |is: fn(&Verdict) -> bool| verdicts.iter().filter(|verdict| is(verdict)).count();
    let passed = count(|verdict| matches!(verdict, Verdict::Passed));
    let failed = count(|verdict| matches!(verdict, Verdict::Failed(_)));
    let updated = count(|verdict| matches!(verdict, Verdict::Updated));
    let updated = if updated > 0 { format!(", {updated} updated") } else { String::new() };
    let cases = if verdicts.len() == 1 { "1 case".to_owned() } else { format!("{} cases", verdicts.len()) };
    let files = if files == 1 { "1 file".to_owned() } else { format!("{files} files") };
    writeln!(out, "{cases} in {files}: {passed} passed, {failed} failed{updated}")
}

/// The differences as lines; without colours as they stand in a report.
pub(super) fn failure(differences: &[Difference], colours: Colours) -> Vec<String> {
    let one = |difference: &Difference| {
        let head = format!("{}: expected (-), found (+)", escaped(&difference.key));
        let lines = diff(&difference.expected, &difference.found);
        [head].into_iter().chain(lines.iter().map(|line| colours.line(line))).collect::<Vec<_>>()
    };
    differences.iter().flat_map(one).collect()
}

// === impl Colours ===

impl Colours {
    pub(super) const NONE: Self = Self(false);

    /// On a terminal, unless `NO_COLOR` is set to something (no-color.org).
    pub(super) fn of_standard_output() -> Self {
        let is_unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self(stdout().is_terminal() && !is_unwanted)
    }

    fn paint(self, colour: &str, text: &str) -> String {
        if self.0 { format!("{colour}{text}{PLAIN}") } else { text.to_owned() }
    }

    fn line(self, line: &Line) -> String {
        match line {
            Line::Same(text) => format!("  {text}"),
            Line::Expected(text) => self.paint(RED, &format!("- {text}")),
            Line::Found(text) => self.paint(GREEN, &format!("+ {text}")),
            Line::Caret(at) => format!("  {:at$}^", ""),
            Line::LeftOut => "  …".to_owned(),
            Line::Note(text) => format!("  ({text})"),
        }
    }
}
