//! `stampmill dead-letters`: the records that could not be processed, for people to look at and to send again.

mod arguments;
mod filter;
mod list;
mod replay;
mod scan;
mod show;
mod stats;
mod table;

use std::process::ExitCode;

use stampmill_engine::kafka::reader::{ReadError, TopicReader};
use stampmill_engine::kafka::writer::WriteError;
use stampmill_engine::settings::PipelineSettings;

use self::arguments::Action;
use super::choice::{ChoiceError, choose};
use super::{configured, exit};

pub(crate) use self::arguments::DeadLetters;

#[derive(Debug, thiserror::Error)]
enum DeadLettersError {
    #[error("{0}")]
    Choice(#[from] ChoiceError),
    #[error("{0}")]
    Read(#[from] ReadError),
    #[error("{0}")]
    Write(#[from] WriteError),
    #[error("the tables of the pipeline's steps cannot be read: {0}")]
    Tables(std::io::Error),
    #[error("standard output cannot be written: {0}")]
    Output(#[from] std::io::Error),
    #[error("there is no record at {partition}:{offset} of `{topic}`: the partition holds {low} up to {high}")]
    NothingThere { topic: String, partition: i32, offset: i64, low: i64, high: i64 },
    #[error("it has no value to write: {0}")]
    NoValue(String),
    #[error("the sink's topic `{0}` does not exist on its cluster: make it, for example with kafka-topics.sh --create")]
    NoSink(String),
}

/// A group of its own for those that only look. Nothing is committed for it.
const LOOKING: &str = "stampmill-dead-letters";

pub(crate) fn run(DeadLetters { action }: DeadLetters) -> ExitCode {
    let (configuration, name) = action.chosen();
    configured(configuration.clone().sources(), |settings| {
        let pipeline = match choose(&settings, name) {
            Ok(pipeline) => pipeline,
            Err(error) => return report(&error, exit::USAGE),
        };
        act(pipeline, &action).unwrap_or_else(|error| report(&error, exit::FAILURE))
    })
}

fn act(pipeline: &PipelineSettings, action: &Action) -> Result<ExitCode, DeadLettersError> {
    let mut out = std::io::stdout().lock();
    match action {
        Action::List(list) => list::run(pipeline, &open(pipeline, LOOKING)?, list, &mut out)?,
        Action::Show(show) => show::run(&open(pipeline, LOOKING)?, show, &mut out)?,
        Action::Stats(stats) => stats::run(pipeline, &open(pipeline, LOOKING)?, &stats.filters, &mut out)?,
        Action::Replay(replay) => return replay::run(pipeline, replay, &mut out),
    }
    Ok(ExitCode::SUCCESS)
}

/// The dead letters are on the sink's cluster.
fn open(pipeline: &PipelineSettings, group: &str) -> Result<TopicReader, ReadError> {
    TopicReader::open(&pipeline.producer, &pipeline.on_failure.dead_letter_topic, group)
}

fn report(error: &dyn std::error::Error, code: u8) -> ExitCode {
    eprintln!("{error}");
    code.into()
}
