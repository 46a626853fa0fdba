//! Allocations a record, counted by callgrind: Rust's own, and those of librdkafka and the C library beneath it.
//!
//! Two runs, one over twice as many records: what both have in common is the start, so the difference is a steady state.

use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::bench::load::Load;
use crate::bench::subject::Subject;
use crate::client::Client;
use crate::launcher::{launch, mortal};
use crate::scenario::setup;

#[derive(Clone, Copy, Debug)]
pub struct Allocations {
    /// Calls of Rust's allocator, reallocations included.
    pub rust: f64,
    /// All calls of `malloc`, `calloc` and `realloc`, Rust's included.
    pub all: f64,
    pub instructions: f64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    rust: u64,
    all: u64,
    instructions: u64,
}

const LONGEST: Duration = Duration::from_secs(600);
const RUST: [&str; 3] = ["__rust_alloc", "__rust_alloc_zeroed", "__rust_realloc"];
const RUST_INNER: [&str; 3] = ["__rdl_alloc", "__rdl_alloc_zeroed", "__rdl_realloc"];
const C: [&str; 3] = ["malloc", "calloc", "realloc"];

pub fn count(client: &Client, subject: &Subject, load: Load) -> Result<Allocations> {
    let half = Load { records: load.records / 2, ..load };
    let (less, more) = (run(client, subject, half)?, run(client, subject, load)?);
    let each = |less: u64, more: u64| more.saturating_sub(less) as f64 / (load.records - half.records) as f64;
    Ok(Allocations {
        rust: each(less.rust, more.rust),
        all: each(less.all, more.all),
        instructions: each(less.instructions, more.instructions),
    })
}

fn run(client: &Client, subject: &Subject, load: Load) -> Result<Counted> {
    let mut scenario = setup("bench-allocations", client);
    load.fill(client, &scenario.input);
    client.create_topic(&scenario.output, load.partitions, &[]);
    let plain = subject.command(&mut scenario, &load)?;
    let out = scenario.folder.join("callgrind.out");
    let mut command = mortal("valgrind");
    command.args(["--tool=callgrind", "--separate-threads=no"]).arg(format!("--callgrind-out-file={}", out.display()));
    // Behind `setpriv … taskset -c CORE` stands what is to be measured.
    command.args(plain.get_args().skip_while(|argument| *argument != "-c").skip(2));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if let Some(folder) = plain.get_current_dir() {
        command.current_dir(folder);
    }
    let (mut child, started) = (launch(command).context("valgrind cannot be started")?, Instant::now());
    loop {
        let delivered: i64 = client.known_ends(&scenario.output).values().sum();
        if delivered as u64 >= load.records {
            break;
        }
        if started.elapsed() > LONGEST || child.try_wait()?.is_some() {
            bail!("{} delivered {delivered} of {} records under callgrind", subject.name(), load.records);
        }
        std::thread::park_timeout(Duration::from_millis(200));
    }
    // Ended by a signal that can be caught, callgrind writes what it has counted.
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status()?;
    child.wait()?;
    counted(&out)
}

fn counted(out: &Path) -> Result<Counted> {
    let profile = std::fs::read_to_string(out).context("callgrind wrote no profile")?;
    let outer = calls_of(&profile, &RUST);
    // Where the outer functions are inlined, the inner ones are called. No program of Rust's starts without any.
    let rust = if outer > 0 { outer } else { calls_of(&profile, &RUST_INNER) };
    if rust == 0 {
        bail!("the profile names none of Rust's allocations: {}", out.display());
    }
    Ok(Counted {
        rust,
        all: calls_of(&profile, &C),
        instructions: total(&profile).context("callgrind counted nothing")?,
    })
}

/// `totals: COUNT`, near the end.
fn total(profile: &str) -> Option<u64> {
    profile.lines().rev().find_map(|line| line.strip_prefix("totals:"))?.trim().parse().ok()
}

/// Sums up the calls of functions in a profile in callgrind's format, in which a name is written out once and then stands
/// for its number (`cfn=(12) malloc`, `cfn=(12)`), and a call follows its callee (`calls=COUNT …`).
fn calls_of(profile: &str, names: &[&str]) -> u64 {
    let (mut wanted, mut sum, mut callee) = (Vec::new(), 0, "");
    for line in profile.lines() {
        if let Some(rest) = line.strip_prefix("cfn=").or_else(|| line.strip_prefix("fn=")) {
            let (number, name) = rest.split_once(' ').map_or((rest, None), |(number, name)| (number, Some(name)));
            // Rust's own have a path before them, and recursions a number behind them.
            let plain = name.and_then(|name| name.rsplit("::").next()?.split('\'').next());
            if plain.is_some_and(|name| names.contains(&name)) {
                wanted.push(number);
            }
            if line.starts_with('c') {
                callee = number;
            }
        } else if let Some(rest) = line.strip_prefix("calls=")
            && wanted.contains(&callee)
        {
            sum += rest.split_whitespace().next().and_then(|count| count.parse::<u64>().ok()).unwrap_or(0);
        }
    }
    sum
}

impl fmt::Display for Allocations {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rust, all, instructions } = self;
        write!(
            out,
            "{rust:.4} allocations of Rust's, {:.4} of librdkafka's and the C library's, {instructions:.0} instructions a record",
            all - rust
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_summed_up_by_name() {
        let profile =
            "fn=(1) main\ncfn=(2) malloc\ncalls=3 0\n1 30\ncfn=(3) free\ncalls=9 0\nfn=(4) other\ncfn=(2)\ncalls=4 0\n";
        assert_eq!(calls_of(profile, &["malloc"]), 7);
        assert_eq!(calls_of(profile, &["calloc"]), 0);
        let of_rust =
            "fn=(1) main\ncfn=(7) __rustc::__rust_alloc\ncalls=5 0\n1 30\ncfn=(8) __rustc::__rust_alloc'2\ncalls=1 0\n";
        assert_eq!(calls_of(of_rust, &RUST), 6);
    }
}
