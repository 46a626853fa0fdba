//! `stampmill config`: what is in force, and what may be written.

use std::io::Write;
use std::process::ExitCode;

use crate::cli::ConfigCommand;
use crate::commands::{exit, refuse};
use crate::config::{json_schema, show};

pub(crate) fn run(command: ConfigCommand) -> ExitCode {
    let text = match command {
        ConfigCommand::Show(configuration) => match show(configuration.sources()) {
            Ok(text) => text,
            Err(errors) => return refuse(&errors),
        },
        ConfigCommand::Schema => json_schema(),
    };
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("standard output cannot be written: {error}");
            exit::FAILURE.into()
        }
    }
}
