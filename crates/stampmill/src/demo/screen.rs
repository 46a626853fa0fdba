//! What the demo shows, in lines of at most 80 columns where it chooses them.

use std::io::{IsTerminal, Write, stdout};
use std::time::{Duration, Instant};

use super::PARTITIONS;
use super::checker::{Checker, Counts};
use super::positions::Positions;
use crate::progress;

/// A line that stays in place on a terminal, and a line for each second elsewhere.
pub(crate) struct Progress {
    in_place: bool,
    records: u64,
    started: Instant,
    last: (Instant, u64),
}

/// What is known when all is over.
pub(crate) struct Ending {
    pub(crate) positions: Positions,
    pub(crate) restarts: u64,
    pub(crate) took: Duration,
}

/// A count, and what it must be.
struct Row {
    name: &'static str,
    count: i64,
    expected: i64,
}

// === impl Progress ===

impl Progress {
    pub(crate) fn start(records: u64) -> Self {
        println!(
            "{:>10}{:>10}{:>10}{:>11}{:>8}{:>8}  {:<12}{:>7}",
            "sent", "right", "committed", "per second", "p50 ms", "p99 ms", "done", "left"
        );
        let now = Instant::now();
        Self { in_place: stdout().is_terminal(), records, started: now, last: (now, 0) }
    }

    /// To be called every second or so.
    pub(crate) fn show(&mut self, checker: &Checker, committed: i64) {
        let Counts { sent, right, .. } = checker.counts();
        let (at, before) = std::mem::replace(&mut self.last, (Instant::now(), right));
        let rate = (right - before) as f64 / at.elapsed().as_secs_f64();
        let [p50, p99] = [50.0, 99.0].map(|percent| millis(checker.latency(percent)));
        // The cursor waits at the line's begin, so that a warning stands on a line of its own.
        let end = if self.in_place { '\r' } else { '\n' };
        let done = progress::bar(10, right, self.records);
        let left = progress::left(self.started.elapsed(), right, self.records).unwrap_or_default();
        print!("{sent:>10}{right:>10}{committed:>10}{rate:>11.0}{p50:>8}{p99:>8}  {done}{left:>7}{end}");
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
    latency.map_or("-".into(), |latency| format!("{:.1}", latency.as_secs_f64() * 1000.0))
}

// === impl Ending ===

impl Ending {
    pub(crate) fn is_clean(&self, checker: &Checker) -> bool {
        checker.is_clean() && self.rows(checker).iter().all(Row::is_right)
    }

    /// The proof: every count with what it must be.
    fn rows(&self, checker: &Checker) -> [Row; 10] {
        let Counts { sent, right, duplicated, corrupted, out_of_order } = checker.counts();
        let row = |name, count, expected| Row { name, count, expected };
        let sent = sent as i64;
        [
            row("events in the input topic", self.positions.ends(), sent),
            row("events in the output topic", self.positions.output, sent),
            row("of these once and as they must be", right as i64, sent),
            row("lost", checker.under_way() as i64, 0),
            row("duplicated", duplicated as i64, 0),
            row("corrupted", corrupted as i64, 0),
            row("out of order", out_of_order as i64, 0),
            row("dead letters", self.positions.dead_letters, 0),
            row("committed", self.positions.committed(), sent),
            row("partitions committed to their end", self.positions.settled() as i64, PARTITIONS.into()),
        ]
    }

    pub(crate) fn show(&self, checker: &Checker) {
        let Counts { sent, right, .. } = checker.counts();
        println!("\nRead back by an independent consumer and compared byte by byte:");
        println!("  {:<38}{sent:>12}", "events sent");
        self.rows(checker).iter().for_each(Row::show);
        println!("  {:<38}{:>12}", "restarts of actors", self.restarts);
        let seconds = self.took.as_secs_f64();
        let [p50, p99] = [50.0, 99.0].map(|percent| millis(checker.latency(percent)));
        let rate = right as f64 / seconds;
        println!("\n{rate:.0} events a second for {seconds:.1} s.");
        println!("From sent to read back: p50 {p50} ms, p99 {p99} ms.");
        println!(
            "{}",
            if self.is_clean(checker) {
                "Nothing lost, nothing changed, nothing out of order."
            } else {
                "THE PROOF HAS FAILED."
            }
        );
    }
}

// === impl Row ===

impl Row {
    fn is_right(&self) -> bool {
        self.count == self.expected
    }

    fn show(&self) {
        let mark = if self.is_right() { "ok".into() } else { format!("WRONG, expected {}", self.expected) };
        println!("  {:<38}{:>12}   {mark}", self.name, self.count);
    }
}

#[cfg(test)]
mod tests {
    use super::super::transactions::Transaction;
    use super::*;

    /// One event, sent and read back.
    fn one() -> Checker {
        let (mut checker, transaction) = (Checker::default(), Transaction::new(0));
        checker.sent(&transaction, 0, Duration::ZERO);
        checker.arrived(0, transaction.envelope().as_bytes(), Duration::from_millis(1));
        checker
    }

    fn ending(change: impl FnOnce(&mut Positions)) -> Ending {
        let mut positions =
            Positions { input: vec![(1, 1), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0)], output: 1, dead_letters: 0 };
        change(&mut positions);
        Ending { positions, restarts: 0, took: Duration::from_secs(1) }
    }

    #[test]
    fn the_proof_holds_only_if_the_broker_agrees() {
        assert!(ending(|_| ()).is_clean(&one()));
        assert!(!ending(|positions| positions.input[0] = (0, 1)).is_clean(&one()), "not committed");
        assert!(!ending(|positions| positions.input[1] = (1, 1)).is_clean(&one()), "more in the input than sent");
        assert!(!ending(|positions| positions.output = 2).is_clean(&one()), "more in the output than read");
        assert!(!ending(|positions| positions.dead_letters = 1).is_clean(&one()), "a dead letter");
    }

    #[test]
    fn commits_of_one_partition_do_not_make_up_for_another() {
        let swapped = ending(|positions| positions.input[..2].copy_from_slice(&[(0, 1), (1, 0)]));
        assert_eq!(swapped.positions.committed(), swapped.positions.ends());
        assert!(!swapped.is_clean(&one()));
    }
}
