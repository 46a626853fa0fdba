//! What the program does, a file for each command.

pub(crate) mod bench;
mod bytes;
pub(crate) mod check;
mod choice;
pub(crate) mod config;
pub(crate) mod dead_letters;
pub(crate) mod demo;
pub(crate) mod dev_broker;
pub(crate) mod healthcheck;
mod moment;
pub(crate) mod render;
pub(crate) mod run;
pub(crate) mod shell;
pub(crate) mod tap;
pub(crate) mod test;

use std::process::ExitCode;

use crate::config::{ConfigErrors, Settings, Sources, load};

/// Exit codes beside 0.
pub(crate) mod exit {
    /// A start that failed, a record that cannot be processed, exhausted restarts.
    pub(crate) const FAILURE: u8 = 1;
    /// Bad usage or configuration, as `EX_USAGE` of sysexits.h.
    pub(crate) const USAGE: u8 = 64;
}

/// Runs `command`, which connects, with the configuration, or prints all that is wrong with it.
pub(crate) fn configured(sources: Sources, command: impl FnOnce(Settings) -> ExitCode) -> ExitCode {
    match load(sources) {
        Ok(settings) if !settings.refusals.0.is_empty() => refuse(&settings.refusals),
        Ok(settings) => command(settings),
        Err(errors) => refuse(&errors),
    }
}

fn refuse(errors: &ConfigErrors) -> ExitCode {
    eprintln!("{errors}");
    exit::USAGE.into()
}
