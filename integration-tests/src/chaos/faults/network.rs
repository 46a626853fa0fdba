//! The network between the program and one broker, each in turn; the brokers see each other all the time.

use std::time::Duration;

use crate::chaos::cluster::NODES;
use crate::chaos::outcome::Outcome;
use crate::chaos::run::Run;
use crate::proxy::Network;

pub(super) fn cut(run: &mut Run) -> Outcome {
    spoiled(run, "cut", Network::Cut)
}

pub(super) fn hangs(run: &mut Run) -> Outcome {
    spoiled(run, "hangs", Network::Hang)
}

pub(super) fn late(run: &mut Run) -> Outcome {
    spoiled(run, "late", Network::Delay(Duration::from_secs(2)))
}

fn spoiled(run: &mut Run, name: &str, network: Network) -> Outcome {
    let mut flow = run.flow(name, |_| ());
    let program = flow.program();
    for node in (0..run.repetitions).flat_map(|_| 0..NODES) {
        flow.aim(100);
        let hits = run.cluster.spoil(node, network, run.seconds(5, 20));
        if hits == 0 {
            flow.faults.push(format!("nothing went to broker {}", node + 1));
        }
        flow.hits += hits;
    }
    flow.finish(run, vec![program])
}
