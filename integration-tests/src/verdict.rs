//! Counts what became of numbered records.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::client::{Client, TestRecord};
use crate::eventually::eventually;
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
    /// Neither an envelope nor one around a record that was sent.
    pub corrupted: u64,
    /// Partitions whose committed offset is beyond what was delivered.
    pub committed_beyond_delivered: u64,
    /// Records sent and not yet delivered when the fault hit.
    pub in_flight_at_fault: u64,
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

    fn value(partition: i32, number: u64) -> String {
        // Digits that a float would not survive, and padding to a usual size.
        format!(
            "{{ \"p\": {partition}, \"n\": {number}, \"amount\": 1234567890123456789.{number}00, \"pad\": \"{:60}\" }}",
            ""
        )
    }

    fn record(partition: i32, number: u64) -> TestRecord {
        let key = Some(format!("key-{partition}").into_bytes());
        TestRecord { key, ..TestRecord::value(partition, Self::value(partition, number)) }
    }

    /// The records from `first` up, partition by partition in turn.
    pub fn from(self, first: u64) -> impl Iterator<Item = TestRecord> {
        (first..self.records)
            .flat_map(move |number| (0..self.partitions).map(move |partition| Self::record(partition, number)))
    }

    pub fn all(self) -> impl Iterator<Item = TestRecord> {
        self.from(0)
    }

    /// What `{"data": {{payload}}}` makes of a record.
    fn envelope(partition: i32, number: u64) -> String {
        let value = Self::value(partition, number);
        let (before, pad) = value.split_once("\"pad\"").expect("a pad");
        format!("{{\"data\": {}\"pad\":{}}}", before.replace(' ', ""), pad[1..].trim_start().replace("\" }", "\"}"))
    }

    pub fn judge(self, read: &[TestRecord]) -> Verdict {
        let mut verdict = Verdict { expected: self.total(), ..Verdict::default() };
        let mut seen: BTreeSet<(i32, u64)> = BTreeSet::new();
        let mut highest: BTreeMap<(i32, i32), u64> = BTreeMap::new();
        for record in read {
            let Some((partition, number)) = self.identify(&record.text()) else {
                verdict.corrupted += 1;
                continue;
            };
            if !seen.insert((partition, number)) {
                verdict.duplicated += 1;
                continue;
            }
            let highest = highest.entry((partition, record.partition)).or_insert(number);
            verdict.reordered += u64::from(number < *highest);
            *highest = number.max(*highest);
        }
        verdict.lost = self.total() - seen.len() as u64;
        verdict
    }

    fn identify(self, text: &str) -> Option<(i32, u64)> {
        let envelope: Value = serde_json::from_str(text).ok()?;
        let partition = i32::try_from(envelope["data"]["p"].as_i64()?).ok()?;
        let number = envelope["data"]["n"].as_u64()?;
        let sent = partition < self.partitions && number < self.records;
        (sent && text == Self::envelope(partition, number)).then_some((partition, number))
    }

    /// Waits until the output holds every record, and judges it. The program may still run.
    pub fn await_verdict(self, scenario: &Scenario) -> Verdict {
        self.await_verdict_from(scenario, 0)
    }

    /// As [`Numbered::await_verdict`], for a topic that held `before` other records in each partition.
    pub fn await_verdict_from(self, scenario: &Scenario, before: u64) -> Verdict {
        let mut seen = BTreeSet::new();
        scenario.client.read_until(&scenario.output, |record| {
            seen.extend(self.identify(&record.text()));
            seen.len() as u64 == self.total()
        });
        self.verdict(scenario, before)
    }

    /// Judges what the output holds now.
    fn verdict(self, scenario: &Scenario, before: u64) -> Verdict {
        let read = scenario.client.read_to_end(&scenario.output);
        let mut verdict = self.judge(&read);
        let mut delivered: BTreeMap<i32, BTreeSet<u64>> = BTreeMap::new();
        for (partition, number) in read.iter().filter_map(|record| self.identify(&record.text())) {
            delivered.entry(partition).or_default().insert(number);
        }
        for (partition, committed) in scenario.client.committed(&scenario.group, &scenario.input) {
            let delivered = delivered.entry(partition).or_default();
            let settled = (committed.unwrap_or(0) as u64).saturating_sub(before);
            let gap = (0..settled).any(|number| !delivered.contains(&number));
            verdict.committed_beyond_delivered += u64::from(gap);
        }
        verdict
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

/// Waits until the output holds `records` and there are more in the input than that.
pub fn await_in_flight(scenario: &Scenario, records: u64) -> u64 {
    let count = |topic: &str| scenario.client.ends(topic).values().map(|(_, end)| *end as u64).sum::<u64>();
    eventually("records in flight", || {
        let delivered = count(&scenario.output);
        let sent = count(&scenario.input);
        (delivered >= records && sent > delivered).then(|| sent - delivered)
    })
}

/// As [`await_in_flight`], for faults that double records, so that the output's ends tell nothing: what is sent and not
/// committed is what such a fault can hit.
pub fn await_uncommitted(scenario: &Scenario, records: u64) -> u64 {
    eventually("records that are not committed", || {
        let sent: i64 = scenario.client.ends(&scenario.input).values().map(|(_, end)| end).sum();
        let committed = scenario.client.committed(&scenario.group, &scenario.input);
        let committed: i64 = committed.values().flatten().sum();
        (committed as u64 >= records && sent > committed).then_some((sent - committed) as u64)
    })
}

// === impl Verdict ===

impl Verdict {
    pub fn with_fault(self, in_flight_at_fault: u64) -> Self {
        Self { in_flight_at_fault, ..self }
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
        assert!(self.in_flight_at_fault > 0, "the fault hit nothing: {self}");
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
        let Self { expected, lost, duplicated, reordered, corrupted, committed_beyond_delivered, in_flight_at_fault } =
            self;
        write!(
            out,
            "expected {expected}: lost {lost}, duplicated {duplicated}, reordered {reordered}, corrupted {corrupted}, \
             partitions committed beyond delivered {committed_beyond_delivered}, in flight at the fault {in_flight_at_fault}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: Numbered = Numbered { partitions: 2, records: 3 };

    fn delivered() -> Vec<TestRecord> {
        let output = |partition, number| TestRecord::value(partition, Numbered::envelope(partition, number));
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
