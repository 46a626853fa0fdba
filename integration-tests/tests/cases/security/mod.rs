//! Who is let in, by what proof, and what becomes of whoever is not: against a broker that asks everybody.

pub(crate) mod at_start;
pub(crate) mod configuration;
pub(crate) mod harness;
pub(crate) mod hostile;
pub(crate) mod mechanisms;
pub(crate) mod permissions;
pub(crate) mod under_load;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use integration_tests::eventually::{eventually, patience};
use integration_tests::http::Listener;
use integration_tests::program::Program;
use integration_tests::scenario::Scenario;
use integration_tests::secured::{Door, Secured};

/// A scenario whose program comes in by that door; the tests' own client does not.
fn by_door(mut scenario: Scenario, secured: &Secured, door: Door, connection: &str) -> Scenario {
    scenario.bootstrap = secured.address(door).to_string();
    scenario.pipeline.connection = connection.to_owned();
    scenario
}

/// A program whose probes answer.
struct Probed {
    program: Program,
    probes: Listener,
    started: Instant,
}

impl Probed {
    fn start(scenario: &Scenario) -> Self {
        Self::start_with(scenario.command(), &scenario.folder)
    }

    fn start_with(mut command: Command, folder: &Path) -> Self {
        let probes = Listener::free(None);
        command.arg("--set").arg(format!("probes.listen={}", probes.address));
        Self { program: Program::start(command, folder.join("program.log")), probes, started: Instant::now() }
    }

    fn await_ready(&mut self) {
        eventually("the program to be ready", || {
            assert!(self.program.is_running(), "it has ended");
            self.probes.get("/readyz").ok().filter(|answer| answer.status == 200).map(drop)
        });
    }

    /// Waits until it is not ready for a reason with all of these words in it, lives, and has said so in its log.
    fn await_reason(&mut self, words: &[&str]) -> String {
        self.reason(words).unwrap_or_else(|error| panic!("{error}"))
    }

    fn reason(&mut self, words: &[&str]) -> Result<String, String> {
        let deadline = Instant::now() + patience();
        let mut last = String::new();
        let reason = loop {
            let answer = self.probes.get("/readyz").ok();
            let found = answer.as_ref().filter(|answer| answer.status == 503).and_then(|answer| {
                let reasons = answer.json()["pipelines"][0]["reasons"].clone();
                let mut reasons = reasons.as_array()?.iter().filter_map(|reason| reason.as_str());
                reasons.find(|reason| words.iter().all(|word| reason.contains(word))).map(str::to_owned)
            });
            if let Some(found) = found {
                break found;
            }
            last = answer.map_or(last, |answer| answer.body);
            if !self.program.is_running() || Instant::now() > deadline {
                return Err(format!("{words:?} is no reason of not being ready: {last}\n{}", self.program.log()));
            }
            std::thread::park_timeout(Duration::from_millis(50));
        };
        let live = self.probes.get("/livez").map_or(0, |answer| answer.status);
        let is_said = self.program.log().lines().any(|line| words.iter().all(|word| line.contains(word)));
        match (live, is_said) {
            (200, true) => Ok(reason),
            _ => Err(format!("livez: {live}, said in the log: {is_said}\n{}", self.program.log())),
        }
    }

    /// Nothing is said without end: of what comes again and again one line in some seconds.
    fn assert_calm(&self) {
        let (log, seconds) = (self.program.log(), self.started.elapsed().as_secs() as usize);
        let lines = log.lines().count();
        assert!(lines <= 60 + seconds, "{lines} lines in {seconds} s:\n{log}");
    }
}
