//! The examples under `config/examples`, tried with their cases: what `stampmill test` says of them is what a broker sees.

use std::collections::BTreeMap;

use integration_tests::client::{Client, TestRecord};
use integration_tests::golden::{self, Expected, Golden};
use integration_tests::program::{self, Build, Program};
use integration_tests::scenario::{Scenario, setup};
use integration_tests::workspace;

use crate::kafka::Kafka;

struct Example {
    name: &'static str,
    /// The one that the cases are about, its group, too.
    pipeline: &'static str,
    input: &'static str,
    outputs: &'static [&'static str],
    /// Topics of its other pipelines.
    others: &'static [&'static str],
}

const EXAMPLES: [Example; 2] = [
    Example {
        name: "routing",
        pipeline: "orders",
        input: "orders",
        outputs: &["large-items", "all-items"],
        others: &[],
    },
    Example {
        name: "flows",
        pipeline: "payments",
        input: "payments",
        outputs: &["audit-deposit", "audit-withdraw", "alarms"],
        others: &["refunds"],
    },
];

pub(crate) fn every_case_runs(kafka: &Kafka) {
    let broker = kafka.own_broker();
    let client = Client::new(&broker.bootstrap);
    let scenario = setup("examples", &client);
    for example in &EXAMPLES {
        let cases = workspace().join(format!("config/examples/tests/{}.yaml", example.name));
        let cases = golden::read(&cases).expect("cases");
        let program = example.start(&client, &scenario);
        for case in &cases {
            let found = example.run(&client, case);
            if let Some(difference) = example.difference(case, &found) {
                panic!("{}: {}: {difference}", example.name, case.name);
            }
        }
        assert_eq!(program.terminate(), 0);
    }
}

// === impl Example ===

impl Example {
    fn dead_letters(&self) -> String {
        format!("{}.dead-letter", self.pipeline)
    }

    fn start(&self, client: &Client, scenario: &Scenario) -> Program {
        let dead_letters = self.dead_letters();
        let topics = [self.input, &dead_letters].into_iter().chain(self.outputs.iter().chain(self.others).copied());
        topics.for_each(|topic| client.create_topic(topic, 1, &[]));
        let interval = format!("STAMPMILL__PIPELINES__{}__COMMIT_INTERVAL_MS", self.pipeline.to_uppercase());
        let mut command = program::command(Build::Plain);
        command.arg("run").arg("--config").arg(workspace().join(format!("config/examples/{}.yaml", self.name)));
        command.env("KAFKA_BROKERS", &scenario.bootstrap).env(interval, "20").current_dir(&scenario.folder);
        Program::start(command, scenario.folder.join(format!("{}.log", self.name))).await_ready()
    }

    /// What came of the record of a case, by topic.
    fn run(&self, client: &Client, case: &Golden) -> BTreeMap<String, Vec<TestRecord>> {
        client.produce(self.input, case.before.iter().cloned());
        client.await_committed(self.pipeline, self.input);
        let topics = || self.outputs.iter().map(|topic| (*topic).to_owned()).chain([self.dead_letters()]);
        let before: BTreeMap<String, usize> =
            topics().map(|topic| (topic.clone(), client.read_to_end(&topic).len())).collect();
        client.produce(self.input, [case.input.clone()]);
        client.await_committed(self.pipeline, self.input);
        topics().map(|topic| (topic.clone(), client.read_to_end(&topic).split_off(before[&topic]))).collect()
    }

    fn difference(&self, case: &Golden, found: &BTreeMap<String, Vec<TestRecord>>) -> Option<String> {
        let mut found = found.clone();
        match &case.expected {
            Expected::Nothing => {}
            Expected::Outputs(outputs) => {
                for output in outputs {
                    let records = found.get_mut(&output.topic).expect("a topic of the example");
                    if records.is_empty() {
                        return Some(format!("expected {output:?}, found nothing more"));
                    }
                    if let Some(difference) = output.difference(&records.remove(0)) {
                        return Some(difference);
                    }
                }
            }
            Expected::DeadLetter { class, step, reason } => {
                let letters = found.get_mut(&self.dead_letters()).expect("the dead letters");
                if letters.len() != 1 {
                    return Some(format!("expected one dead letter, found {}", letters.len()));
                }
                let letter = letters.remove(0);
                let says = |header: &str| letter.header(header).unwrap_or_default();
                let is_so = says("stampmill-error-class") == *class
                    && step.as_ref().is_none_or(|step| says("stampmill-transform") == *step)
                    && reason.as_ref().is_none_or(|reason| says("stampmill-error").contains(reason));
                if !is_so || letter.value != case.input.value {
                    return Some(format!("expected {class} at {step:?}, found the dead letter {:?}", letter.headers));
                }
            }
        }
        let more: usize = found.values().map(Vec::len).sum();
        (more > 0).then(|| format!("{more} records more than expected went out"))
    }
}
