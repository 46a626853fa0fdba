//! The process itself, as Linux sees it (proc(5)).

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::process::{cpu_seconds, kib};

#[derive(Clone, Copy, Debug)]
pub(super) struct Program {
    pub(super) generation: u64,
    /// Seconds since 1970.
    pub(super) started: f64,
    pub(super) resident_bytes: Option<u64>,
    pub(super) open_fds: Option<usize>,
    pub(super) max_fds: Option<u64>,
    pub(super) cpu_seconds: Option<f64>,
}

// === impl Program ===

impl Program {
    pub(super) fn now(generation: u64, started: SystemTime) -> Self {
        let started = started.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let status = fs::read_to_string("/proc/self/status").ok();
        let limits = fs::read_to_string("/proc/self/limits").ok();
        Self {
            generation,
            started,
            resident_bytes: status.as_deref().and_then(|status| kib(status, "VmRSS:")),
            open_fds: open_fds(),
            max_fds: limits.as_deref().and_then(max_fds),
            cpu_seconds: cpu_seconds(),
        }
    }
}

/// Without the one that looks.
fn open_fds() -> Option<usize> {
    fs::read_dir("/proc/self/fd").ok()?.count().checked_sub(1)
}

/// The soft limit, at which opening fails; nothing where there is none.
fn max_fds(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linux_tells_of_the_process() {
        let now = Program::now(1, SystemTime::now());
        assert!(now.resident_bytes.is_some_and(|bytes| bytes > 1 << 20), "{now:?}");
        assert!(now.open_fds.is_some_and(|fds| fds > 2), "{now:?}");
        assert!(now.max_fds.is_some_and(|max| max > 2), "{now:?}");
        assert!(now.cpu_seconds.is_some(), "{now:?}");
        assert_eq!(
            max_fds("Max open files            1024                 524288               files     \n"),
            Some(1024)
        );
        assert_eq!(max_fds("Max open files            unlimited            unlimited            files     \n"), None);
    }
}
