//! Other programs for the same job, each with a folder of its own in `benches/peers`: `build` makes it, `run` runs it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::bench::cores;
use crate::scenario::Scenario;
use crate::{target, workspace};

#[derive(Clone, Debug)]
pub struct Peer {
    pub name: String,
    sources: PathBuf,
    built: PathBuf,
}

#[derive(Clone, Debug, Default)]
pub struct Peers {
    pub built: Vec<Peer>,
    /// Names, and why they could not be built.
    pub left_out: Vec<(String, String)>,
}

pub fn all() -> Result<Peers> {
    let folder = workspace().join("integration-tests/benches/peers");
    let folders = std::fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    let mut names: Vec<_> = folders.flatten().filter(|entry| entry.path().is_dir()).map(|entry| entry.path()).collect();
    names.sort();
    let mut peers = Peers::default();
    for sources in names {
        let peer = Peer::at(&sources)?;
        match peer.build() {
            Ok(()) => peers.built.push(peer),
            Err(error) => peers.left_out.push((peer.name, format!("{error:#}"))),
        }
    }
    Ok(peers)
}

// === impl Peer ===

impl Peer {
    fn at(sources: &Path) -> Result<Self> {
        let name = sources.file_name().and_then(|name| name.to_str()).context("a name")?.to_owned();
        let built = target().join("peers").join(&name);
        Ok(Self { name, sources: sources.into(), built })
    }

    fn build(&self) -> Result<()> {
        println!("building {}", self.name);
        std::fs::create_dir_all(&self.built)?;
        let output = Command::new(self.sources.join("build")).arg(&self.built).stdin(Stdio::null()).output()?;
        if !output.status.success() {
            let told = String::from_utf8_lossy(&output.stderr);
            bail!("{}", told.lines().last().unwrap_or("it said nothing"));
        }
        Ok(())
    }

    pub(crate) fn command(&self, scenario: &Scenario) -> Command {
        let Scenario { client, input, output, group, .. } = scenario;
        let mut command = cores::on_its_own(self.sources.join("run"));
        command.arg(&self.built).args([&client.bootstrap, input, output, group]);
        command
    }
}
