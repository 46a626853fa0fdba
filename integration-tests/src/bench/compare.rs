//! Runs the subjects of a comparison in turn, round by round: what disturbs the machine disturbs all of them.

use anyhow::Result;

use crate::bench::load::Load;
use crate::bench::measure::{Run, measure};
use crate::bench::subject::Subject;
use crate::client::Client;
use crate::scenario::setup;

/// The first subject is what the others are set in relation to.
pub struct Comparison {
    pub name: String,
    pub load: Load,
    pub subjects: Vec<Subject>,
}

/// What came of a subject.
#[derive(Clone, Debug)]
pub struct Row {
    pub comparison: String,
    pub subject: String,
    pub load: Load,
    pub runs: Vec<Run>,
    /// Of runs that failed.
    pub failures: Vec<String>,
}

/// The middle one of the runs, and how far they lie apart.
#[derive(Clone, Copy, Debug)]
pub struct Median {
    pub middle: f64,
    pub least: f64,
    pub most: f64,
}

// === impl Comparison ===

impl Comparison {
    /// `seen` is told of each run.
    pub fn run(&self, client: &Client, rounds: usize, seen: &mut dyn FnMut(&str)) -> Result<Vec<Row>> {
        let filled = setup("bench", client);
        self.load.fill(client, &filled.input);
        let mut rows: Vec<Row> = self.subjects.iter().map(|subject| self.row(subject)).collect();
        for round in 1..=rounds {
            for (subject, row) in self.subjects.iter().zip(&mut rows) {
                match measure(subject, &filled, &self.load) {
                    Ok(run) => {
                        seen(&format!("{}, {}, round {round}: {run}", self.name, row.subject));
                        row.runs.push(run);
                    }
                    Err(error) => {
                        seen(&format!("{}, {}, round {round}: {error:#}", self.name, row.subject));
                        row.failures.push(format!("{error:#}"));
                    }
                }
            }
        }
        client.delete_topic(&filled.input);
        Ok(rows)
    }

    fn row(&self, subject: &Subject) -> Row {
        Row {
            comparison: self.name.clone(),
            subject: subject.name().into(),
            load: self.load,
            runs: Vec::new(),
            failures: Vec::new(),
        }
    }
}

// === impl Row ===

impl Row {
    pub fn median(&self, of: impl Fn(&Run) -> f64) -> Option<Median> {
        let mut values: Vec<f64> = self.runs.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        // Of an even number of runs, between the two in the middle.
        let middle = (values[(values.len() - 1) / 2] + values[values.len() / 2]) / 2.0;
        Some(Median { middle, least, most })
    }

    /// How many times as much as the base, by the medians.
    pub fn ratio(&self, base: &Self, of: impl Fn(&Run) -> f64) -> Option<f64> {
        Some(self.median(&of)?.middle / base.median(&of)?.middle)
    }
}

// === impl Run ===

impl std::fmt::Display for Run {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { records_per_second, cpu_micros, cpu_micros_whole, switches, peak_megabytes, busy, .. } = self;
        write!(
            out,
            "{records_per_second:.0} records/s, {cpu_micros:.3} us CPU a record ({cpu_micros_whole:.3} with the start), \
             {switches:.3} switches, {peak_megabytes:.0} MB at most, core {:.0} % busy",
            busy * 100.0
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cpu: &[f64]) -> Row {
        let run = |cpu: &f64| Run {
            records_per_second: 1.0,
            megabytes_per_second: 1.0,
            cpu_micros: *cpu,
            cpu_micros_whole: 1.0,
            switches: 0.0,
            peak_megabytes: 1.0,
            busy: 1.0,
        };
        let load = Load { partitions: 1, bytes: 1, records: 1, parts: 1 };
        Row { comparison: "c".into(), subject: "s".into(), load, runs: cpu.iter().map(run).collect(), failures: vec![] }
    }

    #[test]
    fn ratios_are_of_the_medians() {
        let (base, other) = (row(&[2.0, 9.0, 1.0]), row(&[5.0, 4.0, 100.0]));
        let median = other.median(|run| run.cpu_micros).expect("runs");
        assert_eq!((median.least, median.middle, median.most), (4.0, 5.0, 100.0));
        assert_eq!(row(&[4.0, 2.0]).median(|run| run.cpu_micros).map(|median| median.middle), Some(3.0));
        assert_eq!(other.ratio(&base, |run| run.cpu_micros), Some(2.5));
        assert_eq!(row(&[]).ratio(&base, |run| run.cpu_micros), None);
    }
}
