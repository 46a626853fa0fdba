//! Every metric: what it is called, what it means and where its value comes from.

use std::time::Duration;

use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Unit;
use stampmill_engine::status::{PartitionStatus, PipelineStatus};
use stampmill_engine::tables::TableStatus;
use stampmill_engine::{Observation, Timings};

use super::program::Program;

pub(super) struct Metric {
    /// Without the unit and without `_total`, which follow.
    pub(super) name: &'static str,
    pub(super) unit: Option<Unit>,
    pub(super) help: &'static str,
    pub(super) of: Of,
}

/// What it is of, from which its labels and its kind follow.
pub(super) enum Of {
    /// Which build this is.
    Build,
    /// The process: a gauge, left out where it cannot be known.
    Program(fn(&Program) -> Option<f64>),
    /// The process: a counter, left out where it cannot be known.
    Spent(fn(&Program) -> Option<f64>),
    /// A pipeline: a counter.
    Count(fn(&Observation) -> u64),
    /// Restarts of a pipeline's actors, by role and cause: a counter.
    Restarts,
    /// Records that a pipeline could not process, by step and class: a counter.
    FailedAt,
    /// Records of which nothing goes out, by step: a counter.
    Filtered,
    /// A pipeline: a gauge.
    Pipeline(fn(&PipelineStatus) -> f64),
    /// A partition that the pipeline has: a gauge, left out where it is not known.
    Partition(fn(&PartitionStatus) -> Option<f64>),
    /// What may be wrong with a partition, by kind: a gauge.
    Trouble,
    /// A table: a gauge.
    Table(fn(&TableStatus) -> f64),
    /// A table: a counter.
    TableCount(fn(&TableStatus) -> u64),
    /// A pipeline: a histogram.
    Timing(fn(&Timings) -> &Histogram),
}

const fn metric(name: &'static str, unit: Option<Unit>, help: &'static str, of: Of) -> Metric {
    Metric { name, unit, help, of }
}

const BYTES: Option<Unit> = Some(Unit::Bytes);
const SECONDS: Option<Unit> = Some(Unit::Seconds);

