//! What Linux counts of this process (proc(5)).

use std::fs;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// User and system time of all threads.
    pub(crate) cpu_micros: f64,
    /// Of the threads that still run.
    pub(crate) switches: u64,
    pub(crate) peak_bytes: u64,
}

/// `USER_HZ`, which Linux has fixed for programs.
const TICKS_PER_SECOND: f64 = 100.0;

// === impl Usage ===

impl Usage {
    pub(crate) fn now() -> Option<Self> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let threads = fs::read_dir("/proc/self/task").ok()?.flatten();
        let of_threads = threads.filter_map(|thread| fs::read_to_string(thread.path().join("status")).ok());
        Some(Self {
            cpu_micros: cpu_seconds()? * 1e6,
            switches: of_threads.map(|status| switches(&status)).sum(),
            peak_bytes: kib(&status, "VmHWM:")?,
        })
    }
}

/// User and system time of all threads.
pub(crate) fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    Some(cpu_ticks(&stat)? as f64 / TICKS_PER_SECOND)
}

/// Fields 14 and 15, counted behind the name, which may hold anything.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let fields = stat.rsplit_once(')')?.1;
    let mut times = fields.split_whitespace().skip(11).map(|field| field.parse::<u64>().ok());
    Some(times.next()?? + times.next()??)
}

fn switches(status: &str) -> u64 {
    // A thread that has ended meanwhile tells nothing.
    let count = |name| number(status, name).unwrap_or(0);
    count("voluntary_ctxt_switches:") + count("nonvoluntary_ctxt_switches:")
}

/// A size in `/proc/self/status`, in bytes. `statm` would count in pages, whose size it does not tell.
pub(crate) fn kib(status: &str, name: &str) -> Option<u64> {
    number(status, name)?.checked_mul(1024)
}

fn number(status: &str, name: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix(name))?;
    value.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_bracket_hides_nothing() {
        let stat = "7 (a ) b) S 1 1 1 0 -1 4194560 1 0 0 0 250 50 0 0 20";
        assert_eq!(cpu_ticks(stat), Some(300));
        assert_eq!(kib("VmHWM:\t  2 kB\n", "VmHWM:"), Some(2048));
        assert!(Usage::now().is_some_and(|usage| usage.peak_bytes > 0));
    }
}
