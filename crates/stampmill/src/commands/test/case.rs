//! What a case file says.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use stampmill_core::table::{Rows, Table};
use stampmill_engine::settings::{PipelineSettings, SinkPartition, Then};

/// Name and value of each, in order; `None` is Kafka's null.
pub(super) type Headers = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// A file in which nothing is wrong.
pub(super) struct CaseFile<'a> {
    pub(super) path: PathBuf,
    /// As it was read, for rewriting.
    pub(super) text: String,
    pub(super) pipeline: &'a PipelineSettings,
    /// At least one.
    pub(super) cases: Vec<Case>,
}

#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) name: String,
    /// Its file and line.
    pub(super) at: String,
    pub(super) now: Timestamp,
    /// Records that came before, in order.
    pub(super) before: Vec<Input>,
    /// What each table holds that is kept from a topic.
    pub(super) tables: Vec<(Arc<Table>, Rows)>,
    pub(super) input: Input,
    /// Only where it is to be written is it not there.
    pub(super) expect: Option<Expect>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Input {
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) offset: i64,
    /// Milliseconds since 1970.
    pub(super) timestamp: Option<i64>,
    pub(super) key: Option<Vec<u8>>,
    pub(super) headers: Headers,
    pub(super) payload: Option<Vec<u8>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Expect {
    pub(super) outcome: Expected,
    /// Not looked at, if `None`.
    pub(super) log: Option<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Expected {
    Outputs(Vec<ExpectedOutput>),
    Failure(ExpectedFailure),
    /// Nothing goes out, and nothing failed.
    Nothing,
}

/// What is `None` is not looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ExpectedOutput {
    /// Of the sink.
    pub(super) topic: Option<String>,
    pub(super) payload: Payload,
    pub(super) key: Option<Option<Vec<u8>>>,
    pub(super) headers: Option<Headers>,
    pub(super) timestamp: Option<ExpectedTimestamp>,
    pub(super) partition: Option<SinkPartition>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Payload {
    Exact(Option<Vec<u8>>),
    /// JSON without white space between its tokens.
    Json(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExpectedTimestamp {
    /// That of the moment of sending.
    Now,
    /// Milliseconds since 1970; `None` where the input has none.
    Of(Option<i64>),
}

/// What is `None` is not looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ExpectedFailure {
    pub(super) then: Then,
    pub(super) class: String,
    pub(super) step: Option<String>,
    /// A part of it.
    pub(super) reason: Option<String>,
}

// === impl Payload ===

impl Payload {
    pub(super) fn bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::Exact(bytes) => bytes,
            Self::Json(text) => Some(text.into_bytes()),
        }
    }
}
