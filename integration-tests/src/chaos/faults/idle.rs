//! Nothing comes for longer than every timeout, and then something does.

use std::sync::Arc;

use crate::chaos::cluster::Cluster;
use crate::chaos::outcome::Outcome;
use crate::chaos::run::Run;

/// On brokers of its own, which close connections that are idle for 5 s.
pub(super) fn idle(run: &mut Run) -> Outcome {
    let mut cluster = Cluster::start(&run.cluster.version, "connections.max.idle.ms=5000").expect("a cluster");
    let mut run = Run { cluster: &mut cluster, folder: None, so_far: Arc::clone(&run.so_far), ..*run };
    let mut flow = run.flow("idle", |scenario| {
        scenario.pipeline.source =
            "properties: { session.timeout.ms: 3000, heartbeat.interval.ms: 500, max.poll.interval.ms: 6000 }".into();
        scenario.pipeline.more.push_str("\ndrain_timeout_ms: 3000");
    });
    let program = flow.program();
    for _ in 0..run.repetitions {
        flow.hit(100);
        flow.stream().pause();
        std::thread::park_timeout(run.seconds(15, 60));
        flow.stream().resume();
    }
    flow.hit(100);
    flow.finish(&run, vec![program])
}
