//! What we must be sure of, as plain values: no I/O, no clock, no actor.

pub mod record;
