//! Who is let in, by what proof, and what becomes of whoever is not: against a broker that asks everybody.

pub(crate) mod harness;

use integration_tests::eventually::eventually;
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
}

impl Probed {
    fn start(scenario: &Scenario) -> Self {
        let probes = Listener::free(None);
        let mut command = scenario.command();
        command.arg("--set").arg(format!("probes.listen={}", probes.address));
        Self { program: Program::start(command, scenario.folder.join("program.log")), probes }
    }

    /// Waits until it is ready, and is so a moment later.
    fn await_ready(&self) {
        eventually("the program to be ready", || {
            self.probes.get("/readyz").ok().filter(|answer| answer.status == 200).map(drop)
        });
    }

    /// Waits until it is not ready for a reason with all of these words in it, lives, and has said it in its log.
    fn await_reason(&mut self, words: &[&str]) -> String {
        let reason = eventually(&format!("{words:?} as a reason of not being ready"), || {
            let answer = self.probes.get("/readyz").ok().filter(|answer| answer.status == 503)?;
            let reasons = answer.json()["pipelines"][0]["reasons"].clone();
            let mut reasons = reasons.as_array()?.iter().filter_map(|reason| reason.as_str());
            reasons.find(|reason| words.iter().all(|word| reason.contains(word))).map(str::to_owned)
        });
        let live = self.probes.get("/livez").expect("an answer").status;
        assert!(self.program.is_running() && live == 200, "it lives: {live}");
        eventually(&format!("{words:?} in the log"), || {
            let log = self.program.log();
            let mut lines = log.lines();
            lines.find(|line| words.iter().all(|word| line.contains(word))).map(drop)
        });
        reason
    }

    /// Nothing is said without end: of what comes again and again one line in ten seconds, and its changes.
    fn assert_calm(&self, since: usize, seconds: u64) {
        let log = self.program.log();
        let lines = log.lines().skip(since).count() as u64;
        assert!(lines <= 20 + 2 * seconds, "{lines} lines in {seconds} s:\n{log}");
    }
}
