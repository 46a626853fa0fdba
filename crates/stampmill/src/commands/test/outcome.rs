//! What a pipeline makes of a case's record, by the code that runs it.

use std::cell::RefCell;
use std::sync::Arc;

use stampmill_core::record::{Batch, Offset, Record};
use stampmill_core::transform::{Failed, Log, LogSink};
use stampmill_engine::offline::{Offline, Sent};
use stampmill_engine::settings::{PipelineSettings, Then};

use super::case::{Case, Input};
use super::clock;
use crate::commands::bytes::escaped;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) outcome: Outcome,
    /// The messages of the log steps as the log shows them, whatever levels it shows.
    pub(super) log: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Outputs(Vec<Sent>),
    Failure { then: Then, failed: Failed },
    Nothing,
}

pub(super) fn run(pipeline: &PipelineSettings, case: &Case) -> Found {
    clock::set(case.now);
    case.tables.iter().for_each(|(table, rows)| table.replace(rows.clone()));
    let log = RefCell::new(Vec::new());
    let write = |_: usize, _: &Log, _: &Record<'_>, message: &str| log.borrow_mut().push(escaped(message));
    let mut offline = Offline::new(pipeline);
    for input in &case.before {
        // What fails has left nothing behind.
        if let Ok(Some(prepared)) = offline.render(batch(input)) {
            offline.in_turn(prepared);
        }
    }
    let rendered = offline.render_with_log(batch(&case.input), LogSink { enabled: &|_, _| true, write: &write });
    let outcome = match rendered.map(|prepared| prepared.and_then(|prepared| offline.in_turn(prepared))) {
        Ok(Some(prepared)) => Outcome::Outputs(offline.sent(&prepared)),
        Ok(None) => Outcome::Nothing,
        Err(failed) => Outcome::Failure { then: pipeline.on_failure.then, failed },
    };
    Found { outcome, log: log.into_inner() }
}

fn batch(input: &Input) -> Batch {
    let mut batch = Batch::new(Arc::from(input.topic.as_str()), input.partition);
    batch.push(Offset::new(input.offset), input.timestamp, input.key.as_deref(), input.payload.as_deref());
    input.headers.iter().for_each(|(name, value)| batch.push_header(name, value.as_deref()));
    batch
}