/// Offsets above 2^53 lose their last digits, as they do in Prometheus itself.
pub(super) static METRICS: &[Metric] = &[
    metric("stampmill_build", None, "always 1, with the version of the program", Of::Build),
    metric(
        "stampmill_configuration_generation",
        None,
        "1 at the start, and one more with each reload that changed something",
        Of::Program(|program| Some(program.generation as f64)),
    ),
    metric(
        "stampmill_process_start_time",
        SECONDS,
        "when the process was started, since 1970",
        Of::Program(|program| Some(program.started)),
    ),
    metric(
        "stampmill_process_resident_memory",
        BYTES,
        "memory of the process that is in RAM",
        Of::Program(|program| program.resident_bytes.map(|bytes| bytes as f64)),
    ),
    metric(
        "stampmill_process_open_fds",
        None,
        "file descriptors that the process has open",
        Of::Program(|program| program.open_fds.map(|fds| fds as f64)),
    ),
    metric(
        "stampmill_process_max_fds",
        None,
        "file descriptors that the process may have open",
        Of::Program(|program| program.max_fds.map(|fds| fds as f64)),
    ),
    metric(
        "stampmill_process_cpu",
        SECONDS,
        "time that all threads of the process have run, in user and kernel mode",
        Of::Spent(|program| program.cpu_seconds),
    ),
    metric(
        "stampmill_pipeline_ready",
        None,
        "1 while the pipeline does its work, as /readyz has it",
        Of::Pipeline(|pipeline| truth(pipeline.health.is_ready())),
    ),
    metric(
        "stampmill_pipeline_paused",
        None,
        "1 while all of the pipeline is paused by an operator",
        Of::Pipeline(|pipeline| truth(pipeline.paused)),
    ),
    metric(
        "stampmill_pipeline_partitions",
        None,
        "partitions that this instance has been given",
        Of::Pipeline(|pipeline| pipeline.partitions.len() as f64),
    ),
    metric(
        "stampmill_memory_in_flight",
        BYTES,
        "memory of records that are read and not settled",
        Of::Pipeline(|pipeline| pipeline.memory.in_flight as f64),
    ),
    metric(
        "stampmill_memory_limit",
        BYTES,
        "what stampmill_memory_in_flight_bytes may be, but for one batch of each partition",
        Of::Pipeline(|pipeline| pipeline.memory.limit as f64),
    ),
    metric("stampmill_records_in", None, "records read", Of::Count(|counts| counts.records_in)),
    metric(
        "stampmill_records_in",
        BYTES,
        "keys, payloads and headers of the records read",
        Of::Count(|counts| counts.bytes_in),
    ),
    metric(
        "stampmill_records_out",
        None,
        "records whose outputs are delivered, dead letters included",
        Of::Count(|counts| counts.records_out),
    ),
    metric(
        "stampmill_records_out",
        BYTES,
        "rendered payloads that are delivered",
        Of::Count(|counts| counts.bytes_out),
    ),
    metric(
        "stampmill_dead_letters",
        None,
        "records sent to the dead letters, again where a batch was sent again",
        Of::Count(|counts| counts.dead_letters),
    ),
    metric(
        "stampmill_skipped_records",
        None,
        "records left out, by `on_failure.then: skip` or by an operator",
        Of::Count(|counts| counts.skipped),
    ),
    metric(
        "stampmill_refused_records",
        None,
        "records that a broker refused; each is sent again or goes to its policy",
        Of::Count(|counts| counts.refused),
    ),
    metric(
        "stampmill_step_failures",
        None,
        "records that could not be processed, by the step that failed (`sink` for those that a broker refused for good) and the class of the fault",
        Of::FailedAt,
    ),
    metric(
        "stampmill_filtered_records",
        None,
        "records, and parts of records, of which nothing goes out, by the step that decided it; `sinks` where no sink takes them",
        Of::Filtered,
    ),
    metric(
        "stampmill_rewinds",
        None,
        "times that unsettled batches of a partition were sent again",
        Of::Count(|counts| counts.rewinds),
    ),
    metric("stampmill_commits", None, "commits that the broker has confirmed", Of::Count(|counts| counts.commits)),
    metric("stampmill_aborts", None, "transactions that were aborted", Of::Count(|counts| counts.aborts)),
    metric(
        "stampmill_rebalances",
        None,
        "times that partitions were given or taken away",
        Of::Count(|counts| counts.rebalances),
    ),
    metric("stampmill_actor_restarts", None, "restarts of actors after a panic or a hang", Of::Restarts),
    metric(
        "stampmill_pipeline_restarts",
        None,
        "times that the whole pipeline began anew",
        Of::Count(|counts| counts.pipeline_restarts),
    ),
    metric(
        "stampmill_reloads",
        None,
        "times that the pipeline's steps were changed",
        Of::Count(|counts| counts.reloads),
    ),
    metric(
        "stampmill_partition_lag_records",
        None,
        "records that are there and not settled",
        Of::Partition(|partition| Some(partition.lag()? as f64)),
    ),
    metric(
        "stampmill_partition_lag",
        SECONDS,
        "age of the oldest record that is not settled, by its timestamp; 0 where all are",
        Of::Partition(|partition| match partition.lag() {
            Some(0) => Some(0.0),
            _ => partition.behind.as_ref().map(Duration::as_secs_f64),
        }),
    ),
    metric(
        "stampmill_partition_in_flight_records",
        None,
        "records that are read and not settled",
        Of::Partition(|partition| Some(partition.in_flight() as f64)),
    ),
    metric(
        "stampmill_partition_in_flight_age",
        SECONDS,
        "how long the oldest batch has been in flight; 0 without one",
        Of::Partition(|partition| Some(partition.in_flight_for.unwrap_or_default().as_secs_f64())),
    ),
    metric(
        "stampmill_partition_watermark",
        None,
        "offset below which every record is settled",
        Of::Partition(|partition| Some(partition.watermark as f64)),
    ),
    metric(
        "stampmill_partition_paused",
        None,
        "1 while an operator has paused the partition, or all of the pipeline",
        Of::Partition(|partition| Some(truth(partition.paused))),
    ),
    metric(
        "stampmill_partition_trouble",
        None,
        "1 while the partition does not move for this reason: halted, breaker, stalled, undelivered",
        Of::Trouble,
    ),
    metric("stampmill_table_rows", None, "rows of a table", Of::Table(|table| table.size.rows as f64)),
    metric(
        "stampmill_table",
        BYTES,
        "memory of the rows of a table, as `max_bytes` counts it",
        Of::Table(|table| table.size.bytes as f64),
    ),
    metric(
        "stampmill_table_ready",
        None,
        "1 once the table has been read to its end",
        Of::Table(|table| truth(table.ready)),
    ),
    metric(
        "stampmill_table_refused_records",
        None,
        "records of a table's topic that made no row: without a key, no JSON, or beyond `max_bytes`",
        Of::TableCount(|table| table.refused),
    ),
    metric("stampmill_render", SECONDS, "time to log and render a batch", Of::Timing(|timings| &timings.render)),
    metric(
        "stampmill_settle",
        SECONDS,
        "time from the moment a batch is read to that when it is settled",
        Of::Timing(|timings| &timings.settle),
    ),
    metric(
        "stampmill_delivery",
        SECONDS,
        "time from the timestamp of a batch's first record to its delivery",
        Of::Timing(|timings| &timings.delivery),
    ),
];

fn truth(truth: bool) -> f64 {
    if truth { 1.0 } else { 0.0 }
}

// === impl Of ===

impl Of {
    pub(super) fn kind(&self) -> MetricType {
        match self {
            Self::Build => MetricType::Info,
            Self::Spent(_)
            | Self::Count(_)
            | Self::Restarts
            | Self::FailedAt
            | Self::Filtered
            | Self::TableCount(_) => MetricType::Counter,
            Self::Program(_) | Self::Pipeline(_) | Self::Partition(_) | Self::Trouble | Self::Table(_) => {
                MetricType::Gauge
            }
            Self::Timing(_) => MetricType::Histogram,
        }
    }
}
