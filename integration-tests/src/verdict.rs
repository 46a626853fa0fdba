//! Counts what became of numbered records.

use std::collections::BTreeMap;
use std::fmt;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::client::{Client, TestRecord};
use crate::in_flight::InFlight;
use crate::judge::Judge;
use crate::scenario::Scenario;

/// Numbered records for each partition of a topic: the `n`th of partition `p` reads `{"p": p, "n": n, …}`.
#[derive(Clone, Copy, Debug)]
pub struct Numbered {
    pub partitions: i32,
    /// Of each partition.
    pub records: u64,
}

/// What the output tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    pub expected: u64,
    pub lost: u64,
    pub duplicated: u64,
    /// Records that came later than one with a higher number of their partition, by first appearance.
    pub reordered: u64,
    pub first_passed: Option<Passed>,
    /// Neither an envelope nor one around a record that was sent.
    pub corrupted: u64,
    /// Partitions whose committed offset is beyond what was delivered.
    pub committed_beyond_delivered: u64,
    /// Records sent and not yet delivered when the fault hit, at the fewest.
    pub in_flight_at_fault: InFlight,
    /// How often the fault hit.
    pub hits: u64,
}

/// A record that came later than one with a higher number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed {
    pub partition: i32,
    pub number: u64,
    /// The highest number before it.
    pub by: u64,
}

/// Records sent in the background.
pub struct Load {
    thread: JoinHandle<()>,
}

// === impl Numbered ===

impl Numbered {
    pub fn total(self) -> u64 {
        self.records * self.partitions as u64
    }

    /// The records from `first` up, partition by partition in turn.
    pub fn from(self, first: u64) -> impl Iterator<Item = TestRecord> {
        (first..self.records)
            .flat_map(move |number| (0..self.partitions).map(move |partition| record(partition, number)))
    }

    pub fn all(self) -> impl Iterator<Item = TestRecord> {
        self.from(0)
    }

    /// The number of records in each partition.
    fn sent(self) -> BTreeMap<i32, u64> {
        (0..self.partitions).map(|partition| (partition, self.records)).collect()
    }

    pub fn judge(self, read: &[TestRecord]) -> Verdict {
        let mut judge = Judge::new(|_| false);
        read.iter().for_each(|record| judge.see(record));
        judge.verdict(&self.sent())
    }

    /// Waits until the output holds every record, and judges it. The program may still run.
    pub fn await_verdict(self, scenario: &Scenario) -> Verdict {
        self.await_verdict_from(scenario, 0)
    }

    /// As [`Numbered::await_verdict`], for a topic that held `before` other records in each partition.
    pub fn await_verdict_from(self, scenario: &Scenario, before: u64) -> Verdict {
        await_verdict_of(scenario, &self.sent(), before)
    }

    /// Sends all in the background, evenly over `seconds`: so long is there something in flight to hit.
    pub fn load(self, client: &Client, topic: &str, seconds: u64) -> Load {
        let (client, topic) = (client.clone(), topic.to_owned());
        let (started, total) = (Instant::now(), self.total());
        let paced = self.all().enumerate().map(move |(sent, record)| {
            let due = Duration::from_millis(1000 * seconds * sent as u64 / total);
            if let Some(early) = due.checked_sub(started.elapsed()).filter(|early| early.as_millis() > 5) {
                std::thread::park_timeout(early);
            }
            record
        });
        Load { thread: std::thread::spawn(move || client.produce(&topic, paced)) }
    }
}

// === impl Load ===

impl Load {
    pub fn finish(self) {
        self.thread.join().expect("all is sent");
    }
}

/// Waits until the output holds all of `sent`, the numbers of records in each partition, and judges it.
pub fn await_verdict_of(scenario: &Scenario, sent: &BTreeMap<i32, u64>, before: u64) -> Verdict {
    let mut judge = Judge::new(|_| false);
    scenario.client.read_until(&scenario.output, |record| {
        judge.see(record);
        judge.has_all(sent)
    });
    let mut judge = Judge::new(|_| false);
    // Asked first: what is delivered only afterwards does not excuse it.
    let committed = scenario.client.committed(&scenario.group, &scenario.input);
    scenario.client.read_to_end(&scenario.output).iter().for_each(|record| judge.see(record));
    let beyond = committed.iter().filter(|(partition, committed)| {
        let settled = (committed.unwrap_or(0) as u64).saturating_sub(before);
        settled > judge.complete(**partition)
    });
    Verdict { committed_beyond_delivered: beyond.count() as u64, ..judge.verdict(sent) }
}

