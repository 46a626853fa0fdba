//! `stampmill test`: golden cases. A record goes through a pipeline by the code that runs it, without a broker, and what
//! comes out is compared with what a case file expects.
//!
//! [`find`] finds the files and [`file`] reads them, [`outcome`] runs a case and [`judge`] compares. [`report`] and
//! [`junit`] tell, and [`update`] writes what was found into the file.

mod case;
mod clock;
mod diff;
mod expect;
mod expectation;
mod file;
mod find;
mod judge;
mod junit;
mod outcome;
mod report;
mod schema;
mod show;
mod tables;
#[cfg(test)]
mod tests;
mod update;
mod values;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;

use self::case::CaseFile;
use self::file::Expectations;
use self::find::find;
use self::judge::{Difference, judge};
use self::junit::Suite;
use self::outcome::Found;
use self::report::Colours;
use self::update::{UpdateError, updated};
use crate::cli::Configuration;
use crate::commands::exit;
use crate::config::{self, Settings};

#[derive(Args, Debug)]
pub(crate) struct Test {
    #[command(flatten)]
    configuration: Configuration,
    /// Write what was found into the case files, in place of what they expect
    #[arg(long)]
    update: bool,
    /// Write the results as JUnit XML, too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Case files, and folders of them [default: the folder `tests` beside the configuration's first file]
    #[arg(value_name = "CASES")]
    cases: Vec<PathBuf>,
}

enum Verdict {
    Passed,
    /// What was found was written into the file.
    Updated,
    /// In these it is not as expected; never empty.
    Failed(Vec<Difference>),
}

#[derive(Debug, thiserror::Error)]
enum TestError {
    #[error("standard output cannot be written: {0}")]
    Output(#[from] std::io::Error),
    #[error("`{}` cannot be written: {source}", .path.display())]
    Junit { path: PathBuf, source: std::io::Error },
}

pub(crate) fn run(test: Test) -> ExitCode {
    let sources = test.configuration.clone().sources();
    let beside = config::folder_of_first(&sources.files);
    let settings = match config::load_with(sources, clock::AMBIENT) {
        Ok(settings) => settings,
        Err(errors) => return usage(&errors),
    };
    let files = match find(&test.cases, &beside.unwrap_or_default()) {
        Ok(files) => files,
        Err(errors) => {
            errors.iter().for_each(|error| eprintln!("{error}"));
            return exit::USAGE.into();
        }
    };
    let expectations = if test.update { Expectations::Optional } else { Expectations::Required };
    let files = match read(&files, &settings, expectations) {
        Ok(files) => files,
        Err(errors) => return usage(&errors),
    };
    match run_all(&test, &files, &settings, &mut std::io::stdout().lock()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => exit::FAILURE.into(),
        Err(error) => {
            eprintln!("{error}");
            exit::FAILURE.into()
        }
    }
}

fn usage(errors: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("{errors}");
    exit::USAGE.into()
}

/// All files, or all that is wrong with any.
fn read<'a>(
    files: &[PathBuf],
    settings: &'a Settings,
    expectations: Expectations,
) -> Result<Vec<CaseFile<'a>>, String> {
    let mut errors = Vec::new();
    let read: Vec<_> = files.iter().filter_map(|path| file::read(path, settings, expectations, &mut errors)).collect();
    let lines: String = errors.iter().map(|error| format!("{error}\n")).collect();
    match errors.len() {
        0 => Ok(read),
        1 => Err(format!("{lines}the case files have 1 error; no case was run")),
        count => Err(format!("{lines}the case files have {count} errors; no case was run")),
    }
}

/// Whether all pass, or were updated.
fn run_all(test: &Test, files: &[CaseFile<'_>], settings: &Settings, out: &mut dyn Write) -> Result<bool, TestError> {
    let colours = Colours::of_standard_output();
    let mut all = Vec::new();
    for file in files {
        let (verdicts, times) = run_file(test.update, file, settings);
        report::write(file, &verdicts, colours, out)?;
        all.push((verdicts, times));
    }
    if let Some(path) = &test.junit {
        let suites: Vec<Suite<'_>> =
            files.iter().zip(&all).map(|(file, (verdicts, times))| Suite { file, verdicts, times }).collect();
        junit::write(path, &suites).map_err(|source| TestError::Junit { path: path.clone(), source })?;
    }
    let verdicts: Vec<Verdict> = all.into_iter().flat_map(|(verdicts, _)| verdicts).collect();
    report::summary(files.len(), &verdicts, out)?;
    out.flush()?;
    Ok(verdicts.iter().all(|verdict| !matches!(verdict, Verdict::Failed(_))))
}

/// Verdict and time of each case.
fn run_file(update: bool, file: &CaseFile<'_>, settings: &Settings) -> (Vec<Verdict>, Vec<Duration>) {
    let mut verdicts = Vec::with_capacity(file.cases.len());
    let (mut times, mut found) = (Vec::new(), Vec::new());
    for case in &file.cases {
        let start = Instant::now();
        let outcome = outcome::run(file.pipeline, case);
        times.push(start.elapsed());
        let differences = match &case.expect {
            Some(expect) => judge(file.pipeline, case, expect, &outcome),
            None => vec![nothing_expected(&outcome)],
        };
        verdicts.push(if differences.is_empty() { Verdict::Passed } else { Verdict::Failed(differences) });
        found.push(outcome);
    }
    if update {
        match write_found(file, &verdicts, &found, settings) {
            Ok(()) => verdicts.iter_mut().filter(|verdict| matches!(verdict, Verdict::Failed(_))).for_each(|verdict| {
                *verdict = Verdict::Updated;
            }),
            Err(errors) => errors.iter().for_each(|error| eprintln!("{error}")),
        }
    }
    (verdicts, times)
}

/// A case without `expect`, which only `--update` takes.
fn nothing_expected(found: &Found) -> Difference {
    Difference { key: "expect".to_owned(), expected: String::new(), found: show::found(&found.outcome) }
}

/// Of the cases that failed; a file of which none did is not touched.
fn write_found(
    file: &CaseFile<'_>,
    verdicts: &[Verdict],
    found: &[Found],
    settings: &Settings,
) -> Result<(), Vec<UpdateError>> {
    let failed = |verdict: &Verdict| matches!(verdict, Verdict::Failed(_));
    let found: Vec<(usize, &Found)> = found.iter().enumerate().filter(|(index, _)| failed(&verdicts[*index])).collect();
    if found.is_empty() {
        return Ok(());
    }
    write(&file.path, &updated(file, &found, settings)?).map_err(|error| vec![error])
}

fn write(path: &Path, text: &str) -> Result<(), UpdateError> {
    std::fs::write(path, text).map_err(|source| UpdateError::Write { path: path.display().to_string(), source })
}
