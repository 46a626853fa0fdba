//! The dated report of a campaign.

use std::time::Duration;

use crate::chaos::campaign::Row;
use crate::machine::{Machine, today};

/// `commit` is the one that was tested. `is_finished`: nothing of what was asked for is still to come.
pub fn report(version: &str, rows: &[Row], commit: &str, took: Duration, is_finished: bool) -> String {
    let mut text = format!(
        "# The fault campaign on Kafka {version}\n\nWritten by `make chaos` on {}, at commit {}, on {}; it took {} minutes.\nIt {}{}.\n\n",
        today(),
        commit,
        Machine::here(),
        took.as_secs() / 60,
        if failed(rows) { "FAILED" } else { "passed" },
        if is_finished { "" } else { ", and was stopped before its end" },
    );
    text.push_str(
        "Three brokers, 6 partitions, 3 replicas of which 2 must be in sync, 500 records a second in each partition. *In\nflight* is what was sent and not delivered, in each partition, when the fault hit.\n\n",
    );
    let mut deliveries: Vec<_> = rows.iter().map(|row| row.delivery).collect();
    deliveries.dedup();
    for delivery in deliveries {
        text.push_str(&format!("## {delivery}\n\n{HEAD}"));
        rows.iter().filter(|row| row.delivery == delivery).for_each(|row| text.push_str(&line(row)));
        text.push('\n');
    }
    text.push_str(&list("Failures", rows, |row| row.failures.clone()));
    text.push_str(&list("Seen besides", rows, |row| row.outcome.notes.clone()));
    text.trim_end().to_owned() + "\n"
}

const HEAD: &str = "| fault | | repetitions | hits | in flight, least | median | expected | lost | duplicated | reordered | corrupted | committed beyond | s |
|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|
";

pub fn failed(rows: &[Row]) -> bool {
    rows.iter().any(|row| !row.failures.is_empty())
}

fn line(row: &Row) -> String {
    let Row { fault, outcome, took, .. } = row;
    if let Some(reason) = &row.skipped {
        return format!("| {fault} | not run: {reason} | | | | | | | | | | | |\n");
    }
    let (verdict, (least, median)) = (&outcome.verdict, outcome.in_flight_least_and_median());
    let judged = if row.failures.is_empty() { "ok" } else { "FAILED" };
    let counts = [
        u64::from(outcome.repetitions),
        verdict.hits,
        least,
        median,
        verdict.expected,
        verdict.lost,
        verdict.duplicated,
        verdict.reordered,
        verdict.corrupted,
        verdict.committed_beyond_delivered,
        took.as_secs(),
    ];
    format!("| {fault} | {judged} | {} |\n", counts.map(|count| count.to_string()).join(" | "))
}

fn list(title: &str, rows: &[Row], of: impl Fn(&Row) -> Vec<String>) -> String {
    let lines: String = rows
        .iter()
        .flat_map(|row| of(row).into_iter().map(move |text| (row, text.replace('\n', " "))))
        .map(|(row, text)| format!("- {} ({}): {text}\n", row.fault, row.delivery))
        .collect();
    if lines.is_empty() { lines } else { format!("## {title}\n\n{lines}\n") }
}
