//! `stampmill dead-letters replay`: sends them again, to their source or through the pipeline.
//!
//! What was sent is remembered as the committed offsets of a group that nobody joins. An offset is committed when all
//! before it is delivered or left, so an end at any moment loses nothing, and repeats at most what was in flight.

mod decision;
mod pace;
mod summary;

use std::io::Write;
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use stampmill_core::record::CommitOffset;
use stampmill_engine::dead_letters::Letter;
use stampmill_engine::kafka::reader::{Held, TopicReader};
use stampmill_engine::kafka::writer::{TopicWriter, Undelivered, WriteError};
use stampmill_engine::settings::PipelineSettings;
use stampmill_engine::tables;

use self::decision::{Decider, Decision, Left};
use self::pace::Pace;
use self::summary::Summary;
use super::arguments::{Replay, Target};
use super::scan::{Entry, scan};
use super::{DeadLettersError, exit, open};
use crate::commands::bytes::{escaped, size};
use crate::progress::Progress;

struct Run<'a> {
    arguments: &'a Replay,
    pipeline: &'a PipelineSettings,
    reader: &'a TopicReader,
    writer: &'a TopicWriter,
    decider: Decider<'a>,
    pace: Pace,
    summary: Summary,
    out: &'a mut dyn Write,
}

/// The part of a partition that was sent and is not settled yet.
struct Flight {
    partition: i32,
    /// Everything below is settled.
    begin: i64,
    /// Everything below is sent or left.
    next: CommitOffset,
    in_flight: usize,
    refused: Vec<Undelivered>,
    since: Instant,
}

const SETTLE_RECORDS: usize = 500;
const SETTLE_EVERY: Duration = Duration::from_secs(1);

pub(super) fn run(
    pipeline: &PipelineSettings,
    replay: &Replay,
    out: &mut dyn Write,
) -> Result<ExitCode, DeadLettersError> {
    let group = format!("stampmill-replay-{}", pipeline.name);
    let reader = open(pipeline, &group)?;
    let properties = match replay.to {
        Target::Source => &pipeline.source.properties,
        Target::Pipeline => &pipeline.producer,
    };
    let writer = TopicWriter::open(properties)?;
    let _kept = match replay.to {
        Target::Source => None,
        Target::Pipeline => {
            let kept = tables::keep_and_await(&pipeline.tables, &pipeline.transforms);
            Some(kept.map_err(DeadLettersError::Tables)?)
        }
    };
    let decider = Decider::new(pipeline, &writer, replay)?;
    let pace = Pace::new(replay.rate);
    let summary = Summary::default();
    let mut run = Run { arguments: replay, pipeline, reader: &reader, writer: &writer, decider, pace, summary, out };
    let all = run.all();
    // What was done before an error is told all the same.
    run.summary.write(replay, &pipeline.name, &group, run.out)?;
    all?;
    run.out.flush()?;
    Ok(if run.summary.is_fine() { ExitCode::SUCCESS } else { exit::FAILURE.into() })
}

// === impl Run ===

