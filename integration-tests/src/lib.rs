//! What the tests stand on: a real Kafka, the built program, and a verdict of counts.
//!
//! A test reads: [`scenario::setup`] gives topics, a group and a folder; [`program`] starts, stops and kills the
//! program; [`verdict`] counts what was lost, doubled, reordered or changed.

#![deny(unsafe_code)] // but for `bench/bare.rs`, which is librdkafka with nothing around it

pub mod acls;
pub mod bench;
pub mod book;
pub mod broker;
pub mod chaos;
pub mod client;
pub mod collector;
pub mod docker;
pub mod eventually;
pub mod golden;
pub mod http;
pub mod image;
pub mod in_flight;
pub mod jars;
pub mod judge;
pub mod launcher;
pub mod layout;
pub mod machine;
pub mod name_server;
pub mod program;
pub mod proxy;
pub mod scale;
pub mod scenario;
pub mod secured;
pub mod served;
pub mod tls;
pub mod tokens;
pub mod verdict;

use std::path::PathBuf;

/// The root of the workspace.
pub fn workspace() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().map(PathBuf::from).unwrap_or_default()
}

/// Where the tests keep what they make.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from)
}
