//! `stampmill check`: says what a valid configuration makes of each pipeline.

use std::io::Write;
use std::process::ExitCode;

use stampmill_engine::settings::{Ordering, PipelineSettings, SinkPartition, Start, Then};

use crate::commands::exit;
use crate::config::Settings;

pub(crate) fn run(settings: &Settings) -> ExitCode {
    let summaries: String = settings.pipelines.iter().map(summary).collect();
    match writeln!(std::io::stdout(), "{summaries}configuration is valid") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_closed) => exit::FAILURE.into(),
    }
}

/// No property is in it: a password would be one.
fn summary(pipeline: &PipelineSettings) -> String {
    let PipelineSettings { name, source, sink, actors, on_failure, .. } = pipeline;
    let order = match pipeline.ordering {
        Ordering::Partition => "in order by partition",
        Ordering::Key => "in order by key",
        Ordering::None => "in no order",
    };
    let failures = match on_failure.then {
        Then::DeadLetter => format!("to {}", on_failure.dead_letter_topic),
        Then::Halt => "halt the partition".to_owned(),
        Then::Skip => "are skipped".to_owned(),
    };
    let start = match source.start {
        Start::Earliest => "earliest",
        Start::Latest => "latest",
    };
    let partition = match sink.partition {
        SinkPartition::ByKey => "partition by key".to_owned(),
        SinkPartition::Source => "partition of the source".to_owned(),
        SinkPartition::Number(number) => format!("partition {number}"),
    };
    format!(
        "{name}\n  \
         source       {} (group {}, first time from {start})\n  \
         sink         {} ({partition})\n  \
         delivery     {}, {order}\n  \
         failures     {failures} (retries {})\n  \
         actors       transforms {}, producers {}\n",
        source.topics.join(", "),
        source.group,
        sink.topic,
        pipeline.delivery,
        on_failure.retries,
        actors.transforms,
        actors.producers,
    )
}
