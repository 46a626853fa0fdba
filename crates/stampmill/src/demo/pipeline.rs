//! The pipeline of the configuration file, set up for the embedded broker and for no other.

use anyhow::{Context, bail};
use stampmill_engine::settings::{PipelineSettings, Properties};

use super::{DEAD_LETTERS, INPUT, OUTPUT};
use crate::config::{self, Settings, Sources, memory};

pub(crate) const PIPELINE: &str = "bank-audit";

/// Loads the file's pipeline, alone, with a few overrides, which it prints; and what it was loaded from.
///
/// # Errors
/// An invalid file, or one whose pipeline does another job than the demo checks, or on another broker.
pub(crate) fn load(address: &str) -> anyhow::Result<(Settings, Sources)> {
    let overrides = overrides(address);
    println!("On it runs the pipeline `{PIPELINE}` of the configuration, with");
    overrides.iter().for_each(|(key, value)| println!("  {key} = {value}"));
    let fallback = Some(include_str!("../../../../config/stampmill.yaml"));
    let sources = Sources { fallback, flags: overrides, available: memory::available(), ..Sources::default() };
    let mut settings = config::load(sources.clone())?;
    settings.pipelines.retain(|pipeline| pipeline.name == PIPELINE);
    let found = settings.pipelines.first();
    refuse_others(found.with_context(|| format!("the configuration has no pipeline `{PIPELINE}`"))?, address)?;
    Ok((settings, sources))
}

/// What the demo changes in the file, because of the broker that it runs on.
fn overrides(address: &str) -> Vec<(String, String)> {
    let pipeline = |key: &str| format!("pipelines.{PIPELINE}.{key}");
    vec![
        ("connections.kafka.bootstrap.servers".into(), address.into()),
        (pipeline("source.start"), "earliest".into()),
        // The embedded broker sleeps for the whole of it when there is nothing, even if something comes.
        (pipeline("source.properties.fetch.wait.max.ms"), "10".into()),
        // It keeps 5 MiB a partition, so one partition would not do.
        (pipeline("sink.partition"), "source".into()),
    ]
}

/// The file may be somebody's own: nothing may be read from a broker of theirs, nor written to it.
fn refuse_others(settings: &PipelineSettings, address: &str) -> anyhow::Result<()> {
    let is_ours = |properties: &Properties| properties.get("bootstrap.servers").is_some_and(|found| found == address);
    if !is_ours(&settings.source.properties) || !is_ours(&settings.producer) {
        bail!("the pipeline `{PIPELINE}` has a connection other than `kafka`: the demo runs on its own broker only");
    }
    let (sources, sinks) = (&settings.source.topics, &settings.sinks);
    let sinks: Vec<&str> = sinks.iter().map(|sink| sink.topic.as_str()).collect();
    let dead_letters = &settings.on_failure.dead_letter_topic;
    if *sources != [INPUT] || sinks != [OUTPUT] || dead_letters != DEAD_LETTERS {
        bail!(
            "the pipeline `{PIPELINE}` goes from {sources:?} to {sinks:?} and `{dead_letters}`: the demo expects \
             `{INPUT}`, `{OUTPUT}` and `{DEAD_LETTERS}`, as in the file that comes with stampmill; start it in \
             another folder to use that one"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built_in(address: &str) -> PipelineSettings {
        load(address).expect("the file in config/ or the built-in one").0.pipelines.remove(0)
    }

    #[test]
    fn the_file_runs_on_the_embedded_broker() {
        let settings = built_in("127.0.0.1:9");
        assert_eq!(settings.source.properties["fetch.wait.max.ms"], "10");
        assert!(refuse_others(&settings, "127.0.0.1:9").is_ok());
    }

    #[test]
    fn another_broker_and_another_topic_are_refused() {
        let error = |settings: &PipelineSettings| {
            refuse_others(settings, "127.0.0.1:9").expect_err("it does another job").to_string()
        };
        let mut settings = built_in("127.0.0.1:9");
        settings.sinks[0].topic = "payroll".into();
        assert!(error(&settings).contains("payroll"));
        let mut settings = built_in("127.0.0.1:9");
        settings.producer.insert("bootstrap.servers".into(), "prod:9092".into());
        assert!(error(&settings).contains("connection"));
    }
}
