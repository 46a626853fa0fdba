//! What we must be sure of, as plain values: no I/O, no clock, no actor.
//!
//! In the order of the flow: a [`record`] comes in, in a batch that the [`offset_tracker`] follows, and that may be cut
//! into [`lanes`]; [`transform`]s take it through [`template`]s, or end in a [`fault`], of which a [`breaker`] bears only
//! so many; the [`resequencer`] puts its batch back in order, and the [`partitioner`] says where it goes. A commit carries
//! a [`commit_note`] about what is [`completed`] beyond it. [`start_position`] is where it all begins.

#![forbid(unsafe_code)]

pub mod access_token;
pub mod batch_size;
pub mod breaker;
pub mod cel;
pub mod commit_note;
pub mod completed;
pub mod dedupe;
pub mod escape;
pub mod fault;
pub mod input;
pub mod json;
pub mod lanes;
pub mod log_options;
pub mod memory_plan;
pub mod offset_tracker;
pub mod partitioner;
mod place;
pub mod record;
pub mod repeats;
pub mod resequencer;
pub mod schema;
pub mod start_position;
pub mod table;
pub mod template;
pub mod throttle;
pub mod trace_context;
pub mod transform;
