//! Pipelines as JSON. Times are RFC 3339 in UTC with milliseconds, durations are seconds, and what is not known is null.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde::Serialize;
use stampmill_engine::Health;
use stampmill_engine::settings::{Delivery, PipelineSettings, Then};
use stampmill_engine::status::{ActorStatus, Failure as SeenFailure, PartitionStatus, PipelineStatus};
use stampmill_engine::tables::TableStatus;

use crate::config::Secrets;

#[derive(Serialize)]
pub(super) struct Pipelines {
    version: &'static str,
    started: String,
    now: String,
    pipelines: Vec<Pipeline>,
}

#[derive(Serialize)]
pub(super) struct Pipeline {
    name: String,
    health: &'static str,
    reasons: Vec<String>,
    paused: bool,
    delivery: &'static str,
    generation: u64,
    source: Source,
    steps: Vec<&'static str>,
    sinks: Vec<Sink>,
    dead_letter_topic: Option<String>,
    actors: Pools,
    counts: Counts,
    lag: Option<u64>,
    behind_seconds: Option<f64>,
    in_flight: u64,
    memory: Memory,
    tables: Vec<Table>,
    pub(super) partitions: Vec<Partition>,
    failures: Vec<Failure>,
}

#[derive(Serialize)]
struct Source {
    topics: Vec<String>,
    group: String,
}

#[derive(Serialize)]
struct Sink {
    topic: String,
}

#[derive(Serialize)]
struct Pools {
    transforms: usize,
    producers: usize,
}

#[derive(Serialize)]
struct Counts {
    records_in: u64,
    bytes_in: u64,
    records_out: u64,
    bytes_out: u64,
    dead_letters: u64,
    skipped: u64,
    /// By the step that let them not through.
    filtered: BTreeMap<String, u64>,
    refused: u64,
    rewinds: u64,
    commits: u64,
    aborts: u64,
    rebalances: u64,
    restarts: u64,
    pipeline_restarts: u64,
}

#[derive(Serialize)]
struct Memory {
    in_flight_bytes: u64,
    limit_bytes: u64,
}

#[derive(Serialize)]
pub(super) struct Partitions {
    pub(super) partitions: Vec<Partition>,
}

#[derive(Serialize)]
pub(super) struct Partition {
    topic: String,
    partition: i32,
    watermark: i64,
    committed: i64,
    position: i64,
    end: Option<i64>,
    lag: Option<u64>,
    behind_seconds: Option<f64>,
    in_flight: u64,
    in_flight_seconds: Option<f64>,
    paused: bool,
    trouble: Option<String>,
}

#[derive(Serialize)]
struct Table {
    name: String,
    rows: usize,
    bytes: usize,
    ready: bool,
    refused: u64,
}

#[derive(Serialize)]
struct Failure {
    at: String,
    topic: String,
    partition: i32,
    offset: i64,
    step: String,
    class: String,
    reason: String,
    more: u64,
}

#[derive(Serialize)]
pub(super) struct Actors {
    pub(super) actors: Vec<Actor>,
}

#[derive(Serialize)]
pub(super) struct Actor {
    name: String,
    role: &'static str,
    state: &'static str,
    restarts: u64,
    last_cause: Option<String>,
    last_restart: Option<String>,
}

// === impl Pipelines ===

impl Pipelines {
    pub(super) fn now(started: SystemTime, pipelines: Vec<Pipeline>) -> Self {
        let (started, now) = (time(started), time(SystemTime::now()));
        Self { version: env!("CARGO_PKG_VERSION"), started, now, pipelines }
    }
}

