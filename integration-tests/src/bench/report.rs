//! Every run, and the ratios of the medians, in a folder of `benches/runs`.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::bench::compare::{Median, Row};
use crate::bench::measure::Run;
use crate::machine::{Machine, commit, today};
use crate::workspace;

/// A run whose core had more time than this left over is void where throughput is asked for.
const BUSY: f64 = 0.95;

pub struct Report {
    folder: PathBuf,
    what: String,
    /// Who had which cores.
    cores: &'static str,
    commit: String,
    machine: Machine,
    rows: Vec<Row>,
    notes: Vec<String>,
}

// === impl Report ===

impl Report {
    /// `what` names the sets that are run, `cores` says who has which.
    pub fn begin(what: &str, cores: &'static str) -> Result<Self> {
        let machine = Machine::here();
        let host = std::env::var("BENCH_HOST").unwrap_or_else(|_| format!("{}-cores", machine.cores));
        let folder = workspace().join("integration-tests/benches/runs").join(format!("{}-{host}", today()));
        fs::create_dir_all(&folder)?;
        Ok(Self { folder, what: what.into(), cores, commit: commit(), machine, rows: Vec::new(), notes: Vec::new() })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn name(&self) -> &str {
        &self.what
    }

    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub fn add(&mut self, rows: Vec<Row>) -> Result<()> {
        self.rows.extend(rows);
        self.save()
    }

    pub fn note(&mut self, note: String) -> Result<()> {
        println!("{note}");
        self.notes.push(note);
        self.save()
    }

    /// After each comparison: whoever stops it has what was seen until then.
    fn save(&self) -> Result<()> {
        fs::write(self.folder.join(format!("{}.md", self.what)), self.markdown())?;
        if !self.rows.is_empty() {
            fs::write(self.folder.join(format!("{}.tsv", self.what)), self.table())?;
        }
        Ok(())
    }

    pub fn markdown(&self) -> String {
        let mut text = format!(
            "# Benchmark: {}\n\nBy `make bench SETS={}` on {}, at commit {}, on {}. {}\n",
            self.what,
            self.what,
            today(),
            self.commit,
            self.machine,
            self.cores
        );
        for rows in self.rows.chunk_by(|one, other| one.comparison == other.comparison) {
            table(&mut text, rows);
        }
        for note in &self.notes {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "\n{note}");
        }
        text
    }

    /// Each run, one a line.
    fn table(&self) -> String {
        let mut text = "comparison\tsubject\tbytes\tpartitions\trecords\tround\trecords_per_second\tmegabytes_per_second\tcpu_micros\tcpu_micros_whole\tswitches\tpeak_megabytes\tbusy\n".to_owned();
        for row in &self.rows {
            for (round, run) in row.runs.iter().enumerate() {
                let _ = writeln!(
                    text,
                    "{}\t{}\t{}\t{}\t{}\t{}\t{:.0}\t{:.2}\t{:.4}\t{:.4}\t{:.4}\t{:.1}\t{:.3}",
                    row.comparison,
                    row.subject,
                    row.load.bytes,
                    row.load.partitions,
                    row.load.records,
                    round + 1,
                    run.records_per_second,
                    run.megabytes_per_second,
                    run.cpu_micros,
                    run.cpu_micros_whole,
                    run.switches,
                    run.peak_megabytes,
                    run.busy
                );
            }
        }
        text
    }
}

fn table(text: &mut String, rows: &[Row]) {
    let Some(base) = rows.first() else { return };
    let _ = write!(
        text,
        "\n## {}\n\n{} records of {} bytes in {} partitions. Ratios are to {}.\n\n\
         | | records/s | ratio | MB/s | CPU us a record | ratio | with the start | switches a record | MB at most | core busy |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
        base.comparison, base.load.records, base.load.bytes, base.load.partitions, base.subject
    );
    for row in rows {
        let number = |of: fn(&Run) -> f64, digits: usize| {
            row.median(of).map_or_else(|| "–".into(), |median| shown(median, digits))
        };
        let ratio = |of: fn(&Run) -> f64| row.ratio(base, of).map_or_else(|| "–".into(), |ratio| format!("{ratio:.2}"));
        let middle = |of: fn(&Run) -> f64, digits: usize| {
            row.median(of).map_or_else(|| "–".into(), |median| format!("{:.digits$}", median.middle))
        };
        let busy = row.median(|run| run.busy * 100.0).map_or_else(
            || "–".into(),
            |busy| {
                format!("{:.0} %{}", busy.middle, if busy.middle < BUSY * 100.0 { ", void for throughput" } else { "" })
            },
        );
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {busy} |",
            row.subject,
            number(|run| run.records_per_second, 0),
            ratio(|run| run.records_per_second),
            middle(|run| run.megabytes_per_second, 1),
            number(|run| run.cpu_micros, 3),
            ratio(|run| run.cpu_micros),
            middle(|run| run.cpu_micros_whole, 3),
            middle(|run| run.switches, 4),
            middle(|run| run.peak_megabytes, 0),
        );
    }
    for row in rows.iter().filter(|row| !row.failures.is_empty()) {
        let _ = writeln!(text, "\n{} failed: {}", row.subject, row.failures.join("; "));
    }
}

fn shown(Median { middle, least, most }: Median, digits: usize) -> String {
    format!("{middle:.digits$} ({least:.digits$}–{most:.digits$})")
}
