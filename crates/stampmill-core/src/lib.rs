//! What we must be sure of, as plain values: no I/O, no clock, no actor.

pub mod record;
pub mod offset_tracker;
pub mod resequencer;
pub mod start_position;
