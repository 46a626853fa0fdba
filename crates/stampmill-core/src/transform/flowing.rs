//! A record on its way: its payloads, and what steps have changed of the rest.

use std::sync::Arc;

use crate::fault::Fault;
use crate::input::Document;
use crate::json::{Compiled, Found, Rules, scan};
use crate::record::{HeaderChange, Record};
use crate::schema::Tree;
use crate::template::Loops;

/// Buffers that are used again for each record.
#[derive(Debug, Default)]
pub struct Scratch {
    pub(super) line: Vec<u8>,
    pub(super) loops: Loops,
    pub(super) stages: Vec<Stage>,
    pub(super) changes: Changes,
    pub(super) vars: Vars,
    pub(super) wanted: Vec<usize>,
    pub(super) tree: Tree,
}

/// A payload: the record's, or what a step made of it.
#[derive(Debug, Default)]
pub(super) struct Stage {
    pub(super) bytes: Vec<u8>,
    pub(super) holds: Holds,
    /// Whether `found` speaks of this payload; read when that is first asked for.
    read: Option<Result<(), Fault>>,
    found: Found,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Holds {
    /// What the record came with.
    #[default]
    Record,
    /// `bytes`.
    Made,
    Null,
}

/// What steps have set of a record beside its payload.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes {
    pub(super) key: Option<Option<Vec<u8>>>,
    pub(super) headers: Vec<HeaderChange>,
    pub(super) timestamp: Option<Option<i64>>,
}

/// Variables, and the document that they make.
#[derive(Debug, Default)]
pub(super) struct Vars {
    values: Vec<(Arc<str>, Vec<u8>)>,
    bytes: Vec<u8>,
    read: Option<Result<(), Fault>>,
    found: Found,
}

/// All variables at a time.
pub(super) type Values = Vec<(Arc<str>, Vec<u8>)>;

// === impl Scratch ===

impl Scratch {
    pub(super) fn begin(&mut self, stages: usize) {
        self.stages.resize_with(stages, Stage::default);
        self.stages[0].put(Holds::Record);
        self.changes.forget();
        self.vars.put(Vec::new());
    }
}

// === impl Stage ===

impl Stage {
    pub(super) fn put(&mut self, holds: Holds) {
        self.holds = holds;
        self.read = None;
    }

    pub(super) fn payload<'a>(&'a self, record: &Record<'a>) -> Option<&'a [u8]> {
        match self.holds {
            Holds::Record => record.payload,
            Holds::Made => Some(&self.bytes),
            Holds::Null => None,
        }
    }

    /// For plans over this payload, and after [`Stage::read`] if they look into it.
    pub(super) fn document<'a>(&'a self, record: &Record<'a>, reads: &'a Compiled) -> Document<'a> {
        Document { bytes: self.payload(record), found: &self.found, reads }
    }

    pub(super) fn read(&mut self, record: &Record<'_>, rules: Rules, reads: &Compiled) -> Result<(), Fault> {
        if self.read.is_none() {
            // What a step made is JSON, so that only what is read of it must be looked at; and its own nesting does not
            // count against the payload's.
            let (payload, rules) = match self.holds {
                Holds::Record => (record.payload.unwrap_or(b"null"), rules),
                Holds::Made => (&*self.bytes, Rules { max_depth: usize::MAX, only_touched: true, ..rules }),
                Holds::Null => (&b"null"[..], rules),
            };
            self.read = Some(scan(payload, &rules, reads, &mut self.found).map_err(Fault::from));
        }
        self.read.clone().unwrap_or(Ok(()))
    }
}

// === impl Changes ===

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        self.key.is_none() && self.headers.is_empty() && self.timestamp.is_none()
    }

    fn forget(&mut self) {
        if !self.is_empty() {
            *self = Self::default();
        }
    }

    pub(super) fn set_header(&mut self, name: &Arc<str>, value: Option<Vec<u8>>) {
        match self.headers.iter_mut().find(|change| change.name == *name) {
            Some(change) => change.value = value,
            None => self.headers.push(HeaderChange { name: Arc::clone(name), value }),
        }
    }

    /// The record as it is now, but for its payload.
    pub(super) fn apply<'a>(&'a self, record: &Record<'a>) -> Record<'a> {
        let mut record = *record;
        if self.is_empty() {
            return record;
        }
        if let Some(key) = &self.key {
            record.key = key.as_deref();
        }
        if let Some(timestamp) = self.timestamp {
            record.timestamp = timestamp;
        }
        record.headers = record.headers.changed(&self.headers);
        record
    }
}

// === impl Vars ===

impl Vars {
    pub(super) fn values(&self) -> Values {
        self.values.clone()
    }

    /// In place of all that there are.
    pub(super) fn put(&mut self, values: Values) {
        if !(values.is_empty() && self.values.is_empty() && self.bytes == b"{}") {
            self.values = values;
            self.write();
        }
    }

    /// `json` is one document; none removes the variable.
    pub(super) fn set(&mut self, name: &Arc<str>, json: Option<Vec<u8>>) {
        self.values.retain(|(known, _)| known != name);
        self.values.extend(json.map(|json| (Arc::clone(name), json)));
        self.write();
    }

    fn write(&mut self) {
        self.read = None;
        self.bytes.clear();
        self.bytes.push(b'{');
        for (place, (name, json)) in self.values.iter().enumerate() {
            if place > 0 {
                self.bytes.push(b',');
            }
            // Names are as those of pipelines and fields: nothing in them is to be escaped.
            self.bytes.push(b'"');
            self.bytes.extend_from_slice(name.as_bytes());
            self.bytes.extend_from_slice(b"\":");
            self.bytes.extend_from_slice(json);
        }
        self.bytes.push(b'}');
    }

    pub(super) fn document<'a>(&'a self, reads: &'a Compiled) -> Document<'a> {
        Document { bytes: Some(&self.bytes), found: &self.found, reads }
    }

    pub(super) fn read(&mut self, reads: &Compiled) -> Result<(), Fault> {
        if self.read.is_none() {
            let rules = Rules { max_depth: usize::MAX, only_touched: true, ..Rules::default() };
            self.read = Some(scan(&self.bytes, &rules, reads, &mut self.found).map_err(Fault::from));
        }
        self.read.clone().unwrap_or(Ok(()))
    }
}
