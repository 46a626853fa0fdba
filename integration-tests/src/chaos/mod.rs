//! The fault campaign: each fault hits the program while records are on their way, and a verdict counts what that cost.
//!
//! [`faults::FAULTS`] lists the faults, each a function over a [`run::Run`]. [`flow::Flow`] is the load, the reader of the
//! output and the program under it. `make chaos` runs the [`campaign`] for as long as it is told; the test cases run
//! single faults in their short form.

pub mod campaign;
pub mod cluster;
pub mod failpoints;
pub mod faults;
pub mod flow;
pub mod outcome;
pub mod report;
pub mod routed;
pub mod run;
pub mod stream;
pub mod watch;
