//! What a TransformActor makes of a batch: one output for each of its records.

use std::ops::Range;
use std::time::{SystemTime, UNIX_EPOCH};

use stampmill_core::fault::Fault;

use crate::credits::Charge;
use crate::logging::LinesByRoute;
use crate::traces::Traced;

/// In one block of memory, and in the order of the records.
pub(crate) struct Outputs {
    pub(crate) bytes: Vec<u8>,
    pub(crate) records: Vec<Output>,
    /// Values of the sink's header templates: as many for each [`Output::Send`] as there are templates.
    pub(crate) headers: Vec<Range<usize>>,
    /// Lines of log steps that are written in the order of the batches.
    pub(crate) lines: LinesByRoute,
    /// None where none of its records is traced.
    pub(crate) traced: Option<Traced>,
    /// Set when the batch is complete.
    pub(crate) charge: Option<Charge>,
}

pub(crate) enum Output {
    Send {
        key: OutputKey,
        value: OutputValue,
        headers: Range<usize>,
    },
    DeadLetter(Box<DeadLetter>),
    /// Nothing goes out: it is settled when its turn comes.
    Skipped,
}

pub(crate) enum OutputKey {
    /// The input's.
    Source,
    Null,
    Rendered(Range<usize>),
}

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
    /// Why there is none.
    pub(crate) fn failure(&self) -> Option<String> {
        match self {
            Self::DeadLetter(letter) => Some(format!("{}: {}", letter.step, letter.fault.class.as_str())),
            Self::Send { .. } | Self::Skipped => None,
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

// === impl Outputs ===

impl Outputs {
    pub(crate) fn with_capacity(records: usize, bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
            records: Vec::with_capacity(records),
            headers: Vec::new(),
            lines: LinesByRoute::default(),
            traced: None,
            charge: None,
        }
    }

    /// For each record whether it could not be processed.
    pub(crate) fn failures(&self) -> impl Iterator<Item = bool> {
        self.records.iter().map(|output| matches!(output, Output::DeadLetter(_)))
    }
}
