//! The whole job in one process: an embedded broker, the pipeline of `config/stampmill.yaml`, a sender, and a checker
//! that trusts none of them.

mod checker;
mod pipeline;
mod positions;
mod screen;
mod traffic;
mod transactions;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::bail;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use stampmill_engine::Running;
use stampmill_engine::kafka::embedded::EmbeddedBroker;

use self::pipeline::PIPELINE;
use self::positions::{Inquiry, Positions};
use self::screen::{Ending, Progress};
use self::traffic::Traffic;
use crate::cli;
use crate::logging;
use crate::service::{Listening, Reloader, Service};
use crate::signals::Signals;

/// While it runs: the pipeline, and those who watch it.
struct Demo {
    running: Running,
    traffic: Traffic,
    inquiry: Inquiry,
    signals: Signals,
}

/// What the pipeline of the file reads and writes.
pub(crate) const TOPICS: [(&str, i32); 3] = [(INPUT, PARTITIONS), (OUTPUT, PARTITIONS), (DEAD_LETTERS, 1)];
const INPUT: &str = "bank-transactions";
const OUTPUT: &str = "bank-audit";
const DEAD_LETTERS: &str = "bank-transactions.dead-letter";
const PARTITIONS: i32 = 6;

/// Sent one by one first, for people to see what happens.
const SHOWN: u64 = 3;
/// When nothing has come back for so long, what is missing is lost.
const PATIENCE: Duration = Duration::from_secs(15);

/// Whether all was right.
///
/// # Errors
/// A configuration that the demo cannot run, or anything that kept it from coming to a verdict.
pub(crate) async fn run(arguments: cli::Demo) -> anyhow::Result<bool> {
    let broker = EmbeddedBroker::start(&TOPICS)?;
    let address = broker.bootstrap_servers();
    println!("An embedded Kafka is at {address}.");
    let (settings, sources) = pipeline::load(&address)?;
    // Its own output is what people are to look at.
    let log = logging::init("warn,bank-audit=info", settings.log_format);
    let (listening, started) = (Listening::for_the_page()?, SystemTime::now());
    if let Some(page) = listening.page() {
        println!("Look at it while it runs: http://{page}");
    }

    let mut clients = ClientConfig::new();
    clients.set("bootstrap.servers", &address).set_log_level(RDKafkaLogLevel::Critical);
    let inquiry = Inquiry::new(&clients, &settings.pipelines[0].source.group)?;
    let traffic = Traffic::new(&clients)?;
    let signals = Signals::listen()?;
    let running = stampmill_engine::start(settings.pipelines, &log.output)?;
    let reloader = Reloader::new(sources, settings.effective, running.steers());
    let service = Service { reloader, filter: log.filter, secrets: settings.secrets, started };
    let serving = listening.serve(&Arc::new(service))?;

    let mut demo = Demo { running, traffic, inquiry, signals };
    let proved = demo.prove(arguments.records).await;
    if arguments.keep && proved.is_ok() {
        demo.keep(&address).await;
    }
    // Whatever came of it: the pipeline must not outlive its broker.
    let stopped = demo.stop().await;
    serving.stop().await;
    let clean = proved?;
    stopped?;
    Ok(clean)
}

// === impl Demo ===

impl Demo {
    async fn prove(&mut self, records: u64) -> anyhow::Result<bool> {
        self.await_ready().await?;
        println!("\nThe first events, as the pipeline logs them and as they come out:\n");
        for number in 0..SHOWN.min(records) {
            self.show_one(number).await?;
        }
        println!("Now {records} events, each compared with what it must be (and no longer logged);");
        println!("Ctrl-C ends it early.\n");
        log::set_max_level(log::LevelFilter::Warn);

        let started = Instant::now();
        self.stream(records).await?;
        let took = started.elapsed();
        let positions = self.await_commits().await?;
        let restarts = self.running.observe().iter().map(|pipeline| pipeline.restarts).sum();
        let (ending, checker) = (Ending { positions, restarts, took }, self.traffic.checker());
        ending.show(checker);
        Ok(ending.is_clean(checker))
    }

    async fn await_ready(&self) -> anyhow::Result<()> {
        while !self.running.observe().iter().all(|pipeline| pipeline.ready) {
            if self.running.finished() {
                bail!("the pipeline `{PIPELINE}` did not start");
            }
            if self.signals.first().is_some() {
                bail!("stopped before the pipeline `{PIPELINE}` was ready");
            }
            pause(10).await;
        }
        Ok(())
    }

    /// Sends an event and shows what came out, right or not.
    async fn show_one(&mut self, number: u64) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let mut output = None;
        while output.is_none() && self.signals.first().is_none() {
            if Instant::now() > deadline {
                bail!(
                    "event {number} did not come out within {} s; dead letters: {}; see the warnings above",
                    PATIENCE.as_secs(),
                    self.inquiry.positions()?.dead_letters
                );
            }
            self.traffic.step(number + 1, |seen| output = Some(String::from_utf8_lossy(seen).into_owned()))?;
            actix_rt::task::yield_now().await;
        }
        println!("{}\n", output.unwrap_or_default());
        Ok(())
    }

    /// Sends all and reads all back, until nothing more comes.
    async fn stream(&mut self, records: u64) -> anyhow::Result<()> {
        let mut progress = Progress::start(records);
        let (mut shown, mut moved) = (Instant::now(), Instant::now());
        loop {
            let until = if self.signals.first().is_some() { self.traffic.sent() } else { records };
            self.traffic.step(until, |_| moved = Instant::now())?;
            let checker = self.traffic.checker();
            let is_over = self.traffic.sent() >= until && checker.under_way() == 0;
            let is_stuck = moved.elapsed() > PATIENCE || self.running.finished();
            if is_over || is_stuck || shown.elapsed() >= Duration::from_secs(1) {
                shown = Instant::now();
                progress.show(checker, self.inquiry.positions()?.committed());
            }
            if is_over || is_stuck {
                progress.end();
                return Ok(());
            }
            // Gives the signals a turn.
            actix_rt::task::yield_now().await;
        }
    }

    /// The positions when all is committed, or when that will not be. What still comes out meanwhile is checked too.
    async fn await_commits(&mut self) -> anyhow::Result<Positions> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.traffic.step(self.traffic.sent(), |_| ())?;
            let positions = self.inquiry.positions()?;
            let is_settled = positions.settled() == positions.input.len();
            if is_settled || Instant::now() > deadline || self.running.finished() {
                return Ok(positions);
            }
            pause(20).await;
        }
    }

    async fn keep(&self, address: &str) {
        println!("\nBroker and pipeline go on until Ctrl-C. The broker keeps the newest 5 MiB of a partition.");
        println!("  kcat -b {address} -t {OUTPUT} -C -e -q | head");
        println!("  echo '{{\"id\":\"TXN001\",\"amount\":500}}' | kcat -b {address} -t {INPUT} -P");
        log::set_max_level(log::LevelFilter::Info);
        while self.signals.first().is_none() && !self.running.finished() {
            pause(50).await;
        }
    }

    async fn stop(self) -> anyhow::Result<()> {
        self.running.stop();
        while !self.running.all_finished() {
            if let Some(signal) = self.signals.beyond_the_first() {
                std::process::exit(128 + signal);
            }
            pause(10).await;
        }
        Ok(self.running.wait()?)
    }
}

async fn pause(millis: u64) {
    actix_rt::time::sleep(Duration::from_millis(millis)).await;
}
