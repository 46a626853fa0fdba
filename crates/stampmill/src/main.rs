//! `stampmill`: an actor-based stream processor for Kafka, configured by file.

#![forbid(unsafe_code)]

mod cli;
mod commands;
mod config;
mod demo;
mod logging;
mod process;
mod progress;
mod service;
mod signals;
mod traces;

use std::process::ExitCode;

use clap::Parser;
use stampmill_engine::logging::Format;

use self::cli::{Check, Cli, Command};
use self::commands::{check, configured, dead_letters, exit, healthcheck, render};

/// musl's own has one lock for all threads.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let command = match Cli::try_parse() {
        Ok(cli) => cli.command,
        Err(error) => return not_a_command(error),
    };
    match command {
        // These log as their configuration says.
        Command::Run(_) | Command::Bench(_) | Command::Demo(_) => {}
        // They say one thing.
        Command::Healthcheck(_) | Command::Completions(_) | Command::Man(_) => {}
        Command::Check(_)
        | Command::Config { .. }
        | Command::Render(_)
        | Command::Test(_)
        | Command::Tap(_)
        | Command::DeadLetters(_)
        | Command::DevBroker(_) => {
            logging::init(logging::DEFAULT, Format::default());
        }
    }
    match command {
        Command::Run(arguments) => {
            let (options, sources) = (arguments.options(), arguments.sources());
            configured(sources.clone(), |settings| commands::run::run(settings, sources, options))
        }
        Command::Check(Check { configuration, online }) => {
            configured(configuration.sources(), |settings| check::run(&settings, online))
        }
        Command::Config { command } => commands::config::run(command),
        Command::Render(arguments) => render::run(arguments),
        Command::Test(arguments) => commands::test::run(arguments),
        Command::Tap(arguments) => commands::tap::run(arguments),
        Command::DeadLetters(arguments) => dead_letters::run(arguments),
        Command::Healthcheck(arguments) => healthcheck::run(arguments),
        Command::Bench(arguments) => commands::bench::run(arguments),
        Command::Demo(arguments) => commands::demo::run(arguments),
        Command::DevBroker(arguments) => commands::dev_broker::run(arguments),
        Command::Completions(arguments) => commands::shell::completions(&arguments),
        Command::Man(arguments) => commands::shell::man(&arguments),
    }
}

/// Help and version arrive here too, as errors that are none.
fn not_a_command(error: clap::Error) -> ExitCode {
    let error = cli::without_values(error);
    // Nothing is left to be done where standard output or standard error is closed.
    let _ = error.print();
    if error.use_stderr() { exit::USAGE.into() } else { ExitCode::SUCCESS }
}
