//! The program itself is killed or stopped under load, and started again.

use crate::chaos::failpoints::COMMIT_UNSETTLED;
use crate::chaos::outcome::Outcome;
use crate::chaos::run::Run;
use crate::program::Build;

/// Some progress before each hit, never the same: so that it falls at another moment between two commits.
pub(super) fn progress(repetition: u32) -> u64 {
    1 + u64::from(repetition) * 97 % 700
}

pub(super) fn killed(run: &mut Run) -> Outcome {
    let mut flow = run.flow("killed", |_| ());
    let mut program = flow.program();
    for repetition in 0..run.repetitions {
        flow.hit(progress(repetition));
        program.kill();
        flow.audit();
        program = flow.program();
    }
    flow.finish(run, vec![program])
}

pub(super) fn stopped(run: &mut Run) -> Outcome {
    let mut flow = run.flow("stopped", |_| ());
    let mut program = flow.program();
    for repetition in 0..run.repetitions {
        flow.hit(progress(repetition));
        let code = program.terminate();
        if code != 0 {
            flow.faults.push(format!("stopped, it ended with {code}"));
        }
        flow.audit();
        program = flow.program();
    }
    flow.finish(run, vec![program])
}

/// Checks the checker.
pub(super) fn commits_too_early(run: &mut Run) -> Outcome {
    let mut flow = run.flow("early", |scenario| {
        scenario.build = Build::Failpoints;
        // Longer than from one commit to the next, so that commits fall while records are on their way.
        scenario.pipeline.sink = "partition: source\nproperties: { linger.ms: 5000 }".into();
    });
    let unsettled = format!("{COMMIT_UNSETTLED}=return");
    let mut program = flow.program_with(&unsettled);
    for repetition in 0..run.repetitions {
        flow.hit(progress(repetition));
        flow.await_early();
        program.kill();
        flow.audit();
        program = flow.program_with(&unsettled);
    }
    flow.finish(run, vec![program])
}