/// Of all `tables`, those count that its steps read.
pub(super) fn pipeline(
    settings: &PipelineSettings,
    status: PipelineStatus,
    tables: Vec<TableStatus>,
    secrets: &Secrets,
) -> Pipeline {
    let is_read = |table: &TableStatus| settings.transforms.tables().any(|read| read.name() == table.name);
    let shown = |text: &String| secrets.shown(text).to_owned();
    let partitions = &status.partitions;
    let dead_letters = (settings.on_failure.then == Then::DeadLetter).then_some(&settings.on_failure.dead_letter_topic);
    Pipeline {
        health: status.health.as_str(),
        reasons: reasons(&status.health),
        paused: status.paused,
        delivery: match status.delivery {
            Delivery::AtLeastOnce => "at_least_once",
            Delivery::ExactlyOnce { .. } => "exactly_once",
        },
        generation: status.generation,
        source: Source {
            topics: settings.source.topics.iter().map(shown).collect(),
            group: shown(&settings.source.group),
        },
        steps: settings.transforms.kinds().to_vec(),
        sinks: settings.sinks.iter().map(|sink| Sink { topic: shown(&sink.topic) }).collect(),
        dead_letter_topic: dead_letters.map(shown),
        actors: Pools { transforms: settings.actors.transforms, producers: settings.actors.producers },
        counts: counts(&status),
        // Unknown as a whole where a part of it is.
        lag: partitions.iter().map(PartitionStatus::lag).sum(),
        behind_seconds: partitions.iter().filter_map(|partition| partition.behind).max().map(seconds),
        in_flight: partitions.iter().map(PartitionStatus::in_flight).sum(),
        memory: Memory { in_flight_bytes: status.memory.in_flight, limit_bytes: status.memory.limit },
        tables: tables.into_iter().filter(is_read).map(table).collect(),
        partitions: status.partitions.into_iter().map(partition).collect(),
        failures: status.failures.into_iter().map(failure).collect(),
        name: status.name,
    }
}

fn reasons(health: &Health) -> Vec<String> {
    match health {
        Health::Starting | Health::Ready | Health::Stopped => Vec::new(),
        Health::NotReady(troubles) => troubles.iter().map(ToString::to_string).collect(),
        Health::Restarting { cause } | Health::Failed { cause } => vec![cause.clone()],
    }
}

fn counts(status: &PipelineStatus) -> Counts {
    let counts = &status.counts;
    Counts {
        records_in: counts.records_in,
        bytes_in: counts.bytes_in,
        records_out: counts.records_out,
        bytes_out: counts.bytes_out,
        dead_letters: counts.dead_letters,
        skipped: counts.skipped,
        filtered: counts.filtered.clone(),
        refused: counts.refused,
        rewinds: counts.rewinds,
        commits: counts.commits,
        aborts: counts.aborts,
        rebalances: counts.rebalances,
        restarts: counts.restarts,
        pipeline_restarts: counts.pipeline_restarts,
    }
}

fn partition(status: PartitionStatus) -> Partition {
    Partition {
        lag: status.lag(),
        in_flight: status.in_flight(),
        topic: status.topic,
        partition: status.partition,
        watermark: status.watermark,
        committed: status.committed,
        position: status.position,
        end: status.end,
        behind_seconds: status.behind.map(seconds),
        in_flight_seconds: status.in_flight_for.map(seconds),
        paused: status.paused,
        trouble: status.trouble.map(|trouble| trouble.to_string()),
    }
}

fn table(TableStatus { name, size, ready, refused }: TableStatus) -> Table {
    Table { name, rows: size.rows, bytes: size.bytes, ready, refused }
}

fn failure(failure: SeenFailure) -> Failure {
    let SeenFailure { at, topic, partition, offset, step, class, reason, more } = failure;
    Failure { at: time(at), topic, partition, offset, step, class, reason, more }
}

pub(super) fn actor(status: ActorStatus) -> Actor {
    let ActorStatus { name, role, state, restarts, last_cause, last_restart } = status;
    let (role, state, last_restart) = (role.as_str(), state.as_str(), last_restart.map(time));
    Actor { name, role, state, restarts, last_cause, last_restart }
}

fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

/// A clock beyond the year 9999 says nothing.
fn time(time: SystemTime) -> String {
    Timestamp::try_from(time).map_or_else(|_| String::new(), |time| format!("{time:.3}"))
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn each_kind_of_step_is_described() {
        let described: serde_json::Value = serde_json::from_str(include_str!("openapi.json")).expect("is JSON");
        let kinds: Vec<&str> = crate::config::schema::STEPS.iter().map(|key| key.name).collect();
        assert!(described.to_string().contains(&serde_json::json!({ "enum": kinds }).to_string()), "{kinds:?}");
    }

    #[test]
    fn times_have_milliseconds() {
        assert_eq!(time(UNIX_EPOCH + Duration::from_micros(1_764_230_400_120_500)), "2025-11-27T08:00:00.120Z");
        assert_eq!(time(UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
    }
}
