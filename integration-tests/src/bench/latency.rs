//! From the broker's append of a record to its append of the envelope, at a steady rate.
//!
//! Both topics stamp records with the time of the append. The envelope carries the input's stamp, so that the broker's own
//! clock, in milliseconds, is the only one.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};

use crate::bench::load::{Load, payload};
use crate::bench::subject::Subject;
use crate::client::Client;
use crate::eventually::eventually;
use crate::scenario::{Scenario, setup};

/// In milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Latency {
    /// Records a second that were sent.
    pub rate: f64,
    pub p50: i64,
    pub p99: i64,
    pub p999: i64,
    pub most: i64,
    pub records: usize,
}

const APPEND_TIME: (&str, &str) = ("message.timestamp.type", "LogAppendTime");
/// Starts and warm-ups are left out.
const WARM_UP: Duration = Duration::from_secs(5);

/// Sends `rate` records a second for `long`, after a warm-up.
pub fn latency(client: &Client, load: Load, more: &str, rate: f64, long: Duration) -> Result<Latency> {
    let mut scenario = setup("bench-latency", client);
    for topic in [&scenario.input, &scenario.output] {
        client.create_topic(topic, load.partitions, &[APPEND_TIME]);
    }
    let transforms = "- envelope: '{\"at\": {{timestamp}}, \"data\": {{payload}}}'";
    let subject = Subject::program("Stampmill", |pipeline| {
        (pipeline.transforms, pipeline.more) = (transforms.into(), more.into());
    });
    let mut child = subject.start(&mut scenario, &load)?;
    await_start(&scenario);
    let sent = send(&scenario, load, rate, WARM_UP + long);
    let records = client.read_count(&scenario.output, sent);
    child.kill()?;
    child.wait()?;
    let last = records.iter().filter_map(|record| record.timestamp).max().context("records")?;
    let since = last - i64::try_from(long.as_millis())?;
    let mut waits: Vec<i64> = records
        .iter()
        .filter_map(|record| {
            Some(record.timestamp? - appended(&record.text())?).filter(|_| record.timestamp >= Some(since))
        })
        .collect();
    if waits.is_empty() {
        bail!("no record came within the last {} s", long.as_secs());
    }
    waits.sort_unstable();
    let at = |part: f64| waits.get(((waits.len() - 1) as f64 * part) as usize).copied().unwrap_or(0);
    let count = waits.len() as f64;
    Ok(Latency {
        rate: count / long.as_secs_f64(),
        p50: at(0.5),
        p99: at(0.99),
        p999: at(0.999),
        most: at(1.0),
        records: waits.len(),
    })
}

/// It commits where it starts before it reads.
fn await_start(scenario: &Scenario) {
    let asker = scenario.client.consumer(&scenario.group);
    eventually("the program to start", || {
        scenario.client.committed_by(&asker, &scenario.input).values().all(Option::is_some).then_some(())
    });
}

fn appended(envelope: &str) -> Option<i64> {
    let rest = envelope.strip_prefix("{\"at\": ").or_else(|| envelope.strip_prefix("{\"at\":"))?;
    rest.split_once(',')?.0.trim().parse().ok()
}

/// Returns how many were sent.
fn send(scenario: &Scenario, load: Load, rate: f64, long: Duration) -> usize {
    let producer: BaseProducer<DefaultProducerContext> = scenario.client.producer(DefaultProducerContext, 0);
    let (started, mut sent) = (Instant::now(), 0u64);
    while started.elapsed() < long {
        let due = (started.elapsed().as_secs_f64() * rate) as u64;
        while sent < due {
            let value = payload(sent, load.bytes);
            let record = BaseRecord::<(), str, ()>::to(&scenario.input)
                .partition((sent % load.partitions as u64) as i32)
                .payload(&value);
            // A full queue: what is late is sent in the next round.
            if producer.send(record).is_err() {
                break;
            }
            sent += 1;
        }
        producer.poll(Duration::from_millis(1));
    }
    // Read back and counted: what is not delivered is missed there.
    let _ = producer.flush(Duration::from_secs(30));
    sent as usize
}

impl fmt::Display for Latency {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rate, p50, p99, p999, most, records } = self;
        write!(out, "{rate:.0} records/s, p50 {p50} ms, p99 {p99} ms, p99.9 {p999} ms, most {most} ms, of {records}")
    }
}
