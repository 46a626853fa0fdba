//! `make chaos`: every fault again and again for an hour, and a dated report of what that cost.
//!
//! `CHAOS_MINUTES` says for how long, `CHAOS_KAFKA` on which versions (`4.4.0,3.7.2:short`: with `:short` each fault hits a
//! few times, once; the others share the time), `CHAOS_DELIVERY` with which guarantees (`at_least_once,exactly_once`).
//! `CHAOS_PIPELINE=routed` takes the pipeline with a filter, a split, cases and two sinks in place of an envelope.
//! With `CHAOS_ONLY`, the faults whose names hold that text, the report is printed and not written.

use std::fs;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use integration_tests::chaos::campaign::{Campaign, Row};
use integration_tests::chaos::report::{failed, report};
use integration_tests::chaos::run::{Delivery, Form, Shape};
use integration_tests::machine::commit;
use integration_tests::{broker, jars, program, workspace};

fn main() -> Result<ExitCode> {
    broker::sweep();
    let commit = commit();
    let minutes: u64 = variable("CHAOS_MINUTES", "60").parse().context("CHAOS_MINUTES: expected a number")?;
    let versions = variable("CHAOS_KAFKA", &format!("{},{}:short", jars::NEWEST, jars::TUTORIAL));
    let versions: Vec<(&str, Form)> = versions.split(',').map(version).collect();
    let long = versions.iter().filter(|(_, form)| *form == Form::Long).count().max(1);
    let deliveries = variable("CHAOS_DELIVERY", "at_least_once,exactly_once");
    let deliveries = deliveries.split(',').map(delivery).collect::<Result<Vec<_>>>()?;
    let only = variable("CHAOS_ONLY", "");
    let shape = shape(&variable("CHAOS_PIPELINE", "envelope"))?;

    let mut has_failed = false;
    for (version, form) in versions {
        let started = Instant::now();
        let share = match form {
            Form::Short => Duration::ZERO,
            Form::Long => Duration::from_secs(60 * minutes) / long as u32,
        };
        let campaign = Campaign { version, deliveries: &deliveries, shape, form, until: started + share, only: &only };
        let text = |rows: &[Row], is_finished| report(version, rows, &commit, started.elapsed(), is_finished);
        // Whoever stops it has what was seen until then.
        let mut seen = |rows: &[Row]| if only.is_empty() { save(version, shape, &text(rows, false)) } else { Ok(()) };
        let rows = campaign.run(&mut seen)?;
        has_failed |= failed(&rows);
        match only.is_empty() {
            true => save(version, shape, &text(&rows, true))?,
            false => println!("{}", text(&rows, true)),
        }
    }
    program::remove_copies();
    Ok(if has_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// One for each version, so that one can be renewed without the others.
fn save(version: &str, shape: Shape, report: &str) -> Result<()> {
    let folder = workspace().join(variable("CHAOS_REPORTS", "integration-tests"));
    let suffix = if shape == Shape::Routed { "-routed" } else { "" };
    Ok(fs::write(folder.join(format!("CHAOS-{version}{suffix}.md")), report)?)
}

/// `4.4.0`, or `4.4.0:short`.
fn version(text: &str) -> (&str, Form) {
    text.strip_suffix(":short").map_or((text, Form::Long), |version| (version, Form::Short))
}

fn variable(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.into())
}

fn shape(name: &str) -> Result<Shape> {
    match name {
        "envelope" => Ok(Shape::Envelope),
        "routed" => Ok(Shape::Routed),
        other => bail!("CHAOS_PIPELINE: expected envelope or routed, found `{other}`"),
    }
}

fn delivery(name: &str) -> Result<Delivery> {
    match name {
        "at_least_once" => Ok(Delivery::AtLeastOnce),
        "exactly_once" => Ok(Delivery::ExactlyOnce),
        other => bail!("CHAOS_DELIVERY: expected at_least_once or exactly_once, found `{other}`"),
    }
}
