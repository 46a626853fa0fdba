//! Panics at one place in the program, at random and again and again.

use crate::chaos::failpoints::{Failpoint, PANICS};
use crate::chaos::outcome::Outcome;
use crate::chaos::run::Run;
use crate::eventually::eventually;
use crate::program::Build;

/// Panics at one place until so many more have been counted, once for each repetition.
const EACH: u64 = 5;

/// Each place panics every time, until the budgets are used up and the process ends; another program mends it.
pub(super) fn storm(run: &mut Run) -> Outcome {
    let mut flow = run.flow("storm", |scenario| {
        scenario.build = Build::Failpoints;
        let budget = "supervision: { actor_restarts: 6, pipeline_restarts: 1 }";
        scenario.pipeline.more.push_str(&format!("\ncommit_interval_ms: 100\n{budget}"));
    });
    let mut program = flow.program();
    for _ in 0..run.repetitions {
        for point in PANICS {
            flow.aim(50);
            program.kill();
            flow.audit();
            let faulty = flow.start(&format!("{}=panic", point.name));
            let log = faulty.log_file();
            let code = faulty.exit_code();
            if code != 1 {
                flow.faults.push(format!("a storm at {} ended with {code}", point.name));
            }
            let hits = point.hits(&std::fs::read_to_string(log).unwrap_or_default());
            if hits == 0 {
                flow.faults.push(format!("no panic at {} was told", point.name));
            }
            flow.hits += hits;
            program = flow.program();
        }
    }
    flow.finish(run, vec![program])
}

/// A worker never comes back from a record, so another takes its place.
pub(super) fn hang(run: &mut Run) -> Outcome {
    let mut flow = run.flow("hang", |scenario| {
        scenario.build = Build::Failpoints;
        scenario.pipeline.more.push_str("\nsupervision: { frozen_after_ms: 1000 }");
    });
    let mut program = flow.program_with("transform::before=3000*off->1*delay(3600000)->off");
    for repetition in 1..=run.repetitions {
        flow.aim(100);
        program.await_line("another takes its place");
        flow.hits += 1;
        if repetition < run.repetitions {
            let code = program.terminate();
            if code != 0 {
                flow.faults.push(format!("after a worker had hung it ended with {code}"));
            }
            flow.audit();
            program = flow.program_with("transform::before=3000*off->1*delay(3600000)->off");
        }
    }
    flow.finish(run, vec![program])
}

pub(super) fn at(run: &mut Run, name: &str) -> Outcome {
    let point = Failpoint::named(name);
    let keys = run.delivery.keys(100);
    let mut flow = run.flow("panics", |scenario| {
        scenario.build = Build::Failpoints;
        // Small batches and many commits, so that there is much to panic on.
        scenario.pipeline.more = format!("{keys}\nbatch_records: 50\ncommit_interval_ms: 100");
    });
    let mut programs = vec![flow.program_with(&point.setting())];
    for repetition in 1..=u64::from(run.repetitions) {
        flow.aim(50);
        eventually("panics", || {
            let program = programs.last_mut().expect("there is one");
            if !program.is_running() {
                // A panic that ends the process is to be answered from outside.
                programs.push(flow.program_with(&point.setting()));
            }
            let hits: u64 = programs.iter().map(|program| point.hits(&program.log())).sum();
            (hits >= EACH * repetition).then_some(())
        });
    }
    // What is left is done without panics: they could use the budget up at the very end.
    programs.clear();
    let running = flow.program();
    let log = flow.scenario.folder.clone();
    flow.finish_with(run, vec![running], |flow| {
        let logs = std::fs::read_dir(log).expect("the folder of the logs").flatten();
        let logs = logs.filter_map(|entry| std::fs::read_to_string(entry.path()).ok());
        flow.hits += logs.map(|log| point.hits(&log)).sum::<u64>();
        let dead = flow.scenario.client.read_to_end(&flow.scenario.dead_letters).len();
        if dead > 0 {
            flow.faults.push(format!("{dead} records that were good became dead letters"));
        }
    })
}
