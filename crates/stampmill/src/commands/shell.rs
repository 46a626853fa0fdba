//! `stampmill completions` and `stampmill man`: what shells and `man` know of the command line, made from it.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::CommandFactory;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::exit;
use crate::cli::{self, Cli};

const NAME: &str = "stampmill";

/// Sections of the page of the program itself, which the command line knows nothing of: a term and what it means.
const SECTIONS: &[(&str, &[(&str, &str)])] = &[
    (
        "FILES",
        &[
            (
                "config/stampmill.yaml",
                "read where no --config is given, from the folder that the program is started in",
            ),
            ("/etc/stampmill/stampmill.yaml", "read where that one is not there either"),
        ],
    ),
    (
        "ENVIRONMENT",
        &[
            (
                "STAMPMILL__KEY",
                "a key of the configuration, with `__` between its levels, as in STAMPMILL__PIPELINES__BANK_AUDIT__ACTORS__TRANSFORMS=2; stands above files and below --set",
            ),
            ("RUST_LOG", "what is logged, as in info,bank-audit=off; the logger of a log step has its pipeline's name"),
        ],
    ),
    (
        "SIGNALS",
        &[
            (
                "SIGTERM, SIGINT",
                "stop reading, finish and commit what is in flight, leave the group; a second one waits for nothing",
            ),
            ("SIGHUP", "read the configuration again, and take other steps from the next batch on"),
        ],
    ),
    (
        "EXIT STATUS",
        &[
            ("0", "drained and stopped, or all was right"),
            ("1", "a start that failed, a pipeline that had to end, or something that was found wrong"),
            ("64", "bad usage or configuration"),
            ("130, 143", "ended at once by a second SIGINT or SIGTERM"),
        ],
    ),
];

pub(crate) fn completions(arguments: &cli::Completions) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), NAME, &mut script);
    ended(print(&script))
}

pub(crate) fn man(arguments: &cli::Man) -> ExitCode {
    ended(match &arguments.to {
        Some(folder) => write(folder),
        None => page().and_then(|page| print(&page)),
    })
}

fn ended(done: anyhow::Result<()>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            exit::FAILURE.into()
        }
    }
}

fn print(text: &[u8]) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text).and_then(|()| out.flush()).context("standard output cannot be written")
}

/// A page for each command, and that of the program.
fn write(folder: &Path) -> anyhow::Result<()> {
    let page = page()?;
    std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), folder))
        // In place of one without the further sections.
        .and_then(|()| std::fs::write(folder.join(format!("{NAME}.1")), page))
        .with_context(|| format!("the pages cannot be written to `{}`", folder.display()))
}

fn page() -> anyhow::Result<Vec<u8>> {
    let man = Man::new(Cli::command().disable_help_subcommand(true));
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    man.render_subcommands_section(&mut page)?;
    let mut more = Roff::new();
    for (title, terms) in SECTIONS {
        more.control("SH", [*title]);
        for (term, meaning) in *terms {
            more.control("TP", []).text([bold(*term)]).text([roman(*meaning)]);
        }
    }
    more.to_writer(&mut page)?;
    Ok(page)
}
