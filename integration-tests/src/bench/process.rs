//! What Linux counts of a process.

use std::fs;
use std::time::Instant;

use anyhow::{Context, Result};

/// Counts since the process began, at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    pub at: Instant,
    /// User and system time of all threads.
    pub cpu_micros: f64,
    /// Of the threads that still run.
    pub switches: u64,
    /// The most memory that it ever held.
    pub peak_bytes: u64,
    /// What its core was busy with, whoever caused it, and what it could have been.
    busy_ticks: u64,
    ticks: u64,
}

/// `USER_HZ`, which Linux has fixed for programs.
const TICKS_PER_SECOND: f64 = 100.0;

// === impl Usage ===

impl Usage {
    pub fn of(process: u32, core: usize) -> Result<Self> {
        let (busy_ticks, ticks) = core_ticks(core)?;
        Ok(Self {
            at: Instant::now(),
            cpu_micros: cpu_micros(process)?,
            switches: switches(process),
            peak_bytes: peak_bytes(process)?,
            busy_ticks,
            ticks,
        })
    }

    /// How busy the core was from then to now, from 0 to 1.
    pub fn busy_since(&self, then: &Self) -> f64 {
        (self.busy_ticks - then.busy_ticks) as f64 / (self.ticks - then.ticks).max(1) as f64
    }
}

/// Fields 14 and 15 of `/proc/PID/stat` (proc(5)), counted behind the name, which may hold anything.
fn cpu_micros(process: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).context("the process has ended")?;
    let fields = stat.rsplit_once(')').context("a process has a name")?.1;
    let ticks: Vec<f64> = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
    Ok(ticks.iter().sum::<f64>() / TICKS_PER_SECOND * 1e6)
}

fn switches(process: u32) -> u64 {
    let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let of_thread = |status: String| -> u64 {
        number(&status, "voluntary_ctxt_switches:") + number(&status, "nonvoluntary_ctxt_switches:")
    };
    threads.filter_map(|thread| fs::read_to_string(thread.path().join("status")).ok()).map(of_thread).sum()
}

fn peak_bytes(process: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).context("the process has ended")?;
    Ok(number(&status, "VmHWM:") * 1024)
}

fn number(status: &str, name: &str) -> u64 {
    let value = status.lines().find_map(|line| line.strip_prefix(name));
    value.and_then(|value| value.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Of `/proc/stat`: idle and waiting for a disk are not busy.
fn core_ticks(core: usize) -> Result<(u64, u64)> {
    let stat = fs::read_to_string("/proc/stat").context("Linux")?;
    let name = format!("cpu{core} ");
    let line = stat.lines().find_map(|line| line.strip_prefix(&name)).context("the core is there")?;
    let ticks: Vec<u64> = line.split_whitespace().filter_map(|field| field.parse().ok()).collect();
    let all: u64 = ticks.iter().take(8).sum();
    let idle: u64 = ticks.iter().skip(3).take(2).sum();
    Ok((all - idle, all))
}
