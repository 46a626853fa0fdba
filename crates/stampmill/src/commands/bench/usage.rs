//! What Linux counts of this process (proc(5)).

use std::fs;

#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    /// User and system time of all threads.
    pub(super) cpu_micros: f64,
    /// Of the threads that still run.
    pub(super) switches: u64,
    pub(super) peak_bytes: u64,
}

/// `USER_HZ`, which Linux has fixed for programs.
const TICKS_PER_SECOND: f64 = 100.0;

// === impl Usage ===

impl Usage {
    pub(super) fn now() -> Option<Self> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let threads = fs::read_dir("/proc/self/task").ok()?.flatten();
        let of_threads = threads.filter_map(|thread| fs::read_to_string(thread.path().join("status")).ok());
        Some(Self {
            cpu_micros: cpu_seconds()? * 1e6,
            switches: of_threads.map(|status| switches(&status)).sum(),
            peak_bytes: number(&status, "VmHWM:") * 1024,
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
    number(status, "voluntary_ctxt_switches:") + number(status, "nonvoluntary_ctxt_switches:")
}

fn number(status: &str, name: &str) -> u64 {
    let value = status.lines().find_map(|line| line.strip_prefix(name));
    value.and_then(|value| value.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_bracket_hides_nothing() {
        let stat = "7 (a ) b) S 1 1 1 0 -1 4194560 1 0 0 0 250 50 0 0 20";
        assert_eq!(cpu_ticks(stat), Some(300));
        assert_eq!(number("VmHWM:\t  1024 kB\n", "VmHWM:"), 1024);
        assert!(Usage::now().is_some_and(|usage| usage.peak_bytes > 0));
    }
}
