//! Two texts beside each other, by line. No character of them can move a cursor.

use similar::{Algorithm, DiffOp, DiffTag, capture_diff_slices, group_diff_ops};

use crate::commands::bytes::escaped;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    Same(String),
    Expected(String),
    Found(String),
    /// Under the first character, counted from 0, in which the two lines above differ.
    Caret(usize),
    /// Lines that are the same were left out.
    LeftOut,
    /// What the lines do not show.
    Note(&'static str),
}

/// Lines around a difference.
const CONTEXT: usize = 2;
/// A longer line is shown around its first difference only.
const WIDEST: usize = 160;
const BEFORE: usize = 60;

pub(super) fn diff(expected: &str, found: &str) -> Vec<Line> {
    let (old, new) = (lines(expected), lines(found));
    let groups = group_diff_ops(capture_diff_slices(Algorithm::Myers, &old, &new), CONTEXT);
    let mut out = Vec::new();
    for (index, group) in groups.iter().enumerate() {
        if index > 0 {
            out.push(Line::LeftOut);
        }
        group.iter().for_each(|op| push(op, &old, &new, &mut out));
    }
    if expected != found && expected.trim_end_matches('\n') == found.trim_end_matches('\n') {
        out.push(Line::Note("only the line ends at the end differ; in YAML `|-` is a block without, `|` one with"));
    }
    out
}

fn lines(text: &str) -> Vec<String> {
    text.split('\n').map(escaped).collect()
}

fn push(op: &DiffOp, old: &[String], new: &[String], out: &mut Vec<Line>) {
    let (old, new) = (&old[op.old_range()], &new[op.new_range()]);
    if op.tag() == DiffTag::Equal {
        out.extend(old.iter().cloned().map(Line::Same));
    } else if old.len() == new.len() {
        old.iter().zip(new).for_each(|(expected, found)| push_pair(expected, found, out));
    } else {
        out.extend(old.iter().cloned().map(Line::Expected));
        out.extend(new.iter().cloned().map(Line::Found));
    }
}

fn push_pair(expected: &str, found: &str, out: &mut Vec<Line>) {
    let at = expected.chars().zip(found.chars()).take_while(|(expected, found)| expected == found).count();
    let is_long = expected.chars().count().max(found.chars().count()) > WIDEST;
    // The `…` takes the place of the last character that is left out.
    let from = if is_long && at > BEFORE { at - BEFORE } else { 0 };
    let part = |text: &str| if is_long { excerpt(text, from) } else { text.to_owned() };
    out.extend([Line::Expected(part(expected)), Line::Found(part(found)), Line::Caret(at - from)]);
}

/// At most [`WIDEST`] characters, and a `…` at each end where something is left out.
fn excerpt(text: &str, from: usize) -> String {
    let count = text.chars().count();
    let mut part: Vec<char> = text.chars().skip(from).take(WIDEST).collect();
    if from > 0
        && let Some(first) = part.first_mut()
    {
        *first = '…';
    }
    if from + WIDEST < count
        && let Some(last) = part.last_mut()
    {
        *last = '…';
    }
    part.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(text: &str) -> Line {
        Line::Expected(text.into())
    }

    fn found(text: &str) -> Line {
        Line::Found(text.into())
    }

    #[test]
    fn a_changed_digit_has_a_caret_under_it() {
        let lines = diff("{\n  \"a\": 1.50,\n  \"b\": 2\n}", "{\n  \"a\": 1.5,\n  \"b\": 2\n}");
        let same = |text: &str| Line::Same(text.into());
        assert_eq!(
            lines,
            [
                same("{"),
                expected("  \"a\": 1.50,"),
                found("  \"a\": 1.5,"),
                Line::Caret(10),
                same("  \"b\": 2"),
                same("}")
            ]
        );
    }

    #[test]
    fn what_is_the_same_far_away_is_left_out() {
        let text = |first: &str, last: &str| format!("{first}\n1\n2\n3\n4\n5\n6\n{last}");
        let lines = diff(&text("a", "x"), &text("b", "y"));
        assert_eq!(lines.iter().filter(|line| matches!(line, Line::LeftOut)).count(), 1);
        assert_eq!(lines.iter().filter(|line| matches!(line, Line::Same(_))).count(), 2 * CONTEXT);
    }

    #[test]
    fn a_long_line_is_shown_around_its_first_difference() {
        let text = |middle: &str| format!("{}{middle}{}", "é".repeat(1000), "z".repeat(1000));
        let lines = diff(&text("1"), &text("2"));
        let [Line::Expected(one), Line::Found(two), Line::Caret(at)] = lines.as_slice() else { panic!("{lines:?}") };
        assert_eq!((one.chars().nth(*at), two.chars().nth(*at)), (Some('1'), Some('2')));
        assert_eq!((one.chars().count(), one.chars().next(), one.chars().last()), (WIDEST, Some('…'), Some('…')));
    }

    #[test]
    fn line_ends_at_the_end_are_told() {
        assert!(matches!(diff("a\n", "a").last(), Some(Line::Note(_))));
        assert!(matches!(diff("a", "b").last(), Some(Line::Caret(0))));
    }

    #[test]
    fn no_text_can_move_the_cursor() {
        assert_eq!(diff("\u{1b}[2J", "\r"), [expected("\\u001b[2J"), found("\\r"), Line::Caret(1)]);
    }
}
