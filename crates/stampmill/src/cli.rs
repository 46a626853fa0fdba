//! The command line.

use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue};
use clap::{Args, Parser, Subcommand};
use stampmill_engine::settings::RunOptions;

use crate::commands::dead_letters::DeadLetters;
use crate::commands::tap::Tap;
use crate::commands::test::Test;
use crate::config::{Sources, TableStore, memory};

/// Reads events from Kafka topics, logs them, stamps each into an envelope made from a template, and publishes the result to
/// other topics; configured by file.
///
/// `stampmill demo` shows the whole job and needs nothing. `stampmill run` runs the pipelines of a configuration; each command
/// tells more with `--help`.
#[derive(Debug, Parser)]
#[command(name = "stampmill", version, about = "An actor-based stream processor for Kafka, configured by file")]
#[command(max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the pipelines until SIGTERM or Ctrl-C
    ///
    /// The first signal stops reading, finishes and commits what is in flight and leaves the group; a second one waits for
    /// nothing. SIGHUP reads the configuration again. It ends with 0 when it has drained and stopped, with 64 for an invalid
    /// configuration, and with 1 when a start failed or a pipeline had to end.
    Run(Run),
    /// Say whether the configuration is valid
    ///
    /// Every error is told at once, with its file, its line and what to write. Nothing is connected to, unless asked for by
    /// `--online`.
    Check(Check),
    /// Show the configuration in force, or the schema of its files
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Show what a pipeline makes of payloads from a file
    ///
    /// What comes out goes to standard output, a line for each; the lines of log steps, and what is wrong with a payload, to
    /// standard error.
    Render(Render),
    /// Run the cases of pipelines, without a broker
    ///
    /// Runs pipelines over the records of case files, and compares what comes out with what they expect. It ends with 0 when all
    /// cases pass, with 1 when one does not, and with 64 for bad usage, configuration or case files.
    Test(Test),
    /// Show live records before and after a pipeline's steps
    ///
    /// It reads beside the pipeline: it joins no group, commits nothing and sends nothing.
    Tap(Tap),
    /// Look at the records that failed, and send them again
    DeadLetters(DeadLetters),
    /// Ask a running program whether it is ready, and end with 0 or 1
    ///
    /// For images without a shell.
    Healthcheck(Healthcheck),
    /// Measure what a pipeline costs on your records
    ///
    /// Reads from the beginning, in a group of its own, and writes to a topic of its own with as many partitions as the sink's;
    /// both are deleted afterwards. Records that cannot be processed are counted and left out.
    Bench(Bench),
    /// Show the whole job on an embedded Kafka; needs nothing
    ///
    /// Runs the tutorial's pipeline, sends it bank transactions, and reads every one back to compare it byte by byte.
    Demo(Demo),
    /// Run the embedded Kafka alone, for trying things out
    DevBroker(DevBroker),
    /// Print the completions of a shell
    ///
    /// For bash: stampmill completions bash > /etc/bash_completion.d/stampmill
    Completions(Completions),
    /// Print the manual page
    ///
    /// To read it: stampmill man | man -l -
    Man(Man),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print the whole configuration as YAML, with every default and where each value comes from, and without secrets
    Show(Configuration),
    /// Print the JSON Schema of a configuration file, for editors
    Schema,
}

/// Where the configuration comes from. Above all stand flags, then `STAMPMILL__…` variables, then files.
#[derive(Args, Clone, Debug)]
pub(crate) struct Configuration {
    /// A YAML file or a folder of them; may be given several times, and later ones win
    /// [default: config/stampmill.yaml, then /etc/stampmill/stampmill.yaml]
    #[arg(long = "config", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Set one key, as in `--set pipelines.bank-audit.source.start=earliest`; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_and_value)]
    flags: Vec<(String, String)>,
}

