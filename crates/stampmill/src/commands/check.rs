//! `stampmill check`: says what a valid configuration makes of each pipeline.

use std::process::ExitCode;

use stampmill_engine::settings::{PipelineSettings, SinkPartition, Start};

use crate::config::Settings;

pub(crate) fn run(settings: &Settings) -> ExitCode {
    for pipeline in &settings.pipelines {
        println!("{}", summary(pipeline));
    }
    println!("configuration is valid");
    ExitCode::SUCCESS
}

/// No property is in it: a password would be one.
fn summary(pipeline: &PipelineSettings) -> String {
    let PipelineSettings { name, source, sink, actors, on_failure, .. } = pipeline;
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
         dead letters {} (after {} retries)\n  \
         actors       {} transforms, {} producers",
        source.topics.join(", "),
        source.group,
        sink.topic,
        on_failure.dead_letter_topic,
        on_failure.retries,
        actors.transforms,
        actors.producers,
    )
}
