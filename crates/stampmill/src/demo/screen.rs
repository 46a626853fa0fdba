//! What the demo shows.

use std::io::{IsTerminal, Write, stdout};
use std::time::{Duration, Instant};

use super::checker::{Checker, Counts};

/// A progress line that stays in place on a terminal, and plain lines elsewhere.
pub(crate) struct Progress {
    in_place: bool,
    last: (Instant, u64),
}

/// What is known when all is over.
pub(crate) struct Ending {
    pub(crate) dead_letters: u64,
    pub(crate) restarts: u64,
    pub(crate) committed: i64,
    pub(crate) end: i64,
    pub(crate) took: Duration,
}

// === impl Progress ===

impl Progress {
    pub(crate) fn new() -> Self {
        Self { in_place: stdout().is_terminal(), last: (Instant::now(), 0) }
    }

    /// To be called every second or so.
    pub(crate) fn show(&mut self, checker: &Checker, committed: i64) {
        let Counts { sent, right, .. } = checker.counts();
        let (at, before) = std::mem::replace(&mut self.last, (Instant::now(), right));
        let rate = (right - before) as f64 / at.elapsed().as_secs_f64();
        let line = format!(
            "  in {sent:>9}   out {right:>9}   committed {committed:>9}   {rate:>7.0}/s   p50 {}   p99 {}",
            millis(checker.latency(50.0)),
            millis(checker.latency(99.0))
        );
        if self.in_place {
            print!("\r{line}");
        } else {
            println!("{line}");
        }
        // A screen that is gone is no reason to stop.
        let _ = stdout().flush();
    }

    pub(crate) fn end(&self) {
        if self.in_place {
            println!();
        }
    }
}

fn millis(latency: Option<Duration>) -> String {
    latency.map_or("     -".into(), |latency| format!("{:>4.1} ms", latency.as_secs_f64() * 1000.0))
}

// === impl Ending ===

impl Ending {
    pub(crate) fn is_clean(&self, checker: &Checker) -> bool {
        checker.is_clean()
            && self.dead_letters == 0
            && self.committed == self.end
            && checker.counts().sent as i64 == self.end
    }

    /// The proof: every count with what it must be.
    pub(crate) fn show(&self, checker: &Checker) {
        let Counts { sent, right, duplicated, corrupted, out_of_order } = checker.counts();
        let row = |name: &str, count: i64, expected: i64| {
            let mark = if count == expected { "ok" } else { "WRONG" };
            println!("  {name:<38}{count:>10}   {mark}");
        };
        println!("\nRead back by an independent consumer and compared byte by byte:");
        println!("  {:<38}{sent:>10}", "events sent");
        row("in the output once, as they must be", right as i64, sent as i64);
        row("lost", checker.under_way() as i64, 0);
        row("duplicated", duplicated as i64, 0);
        row("corrupted", corrupted as i64, 0);
        row("out of order", out_of_order as i64, 0);
        row("dead letters", self.dead_letters as i64, 0);
        row("committed", self.committed, self.end);
        println!("  {:<38}{:>10}", "restarts of actors", self.restarts);
        let rate = right as f64 / self.took.as_secs_f64();
        let (p50, p99) = (millis(checker.latency(50.0)), millis(checker.latency(99.0)));
        println!(
            "  {:.1} s, {rate:.0} events a second, latency p50 {} p99 {}",
            self.took.as_secs_f64(),
            p50.trim(),
            p99.trim()
        );
    }
}
