//! What a TransformActor makes of a batch: one output for each of its records.

use std::ops::Range;

use stampmill_core::fault::Fault;

use crate::credits::Charge;
use crate::logging::LinesByRoute;

/// In one block of memory, and in the order of the records.
pub(crate) struct Outputs {
    pub(crate) bytes: Vec<u8>,
    pub(crate) records: Vec<Output>,
    /// Values of the sink's header templates: as many for each [`Output::Send`] as there are templates.
    pub(crate) headers: Vec<Range<usize>>,
    /// Lines of log steps that are written in the order of the batches.
    pub(crate) lines: LinesByRoute,
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
}

// === impl Outputs ===

impl Outputs {
    pub(crate) fn with_capacity(records: usize) -> Self {
        Self {
            bytes: Vec::new(),
            records: Vec::with_capacity(records),
            headers: Vec::new(),
            lines: LinesByRoute::default(),
            charge: None,
        }
    }

    pub(crate) fn dead_letters(&self) -> usize {
        self.records.iter().filter(|output| matches!(output, Output::DeadLetter(_))).count()
    }
}
