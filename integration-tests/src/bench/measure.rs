//! One run: a process from its start until all is delivered.

use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use crate::bench::cores;
use crate::bench::load::Load;
use crate::bench::process::Usage;
use crate::bench::subject::Subject;
use crate::scenario::{Scenario, setup};

/// What was seen of one run, from a fifth of the records to the last; starts and warm-ups lie before.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    pub records_per_second: f64,
    /// Of the payloads that were read.
    pub megabytes_per_second: f64,
    /// User and system time of the process.
    pub cpu_micros: f64,
    /// The same over its whole life, start included.
    pub cpu_micros_whole: f64,
    /// Context switches of its threads, a record.
    pub switches: f64,
    pub peak_megabytes: f64,
    /// Its core, from 0 to 1: a run on a core that was not busy says nothing of throughput.
    pub busy: f64,
}

const LONGEST: Duration = Duration::from_secs(600);
/// As a page and an eager scraper ask.
const BETWEEN_PAGES: Duration = Duration::from_secs(1);
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);
const ANSWER: Duration = Duration::from_secs(10);

/// `filled` holds the topic that is read.
pub fn measure(subject: &Subject, filled: &Scenario, load: &Load) -> Result<Run> {
    let mut scenario = setup("bench-run", &filled.client);
    scenario.input.clone_from(&filled.input);
    scenario.client.create_topic(&scenario.output, load.partitions, &[]);
    let mut child = subject.start(&mut scenario, load)?;
    let watched = watch(subject, &scenario, load, &mut child);
    let killed = child.kill();
    child.wait()?;
    if watched.is_err() {
        scenario.keep = true;
    }
    let (first, last, fifth) =
        watched.with_context(|| format!("{}: see {}", subject.name(), scenario.folder.display()))?;
    killed?;
    scenario.client.delete_topic(&scenario.output);
    let (records, seconds) = (load.outputs() as f64, (last.at - first.at).as_secs_f64());
    let warm = records - fifth as f64;
    Ok(Run {
        records_per_second: warm / seconds,
        megabytes_per_second: warm * load.bytes as f64 / load.parts as f64 / seconds / 1e6,
        cpu_micros: (last.cpu_micros - first.cpu_micros) / warm,
        cpu_micros_whole: last.cpu_micros / records,
        switches: last.switches.saturating_sub(first.switches) as f64 / warm,
        peak_megabytes: last.peak_bytes as f64 / 1e6,
        busy: last.busy_since(&first),
    })
}

/// Its usage when a fifth was delivered, and when all was; and how many that fifth really was.
fn watch(subject: &Subject, scenario: &Scenario, load: &Load, child: &mut Child) -> Result<(Usage, Usage, u64)> {
    let (asker, started) = (scenario.client.consumer(&scenario.group), Instant::now());
    let (mut first, mut looked, mut answered) = (None, started, 0);
    loop {
        if looked.elapsed() >= BETWEEN_PAGES && subject.look().is_some_and(|all| all) {
            (looked, answered) = (Instant::now(), answered + 1);
        }
        let asked = match subject.is_transactional() {
            true => committed(&asker, &scenario.input, load.partitions),
            false => ends(&asker, &scenario.output, load.partitions),
        };
        let delivered = match asked {
            // A topic was made just now.
            Err(error) if has_no_leader(&error) && started.elapsed() < LONGEST => continue,
            asked => asked?,
        };
        let usage = Usage::of(child.id(), cores::of_subject());
        if let Some(status) = child.try_wait()? {
            bail!("it ended with {status} after {delivered} of {} records", load.outputs());
        }
        let usage = usage?;
        if first.is_none() && delivered >= load.outputs() / 5 {
            first = Some((usage, delivered));
        }
        if delivered >= load.outputs() {
            if answered == 0 && subject.look().is_some() {
                bail!("nobody could watch it");
            }
            let (first, fifth) = first.filter(|(_, fifth)| *fifth < delivered).context("it was done at once")?;
            return Ok((first, usage, fifth));
        }
        if started.elapsed() > LONGEST {
            bail!("it delivered {delivered} of {} records in {} s", load.outputs(), LONGEST.as_secs());
        }
        std::thread::park_timeout(BETWEEN_LOOKS);
    }
}

fn has_no_leader(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::{LeaderNotAvailable, NotLeaderForPartition};
    matches!(error.rdkafka_error_code(), Some(LeaderNotAvailable | NotLeaderForPartition))
}

/// How many records a topic holds, by its ends, of which a broker is asked for all at once.
fn ends(asker: &BaseConsumer, topic: &str, partitions: i32) -> KafkaResult<u64> {
    let mut list = TopicPartitionList::with_capacity(partitions as usize);
    for partition in 0..partitions {
        // Kafka's word for the end, where a time is asked for.
        list.add_partition_offset(topic, partition, Offset::End)?;
    }
    Ok(sum(&asker.offsets_for_times(list, ANSWER)?))
}

fn committed(asker: &BaseConsumer, topic: &str, partitions: i32) -> KafkaResult<u64> {
    let mut list = TopicPartitionList::with_capacity(partitions as usize);
    for partition in 0..partitions {
        list.add_partition(topic, partition);
    }
    Ok(sum(&asker.committed_offsets(list, ANSWER)?))
}

fn sum(list: &TopicPartitionList) -> u64 {
    let offset = |offset| match offset {
        Offset::Offset(offset) => u64::try_from(offset).unwrap_or(0),
        _ => 0,
    };
    list.elements().iter().map(|entry| offset(entry.offset())).sum()
}