impl Run<'_> {
    fn remembers(&self) -> bool {
        self.arguments.execute && self.arguments.filters.is_empty()
    }

    /// One partition after the other, each up to where it ends now: what dies again meanwhile is for the next time.
    fn all(&mut self) -> Result<(), DeadLettersError> {
        let committed = if self.arguments.from_beginning { Default::default() } else { self.reader.committed()? };
        let mut ranges = self.reader.held()?;
        for held in &mut ranges {
            let done = committed.get(&held.partition).map(|next| next.get());
            // What is beyond the end was committed in a topic that is no more.
            let low = done.filter(|done| (held.low..=held.high).contains(done)).unwrap_or(held.low);
            self.summary.remembered += u64::try_from(low - held.low).unwrap_or_default();
            held.low = low;
        }
        let what = if self.arguments.execute { "replayed" } else { "read" };
        let mut progress = Progress::start(what, ranges.iter().map(Held::offsets).sum());
        for range in ranges {
            self.partition(range, &mut progress)?;
            if !self.summary.undelivered.is_empty() {
                break;
            }
        }
        Ok(())
    }

    fn partition(&mut self, range: Held, progress: &mut Progress) -> Result<(), DeadLettersError> {
        let (reader, arguments, pipeline) = (self.reader, self.arguments, self.pipeline);
        let mut flight = Flight::new(range);
        let read = scan(reader, range, &pipeline.name, &arguments.filters, progress, &mut |entry, progress| {
            self.entry(&entry, &mut flight, progress)
        });
        if read.is_ok() && flight.refused.is_empty() && self.summary.undelivered.is_empty() {
            // With the last of the partition, be it of another pipeline.
            flight.next = CommitOffset::new(range.high);
        }
        progress.hide();
        // What is in flight is waited for, whatever went wrong.
        self.settle(&mut flight)?;
        read
    }

    fn entry(
        &mut self,
        entry: &Entry<'_>,
        flight: &mut Flight,
        progress: &Progress,
    ) -> Result<ControlFlow<()>, DeadLettersError> {
        let (offset, decision) = match entry {
            Entry::NotOurs(record, why) => (record.offset, Decision::Left(Left::NotOurs(why.clone()))),
            Entry::Letter(letter) => (letter.record.offset, self.decider.decide(letter)?),
        };
        let place = format!("{}:{}", flight.partition, offset.get());
        match (decision, entry) {
            (Decision::Left(left), _) => {
                progress.hide();
                writeln!(self.out, "{place:<10} is left: {}", escaped(&left.to_string()))?;
                self.summary.count_left(&left);
            }
            (decision, Entry::Letter(letter)) if !self.arguments.execute => {
                progress.hide();
                self.would_send(&place, letter, &decision)?
            }
            (decision, _) => self.send(&decision, offset.get(), flight)?,
        }
        if !flight.refused.is_empty() {
            return Ok(ControlFlow::Break(()));
        }
        flight.next = offset.next();
        if flight.in_flight >= SETTLE_RECORDS || flight.since.elapsed() >= SETTLE_EVERY {
            progress.hide();
            self.settle(flight)?;
        }
        let go_on = self.summary.undelivered.is_empty();
        Ok(if go_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    }

    fn would_send(&mut self, place: &str, letter: &Letter<'_>, decision: &Decision) -> Result<(), DeadLettersError> {
        let to = match decision {
            Decision::ToSource(batch, hops) => {
                let record = batch.record(0);
                format!("{}/{}, {}, hops {hops}", record.topic, record.partition, size(record.payload))
            }
            Decision::ToSink(prepared) => {
                let sinks = &self.pipeline.sinks;
                let sends = prepared.sends().map(|(sink, value)| format!("{}, {}", sinks[sink].topic, size(value)));
                sends.collect::<Vec<_>>().join("; ")
            }
            Decision::Nothing | Decision::Left(_) => "nothing: the pipeline skips it".to_owned(),
        };
        let from = format!("{}/{}@{}", letter.topic, letter.partition, letter.offset);
        writeln!(self.out, "{place:<10} {:<14} {} -> {}", escaped(letter.class), escaped(&from), escaped(&to))?;
        self.summary.count(decision);
        Ok(())
    }

    fn send(&mut self, decision: &Decision, offset: i64, flight: &mut Flight) -> Result<(), DeadLettersError> {
        self.pace.wait(self.writer);
        let number = usize::try_from(offset).unwrap_or_default();
        let sent = match decision {
            Decision::ToSource(batch, _) => self.writer.send(&batch.record(0), number).map(|()| flight.in_flight += 1),
            Decision::ToSink(prepared) => self.decider.send(prepared, number, &mut flight.in_flight),
            Decision::Nothing | Decision::Left(_) => {
                self.summary.count(decision);
                return Ok(());
            }
        };
        match sent {
            Ok(()) => self.summary.count(decision),
            Err(WriteError::Refused(error)) => flight.refused.push(Undelivered { number, error }),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Waits for what is in flight, and remembers how far all is done.
    fn settle(&mut self, flight: &mut Flight) -> Result<(), DeadLettersError> {
        let mut undelivered = self.writer.settle(flight.in_flight);
        // Of one letter there may be several.
        undelivered.sort_by_key(|undelivered| undelivered.number);
        undelivered.dedup_by_key(|undelivered| undelivered.number);
        self.summary.sent -= undelivered.len() as u64;
        undelivered.append(&mut flight.refused);
        (flight.in_flight, flight.since) = (0, Instant::now());
        let first = undelivered.iter().filter_map(|undelivered| i64::try_from(undelivered.number).ok()).min();
        let next = first.map_or(flight.next, CommitOffset::new);
        flight.next = next;
        for Undelivered { number, error } in undelivered {
            let place = format!("{}:{number}", flight.partition);
            writeln!(self.out, "{place:<10} was not delivered: {error}")?;
            self.summary.undelivered.push(place);
        }
        if self.remembers() && next.get() > flight.begin {
            self.reader.commit(flight.partition, next)?;
            flight.begin = next.get();
        }
        Ok(())
    }
}

// === impl Flight ===

impl Flight {
    fn new(range: Held) -> Self {
        let next = CommitOffset::new(range.low);
        let (partition, begin) = (range.partition, range.low);
        Self { partition, begin, next, in_flight: 0, refused: Vec::new(), since: Instant::now() }
    }
}