/// The `n`th record of a partition.
pub fn record(partition: i32, number: u64) -> TestRecord {
    let key = Some(format!("key-{partition}").into_bytes());
    TestRecord { key, ..TestRecord::value(partition, value(partition, number)) }
}

fn value(partition: i32, number: u64) -> String {
    // Digits that a float would not survive, and padding to a usual size.
    format!(
        "{{ \"p\": {partition}, \"n\": {number}, \"amount\": 1234567890123456789.{number}00, \"pad\": \"{:60}\" }}",
        ""
    )
}

/// What `{"data": {{payload}}}` makes of a record.
pub(crate) fn envelope(partition: i32, number: u64) -> String {
    let value = value(partition, number);
    let (before, pad) = value.split_once("\"pad\"").expect("a pad");
    format!("{{\"data\": {}\"pad\":{}}}", before.replace(' ', ""), pad[1..].trim_start().replace("\" }", "\"}"))
}

// === impl Verdict ===

impl Verdict {
    /// What two outputs tell together.
    pub fn and(self, other: Self) -> Self {
        Self {
            expected: self.expected + other.expected,
            lost: self.lost + other.lost,
            duplicated: self.duplicated + other.duplicated,
            reordered: self.reordered + other.reordered,
            first_passed: self.first_passed.or(other.first_passed),
            corrupted: self.corrupted + other.corrupted,
            ..self
        }
    }

    pub fn with_fault(self, in_flight_at_fault: InFlight) -> Self {
        Self { in_flight_at_fault, hits: 1, ..self }
    }

    pub fn with_hits(self, hits: u64) -> Self {
        Self { hits, ..self }
    }

    /// At least once: nothing lost, changed or out of order; duplicates are allowed, and counted.
    #[track_caller]
    pub fn assert_at_least_once(&self) {
        println!("{self}");
        let faults = (self.lost, self.reordered, self.corrupted, self.committed_beyond_delivered);
        assert_eq!(faults, (0, 0, 0, 0), "{self}");
    }

    /// As [`Verdict::assert_at_least_once`], and a fault that hit nothing proves nothing.
    #[track_caller]
    pub fn assert_survived(&self) {
        assert!(self.hits > 0 && self.in_flight_at_fault.least() > 0, "the fault hit nothing: {self}");
        self.assert_at_least_once();
    }

    #[track_caller]
    pub fn assert_exact(&self) {
        self.assert_at_least_once();
        assert_eq!(self.duplicated, 0, "{self}");
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { expected, lost, duplicated, reordered, corrupted, .. } = self;
        let Self { committed_beyond_delivered, in_flight_at_fault, hits, .. } = self;
        write!(
            out,
            "expected {expected}: lost {lost}, duplicated {duplicated}, reordered {reordered}, corrupted {corrupted}, \
             partitions committed beyond delivered {committed_beyond_delivered}, hits {hits}, \
             in flight at the fault {in_flight_at_fault}"
        )?;
        if let Some(Passed { partition, number, by }) = self.first_passed {
            write!(out, "; the first out of order: {number} of partition {partition}, after {by}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: Numbered = Numbered { partitions: 2, records: 3 };

    fn delivered() -> Vec<TestRecord> {
        let output = |partition, number| TestRecord::value(partition, envelope(partition, number));
        (0..3).flat_map(|number| [output(0, number), output(1, number)]).collect()
    }

    #[test]
    fn a_clean_run_is_clean() {
        assert_eq!(TWO.judge(&delivered()), Verdict { expected: 6, ..Verdict::default() });
    }

    #[test]
    fn each_kind_of_damage_is_seen() {
        let mut lost = delivered();
        lost.remove(2);
        assert_eq!(TWO.judge(&lost).lost, 1);
        let mut twice = delivered();
        twice.push(twice[1].clone());
        assert_eq!(TWO.judge(&twice).duplicated, 1);
        let mut swapped = delivered();
        swapped.swap(0, 2);
        assert_eq!(TWO.judge(&swapped).reordered, 1);
        let mut changed = delivered();
        let text = changed[0].text().replace("1234567890123456789.", "1234567890123456790.");
        changed[0].value = Some(text.into_bytes());
        let verdict = TWO.judge(&changed);
        assert_eq!((verdict.corrupted, verdict.lost), (1, 1));
    }
}
