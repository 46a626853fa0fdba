//! What is measured, and how it is started.

use std::fs::File;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

use crate::bench::bare::Sends;
use crate::bench::cores;
use crate::bench::load::Load;
use crate::bench::peers::Peer;
use crate::launcher::launch;
use crate::program::{self, Build};
use crate::scenario::{Pipeline, Scenario};

#[derive(Clone, Debug)]
pub enum Subject {
    Bare { name: &'static str, sends: Sends, compression: &'static str },
    Program { name: String, pipeline: Box<Pipeline>, flags: Vec<String> },
    Peer(Peer),
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
        Self::Program { name: name.into(), pipeline: Box::new(pipeline), flags: Vec::new() }
    }

    /// With keys of the configuration set by flags, each as `KEY=VALUE`.
    pub fn program_set(name: &str, settings: &[&str]) -> Self {
        let pipeline = Pipeline { transforms: ENVELOPE.into(), ..Pipeline::default() };
        let flags = settings.iter().flat_map(|setting| ["--set".to_owned(), (*setting).to_owned()]).collect();
        Self::Program { name: name.into(), pipeline: Box::new(pipeline), flags }
    }

    pub fn name(&self) -> &str {
        match self {
            Self::Bare { name, .. } => name,
            Self::Program { name, .. } => name,
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
            Self::Program { pipeline, flags, .. } => {
                scenario.pipeline = (**pipeline).clone();
                let mut command = cores::on_its_own(program::executable(Build::Plain));
                command.arg("run").arg("--config").arg(scenario.config()).args(flags).current_dir(&scenario.folder);
                command.args(["--set", "probes.listen=off", "--set", "admin.listen=off"]);
                command
            }
            Self::Peer(peer) => peer.command(scenario),
        })
    }
}

pub const ENVELOPE: &str =
    "- envelope: '{\"eventType\": \"transaction\", \"source\": \"bank-transactions\", \"data\": {{payload}}}'";
