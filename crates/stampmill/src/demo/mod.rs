//! The whole job in one process: an embedded broker, the pipeline of `config/stampmill.yaml`, a sender, and a checker
//! that trusts none of them.

mod checker;
mod screen;
mod traffic;
mod transactions;

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use stampmill_engine::kafka::embedded::EmbeddedBroker;
use stampmill_engine::settings::PipelineSettings;
use stampmill_engine::{Observation, Running};

use self::screen::{Ending, Progress};
use self::traffic::{Commits, PARTITIONS, Traffic};
use self::transactions::Transaction;
use crate::cli;
use crate::config::{self, Sources};
use crate::signals::Signals;

pub(crate) const TOPICS: [(&str, i32); 3] =
    [("bank-transactions", PARTITIONS), ("bank-audit", PARTITIONS), ("bank-transactions.dead-letter", 1)];
const PIPELINE: &str = "bank-audit";
/// Sent one by one first, for people to see what happens.
const SHOWN: u64 = 3;
/// Without anything read back for so long, what is missing is lost.
const PATIENCE: Duration = Duration::from_secs(15);

/// Whether all was right.
pub(crate) async fn run(arguments: cli::Demo) -> anyhow::Result<bool> {
    let broker = EmbeddedBroker::start(&TOPICS)?;
    let address = broker.bootstrap_servers();
    let overrides = overrides(&address);
    println!("stampmill demo: an embedded Kafka at {address}, and the pipeline `{PIPELINE}` with");
    overrides.iter().for_each(|(key, value)| println!("  {key} = {value}"));
    let settings = settings(overrides)?;
    let (input, output, group) = ("bank-transactions", settings.sink.topic.clone(), settings.source.group.clone());

    let signals = Signals::listen()?;
    let running = stampmill_engine::start(vec![settings])?;
    let commits = Commits::new(&address, &group, input)?;
    await_ready(&running).await?;

    let mut traffic = Traffic::new(&address, input, &output)?;
    println!("\nThe first events, as the pipeline logs them and as they come out:");
    for number in 0..SHOWN.min(arguments.records) {
        show_one(&mut traffic, number)?;
    }
    // From here on there are too many to look at.
    log::set_max_level(log::LevelFilter::Warn);

    println!("\n{} events, each compared with what it must be; Ctrl-C ends it early:", arguments.records);
    let started = Instant::now();
    stream(&mut traffic, &commits, &running, &signals, arguments.records).await?;
    let took = started.elapsed();

    let seen = observe(&running)?;
    let (committed, end) = if arguments.keep {
        await_commits(&commits).await?
    } else {
        running.stop();
        running.wait()?;
        commits.read()?
    };
    let ending = Ending { dead_letters: seen.dead_letters, restarts: seen.restarts, committed, end, took };
    ending.show(traffic.checker());
    let clean = ending.is_clean(traffic.checker());
    println!(
        "\n{}",
        if clean { "Nothing lost, nothing changed, nothing out of order." } else { "THE PROOF HAS FAILED." }
    );
    if arguments.keep {
        keep(&address, &signals).await;
    }
    Ok(clean)
}

/// What the demo changes in the file, because of the broker that it runs on.
fn overrides(address: &str) -> Vec<(String, String)> {
    let pipeline = |key: &str| format!("pipelines.{PIPELINE}.{key}");
    vec![
        ("connections.kafka.bootstrap.servers".into(), address.into()),
        (pipeline("source.start"), "earliest".into()),
        // The embedded broker sleeps for the whole of it when there is nothing, even if something comes.
        (pipeline("source.properties.fetch.wait.max.ms"), "10".into()),
        // It keeps 5 MiB a partition, so one partition would not do.
        (pipeline("sink.partition"), "source".into()),
    ]
}

fn settings(overrides: Vec<(String, String)>) -> anyhow::Result<PipelineSettings> {
    let fallback = Some(include_str!("../../../../config/stampmill.yaml"));
    let settings = config::load(Sources { fallback, flags: overrides, ..Sources::default() })?;
    let found = settings.pipelines.into_iter().find(|pipeline| pipeline.name == PIPELINE);
    found.with_context(|| format!("the configuration has no pipeline `{PIPELINE}`"))
}

fn observe(running: &Running) -> anyhow::Result<Observation> {
    running.observe().into_iter().next().context("the pipeline is gone")
}

async fn await_ready(running: &Running) -> anyhow::Result<()> {
    while !observe(running)?.ready {
        if running.finished() {
            bail!("the pipeline did not start");
        }
        pause(10).await;
    }
    Ok(())
}

fn show_one(traffic: &mut Traffic, number: u64) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    traffic.step(number + 1)?;
    while !traffic.is_all_back() {
        if Instant::now() > deadline {
            bail!("event {number} did not come out");
        }
        traffic.step(number + 1)?;
    }
    println!("  {}", Transaction::new(number).envelope());
    Ok(())
}

/// Sends all and reads all back, until nothing more comes.
async fn stream(
    traffic: &mut Traffic,
    commits: &Commits,
    running: &Running,
    signals: &Signals,
    records: u64,
) -> anyhow::Result<()> {
    let (mut progress, mut shown, mut moved) = (Progress::new(), Instant::now(), (0, Instant::now()));
    loop {
        let until = if signals.first().is_some() { traffic.sent() } else { records };
        traffic.step(until)?;
        let right = traffic.checker().counts().right;
        if right > moved.0 {
            moved = (right, Instant::now());
        }
        let is_over = traffic.sent() >= until && traffic.is_all_back();
        if is_over || shown.elapsed() >= Duration::from_secs(1) {
            shown = Instant::now();
            progress.show(traffic.checker(), commits.read()?.0);
        }
        if is_over || moved.1.elapsed() > PATIENCE || running.finished() {
            progress.end();
            return Ok(());
        }
        // Gives the signals a turn.
        actix_rt::task::yield_now().await;
    }
}

async fn await_commits(commits: &Commits) -> anyhow::Result<(i64, i64)> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (committed, end) = commits.read()?;
        if committed == end || Instant::now() > deadline {
            return Ok((committed, end));
        }
        pause(50).await;
    }
}

async fn keep(address: &str, signals: &Signals) {
    println!("\nBroker and pipeline go on until Ctrl-C. To see for yourself:");
    println!("  kcat -b {address} -t bank-audit -C -e -q | head");
    println!("  echo '{{\"id\":\"TXN001\",\"amount\":500}}' | kcat -b {address} -t bank-transactions -P");
    log::set_max_level(log::LevelFilter::Info);
    while signals.first().is_none() {
        pause(50).await;
    }
}

async fn pause(millis: u64) {
    actix_rt::time::sleep(Duration::from_millis(millis)).await;
}
