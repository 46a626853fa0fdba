//! `/metrics`: made anew from what the pipelines are at the moment, so that what is gone leaves no series behind.

mod catalogue;
mod program;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::SystemTime;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use stampmill_engine::status::{PipelineStatus, RestartCause, Role};
use stampmill_engine::tables::TableStatus;
use stampmill_engine::{FailureKind, Timings, Trouble};

use self::catalogue::{METRICS, Metric, Of};
use self::program::Program;

pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All that the metrics tell, at one moment.
#[derive(Debug)]
struct Seen {
    program: Program,
    pipelines: Vec<(PipelineStatus, Timings)>,
    tables: Vec<TableStatus>,
}

type Labels<'a> = Vec<(&'static str, &'a str)>;

enum Value<'a> {
    Info,
    Count(u64),
    Total(f64),
    Gauge(f64),
    Histogram(&'a Histogram),
}

/// OpenMetrics text.
///
/// # Errors
/// None while a text takes what is written to it.
pub(super) fn encode(
    generation: u64,
    started: SystemTime,
    pipelines: Vec<(PipelineStatus, Timings)>,
    tables: Vec<TableStatus>,
) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Seen { program: Program::now(generation, started), pipelines, tables }));
    let mut text = String::new();
    text::encode(&mut text, &registry)?;
    Ok(text)
}

// === impl Seen ===

impl Collector for Seen {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for Metric { name, unit, help, of } in METRICS {
            let mut family = encoder.encode_descriptor(name, help, unit.as_ref(), of.kind())?;
            self.samples(of, &mut |labels, value| sample(&mut family, labels, value))?;
        }
        Ok(())
    }
}

impl Seen {
    fn samples(
        &self,
        of: &Of,
        each: &mut dyn FnMut(Labels<'_>, Value<'_>) -> Result<(), fmt::Error>,
    ) -> Result<(), fmt::Error> {
        match of {
            Of::Build => each(vec![("version", env!("CARGO_PKG_VERSION"))], Value::Info)?,
            Of::Program(read) => {
                if let Some(value) = read(&self.program) {
                    each(Vec::new(), Value::Gauge(value))?;
                }
            }
            Of::Spent(read) => {
                if let Some(value) = read(&self.program) {
                    each(Vec::new(), Value::Total(value))?;
                }
            }
            _ => {}
        }
        for table in &self.tables {
            let name = ("table", table.name.as_str());
            match of {
                Of::Table(read) => each(vec![name], Value::Gauge(read(table)))?,
                Of::TableCount(read) => each(vec![name], Value::Count(read(table)))?,
                _ => {}
            }
        }
        for (pipeline, timings) in &self.pipelines {
            let name = ("pipeline", pipeline.name.as_str());
            match of {
                Of::Build | Of::Program(_) | Of::Spent(_) | Of::Table(_) | Of::TableCount(_) => {}
                Of::Count(read) => each(vec![name], Value::Count(read(&pipeline.counts)))?,
                Of::Restarts => {
                    for (role, cause) in
                        Role::ALL.into_iter().flat_map(|role| RestartCause::ALL.map(|cause| (role, cause)))
                    {
                        let count = pipeline.counts.restarts_by.get(&(role, cause)).copied().unwrap_or_default();
                        each(vec![name, ("role", role.as_str()), ("cause", cause.as_str())], Value::Count(count))?;
                    }
                }
                Of::Filtered => {
                    for (step, count) in &pipeline.counts.filtered {
                        each(vec![name, ("step", step)], Value::Count(*count))?;
                    }
                }
                Of::FailedAt => {
                    for (FailureKind { step, class }, count) in &pipeline.counts.failed_at {
                        each(vec![name, ("step", step), ("class", class)], Value::Count(*count))?;
                    }
                }
                Of::Pipeline(read) => each(vec![name], Value::Gauge(read(pipeline)))?,
                Of::Timing(read) => each(vec![name], Value::Histogram(read(timings)))?,
                Of::Partition(_) | Of::Trouble => of_partitions(of, pipeline, each)?,
            }
        }
        Ok(())
    }
}

fn of_partitions(
    of: &Of,
    pipeline: &PipelineStatus,
    each: &mut dyn FnMut(Labels<'_>, Value<'_>) -> Result<(), fmt::Error>,
) -> Result<(), fmt::Error> {
    for partition in &pipeline.partitions {
        let number = partition.partition.to_string();
        let place =
            [("pipeline", pipeline.name.as_str()), ("topic", partition.topic.as_str()), ("partition", number.as_str())];
        if let Of::Partition(read) = of
            && let Some(value) = read(partition)
        {
            each(place.to_vec(), Value::Gauge(value))?;
        }
        if let Of::Trouble = of {
            let found = partition.trouble.as_ref().map(Trouble::kind);
            for kind in Trouble::KINDS {
                let value = if found == Some(kind) { 1.0 } else { 0.0 };
                each(place.into_iter().chain([("kind", kind)]).collect(), Value::Gauge(value))?;
            }
        }
    }
    Ok(())
}

fn sample(family: &mut MetricEncoder<'_>, labels: Labels<'_>, value: Value<'_>) -> Result<(), fmt::Error> {
    match value {
        Value::Info => family.encode_info(&labels),
        Value::Count(count) => family.encode_family(&labels)?.encode_counter::<NoLabelSet, u64, u64>(&count, None),
        Value::Total(total) => family.encode_family(&labels)?.encode_counter::<NoLabelSet, f64, u64>(&total, None),
        Value::Gauge(gauge) => family.encode_family(&labels)?.encode_gauge(&gauge),
        Value::Histogram(histogram) => histogram.encode(family.encode_family(&labels)?),
    }
}
