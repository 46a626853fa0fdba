//! The command line of `stampmill dead-letters`.

use clap::{Args, Subcommand, ValueEnum};

use super::filter::Filters;
use crate::cli::Configuration;

#[derive(Args, Debug)]
pub(crate) struct DeadLetters {
    #[command(subcommand)]
    pub(super) action: Action,
}

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// One line for each, the newest last.
    List(List),
    /// All of one: its headers, key and value.
    Show(Show),
    /// How many there are, by class, source, transform and reason.
    Stats(Stats),
    /// Send them again; only says what it would do, unless told to `--execute`.
    Replay(Replay),
}

#[derive(Args, Debug)]
pub(super) struct Chosen {
    #[command(flatten)]
    configuration: Configuration,
    /// The pipeline; may be left out where there is only one
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,
}

#[derive(Args, Debug)]
pub(super) struct List {
    #[command(flatten)]
    chosen: Chosen,
    #[command(flatten)]
    pub(super) filters: Filters,
    /// How many, at the most
    #[arg(long, default_value_t = 50, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) limit: u32,
    /// An object for each, in a line of its own
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Args, Debug)]
pub(super) struct Show {
    #[command(flatten)]
    chosen: Chosen,
    /// Only the bytes of the value, and nothing else
    #[arg(long)]
    pub(super) raw: bool,
    /// Its place in the dead-letter topic, as `list` shows it
    #[arg(value_name = "PARTITION:OFFSET", value_parser = place)]
    pub(super) place: (i32, i64),
}

#[derive(Args, Debug)]
pub(super) struct Stats {
    #[command(flatten)]
    chosen: Chosen,
    #[command(flatten)]
    pub(super) filters: Filters,
}

#[derive(Args, Debug)]
pub(super) struct Replay {
    #[command(flatten)]
    chosen: Chosen,
    #[command(flatten)]
    pub(super) filters: Filters,
    /// Where to: `source`, the topic and partition that they came from, as they came; `pipeline`, through the
    /// pipeline's transforms as they are now and to its sink
    #[arg(long, value_enum, default_value_t = Target::Source)]
    pub(super) to: Target,
    /// Really send them
    #[arg(long)]
    pub(super) execute: bool,
    /// How many a second, at the most
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) rate: Option<u32>,
    /// Leave those that were replayed so often before
    #[arg(long, default_value_t = 3, value_name = "COUNT")]
    pub(super) max_hops: u32,
    /// Take those too that an earlier replay has sent or left
    #[arg(long)]
    pub(super) from_beginning: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Target {
    Source,
    Pipeline,
}

// === impl Action ===

impl Action {
    pub(super) fn chosen(&self) -> (&Configuration, Option<&str>) {
        let chosen = match self {
            Self::List(list) => &list.chosen,
            Self::Show(show) => &show.chosen,
            Self::Stats(stats) => &stats.chosen,
            Self::Replay(replay) => &replay.chosen,
        };
        (&chosen.configuration, chosen.pipeline.as_deref())
    }
}

fn place(text: &str) -> Result<(i32, i64), String> {
    let parts =
        text.split_once(':').and_then(|(partition, offset)| Some((partition.parse().ok()?, offset.parse().ok()?)));
    parts
        .filter(|(partition, offset)| *partition >= 0 && *offset >= 0)
        .ok_or_else(|| "expected a partition and an offset, as in `0:17`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_has_a_partition_and_an_offset() {
        assert_eq!(place("3:9999999999"), Ok((3, 9_999_999_999)));
        for wrong in ["", "3", "3:", ":3", "-1:0", "0:-1", "a:0", "9999999999:0", "0:1:2"] {
            assert!(place(wrong).is_err(), "{wrong}");
        }
    }
}
