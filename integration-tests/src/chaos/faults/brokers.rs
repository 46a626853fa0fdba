//! Brokers go and come back.

use crate::chaos::outcome::Outcome;
use crate::chaos::run::Run;

/// Each in turn: the leader of the first partition moves on with every kill.
pub(super) fn leader_killed(run: &mut Run) -> Outcome {
    let mut flow = run.flow("leader", |_| ());
    let program = flow.program();
    let topics = [flow.scenario.input.clone(), flow.scenario.output.clone()];
    for _ in 0..run.repetitions {
        let leader = run.cluster.client.leader(&topics[1], 0);
        flow.hit(100);
        let node = usize::try_from(leader - 1).expect("nodes count from 1");
        run.cluster.brokers[node].kill();
        // Not before another has taken its place, or nothing had been at stake.
        crate::eventually::eventually("another leader", || {
            (run.cluster.client.leader(&topics[1], 0) != leader).then_some(())
        });
        run.cluster.revive(node, &[&topics[0], &topics[1]]);
    }
    flow.finish(run, vec![program])
}

pub(super) fn all_gone(run: &mut Run) -> Outcome {
    let mut flow = run.flow("all-gone", |_| ());
    let program = flow.program();
    for _ in 0..run.repetitions {
        flow.hit(100);
        run.cluster.brokers.iter_mut().for_each(crate::broker::Broker::kill);
        std::thread::park_timeout(run.seconds(5, 30));
        run.cluster.brokers.iter_mut().for_each(|broker| broker.run().expect("the broker starts again"));
        run.cluster.mend().expect("the brokers are back");
    }
    flow.finish(run, vec![program])
}
