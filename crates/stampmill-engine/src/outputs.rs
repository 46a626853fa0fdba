//! What a TransformActor makes of a batch: outputs for each of its records, one at the least.

use std::ops::Range;
use std::time::{SystemTime, UNIX_EPOCH};

use stampmill_core::fault::Fault;
use stampmill_core::record::HeaderChange;

use crate::credits::Charge;
use crate::logging::LinesByRoute;
use crate::traces::Traced;

/// In one block of memory, and in the order of the records.
pub(crate) struct Outputs {
    pub(crate) bytes: Vec<u8>,
    /// Those of a record stand together.
    pub(crate) list: Vec<Output>,
    /// Values of the header templates of sinks: as many for each [`OutputKind::Send`] as its sink has.
    pub(crate) headers: Vec<Range<usize>>,
    pub(crate) filtered: Filtered,
    /// What of it goes out only if its key is new; decided in its turn.
    pub(crate) guards: Vec<Guard>,
    /// How many records, or parts of them, have met each `throttle` step.
    pub(crate) throttled: Vec<usize>,
    /// Lines of log steps that are written in the order of the batches.
    pub(crate) lines: LinesByRoute,
    /// None where none of its records is traced.
    pub(crate) traced: Option<Traced>,
    /// Set when the batch is complete.
    pub(crate) charge: Option<Charge>,
}

pub(crate) struct Output {
    /// The place of its record in the batch.
    pub(crate) record: usize,
    pub(crate) kind: OutputKind,
}

pub(crate) enum OutputKind {
    Send(Send),
    /// The only output of its record.
    DeadLetter(Box<DeadLetter>),
    /// Nothing goes out, and it is settled when its turn comes.
    Skipped,
}

/// A record for a sink.
pub(crate) struct Send {
    /// Its place among those of the pipeline.
    pub(crate) sink: usize,
    pub(crate) key: OutputKey,
    pub(crate) value: OutputValue,
    pub(crate) headers: Range<usize>,
    pub(crate) changed: Option<Box<Changed>>,
}

/// What steps have set of a record beside its key and payload.
pub(crate) struct Changed {
    pub(crate) timestamp: Option<Option<i64>>,
    pub(crate) headers: Vec<HeaderChange>,
}

/// Outputs of a `dedupe` step.
pub(crate) struct Guard {
    pub(crate) step: String,
    pub(crate) window: usize,
    pub(crate) key: u128,
    pub(crate) record: usize,
    /// The number of the part within the record.
    pub(crate) part: usize,
    /// From here on, in the list.
    pub(crate) outputs: Range<usize>,
}

/// How many records, or parts of them, each step let not through.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filtered(Vec<(String, u64)>);

/// How far a batch got, to go back there.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Mark {
    bytes: usize,
    list: usize,
    headers: usize,
    guards: usize,
}

pub(crate) enum OutputKey {
    /// The input's.
    Source,
    Null,
    Rendered(Range<usize>),
}

#[derive(Clone)]
pub(crate) enum OutputValue {
    Tombstone,
    Rendered(Range<usize>),
}

/// Why a record could not be processed.
#[derive(Clone, Debug)]
pub(crate) struct DeadLetter {
    /// The step of the pipeline that gave up: `envelope[1]`, `sink`.
    pub(crate) step: String,
    pub(crate) fault: Fault,
    pub(crate) attempts: u32,
    /// Of the first failure, in milliseconds since 1970.
    pub(crate) first_time: i64,
    /// Of the last try.
    pub(crate) last_time: i64,
}

// === impl Output ===

impl Output {
    pub(crate) fn dead_letter(&self) -> Option<&DeadLetter> {
        match &self.kind {
            OutputKind::DeadLetter(letter) => Some(letter),
            OutputKind::Send(_) | OutputKind::Skipped => None,
        }
    }
}

// === impl DeadLetter ===

impl DeadLetter {
    /// Dies now; `first_time` is of the first failure if this is not the first.
    pub(crate) fn new(step: String, fault: Fault, attempts: u32, first_time: Option<i64>) -> Self {
        let now = now();
        Self { step, fault, attempts, first_time: first_time.unwrap_or(now), last_time: now }
    }
}

/// In milliseconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

// === impl Filtered ===

impl Filtered {
    pub(crate) fn add(&mut self, step: &str) {
        match self.0.iter_mut().find(|(known, _)| known == step) {
            Some((_, count)) => *count += 1,
            None => self.0.push((step.to_owned(), 1)),
        }
    }

    pub(crate) fn drain(&mut self) -> impl Iterator<Item = (String, u64)> {
        self.0.drain(..)
    }
}

// === impl Outputs ===

impl Outputs {
    pub(crate) fn with_capacity(records: usize, bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
            list: Vec::with_capacity(records),
            headers: Vec::new(),
            filtered: Filtered::default(),
            guards: Vec::new(),
            throttled: Vec::new(),
            lines: LinesByRoute::default(),
            traced: None,
            charge: None,
        }
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark { bytes: self.bytes.len(), list: self.list.len(), headers: self.headers.len(), guards: self.guards.len() }
    }

    /// Forgets what was added since.
    pub(crate) fn go_back(&mut self, mark: Mark) {
        self.bytes.truncate(mark.bytes);
        self.list.truncate(mark.list);
        self.headers.truncate(mark.headers);
        self.guards.truncate(mark.guards);
    }

    /// What it takes in memory, or in librdkafka, which copies what it sends: a payload for several sinks several times.
    pub(crate) fn bytes_out(&self) -> usize {
        let payloads = self.sends().map(|(_, send)| match &send.value {
            OutputValue::Tombstone => 0,
            OutputValue::Rendered(range) => range.len(),
        });
        payloads.sum::<usize>().max(self.bytes.len())
    }

    /// Why nothing came of the last record, if it cannot be processed.
    pub(crate) fn failure(&self) -> Option<String> {
        let letter = self.list.last()?.dead_letter()?;
        Some(format!("{}: {}", letter.step, letter.fault.class.as_str()))
    }

    /// For each record whether it could not be processed.
    pub(crate) fn failures(&self) -> impl Iterator<Item = bool> {
        let records = self.list.chunk_by(|one, next| one.record == next.record);
        records.map(|outputs| outputs[0].dead_letter().is_some())
    }

    /// What goes to sinks, with its place.
    pub(crate) fn sends(&self) -> impl Iterator<Item = (usize, &Send)> {
        self.list.iter().enumerate().filter_map(|(place, output)| match &output.kind {
            OutputKind::Send(send) => Some((place, send)),
            OutputKind::DeadLetter(_) | OutputKind::Skipped => None,
        })
    }

    /// Whether the output at that place is the first of its record.
    pub(crate) fn is_first(&self, place: usize) -> bool {
        place == 0 || self.list[place - 1].record != self.list[place].record
    }

    /// Whether the output at that place is the last of its record.
    pub(crate) fn is_last(&self, place: usize) -> bool {
        self.list.get(place + 1).is_none_or(|next| next.record != self.list[place].record)
    }
}
