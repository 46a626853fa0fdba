//! `stampmill render`: what a pipeline's transforms make of payloads from a file, or of records of its topic.

use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use stampmill_core::escape::escape_line;
use stampmill_core::record::{Batch, Offset, Record};
use stampmill_core::transform::{Came, Failed, Log, LogSink, Scratch};
use stampmill_engine::kafka::reader::ReadError;
use stampmill_engine::kafka::sample::last_records;
use stampmill_engine::settings::PipelineSettings;
use stampmill_engine::tables;

use crate::cli::Render;
use crate::commands::choice::choose;
use crate::commands::exit;
use crate::config;

#[derive(Debug, thiserror::Error)]
pub(crate) enum RenderError {
    #[error("`{path}` cannot be read: {source}; name a file, or `-` for standard input")]
    Input { path: String, source: std::io::Error },
    #[error("the pipeline names {names} topics; say with `--topic` which one to read")]
    WhichTopic { names: usize },
    #[error("{0}")]
    Sample(#[from] ReadError),
    #[error("the tables of its steps cannot be read: {0}")]
    Tables(std::io::Error),
    #[error("standard output cannot be written: {0}")]
    Output(std::io::Error),
}

/// Envelopes go to standard output, a line end after each; log lines and faults to standard error.
pub(crate) fn run(arguments: Render) -> ExitCode {
    let settings = match config::load(arguments.configuration.clone().sources()) {
        Ok(settings) => settings,
        Err(errors) => return report(&errors, exit::USAGE),
    };
    let pipeline = match choose(&settings, arguments.pipeline.as_deref()) {
        Ok(pipeline) => pipeline,
        Err(error) => return report(&error, exit::USAGE),
    };
    let batches = match batches(pipeline, &arguments) {
        Ok(batches) => batches,
        Err(error) => return report(&error, exit::FAILURE),
    };
    let _kept = match tables::keep_and_await(&pipeline.tables, &pipeline.transforms) {
        Ok(kept) => kept,
        Err(error) => return report(&RenderError::Tables(error), exit::FAILURE),
    };
    let mut faults = 0;
    for batch in &batches {
        match render(pipeline, batch, &mut std::io::stdout().lock()) {
            Ok(found) => faults += found,
            Err(error) => return report(&RenderError::Output(error), exit::FAILURE),
        }
    }
    if faults == 0 { ExitCode::SUCCESS } else { exit::FAILURE.into() }
}

/// What is to be rendered: records of the topic, or payloads from a file.
fn batches(pipeline: &PipelineSettings, arguments: &Render) -> Result<Vec<Batch>, RenderError> {
    let Some(count) = arguments.last else {
        return Ok(vec![batch(pipeline, &read(&arguments.input)?, arguments.lines)]);
    };
    let names = pipeline.source.topics.iter().filter(|topic| !topic.starts_with('^'));
    let topic = match (&arguments.topic, names.collect::<Vec<_>>().as_slice()) {
        (Some(topic), _) => topic,
        (None, [only]) => only,
        (None, names) => return Err(RenderError::WhichTopic { names: names.len() }),
    };
    Ok(last_records(&pipeline.source.properties, topic, count)?)
}

fn report(error: &dyn std::error::Error, code: u8) -> ExitCode {
    eprintln!("{error}");
    code.into()
}

fn read(path: &Path) -> Result<Vec<u8>, RenderError> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(path)
    };
    read.map_err(|source| RenderError::Input { path: path.display().to_string(), source })
}

/// The payloads as records of the first topic that the pipeline names, with offsets from 0 and without key, headers and timestamp.
fn batch(pipeline: &PipelineSettings, bytes: &[u8], lines: bool) -> Batch {
    let topics = &pipeline.source.topics;
    let named = topics.iter().find(|topic| !topic.starts_with('^')).or(topics.first());
    let topic = named.map_or("", String::as_str);
    let mut batch = Batch::new(Arc::from(topic), 0);
    let payloads: Vec<&[u8]> = if lines {
        bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).collect()
    } else {
        vec![bytes]
    };
    for (offset, payload) in (0..).zip(payloads) {
        batch.push(Offset::new(offset), None, None, Some(payload));
    }
    batch
}

/// The number of records that could not be processed.
fn render(pipeline: &PipelineSettings, batch: &Batch, out: &mut dyn Write) -> Result<usize, std::io::Error> {
    let write_log = |_: usize, step: &Log, _: &Record<'_>, line: &str| {
        let level = format!("{:?}", step.level).to_uppercase();
        let mut escaped = Vec::new();
        escape_line(line, &mut escaped);
        eprintln!("{level:>5} {{{}}} - {}", step.target, String::from_utf8_lossy(&escaped));
    };
    let log = LogSink { enabled: &|_, _| true, write: &write_log };
    let (mut scratch, mut faults) = (Scratch::default(), 0);
    for index in 0..batch.len() {
        let mut rendered = Vec::new();
        // Once for all sinks that take it: what is written to them is the same.
        let mut came = |came: Came<'_, '_>| {
            if let Came::Out { outgoing, .. } = came {
                rendered.extend_from_slice(outgoing.payload().unwrap_or(b"(tombstone)"));
                rendered.push(b'\n');
            }
            Ok(())
        };
        match pipeline.transforms.apply(&batch.record(index), &mut scratch, log, &mut came) {
            Ok(()) => out.write_all(&rendered)?,
            Err(Failed { step, fault }) => {
                faults += 1;
                let record = batch.record(index);
                let (partition, offset) = (record.partition, record.offset.get());
                eprintln!(
                    "{}/{partition} offset {offset}: {step}: {}: {}",
                    record.topic,
                    fault.class.as_str(),
                    fault.reason
                );
            }
        }
    }
    out.flush()?;
    Ok(faults)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Settings, Sources};

    const TWO: &str = "
connections: { kafka: { bootstrap.servers: 'localhost:9092' } }
pipelines:
  a: { source: { topics: [in], group: a }, transforms: [ envelope: '{\"a\": {{payload.id}}}' ], sink: { topic: out } }
  b: { source: { topics: [in], group: b }, sink: { topic: out } }
";

    fn two(name: &str) -> Settings {
        let file = std::env::temp_dir().join(format!("stampmill-render-{}-{name}.yaml", std::process::id()));
        std::fs::write(&file, TWO).expect("a file can be written");
        let settings = config::load(Sources { files: vec![file.clone()], ..Sources::default() });
        std::fs::remove_file(&file).expect("the file can be removed");
        settings.unwrap_or_else(|errors| panic!("{errors}"))
    }

    #[test]
    fn lines_are_rendered_one_by_one_and_faults_are_counted() {
        let settings = two("lines");
        let pipeline = &settings.pipelines[0];
        let mut out = Vec::new();
        let faults = render(pipeline, &batch(pipeline, b"{\"id\": 1.50}\n\nno JSON\n{\"id\": 2}\n", true), &mut out);
        assert_eq!(faults.ok(), Some(1));
        let lines = String::from_utf8(out).expect("is UTF-8").replace(' ', "");
        assert_eq!(lines, "{\"a\":1.50}\n{\"a\":2}\n");
    }

    #[test]
    fn a_whole_file_is_one_record() {
        let settings = two("whole");
        let pipeline = &settings.pipelines[0];
        assert_eq!(batch(pipeline, b"{\n}\n", false).len(), 1);
        assert_eq!(batch(pipeline, b"{}\n \n{}", true).len(), 2);
    }
}
