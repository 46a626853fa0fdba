//! Kafka brokers in KRaft mode, one or three, on free ports of the loopback interface, gone when dropped.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, bail};

use crate::client::Client;
use crate::eventually::eventually;
use crate::launcher::{launch, mortal};
use crate::layout::{Layout, Listener, Plan};
use crate::proxy::Proxy;
use crate::tls::Certificate;
use crate::{docker, jars, target};

/// One node that is both broker and controller.
pub struct Broker {
    pub bootstrap: String,
    /// What a client is to trust, where it must speak TLS.
    pub certificate: Option<PathBuf>,
    /// Its second address, where the plan asked for one.
    pub proxy: Option<Proxy>,
    /// The ports of its further listeners, by their names.
    listeners: BTreeMap<String, u16>,
    behind_proxy: SocketAddr,
    version: String,
    folder: PathBuf,
    runner: Runner,
}

/// What runs it.
enum Runner {
    Jars {
        class_path: String,
        java: Vec<String>,
        process: Option<Child>,
    },
    /// The official image, where there is an engine and no Java.
    Docker {
        container: String,
    },
}

static NEXT: AtomicU32 = AtomicU32::new(0);
/// Any will do; all nodes that ever run on one folder share it.
const CLUSTER_ID: &str = "MkU3OEVBNTcwNTJENDM2Qk";
const STARTS: usize = 3;

// === impl Broker ===

impl Broker {
    /// Starts a broker of that version.
    pub fn start(version: &str) -> Result<Self> {
        Self::start_all(version, 1)?.pop().context("one broker")
    }

    /// Starts brokers that make one cluster.
    pub fn start_all(version: &str, nodes: usize) -> Result<Vec<Self>> {
        Self::start_cluster(&Plan { nodes, ..Plan::of(version) })
    }

    pub fn start_cluster(plan: &Plan) -> Result<Vec<Self>> {
        // A free port may be taken by another process before the broker has it.
        let mut last = None;
        for _ in 0..STARTS {
            match Self::try_start_cluster(plan) {
                Ok(brokers) => return Ok(brokers),
                Err(error) => last = Some(error),
            }
        }
        Err(last.context("no start was tried")?)
    }

    fn try_start_cluster(plan: &Plan) -> Result<Vec<Self>> {
        let layout = Layout::free(plan.nodes, plan.listeners.len())?;
        let made = (0..plan.nodes).map(|node| Self::make(plan, &layout, node));
        let mut brokers = made.collect::<Result<Vec<_>>>()?;
        // All at once: a node alone is no quorum.
        brokers.iter_mut().try_for_each(Self::run)?;
        Self::await_all(&mut brokers)?;
        Ok(brokers)
    }

