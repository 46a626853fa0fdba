//! Which cores the broker has, and which the process that is measured.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::launcher::mortal;

/// How a report says who had which cores.
pub const APART: &str = "The last core is for what is measured, the others are for the broker.";
pub const SHARED: &str = "All cores are for brokers and instances together.";

/// The last core.
pub fn of_subject() -> usize {
    // This process may be bound to the others already.
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    text.lines().filter(|line| line.starts_with("processor")).count().saturating_sub(1)
}

/// Binds this process, and with it every broker and client that it starts, to all cores but the subject's.
pub fn bind_the_rest() -> Result<()> {
    let last = of_subject();
    if last == 0 {
        bail!("the benchmark needs two cores: one for the broker and one for what is measured");
    }
    let bound = Command::new("taskset")
        .args(["-a", "-c", "-p", &format!("0-{}", last - 1), &std::process::id().to_string()])
        .output()
        .context("taskset (util-linux) cannot be started")?;
    if !bound.status.success() {
        bail!("taskset: {}", String::from_utf8_lossy(&bound.stderr));
    }
    Ok(())
}

/// A command on the subject's core, whose process is the program itself.
pub fn on_its_own(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = mortal("taskset");
    command.args(["-c", &of_subject().to_string()]).arg(program);
    command
}
