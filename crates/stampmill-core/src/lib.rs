//! What we must be sure of, as plain values: no I/O, no clock, no actor.
//!
//! In the order of the flow: a [`record`] comes in, in a batch that the [`offset_tracker`] follows; [`transform`]s take
//! it through [`template`]s, or end in a [`fault`]; the [`resequencer`] puts its batch back in order, and the
//! [`partitioner`] says where it goes. [`start_position`] is where it all begins.

#![forbid(unsafe_code)]

pub mod batch_size;
pub mod escape;
pub mod fault;
pub mod json;
pub mod log_options;
pub mod offset_tracker;
pub mod partitioner;
pub mod record;
pub mod resequencer;
pub mod start_position;
pub mod template;
pub mod transform;
