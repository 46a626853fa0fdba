//! `make bench`: what the program costs beside bare librdkafka and beside its peers, on one broker, in turn.
//!
//! The broker and this process have all cores but the last, which belongs to whatever is measured: [`cores`]. A
//! [`load::Load`] is filled in before the clock starts; a [`subject::Subject`] reads it and writes it to another topic;
//! [`measure`] looks at its process meanwhile; [`compare`] runs all subjects of a comparison in turn, round by round;
//! [`report`] writes down every run and the ratios of the medians, and [`plot`] draws them.

pub mod allocations;
pub mod bare;
pub mod compare;
pub mod cores;
pub mod latency;
pub mod load;
pub mod measure;
pub mod peers;
pub mod plot;
pub mod process;
pub mod report;
pub mod scale;
pub mod sets;
pub mod subject;
