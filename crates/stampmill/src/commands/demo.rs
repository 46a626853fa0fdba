//! `stampmill demo`: the whole job on an embedded broker, with the proof that it was done.

use std::process::ExitCode;

use crate::commands::exit;
use crate::{cli, demo};

pub(crate) fn run(arguments: cli::Demo) -> ExitCode {
    let system = actix_rt::System::new();
    match system.block_on(demo::run(arguments)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => exit::FAILURE.into(),
        Err(error) => {
            eprintln!("the demo has failed: {error:#}");
            exit::FAILURE.into()
        }
    }
}