#[derive(Args, Debug)]
pub(crate) struct Run {
    #[command(flatten)]
    configuration: Configuration,
    /// Exit with 1 when the brokers cannot be reached at start, instead of waiting for them
    #[arg(long)]
    fail_fast: bool,
    /// At the stop, take a static member (`group.instance.id`) from its group, whose partitions would otherwise wait for
    /// it until its session ends
    #[arg(long)]
    leave: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) configuration: Configuration,
    /// Ask the brokers, too: for topics, partitions and sizes, and whether memory is enough for them. Nothing is made, and no
    /// group is joined. Without it, nothing is connected to
    #[arg(long)]
    pub(crate) online: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Render {
    #[command(flatten)]
    pub(crate) configuration: Configuration,
    /// The pipeline; may be left out where there is only one
    #[arg(long, value_name = "NAME")]
    pub(crate) pipeline: Option<String>,
    /// Take every line for a payload, instead of the whole file for one
    #[arg(long)]
    pub(crate) lines: bool,
    /// Take the last records of each partition of the pipeline's topic, instead of a file; nothing is committed
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(i64).range(1..=100_000), conflicts_with_all = ["input", "lines"])]
    pub(crate) last: Option<i64>,
    /// The topic for `--last`; may be left out where the pipeline names one
    #[arg(long, value_name = "NAME", requires = "last")]
    pub(crate) topic: Option<String>,
    /// The file with the payload, `-` for standard input
    #[arg(default_value = "-", value_name = "FILE")]
    pub(crate) input: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct Healthcheck {
    #[command(flatten)]
    pub(crate) configuration: Configuration,
    /// What to ask, instead of what the configuration has at `probes.listen`
    #[arg(long, conflicts_with_all = ["files", "flags"])]
    pub(crate) url: Option<String>,
    /// Ask whether only a restart helps (`/livez`), instead of whether it does its work (`/readyz`)
    #[arg(long, conflicts_with = "url")]
    pub(crate) live: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Bench {
    #[command(flatten)]
    pub(crate) configuration: Configuration,
    /// The pipeline; may be left out where there is only one
    #[arg(long, value_name = "NAME")]
    pub(crate) pipeline: Option<String>,
    /// For how long to measure, at the most; it ends before when there is nothing more to read
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) seconds: u64,
}

#[derive(Args, Debug)]
pub(crate) struct Demo {
    /// How many records to send and to check
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) records: u64,
    /// Leave broker and pipeline running afterwards, for other clients
    #[arg(long)]
    pub(crate) keep: bool,
}

#[derive(Args, Debug)]
pub(crate) struct DevBroker {
    /// A topic to make at start, of one partition where none are given; may be given several times
    /// [default: those of the demo]
    #[arg(long = "topic", value_name = "NAME:PARTITIONS", value_parser = topic)]
    pub(crate) topics: Vec<(String, i32)>,
}

#[derive(Args, Debug)]
pub(crate) struct Completions {
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Args, Debug)]
pub(crate) struct Man {
    /// Write it into this folder instead, with a page for each command
    #[arg(long, value_name = "FOLDER")]
    pub(crate) to: Option<PathBuf>,
}

// === impl Configuration ===

impl Configuration {
    /// With the environment of this process.
    pub(crate) fn sources(self) -> Sources {
        let Self { files, flags } = self;
        Sources {
            files,
            flags,
            environment: std::env::vars_os().collect(),
            available: memory::available(),
            fallback: None,
            tables: TableStore::default(),
        }
    }
}

// === impl Run ===

impl Run {
    pub(crate) fn options(&self) -> RunOptions {
        RunOptions { fail_fast: self.fail_fast, leave: self.leave }
    }

    pub(crate) fn sources(self) -> Sources {
        self.configuration.sources()
    }
}

/// The error without what stands behind a `=` or for `KEY=VALUE`, which may be a password.
pub(crate) fn without_values(mut error: clap::Error) -> clap::Error {
    let text = |error: &clap::Error, kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        _ => String::new(),
    };
    let argument = text(&error, ContextKind::InvalidArg);
    if argument.starts_with("--set ") && error.get(ContextKind::InvalidValue).is_some() {
        error.insert(ContextKind::InvalidValue, ContextValue::String("…".to_owned()));
    } else if let Some((name, _)) = argument.split_once('=') {
        error.insert(ContextKind::InvalidArg, ContextValue::String(format!("{name}=…")));
        // It repeats the argument.
        error.remove(ContextKind::Suggested);
    }
    error
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected a key, `=` and a value".to_owned()),
    }
}

/// `name:partitions`, or a name alone for one partition.
fn topic(text: &str) -> Result<(String, i32), String> {
    let (name, partitions) = text.rsplit_once(':').unwrap_or((text, "1"));
    match partitions.parse() {
        Ok(partitions) if partitions > 0 && !name.is_empty() => Ok((name.to_owned(), partitions)),
        _ => Err("expected a topic and its number of partitions, as in `orders:6`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn a_flag_has_a_key_and_a_value() {
        assert_eq!(key_and_value("a.b=c=d"), Ok(("a.b".to_owned(), "c=d".to_owned())));
        assert_eq!(key_and_value("a="), Ok(("a".to_owned(), String::new())));
        assert!(key_and_value("a").is_err());
        assert!(key_and_value("=a").is_err());
    }

    #[test]
    fn a_topic_has_partitions() {
        assert_eq!(topic("orders:6"), Ok(("orders".to_owned(), 6)));
        assert_eq!(topic("orders"), Ok(("orders".to_owned(), 1)));
        for wrong in ["orders:", "orders:0", "orders:-1", "orders:six", "orders:9999999999", ":6", ""] {
            assert!(topic(wrong).is_err(), "{wrong}");
        }
    }
}
