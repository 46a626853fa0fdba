//! `stampmill tap`: live records, before and after a pipeline's steps.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{ErrorKind, Write};
use std::ops::ControlFlow;
use std::process::ExitCode;

use clap::Args;
use stampmill_core::record::{Batch, Record};
use stampmill_engine::kafka::follow::{Begin, Follower};
use stampmill_engine::kafka::reader::ReadError;
use stampmill_engine::offline::Offline;
use stampmill_engine::settings::PipelineSettings;
use stampmill_engine::tables;

use crate::cli::Configuration;
use crate::commands::bytes::{cut, escaped, line};
use crate::commands::choice::choose;
use crate::commands::moment::written;
use crate::commands::{configured, exit};

#[derive(Args, Debug)]
pub(crate) struct Tap {
    #[command(flatten)]
    configuration: Configuration,
    /// The pipeline; may be left out where there is only one
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,
    /// Another topic of the source's cluster, or one of the source's; all of the source's, if left out
    #[arg(long, value_name = "NAME")]
    topic: Option<String>,
    /// One partition of each topic; all, if left out
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(0..))]
    partition: Option<i32>,
    /// Where in each partition to begin: `beginning`, `end`, an offset, or `-N` for the last N offsets
    #[arg(long, default_value = "end", value_name = "PLACE", value_parser = begin, allow_hyphen_values = true)]
    from: Begin,
    /// How many records to show; without it, until Ctrl-C
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Only records of which what is shown contains this text
    #[arg(long = "where", value_name = "TEXT")]
    containing: Option<String>,
    /// Cut keys, payloads and reasons to so many characters
    #[arg(long, value_name = "CHARACTERS", value_parser = clap::value_parser!(u32).range(1..))]
    width: Option<u32>,
}

#[derive(Debug, thiserror::Error)]
enum TapError {
    #[error("{0}")]
    Read(#[from] ReadError),
    #[error("the tables of its steps cannot be read: {0}")]
    Tables(std::io::Error),
    #[error("standard output cannot be written: {0}")]
    Output(std::io::Error),
}

/// What shows records, and how many are left to be shown.
struct Screen<'a> {
    pipeline: &'a PipelineSettings,
    offline: Offline,
    tap: &'a Tap,
    left: u64,
    out: &'a mut dyn Write,
}

