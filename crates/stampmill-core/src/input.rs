//! What templates and expressions read: a record, its payload, and the variables that steps have set on the way.

use crate::json::{Compiled, Found, Reads};
use crate::record::Record;

/// What a plan is carried out over.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    pub record: &'a Record<'a>,
    /// The record's payload, or what an envelope made of it. Null is `None`, and reads as `null`.
    pub payload: Document<'a>,
    /// One JSON object.
    pub vars: Document<'a>,
}

/// A document, and what was found of it for those reads.
#[derive(Clone, Copy, Debug)]
pub struct Document<'a> {
    pub bytes: Option<&'a [u8]>,
    pub found: &'a Found,
    pub reads: &'a Compiled,
}

/// What plans read of each document, collected while they are made. Plans over the same documents share one.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    pub payload: Reads,
    pub vars: Reads,
}

/// Which of the two documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    Payload,
    Vars,
}

// === impl Input ===

impl<'a> Input<'a> {
    pub(crate) fn document(&self, which: Which) -> &Document<'a> {
        match which {
            Which::Payload => &self.payload,
            Which::Vars => &self.vars,
        }
    }
}

// === impl Document ===

impl<'a> Document<'a> {
    /// For plans that do not look into it: nothing can be scanned for these reads.
    pub fn unread() -> Document<'static> {
        static FOUND: Found = Found::new();
        static READS: Compiled = Compiled::new();
        Document { bytes: None, found: &FOUND, reads: &READS }
    }

    /// Its text, which is `null` where there is none.
    #[inline]
    pub(crate) fn text(&self) -> &'a [u8] {
        self.bytes.unwrap_or(b"null")
    }
}

// === impl Sources ===

impl Sources {
    pub(crate) fn of(&mut self, which: Which) -> &mut Reads {
        match which {
            Which::Payload => &mut self.payload,
            Which::Vars => &mut self.vars,
        }
    }
}
