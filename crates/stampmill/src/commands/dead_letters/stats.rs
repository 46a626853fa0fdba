//! `stampmill dead-letters stats`: how many there are, and of what kind.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::ControlFlow;

use stampmill_engine::dead_letters::Letter;
use stampmill_engine::kafka::reader::{Held, TopicReader};
use stampmill_engine::settings::PipelineSettings;

use super::DeadLettersError;
use super::filter::Filters;
use super::scan::{Entry, scan};
use super::table::{Table, width};
use crate::commands::bytes::escaped;
use crate::commands::moment::written;
use crate::progress::Progress;

#[derive(Default)]
struct Counts {
    letters: u64,
    stubs: u64,
    not_ours: u64,
    first: Option<i64>,
    last: Option<i64>,
    by_class: BTreeMap<String, u64>,
    by_source: BTreeMap<String, u64>,
    by_transform: BTreeMap<String, u64>,
    by_reason: BTreeMap<String, u64>,
}

/// Reasons that hold something of the record could be as many as the records.
const MOST_REASONS: usize = 10_000;
const MOST_LINES: usize = 20;

pub(super) fn run(
    pipeline: &PipelineSettings,
    reader: &TopicReader,
    filters: &Filters,
    out: &mut dyn Write,
) -> Result<(), DeadLettersError> {
    let (mut counts, held) = (Counts::default(), reader.held()?);
    let mut progress = Progress::start("read", held.iter().map(Held::offsets).sum());
    for held in held {
        scan(reader, held, &pipeline.name, filters, &mut progress, &mut |entry, _| {
            match entry {
                Entry::Letter(letter) => counts.count(&letter),
                Entry::NotOurs(..) => counts.not_ours += 1,
            }
            Ok(ControlFlow::Continue(()))
        })?;
    }
    drop(progress);
    counts.write(&pipeline.name, reader.topic(), out)?;
    Ok(out.flush()?)
}

// === impl Counts ===

impl Counts {
    fn count(&mut self, letter: &Letter<'_>) {
        self.letters += 1;
        self.stubs += u64::from(letter.stub.is_some());
        let time = letter.time();
        self.first = [self.first, time].into_iter().flatten().min();
        self.last = self.last.max(time);
        *self.by_class.entry(letter.class.to_owned()).or_default() += 1;
        *self.by_source.entry(format!("{}/{}", letter.topic, letter.partition)).or_default() += 1;
        *self.by_transform.entry(letter.transform.to_owned()).or_default() += 1;
        let reason = without_digits(letter.reason);
        if self.by_reason.len() < MOST_REASONS || self.by_reason.contains_key(&reason) {
            *self.by_reason.entry(reason).or_default() += 1;
        }
    }

    fn write(&self, pipeline: &str, topic: &str, out: &mut dyn Write) -> std::io::Result<()> {
        writeln!(out, "{} dead letters of `{pipeline}` in `{topic}`", self.letters)?;
        if self.letters > 0 {
            writeln!(out, "  first        {}", written(self.first))?;
            writeln!(out, "  last         {}", written(self.last))?;
        }
        for (count, what) in [(self.stubs, "stubs"), (self.not_ours, "not ours")] {
            if count > 0 {
                writeln!(out, "  {what:<11}  {count}")?;
            }
        }
        if self.letters > 0 {
            write_counts("CLASS", &self.by_class, out)?;
            write_counts("SOURCE", &self.by_source, out)?;
            write_counts("TRANSFORM", &self.by_transform, out)?;
            write_counts("REASON", &self.by_reason, out)?;
        }
        Ok(())
    }
}

fn write_counts(title: &'static str, counts: &BTreeMap<String, u64>, out: &mut dyn Write) -> std::io::Result<()> {
    let mut most: Vec<(&String, &u64)> = counts.iter().collect();
    most.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let mut table = Table::new(["COUNT", title]);
    most.iter().take(MOST_LINES).for_each(|(name, count)| table.push([format!("{count:>5}"), escaped(name)]));
    writeln!(out)?;
    table.write(width(), out)?;
    match most.len().saturating_sub(MOST_LINES) {
        0 => Ok(()),
        more => writeln!(out, "       and {more} more"),
    }
}

/// `at byte 17` and `at byte 18` are one reason.
fn without_digits(reason: &str) -> String {
    let mut folded = String::with_capacity(reason.len());
    for character in reason.chars() {
        match character.is_ascii_digit() {
            true if folded.ends_with('#') => {}
            true => folded.push('#'),
            false => folded.push(character),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_that_differ_in_numbers_are_one() {
        assert_eq!(without_digits("expected `]` at byte 170 of 2"), "expected `]` at byte # of #");
        assert_eq!(without_digits(""), "");
    }

    #[test]
    fn the_most_frequent_come_first() {
        let counts: BTreeMap<String, u64> =
            (0..25u64).map(|number| (format!("c{number:02}"), number % 3 + 1)).collect();
        let mut out = Vec::new();
        write_counts("CLASS", &counts, &mut out).expect("a vector takes all");
        let text = String::from_utf8(out).expect("is UTF-8");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!((lines[1], lines[2], lines.last()), ("COUNT  CLASS", "    3  c02", Some(&"       and 5 more")));
    }
}
