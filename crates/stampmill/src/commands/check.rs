//! `stampmill check`: says what a valid configuration makes of each pipeline, and what its clusters have of that.

use std::io::Write;
use std::process::ExitCode;

use stampmill_engine::settings::{Ordering, PipelineSettings, SinkPartition, Start, Then};
use stampmill_engine::{DeadLetterTopic, Preflight, TableSeen, preflight};

use crate::commands::exit;
use crate::config::{Secrets, Settings};

/// With `online` the brokers are asked, too: a failure is what a start would wait for, or end with.
pub(crate) fn run(settings: &Settings, online: bool) -> ExitCode {
    let mut is_fine = true;
    let mut text = String::new();
    for pipeline in &settings.pipelines {
        text += &summary(pipeline, &settings.secrets);
        if !online {
            continue;
        }
        match preflight(pipeline) {
            Ok(found) => text += &findings(pipeline, &found, &settings.secrets),
            Err(error) => {
                is_fine = false;
                eprintln!("{}: {}", pipeline.name, settings.secrets.mask(&error.to_string()));
            }
        }
    }
    let verdict = match (online, is_fine) {
        (false, _) => "configuration is valid",
        (true, true) => "configuration is valid, and its clusters have what it needs",
        (true, false) => "configuration is valid, and a start would fail or wait",
    };
    match writeln!(std::io::stdout(), "{text}{verdict}") {
        Ok(()) if is_fine => ExitCode::SUCCESS,
        Ok(()) | Err(_) => exit::FAILURE.into(),
    }
}

fn findings(pipeline: &PipelineSettings, found: &Preflight, secrets: &Secrets) -> String {
    let topics = found.sources.iter();
    let topics = topics.map(|(topic, partitions)| format!("{} ({partitions} partitions)", secrets.shown(topic)));
    let sinks = pipeline.sinks.iter().zip(&found.sinks).map(|(sink, seen)| {
        let takes = seen.takes.as_ref().ok().copied().flatten();
        let takes = takes.map_or_else(String::new, |bytes| format!(", up to {bytes} bytes in a batch"));
        format!("{} ({} partitions{takes})", secrets.shown(&sink.topic), seen.partitions)
    });
    let sinks = sinks.collect::<Vec<_>>().join(", ");
    let dead_letters = match found.dead_letters {
        DeadLetterTopic::Unused => String::new(),
        DeadLetterTopic::There { partitions } => format!(", dead letters ({partitions} partitions)"),
        DeadLetterTopic::Missing { partitions } => {
            format!(", dead letters (made at the start, with {partitions} partitions)")
        }
    };
    let tables = found.tables.iter().map(|TableSeen { table, topic, partitions }| {
        format!(", table {table}: {} ({partitions} partitions)", secrets.shown(topic))
    });
    let tables: String = tables.collect();
    let allowed = match &found.permissions {
        Ok(()) => "to read and write these topics, and to join the group".to_owned(),
        Err(reason) => format!("not known: {}", secrets.mask(reason)),
    };
    let sources = topics.collect::<Vec<_>>();
    let sources = if sources.is_empty() { "no topic that matches yet".to_owned() } else { sources.join(", ") };
    let tokens: String = found.tokens.iter().map(|token| format!("  token        {}\n", secrets.mask(token))).collect();
    format!(
        "{tokens}  found        {sources}; {sinks}{dead_letters}{tables}\n  \
         allowed      {allowed}\n  \
         memory       {}\n",
        found.memory
    )
}

/// No property is in it: a password would be one.
fn summary(pipeline: &PipelineSettings, secrets: &Secrets) -> String {
    let PipelineSettings { name, source, sinks, actors, on_failure, .. } = pipeline;
    let order = match pipeline.ordering {
        Ordering::Partition => "in order by partition",
        Ordering::Key => "in order by key",
        Ordering::None => "in no order",
    };
    let failures = match on_failure.then {
        Then::DeadLetter => format!("to {}", secrets.shown(&on_failure.dead_letter_topic)),
        Then::Halt => "halt the partition".to_owned(),
        Then::Skip => "are skipped".to_owned(),
    };
    let start = match source.start {
        Start::Earliest => "earliest",
        Start::Latest => "latest",
    };
    let sinks = sinks.iter().map(|sink| {
        let partition = match sink.partition {
            SinkPartition::ByKey => "partition by key".to_owned(),
            SinkPartition::Source => "partition of the source".to_owned(),
            SinkPartition::Number(number) => format!("partition {number}"),
        };
        format!("{} ({partition})", secrets.shown(&sink.topic))
    });
    let sinks = sinks.collect::<Vec<_>>().join(", ");
    format!(
        "{name}\n  \
         source       {} (group {}, first time from {start})\n  \
         sink         {sinks}\n  \
         delivery     {}, {order}\n  \
         failures     {failures} (retries {})\n  \
         actors       transforms {}, producers {}\n{}",
        source.topics.iter().map(|topic| secrets.shown(topic)).collect::<Vec<_>>().join(", "),
        secrets.shown(&source.group),
        pipeline.delivery,
        on_failure.retries,
        actors.transforms,
        actors.producers,
        tables(pipeline, secrets),
    )
}

/// A line with those that the steps read, if they read any.
fn tables(pipeline: &PipelineSettings, secrets: &Secrets) -> String {
    let kept = |name: &str| pipeline.tables.iter().find(|table| table.name() == name);
    let mut names: Vec<String> = Vec::new();
    for table in pipeline.transforms.tables() {
        let from = match kept(table.name()) {
            Some(kept) => format!("topic {}", secrets.shown(&kept.topic)),
            None => format!("{} rows", table.size().rows),
        };
        let name = format!("{} ({from})", table.name());
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.is_empty() { String::new() } else { format!("  tables       {}\n", names.join(", ")) }
}
