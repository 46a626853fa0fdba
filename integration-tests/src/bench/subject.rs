//! What is measured, and how it is started.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

use crate::bench::bare::Sends;
use crate::bench::cores;
use crate::bench::load::Load;
use crate::bench::peers::Peer;
use crate::http::Listener;
use crate::launcher::launch;
use crate::program::{self, Build};
use crate::scenario::{Pipeline, Scenario};

#[derive(Clone, Debug)]
pub enum Subject {
    Bare {
        name: &'static str,
        sends: Sends,
        compression: &'static str,
    },
    Program {
        name: String,
        pipeline: Box<Pipeline>,
        flags: Vec<String>,
        watched: Option<Watched>,
    },
    /// An executable that was built before.
    Built {
        name: String,
        executable: PathBuf,
        pipeline: Box<Pipeline>,
    },
    Peer(Peer),
}

/// Where it listens.
#[derive(Clone, Debug)]
pub struct Watched {
    admin: Listener,
    probes: Listener,
}

// === impl Subject ===

impl Subject {
    pub fn floor() -> Self {
        Self::Bare { name: "librdkafka", sends: Sends::OneByOne, compression: "none" }
    }

    pub fn in_batches() -> Self {
        Self::Bare { name: "librdkafka, no headers or timestamps", sends: Sends::InBatches, compression: "none" }
    }

    /// The tutorial's envelope around the whole payload, with something changed.
    pub fn program(name: &str, change: impl FnOnce(&mut Pipeline)) -> Self {
        let mut pipeline = Pipeline { transforms: ENVELOPE.into(), ..Pipeline::default() };
        change(&mut pipeline);
        Self::Program { name: name.into(), pipeline: Box::new(pipeline), flags: Vec::new(), watched: None }
    }

    /// With keys of the configuration set by flags, each as `KEY=VALUE`.
    pub fn program_set(name: &str, settings: &[&str]) -> Self {
        let pipeline = Pipeline { transforms: ENVELOPE.into(), ..Pipeline::default() };
        let flags = settings.iter().flat_map(|setting| ["--set".to_owned(), (*setting).to_owned()]).collect();
        Self::Program { name: name.into(), pipeline: Box::new(pipeline), flags, watched: None }
    }

    /// The tutorial's envelope by that executable.
    pub fn built(name: &str, executable: &Path) -> Self {
        let pipeline = Pipeline { transforms: ENVELOPE.into(), ..Pipeline::default() };
        Self::Built { name: name.into(), executable: executable.into(), pipeline: Box::new(pipeline) }
    }

    /// The tutorial's envelope, with a scraper of its metrics and a page that is open, each once a second.
    pub fn watched(name: &str) -> Self {
        let pipeline = Pipeline { transforms: ENVELOPE.into(), ..Pipeline::default() };
        let watched = Some(Watched { admin: Listener::free(None), probes: Listener::free(None) });
        Self::Program { name: name.into(), pipeline: Box::new(pipeline), flags: Vec::new(), watched }
    }

    /// Asks what a scraper and a page ask; whether all was answered. Nothing if nobody watches it.
    pub fn look(&self) -> Option<bool> {
        let Self::Program { watched: Some(Watched { admin, probes }), .. } = self else { return None };
        let ask = |listener: &Listener, path| listener.get(path).is_ok_and(|answer| answer.status == 200);
        let scraped = ask(probes, "/readyz") && ask(probes, "/metrics");
        Some(scraped && ask(admin, "/api/pipelines") && ask(admin, "/api/pipelines/under-test/actors"))
    }

    pub fn name(&self) -> &str {
        match self {
            Self::Bare { name, .. } => name,
            Self::Program { name, .. } | Self::Built { name, .. } => name,
            Self::Peer(peer) => &peer.name,
        }
    }

    /// Whether what it writes has marks of transactions between the records, so that the ends of its topic do not tell how
    /// many there are.
    pub fn is_transactional(&self) -> bool {
        matches!(self, Self::Program { pipeline, .. } if pipeline.more.contains("exactly_once"))
    }

    pub fn start(&self, scenario: &mut Scenario, load: &Load) -> Result<Child> {
        let log = File::create(scenario.folder.join("subject.log"))?;
        let mut command = self.command(scenario, load)?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        launch(command).with_context(|| format!("{} cannot be started", self.name()))
    }

    pub fn command(&self, scenario: &mut Scenario, load: &Load) -> Result<Command> {
        Ok(match self {
            Self::Bare { sends, compression, .. } => {
                let Scenario { client, input, output, group, .. } = scenario;
                let sends = if *sends == Sends::OneByOne { "one-by-one" } else { "in-batches" };
                let partitions = load.partitions.to_string();
                let mut command = cores::on_its_own(std::env::current_exe()?);
                command.args(["bare", &client.bootstrap, input, output, group, &partitions, compression, sends]);
                command.args(client.properties().into_iter().map(|(name, value)| format!("{name}={value}")));
                command
            }
            Self::Program { pipeline, flags, watched, .. } => {
                let mut command = run(program::executable(Build::Plain), pipeline, scenario, watched.as_ref());
                command.args(flags);
                command
            }
            Self::Built { executable, pipeline, .. } => run(executable, pipeline, scenario, None),
            Self::Peer(peer) => peer.command(scenario),
        })
    }
}

fn run(executable: &Path, pipeline: &Pipeline, scenario: &mut Scenario, watched: Option<&Watched>) -> Command {
    scenario.pipeline = pipeline.clone();
    let mut command = cores::on_its_own(executable);
    command.arg("run").arg("--config").arg(scenario.config()).current_dir(&scenario.folder);
    let listen = |listener: Option<&Listener>| listener.map_or("off".into(), |of| of.address.to_string());
    let probes = listen(watched.map(|watched| &watched.probes));
    let admin = listen(watched.map(|watched| &watched.admin));
    command.args(["--set", &format!("probes.listen={probes}"), "--set", &format!("admin.listen={admin}")]);
    command
}

pub const ENVELOPE: &str =
    "- envelope: '{\"eventType\": \"transaction\", \"source\": \"bank-transactions\", \"data\": {{payload}}}'";
