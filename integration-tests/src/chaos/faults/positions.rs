//! Partitions, topics, records and offsets that come and go under the group.

use crate::chaos::flow::Flow;
use crate::chaos::outcome::Outcome;
use crate::chaos::run::{PARTITIONS, Run};
use crate::chaos::stream::Stream;
use crate::eventually::eventually;
use crate::program::Program;
use crate::verdict::record;

/// With `start: latest`, what comes before anyone has noticed the new partitions is read all the same.
pub(super) fn partitions_added(run: &mut Run) -> Outcome {
    let wide = 2 * PARTITIONS;
    let mut flow = run.flow("added", |scenario| scenario.pipeline.start = "latest");
    let program = first_read(&mut flow);
    flow.hit(100);
    flow.scenario.client.add_partitions(&flow.scenario.output, wide as usize);
    flow.scenario.client.add_partitions(&flow.scenario.input, wide as usize);
    flow.stream().widen(wide);
    eventually("records in all partitions", || (flow.stream().acknowledged().len() == wide as usize).then_some(()));
    flow.hit(100);
    flow.finish(run, vec![program])
}

/// Starts a program that reads from the end, while nothing comes: what was there before is not for it.
fn first_read(flow: &mut Flow) -> Program {
    let before = flow.stream().pause();
    let program = flow.program();
    before.iter().for_each(|(partition, count)| flow.excuse(*partition, &(0..*count)));
    flow.stream().resume();
    program
}

/// Retention takes what is committed: nobody misses it.
pub(super) fn deleted_below(run: &mut Run) -> Outcome {
    let mut flow = run.flow("below", |scenario| scenario.pipeline.source.push_str("\non_offset_gap: earliest"));
    let mut program = flow.program();
    for _ in 0..run.repetitions {
        flow.hit(600);
        let (client, input) = (flow.scenario.client.clone(), flow.scenario.input.clone());
        for (partition, committed) in client.committed(&flow.scenario.group, &input) {
            client.delete_records(&input, partition, committed.unwrap_or(0));
        }
        program.kill();
        flow.audit();
        program = flow.program();
    }
    flow.finish(run, vec![program])
}

/// Records go that were never read: with `on_offset_gap: earliest` exactly they are missing.
pub(super) fn deleted_beyond(run: &mut Run) -> Outcome {
    let mut flow = run.flow("beyond", |scenario| scenario.pipeline.source.push_str("\non_offset_gap: earliest"));
    let mut program = flow.program();
    for _ in 0..run.repetitions {
        flow.hit(600);
        let code = program.terminate();
        let (client, input) = (flow.scenario.client.clone(), flow.scenario.input.clone());
        let (stopped, committed) = (flow.stream().acknowledged(), client.committed(&flow.scenario.group, &input));
        flow.watch.catch_up();
        eventually("more records in each partition", || {
            let more = flow.stream().acknowledged();
            stopped.iter().all(|(partition, count)| more[partition] > count + 200).then_some(())
        });
        for (partition, committed) in committed {
            let (from, to) = (committed.unwrap_or(0) as u64, stopped[&partition] + 100);
            client.delete_records(&input, partition, to as i64);
            flow.excuse(partition, &(from..to));
        }
        flow.notes.push(format!("stopped with {code}"));
        program = flow.program();
    }
    flow.finish(run, vec![program])
}

/// Without its offsets the group meets the topic for the first time: `start: latest` begins at the end.
pub(super) fn group_deleted(run: &mut Run) -> Outcome {
    let mut flow = run.flow("forgotten", |scenario| scenario.pipeline.start = "latest");
    let mut program = first_read(&mut flow);
    for _ in 0..run.repetitions {
        flow.hit(300);
        let code = program.terminate();
        flow.notes.push(format!("stopped with {code}"));
        flow.watch.catch_up();
        flow.audit();
        flow.scenario.client.delete_group(&flow.scenario.group);
        program = first_read(&mut flow);
    }
    flow.finish(run, vec![program])
}

/// On partitions in which nothing was committed but the start.
pub(super) fn killed_before_first_commit(run: &mut Run) -> Outcome {
    let mut flow = run.flow("first", |scenario| {
        scenario.pipeline.start = "latest";
        scenario.pipeline.more.push_str("\ncommit_interval_ms: 600000");
    });
    let mut program = first_read(&mut flow);
    for _ in 0..run.repetitions {
        flow.hit(100);
        program.kill();
        flow.audit();
        program = flow.program();
    }
    flow.finish(run, vec![program])
}

/// A second topic of the pattern is made under load, and holds records before anyone has noticed.
pub(super) fn topic_comes(run: &mut Run) -> Outcome {
    let mut flow = run.flow("pattern", |scenario| scenario.pipeline.start = "latest");
    let (client, first) = (flow.scenario.client.clone(), flow.scenario.input.clone());
    flow.scenario.input = format!("^{first}.*");
    let program = first_read(&mut flow);
    flow.hit(100);
    let second = format!("{first}-2");
    client.create_topic(&second, PARTITIONS, &[]);
    flow.streams.push(Stream::start(&client, &second, PARTITIONS, PARTITIONS, record));
    flow.hit(100);
    flow.finish(run, vec![program])
}
