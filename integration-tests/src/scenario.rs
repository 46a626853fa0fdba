//! What one test has to itself: topics, a group, a folder and a pipeline between them.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::client::Client;
use crate::program::{self, Build, Program};
use crate::target;

pub struct Scenario {
    pub client: Client,
    /// Where the program finds the brokers; where the client does, unless changed.
    pub bootstrap: String,
    /// Where its sink's brokers are, if they are others.
    pub sink_bootstrap: Option<String>,
    /// The name, and something that no other run has.
    pub id: String,
    pub input: String,
    pub output: String,
    pub dead_letters: String,
    pub group: String,
    pub folder: PathBuf,
    pub pipeline: Pipeline,
    pub build: Build,
    /// The folder stays, as it does when the test panics.
    pub keep: bool,
}

/// Parts of the pipeline's configuration that tests change, as YAML.
#[derive(Clone, Debug)]
pub struct Pipeline {
    pub start: &'static str,
    /// Further properties of the connection, one a line.
    pub connection: String,
    /// Further keys of `source`, one a line.
    pub source: String,
    pub transforms: String,
    /// Further keys of `sink`.
    pub sink: String,
    /// Several, as a list; then `sink` has no topic.
    pub sinks: String,
    /// Further keys of `on_failure`, each after a comma.
    pub on_failure: String,
    /// Further keys of the pipeline.
    pub more: String,
}

static NEXT: AtomicU32 = AtomicU32::new(0);

/// Names and a folder; no topic is made yet.
pub fn setup(name: &str, client: &Client) -> Scenario {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_millis() % 100_000_000;
    let id = format!("{name}-{now}-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let folder = target().join("kafka-tests").join(format!("{}-{id}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    Scenario {
        client: client.clone(),
        bootstrap: client.bootstrap.clone(),
        sink_bootstrap: None,
        input: format!("{id}-in"),
        output: format!("{id}-out"),
        dead_letters: format!("{id}-dead"),
        group: format!("{id}-group"),
        folder,
        pipeline: Pipeline::default(),
        build: Build::Plain,
        keep: false,
        id,
    }
}

impl Default for Pipeline {
    fn default() -> Self {
        Self {
            start: "earliest",
            connection: String::new(),
            source: String::new(),
            transforms: "- envelope: '{\"data\": {{payload}}}'".into(),
            sink: "partition: source".into(),
            sinks: String::new(),
            on_failure: String::new(),
            more: String::new(),
        }
    }
}

// === impl Scenario ===

impl Scenario {
    /// Makes the input and the output with as many partitions.
    pub fn with_topics(self, partitions: i32) -> Self {
        for topic in [&self.input, &self.output] {
            self.client.create_topic(topic, partitions, &[]);
        }
        self
    }

    /// The producer keeps records for a while, so that a fault finds some on their way in every partition.
    pub fn lingering(mut self) -> Self {
        self.pipeline.sink.push_str("\nproperties: { linger.ms: 200 }");
        self
    }

    pub fn config(&self) -> PathBuf {
        let Self { bootstrap, input, output, dead_letters, group, pipeline, .. } = self;
        let Pipeline { start, connection, source, transforms, sink, sinks: several, on_failure, more } = pipeline;
        let properties = self.client.properties().into_iter().map(|(name, value)| format!("{name}: \"{value}\"\n"));
        let connection = properties.collect::<String>() + connection;
        let indent = |text: &str, by: usize| text.lines().map(|line| format!("{:by$}{line}\n", "")).collect::<String>();
        let sinks = self.sink_bootstrap.as_ref();
        let other = sinks.map_or_else(String::new, |to| format!("  sinks: {{ bootstrap.servers: \"{to}\" }}\n"));
        let topic = match several.is_empty() {
            true => format!("      topic: {output}\n"),
            false => format!("    sinks:\n{}", indent(several, 6)),
        };
        let by = |name: &str| sinks.map_or_else(String::new, |_| format!("      connection: {name}\n"));
        let text = format!(
            "connections:
  kafka:
    bootstrap.servers: \"{bootstrap}\"
    topic.metadata.refresh.interval.ms: 1000
{}{other}pipelines:
  under-test:
    source:
{}      topics: [\"{input}\"]
      group: {group}
      start: {start}
{}    transforms:
{}    sink:
{}{}{topic}    on_failure: {{ retries: 3, then: dead_letter, topic: {dead_letters}{on_failure} }}
{}",
            indent(&connection, 4),
            by("kafka"),
            indent(source, 6),
            indent(transforms, 6),
            by("sinks"),
            indent(sink, 6),
            indent(more, 4),
        );
        self.write("stampmill.yaml", &text)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.join(name);
        fs::write(&path, text).expect("the file is written");
        path
    }

    /// `stampmill run` with the scenario's configuration.
    pub fn command(&self) -> Command {
        let mut command = program::command(self.build);
        command.arg("run").arg("--config").arg(self.config()).current_dir(&self.folder);
        command
    }

    /// Starts the program; `name` is that of its log.
    pub fn start(&self, name: &str) -> Program {
        Program::start(self.command(), self.folder.join(format!("{name}.log")))
    }
}

impl Drop for Scenario {
    /// What a failed test has left behind is there to be looked at.
    fn drop(&mut self) {
        if !self.keep && !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}
