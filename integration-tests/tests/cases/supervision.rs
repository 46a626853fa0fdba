//! Actors that hang, restarts without end, and partitions that stand still.

use integration_tests::program::{Build, Program};
use integration_tests::scenario::{Scenario, setup};
use integration_tests::verdict::Numbered;

use crate::kafka::Kafka;

const NUMBERED: Numbered = Numbered { partitions: 2, records: 3_000 };

fn scenario(name: &str, kafka: &Kafka, more: &str) -> Scenario {
    let mut scenario = setup(name, &kafka.client).with_topics(2);
    scenario.build = Build::Failpoints;
    scenario.pipeline.more = more.into();
    scenario
}

fn start(scenario: &Scenario, failpoints: &str) -> Program {
    let mut command = scenario.command();
    command.env("FAILPOINTS", failpoints);
    Program::start(command, scenario.folder.join("faulty.log"))
}

/// A TransformActor in an endless loop cannot be ended, but another takes its place and its work.
pub(crate) fn one_that_hangs_is_replaced(kafka: &Kafka) {
    let scenario = scenario("hang", kafka, "batch_records: 50\nsupervision: { frozen_after_ms: 1000 }");
    kafka.client.produce(&scenario.input, NUMBERED.all());
    let mut program = start(&scenario, "transform::before=2000*off->1*delay(600000)->off").await_ready();
    program.await_line("hangs for");
    NUMBERED.await_verdict(&scenario).assert_at_least_once();
    kafka.client.await_committed(&scenario.group, &scenario.input);
    assert_eq!(program.log().matches("another takes its place").count(), 1);
    assert_eq!(program.terminate(), 0);
}

/// Restarts that mend nothing end the pipeline, and that the process, with the reason; nothing is lost by it.
pub(crate) fn a_storm_of_panics_ends_the_process(kafka: &Kafka) {
    for (point, actor) in [
        ("transform::before", "TransformActor"),
        ("producer::before", "ProducerActor"),
        ("consumer::dispatch", "ConsumerActor"),
        ("commit::before", "control thread"),
    ] {
        let more = "supervision: { actor_restarts: 6, pipeline_restarts: 1 }";
        let scenario = scenario("storm", kafka, more);
        kafka.client.produce(&scenario.input, NUMBERED.all());
        let mut program = start(&scenario, &format!("{point}=panic"));
        let last = program.await_line("has failed:");
        assert!(last.contains(actor) && last.contains("begun anew 1 times"), "{last}");
        assert!(program.log().contains("has failed and begins anew"), "{}", program.log());
        assert_eq!(program.exit_code(), 1, "{point}");
        let mended = scenario.start("mended").await_ready();
        NUMBERED.await_verdict(&scenario).assert_at_least_once();
        assert_eq!(mended.terminate(), 0);
    }
}

/// Nothing is read although there is something: it is noticed, told, and mended.
pub(crate) fn a_partition_that_stands_still_is_fetched_anew(kafka: &Kafka) {
    let scenario = scenario("still", kafka, "supervision: { stalled_after_ms: 1000 }");
    kafka.client.produce(&scenario.input, NUMBERED.all());
    let mut program = start(&scenario, "consumer::deaf=14*return->off");
    program.await_line("stands still at offset 0");
    NUMBERED.await_verdict(&scenario).assert_exact();
    let log = program.log();
    assert!(log.contains("is not ready"), "{log}");
    kafka.client.await_committed(&scenario.group, &scenario.input);
    assert_eq!(program.terminate(), 0);
}
