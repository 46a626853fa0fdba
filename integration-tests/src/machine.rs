//! What a report says of where it was made.

use std::fmt;
use std::process::Command;

use crate::workspace;

pub struct Machine {
    pub cores: usize,
    processor: String,
    system: String,
    rust: String,
    java: String,
}

// === impl Machine ===

impl Machine {
    pub fn here() -> Self {
        let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let of = |name| info.lines().filter_map(move |line| line.strip_prefix(name));
        let processor = of("model name").next().unwrap_or("an unknown processor");
        Self {
            // This process may be bound to some of them.
            cores: of("processor").count(),
            processor: processor.trim_start_matches([' ', '\t', ':']).into(),
            system: said("uname", &["-sr"]),
            rust: said("rustc", &["--version"]),
            java: said("sh", &["-c", "java -version 2>&1 | head -n 1 | tr -d '\"'"]),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cores, processor, system, rust, java } = self;
        write!(out, "{cores} cores ({processor}), {system}, {rust}, {java}")
    }
}

/// In UTC.
pub fn today() -> String {
    said("date", &["-u", "+%Y-%m-%d"])
}

/// The commit that is checked out; to be asked before the program is built.
pub fn commit() -> String {
    let changed = if said("git", &["status", "--porcelain"]).is_empty() { "" } else { " with changes" };
    format!("{}{changed}", said("git", &["rev-parse", "--short", "HEAD"]))
}

/// What a program says; it is told if it cannot be run.
fn said(program: &str, arguments: &[&str]) -> String {
    match Command::new(program).args(arguments).current_dir(workspace()).output() {
        Ok(output) => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        Err(error) => format!("({program}: {error})"),
    }
}
