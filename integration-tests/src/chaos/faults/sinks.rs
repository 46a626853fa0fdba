//! Sinks that refuse, that are gone, and that take only little at a time.

use std::sync::Arc;

use crate::acls;
use crate::chaos::cluster::Cluster;
use crate::chaos::outcome::Outcome;
use crate::chaos::run::{PARTITIONS, Run};
use crate::client::TestRecord;
use crate::verdict::record;

/// One in so many records is larger than what the sink takes.
const LARGE: u64 = 5_000;

const fn is_large(number: u64) -> bool {
    number == LARGE
}

fn with_large(partition: i32, number: u64) -> TestRecord {
    if !is_large(number) {
        return record(partition, number);
    }
    TestRecord::value(partition, format!("\"{}\"", "x".repeat(200_000)))
}

/// Ten thousand records and a large one, in each partition.
pub(super) fn too_large(run: &mut Run) -> Outcome {
    let mut flow = run.odd_flow("large", (is_large, with_large), |scenario| {
        // What was refused is sent again record by record, and each lingers: not for long, but for longer than it takes to
        // ask busy brokers how far the output is.
        scenario.pipeline.sink = "partition: source\nproperties: { linger.ms: 150 }".into();
    });
    flow.scenario.client.alter_topic(&flow.scenario.output, &[("max.message.bytes", "102400")]);
    let program = flow.program();
    flow.aim(LARGE - 500);
    flow.aim(LARGE + 500);
    flow.finish_with(run, vec![program], |flow| {
        let dead = flow.scenario.client.read_to_end(&flow.scenario.dead_letters);
        flow.hits += dead.len() as u64;
        let offsets: Vec<_> = dead.iter().filter_map(|letter| letter.header("stampmill-offset")).collect();
        if offsets != vec![LARGE.to_string(); PARTITIONS as usize] {
            flow.faults.push(format!("expected one dead letter of each partition, offset {LARGE}: {offsets:?}"));
        }
    })
}

/// What was in the topic is gone; what comes of the rest is told.
pub(super) fn made_again(run: &mut Run) -> Outcome {
    let mut flow = run.flow("again", |_| ());
    let mut program = flow.program();
    flow.hit(500);
    let (client, output) = (flow.scenario.client.clone(), flow.scenario.output.clone());
    client.delete_topic(&output);
    std::thread::park_timeout(run.seconds(3, 15));
    flow.notes.push(format!("without its topic the program runs: {}", program.is_running()));
    client.create_topic(&output, PARTITIONS, &[]);
    flow.watch.reopen();
    if !program.is_running() {
        program = flow.program();
    }
    let outcome = flow.finish(run, vec![program]);
    Outcome { notes: [outcome.notes, outcome.faults].concat(), faults: Vec::new(), ..outcome }
}

/// The permission to write is taken and given back, on brokers of its own that know permissions.
pub(super) fn no_permission(run: &mut Run) -> Outcome {
    let mut cluster = Cluster::start(&run.cluster.version, acls::PROPERTIES).expect("a cluster");
    let mut run = Run { cluster: &mut cluster, folder: None, so_far: Arc::clone(&run.so_far), ..*run };
    let mut flow = run.flow("permission", |scenario| scenario.pipeline.connection = acls::CONNECTION.into());
    let program = flow.program();
    for _ in 0..run.repetitions {
        flow.hit(100);
        let (version, bootstrap) = (&run.cluster.version, &run.cluster.client.bootstrap);
        acls::deny_writes(version, bootstrap, &flow.scenario.output).expect("the permission is taken");
        std::thread::park_timeout(run.seconds(5, 15));
        acls::allow_writes(version, bootstrap, &flow.scenario.output).expect("the permission is given");
    }
    if !program.log().contains("authorization failed") {
        flow.faults.push("the sink has refused nothing".into());
    }
    flow.finish(&run, vec![program])
}

/// The producer's queue is full all the time.
pub(super) fn short_queue(run: &mut Run) -> Outcome {
    let sink = "partition: source\nproperties: { linger.ms: 10, queue.buffering.max.messages: 100 }";
    let mut flow = run.flow("queue", |scenario| scenario.pipeline.sink = sink.into());
    let program = flow.program();
    for _ in 0..run.repetitions {
        flow.hit(1000);
    }
    flow.finish(run, vec![program])
}
