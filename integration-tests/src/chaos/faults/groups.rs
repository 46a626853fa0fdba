//! Members of the group come and go, by each protocol.

use std::collections::VecDeque;

use crate::chaos::outcome::Outcome;
use crate::chaos::run::Run;

pub(super) fn range(run: &mut Run) -> Outcome {
    come_and_go(run, "session.timeout.ms: 6000, partition.assignment.strategy: range")
}

pub(super) fn cooperative(run: &mut Run) -> Outcome {
    come_and_go(run, "session.timeout.ms: 6000, partition.assignment.strategy: cooperative-sticky")
}

/// How long it waits for a member that is gone, the broker says.
pub(super) fn new_protocol(run: &mut Run) -> Outcome {
    come_and_go(run, "group.protocol: consumer")
}

/// One joins and the oldest leaves, by turns; it leaves by turns as one that is stopped and one that is killed.
fn come_and_go(run: &mut Run, protocol: &str) -> Outcome {
    let source = format!("properties: {{ {protocol} }}");
    let mut flow = run.flow("members", |scenario| scenario.pipeline.source = source);
    let mut members = VecDeque::from([flow.program()]);
    for repetition in 0..run.repetitions {
        flow.hit(50);
        if members.len() < 2 {
            members.push_back(flow.program());
            continue;
        }
        let oldest = members.pop_front().expect("there are two");
        if repetition % 4 == 1 {
            let code = oldest.terminate();
            if code != 0 {
                flow.faults.push(format!("a member that was stopped ended with {code}"));
            }
        } else {
            oldest.kill();
        }
        flow.audit();
    }
    flow.finish(run, members.into())
}
