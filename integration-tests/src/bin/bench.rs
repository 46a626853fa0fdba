//! `make bench`: what the program costs beside bare librdkafka and its peers.
//!
//! `bench [SET…]` runs sets of comparisons: `targets` (what the README tells, and if none is named), `partitions`,
//! `matrix`, `transforms`, `memory`, `watched`, `builds` (of `BENCH_BUILDS`), `profiles`, `peers`, `latency`, `tls`, `allocations`;
//! or `scale`, alone. `BENCH_ROUNDS` says how often each subject runs (3), `BENCH_RECORDS` over how many records, `BENCH_ONLY`
//! which comparisons, by a part of their names; `STAMPMILL_TEST_BROKERS` names brokers to use instead of our own, which
//! `tls` and `scale` always take.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use integration_tests::bench::compare::Comparison;
use integration_tests::bench::load::Load;
use integration_tests::bench::peers::Peers;
use integration_tests::bench::report::Report;
use integration_tests::bench::subject::Subject;
use integration_tests::bench::{allocations, bare, cores, latency, peers, plot, scale, sets};
use integration_tests::broker::{self, Broker};
use integration_tests::client::Client;
use integration_tests::jars;
use integration_tests::layout::Plan;
use integration_tests::program::{self, Build};
use integration_tests::tls::Authority;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["bare", task @ ..] => bare::Task::of(task)?.run(),
        [] => bench(&["targets"]),
        sets => bench(sets),
    }
}

fn bench(sets: &[&str]) -> Result<()> {
    // Built before it is bound to fewer cores.
    program::executable(Build::Plain);
    match sets {
        ["scale"] => return scale_events(),
        _ if sets.contains(&"scale") => bail!("`scale` takes all cores: run it alone"),
        _ => {}
    }
    let peers = if sets.contains(&"peers") { peers::all()? } else { Peers::default() };
    broker::sweep();
    cores::bind_the_rest()?;
    let given = std::env::var("STAMPMILL_TEST_BROKERS").ok();
    let (bootstrap, _broker) = match given {
        Some(brokers) => (brokers, None),
        None => {
            let broker = Broker::start(jars::NEWEST)?;
            (broker.bootstrap.clone(), Some(broker))
        }
    };
    let client = Client::new(&bootstrap);
    for set in sets {
        let mut report = Report::begin(set, cores::APART)?;
        match *set {
            "targets" => compare(&client, &mut report, sets::targets())?,
            "partitions" => compare(&client, &mut report, sets::partitions())?,
            "matrix" => compare(&client, &mut report, sets::matrix())?,
            "memory" => compare(&client, &mut report, sets::memory())?,
            "transforms" => compare(&client, &mut report, sets::transforms())?,
            "watched" => compare(&client, &mut report, sets::watched())?,
            "builds" => {
                let list = std::env::var("BENCH_BUILDS").context("BENCH_BUILDS names the builds, as NAME=PATH,…")?;
                compare(&client, &mut report, sets::builds(&list)?)?;
            }
            "profiles" => compare(&client, &mut report, sets::profiles())?,
            "peers" => {
                for (name, reason) in &peers.left_out {
                    report.note(format!("{name} is left out: {reason}"))?;
                }
                compare(&client, &mut report, sets::peers(peers.built.clone()))?;
            }
            "latency" => latencies(&client, &mut report)?,
            "tls" => {
                let certificate = Authority::make("bench")?.server()?;
                let plan = Plan { certificate: Some(&certificate), ..Plan::of(jars::NEWEST) };
                let broker = Broker::start_cluster(&plan)?.pop().context("one broker")?;
                compare(&broker.client(), &mut report, sets::tls())?;
            }
            "allocations" => count_allocations(&client, &mut report)?,
            other => bail!(
                "expected targets, partitions, matrix, transforms, memory, watched, builds, profiles, peers, latency, tls or allocations, or scale alone, found `{other}`"
            ),
        }
        tell(&report);
    }
    program::remove_copies();
    Ok(())
}

/// On a cluster of its own, and on all cores: it measures waiting and no CPU.
fn scale_events() -> Result<()> {
    broker::sweep();
    let mut report = Report::begin("scale", cores::SHARED)?;
    scale::run(&mut report, &std::env::var("BENCH_ONLY").unwrap_or_default())?;
    tell(&report);
    program::remove_copies();
    Ok(())
}

fn tell(report: &Report) {
    println!("{}", report.markdown());
    println!("written to {}", report.folder().display());
}

fn number(variable: &str) -> Result<Option<u64>> {
    match std::env::var(variable) {
        Ok(text) => Ok(Some(text.parse().with_context(|| format!("{variable}: expected a number, found `{text}`"))?)),
        Err(_) => Ok(None),
    }
}

fn compare(client: &Client, report: &mut Report, comparisons: Vec<Comparison>) -> Result<()> {
    let rounds = number("BENCH_ROUNDS")?.unwrap_or(3) as usize;
    let only = std::env::var("BENCH_ONLY").unwrap_or_default();
    for mut comparison in comparisons.into_iter().filter(|comparison| comparison.name.contains(&only)) {
        if let Some(records) = number("BENCH_RECORDS")? {
            comparison.load.records = records;
        }
        report.add(comparison.run(client, rounds, &mut |line| println!("{line}"))?)?;
    }
    let first = report.rows().chunk_by(|one, other| one.comparison == other.comparison).next();
    first.map_or(Ok(()), |rows| plot::cpu(rows, &report.folder().join(format!("{}.svg", report.name()))))
}

/// At parts of the highest rate, which is measured first.
fn latencies(client: &Client, report: &mut Report) -> Result<()> {
    let load = Load::new(8, 500);
    let alone = Comparison { name: "highest rate".into(), load, subjects: vec![Subject::program("Stampmill", |_| ())] };
    let rows = alone.run(client, 1, &mut |line| println!("{line}"))?;
    let highest = rows.first().and_then(|row| row.median(|run| run.records_per_second)).context("a rate")?.middle;
    report.add(rows)?;
    for profile in ["latency", "balanced", "throughput"] {
        let more = format!("profile: {profile}");
        for part in [0.1, 0.5, 0.8] {
            let seen = latency::latency(client, load, &more, highest * part, Duration::from_secs(20))?;
            report.note(format!("{profile}, at {:.0} % of the highest rate: {seen}.", part * 100.0))?;
        }
        let seen = latency::latency(client, load, &more, 5.0, Duration::from_secs(20))?;
        report.note(format!("{profile}, lone records, five a second: {seen}."))?;
    }
    Ok(())
}

fn count_allocations(client: &Client, report: &mut Report) -> Result<()> {
    let load = Load { records: number("BENCH_RECORDS")?.unwrap_or(200_000), ..Load::new(8, 500) };
    for subject in [Subject::floor(), Subject::program("Stampmill", |_| ())] {
        let seen = allocations::count(client, &subject, load)?;
        report.note(format!("{}: {seen}.", subject.name()))?;
    }
    Ok(())
}