    /// A node that does not run yet.
    fn make(plan: &Plan, layout: &Layout, node: usize) -> Result<Self> {
        let id = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = target().join("kafka-data").join(&id);
        fs::create_dir_all(&folder)?;
        let proxy = plan.proxied.then(|| Proxy::start(layout.behind_proxy(node))).transpose()?;
        let properties = layout.properties(plan, node, &folder, proxy.as_ref().map(|proxy| proxy.port));
        let runner = if jars::unavailable().is_none() {
            let class_path = jars::class_path(plan.version)?;
            fs::write(folder.join("broker.properties"), properties)?;
            format(&class_path, &folder, plan.format)?;
            Runner::Jars { class_path, java: plan.java.to_vec(), process: None }
        } else if plan.certificate.is_some() || !plan.listeners.is_empty() {
            bail!("a broker with TLS or users needs Java: a container does not see its files");
        } else {
            let container = format!("stampmill-test-{id}");
            docker::create(&container, plan.version, &properties)?;
            Runner::Docker { container }
        };
        let (bootstrap, certificate) = (layout.bootstrap(node), plan.certificate.map(Certificate::trust));
        let named = |(listener, port): (&Listener<'_>, &u16)| (listener.name.to_owned(), *port);
        let listeners = plan.listeners.iter().zip(layout.further(node)).map(named).collect();
        let version = plan.version.to_owned();
        let behind_proxy = layout.behind_proxy(node);
        Ok(Self { bootstrap, certificate, proxy, listeners, behind_proxy, version, folder, runner })
    }

    /// Starts the process, again if it ran before: ports and data are the same.
    pub fn run(&mut self) -> Result<()> {
        match &mut self.runner {
            Runner::Docker { container } => docker::docker(&["start", container]),
            Runner::Jars { class_path, java: arguments, process } => {
                *process = Some(launch(java(class_path, arguments, &self.folder)?)?);
                Ok(())
            }
        }
    }

    /// Ends the process without a word, as a crash would.
    pub fn kill(&mut self) {
        // Either may have ended by itself.
        match &mut self.runner {
            Runner::Docker { container } => drop(docker::docker(&["kill", container])),
            Runner::Jars { process, .. } => process.take().into_iter().for_each(|mut process| {
                let _ = process.kill();
                let _ = process.wait();
            }),
        }
    }

    /// A container is asked for nothing: it is started again where it runs, which does no harm.
    pub fn is_running(&mut self) -> bool {
        match &mut self.runner {
            Runner::Docker { .. } => false,
            Runner::Jars { process, .. } => {
                process.as_mut().is_some_and(|process| matches!(process.try_wait(), Ok(None)))
            }
        }
    }

    pub fn version(&self) -> &str {
        &self.version
    }

    /// Where a further listener listens.
    pub fn listener(&self, name: &str) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.listeners[name]))
    }

    /// Where the proxy leads, unless told otherwise.
    pub fn behind_proxy(&self) -> SocketAddr {
        self.behind_proxy
    }

    /// Changes its properties' text; it takes effect when it is started again.
    pub fn change_properties(&self, change: impl FnOnce(String) -> String) -> Result<()> {
        let path = self.folder.join("broker.properties");
        let text = fs::read_to_string(&path)?;
        Ok(fs::write(&path, change(text))?)
    }

    pub fn client(&self) -> Client {
        Client { bootstrap: self.bootstrap.clone(), certificate: self.certificate.clone() }
    }

    /// Waits until each answers and sees all of them, or one has ended: its port was taken, say, and the others would wait
    /// for it.
    fn await_all(brokers: &mut [Self]) -> Result<()> {
        let nodes = brokers.len();
        eventually("the brokers to answer", || match brokers.iter_mut().find_map(Self::ended) {
            Some(error) => Some(Err(error)),
            None => brokers.iter().all(|broker| broker.client().brokers() == nodes).then_some(Ok(())),
        })
    }

    /// Waits until it answers and sees so many brokers.
    pub fn await_ready(&mut self, nodes: usize) -> Result<()> {
        let client = self.client();
        eventually("the broker to answer", || match self.ended() {
            Some(error) => Some(Err(error)),
            None => (client.brokers() == nodes).then_some(Ok(())),
        })
    }

    /// Why, where it ended by itself.
    fn ended(&mut self) -> Option<anyhow::Error> {
        let Runner::Jars { process: Some(process), .. } = &mut self.runner else { return None };
        let status = process.try_wait().ok().flatten()?;
        Some(anyhow::anyhow!("the broker ended with {status}: {}", self.log_tail()))
    }

    fn log_tail(&self) -> String {
        let log = fs::read_to_string(self.folder.join("broker.log")).unwrap_or_default();
        log.lines().rev().take(20).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
        // Of a test that has failed, for its folder is gone then.
        if std::thread::panicking() {
            eprintln!("--- the last lines of the broker at {} ---\n{}", self.bootstrap, self.log_tail());
        }
        if let Runner::Docker { container } = &self.runner {
            // It is named in `docker ps` if it cannot be removed.
            let _ = docker::docker(&["rm", "-f", "-v", container]);
        }
        // What is left lies in the build folder and harms nobody.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn format(class_path: &str, folder: &Path, more: &[String]) -> Result<()> {
    let output = Command::new("java")
        .args(["-cp", class_path, "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "kafka.tools.StorageTool"])
        .args(["format", "-g", "-t", CLUSTER_ID, "-c"])
        .arg(folder.join("broker.properties"))
        .args(more)
        .output()?;
    if !output.status.success() {
        bail!("the broker's folder cannot be formatted: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

fn java(class_path: &str, arguments: &[String], folder: &Path) -> Result<Command> {
    let log = File::options().append(true).create(true).open(folder.join("broker.log"))?;
    let mut command = mortal("java");
    command
        .args(["-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true"])
        .args(arguments)
        .args(["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", class_path, "kafka.Kafka"])
        .arg(folder.join("broker.properties"))
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    Ok(command)
}

/// Removes what brokers of test runs that were killed have left behind.
pub fn sweep() {
    let Ok(folders) = fs::read_dir(target().join("kafka-data")) else { return };
    for folder in folders.flatten() {
        let name = folder.file_name();
        let pid = name.to_str().and_then(|name| name.split('-').next());
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = fs::remove_dir_all(folder.path());
        }
    }
}