pub(crate) fn run(tap: Tap) -> ExitCode {
    configured(tap.configuration.clone().sources(), |settings| {
        let pipeline = match choose(&settings, tap.pipeline.as_deref()) {
            Ok(pipeline) => pipeline,
            Err(error) => return report(&error, exit::USAGE),
        };
        match follow(pipeline, &tap, &mut std::io::stdout().lock()) {
            Ok(()) => ExitCode::SUCCESS,
            // Whoever read along has seen enough.
            Err(TapError::Output(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
            Err(error) => report(&error, exit::FAILURE),
        }
    })
}

fn report(error: &dyn std::error::Error, code: u8) -> ExitCode {
    eprintln!("{error}");
    code.into()
}

fn follow(pipeline: &PipelineSettings, tap: &Tap, out: &mut dyn Write) -> Result<(), TapError> {
    let follower = Follower::open(pipeline, tap.topic.as_deref(), tap.partition, tap.from)?;
    let _kept = tables::keep_and_await(&pipeline.tables, &pipeline.transforms).map_err(TapError::Tables)?;
    eprintln!("{} through `{}`; Ctrl-C ends it", described(&follower), pipeline.name);
    let mut screen =
        Screen { pipeline, offline: Offline::new(pipeline), tap, left: tap.count.unwrap_or(u64::MAX), out };
    let mut shown = Ok(());
    follower.follow(&mut |batch| {
        shown = screen.show(batch);
        if shown.is_err() || screen.left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    shown.map_err(TapError::Output)
}

/// As `orders (6 partitions)`.
fn described(follower: &Follower) -> String {
    let mut counts = BTreeMap::new();
    follower.partitions().for_each(|(topic, _)| *counts.entry(topic).or_insert(0) += 1);
    let topics = counts.iter().map(|(topic, count)| match count {
        1 => format!("{topic} (1 partition)"),
        _ => format!("{topic} ({count} partitions)"),
    });
    topics.collect::<Vec<_>>().join(", ")
}

fn begin(text: &str) -> Result<Begin, String> {
    let expected = || "expected `beginning`, `end`, an offset, or `-N` for the last N offsets".to_owned();
    match (text, text.strip_prefix('-')) {
        ("beginning", _) => Ok(Begin::Beginning),
        ("end", _) => Ok(Begin::End),
        (_, Some(count)) => number(count).map(Begin::Last).ok_or_else(expected),
        (offset, None) => number(offset).map(Begin::Offset).ok_or_else(expected),
    }
}

/// Digits only.
fn number(text: &str) -> Option<i64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

// === impl Screen ===

impl Screen<'_> {
    /// Every record that is asked for, as long as some are left to be shown.
    fn show(&mut self, batch: &Batch) -> std::io::Result<()> {
        for index in 0..batch.len() {
            let record = batch.record(index);
            let after = self.after(batch.pick(&[index]));
            let whole = block(&record, &after, None);
            if self.left == 0 || self.tap.containing.as_ref().is_some_and(|text| !whole.contains(text)) {
                continue;
            }
            self.left -= 1;
            let width = self.tap.width.and_then(|width| usize::try_from(width).ok());
            self.out.write_all(block(&record, &after, width).as_bytes())?;
        }
        self.out.flush()
    }

    /// What the pipeline makes of it: how that is called, and what it is.
    fn after(&mut self, alone: Batch) -> Vec<(&'static str, String)> {
        let sinks = &self.pipeline.sinks;
        match self.offline.render(alone) {
            // Where there are several topics it says which.
            Ok(Some(prepared)) => prepared
                .sends()
                .map(|(sink, value)| match &sinks[..] {
                    [_] => ("after", line(value)),
                    _ => ("after", format!("{} {}", sinks[sink].topic, line(value))),
                })
                .collect(),
            Ok(None) => vec![("skipped", String::new())],
            Err(failed) => {
                let (class, reason) = (failed.fault.class.as_str(), &failed.fault.reason);
                vec![("fault", escaped(&format!("{}: {class}: {reason}", failed.step)))]
            }
        }
    }
}

/// The lines of one record.
fn block(record: &Record<'_>, after: &[(&str, String)], width: Option<usize>) -> String {
    let Record { topic, partition, offset, timestamp, key, payload, .. } = *record;
    let (key, before) = (cut(&line(key), width), cut(&line(payload), width));
    let mut text = format!("{topic}/{partition} offset {}  {}  key {key}\n", offset.get(), written(timestamp));
    // Writing to a `String` cannot fail.
    let _ = writeln!(text, "  before   {before}");
    for (kind, after) in after {
        let _ = writeln!(text, "{}", format!("  {kind:<7}  {}", cut(after, width)).trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use stampmill_core::record::Offset;

    use super::*;

    #[test]
    fn a_place_to_begin_is_a_word_an_offset_or_a_distance_from_the_end() {
        assert_eq!(begin("beginning"), Ok(Begin::Beginning));
        assert_eq!(begin("end"), Ok(Begin::End));
        assert_eq!(begin("17"), Ok(Begin::Offset(17)));
        assert_eq!(begin("-17"), Ok(Begin::Last(17)));
        for wrong in ["", "-", "--1", "+1", "latest", "1.5", "99999999999999999999"] {
            assert!(begin(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn nothing_of_a_record_can_steer_the_terminal() {
        let mut batch = Batch::new("in".into(), 3);
        batch.push(Offset::new(7), Some(1_700_000_000_000), Some(b"k\x1b[2J"), Some(b"{\"a\":\n\x9b1}"));
        let after = [("after", line(Some("\u{9b}31m\rdone".as_bytes())))];
        assert_eq!(
            block(&batch.record(0), &after, None),
            "in/3 offset 7  2023-11-14T22:13:20.000Z  key k\\u001b[2J
  before   base64:eyJhIjoKmzF9
  after    \\u009b31m\\rdone
"
        );
    }

    #[test]
    fn what_is_long_is_cut() {
        let mut batch = Batch::new("in".into(), 0);
        batch.push(Offset::new(0), None, None, Some(b"0123456789"));
        let after = [("skipped", String::new())];
        assert_eq!(
            block(&batch.record(0), &after, Some(8)),
            "in/0 offset 0  -  key (null)\n  before   0123456…\n  skipped\n"
        );
    }
}
