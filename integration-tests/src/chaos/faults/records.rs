//! Records that cannot be processed among many that can, and a dead-letter topic that takes none.

use std::collections::{BTreeMap, BTreeSet};

use crate::chaos::cluster::NODES;
use crate::chaos::flow::Flow;
use crate::chaos::outcome::Outcome;
use crate::chaos::run::{PARTITIONS, Run};
use crate::client::TestRecord;
use crate::eventually::eventually;
use crate::judge::Odd;
use crate::verdict::record;

const fn is_poison(number: u64) -> bool {
    number % 1000 == 999
}

fn with_poison(partition: i32, number: u64) -> TestRecord {
    if !is_poison(number) {
        return record(partition, number);
    }
    TestRecord::value(partition, format!("{{ \"p\": {partition}, \"n\": {number}, broken"))
}

pub(super) fn poison(run: &mut Run) -> Outcome {
    let mut flow = run.odd_flow("poison", (is_poison, with_poison), |_| ());
    let program = flow.program();
    for _ in 0..run.repetitions {
        flow.aim(1000);
    }
    flow.finish_with(run, vec![program], |flow| count_dead_letters(flow, is_poison))
}

/// The dead-letter topic asks for all three replicas, the others for two: while a broker is down it refuses what they take.
pub(super) fn dead_letters_refuse(run: &mut Run) -> Outcome {
    let mut flow = run.odd_flow("refused", (is_poison, with_poison), |_| ());
    let Flow { scenario, .. } = &flow;
    let (client, dead_letters) = (scenario.client.clone(), scenario.dead_letters.clone());
    let topics = [scenario.input.clone(), scenario.output.clone(), dead_letters.clone()];
    client.create_topic(&dead_letters, PARTITIONS, &[("min.insync.replicas", "3")]);
    let mut program = flow.program();
    for node in (0..NODES).cycle().take(run.repetitions as usize) {
        flow.aim(1000);
        run.cluster.brokers[node].kill();
        client.await_in_sync(&dead_letters, NODES - 1);
        let (refused_from, letters) = (flow.stream().acknowledged(), client.known_ends(&dead_letters));
        eventually("poison in each partition", || {
            let sent = flow.stream().acknowledged();
            refused_from.iter().all(|(partition, from)| sent[partition] > from + 1000).then_some(())
        });
        let more = client.known_ends(&dead_letters);
        if letters.iter().any(|(partition, end)| more.get(partition).is_some_and(|now| now > end)) {
            flow.faults.push("the dead-letter topic has refused nothing".into());
        }
        run.cluster.revive(node, &topics.each_ref().map(String::as_str));
    }
    if !program.is_running() {
        flow.faults.push("it ended while dead letters were refused".into());
    }
    flow.finish_with(run, vec![program], |flow| count_dead_letters(flow, is_poison))
}

const fn is_burst(number: u64) -> bool {
    number % 4000 >= 3700
}

fn with_burst(partition: i32, number: u64) -> TestRecord {
    if !is_burst(number) {
        return record(partition, number);
    }
    TestRecord::value(partition, format!("{{ \"p\": {partition}, \"n\": {number}, broken"))
}

/// So many in a row that the breaker holds the partition back, and lets it go on when the burst has passed.
pub(super) fn burst(run: &mut Run) -> Outcome {
    let mut flow = run.odd_flow("burst", (is_burst, with_burst), |scenario| {
        scenario.pipeline.on_failure = ", breaker: { max_run: 100, pause_ms: 200, probe_records: 50 }".into();
    });
    let program = flow.program();
    for _ in 0..run.repetitions {
        flow.aim(4000);
    }
    let log = program.log_file();
    flow.finish_with(run, vec![program], |flow| {
        // Only now have all been read that may trip it.
        let told = std::fs::read_to_string(&log).unwrap_or_default();
        let trips = told.matches(" pauses at offset ").count();
        flow.notes.push(format!("{trips} pauses were told"));
        if trips == 0 {
            flow.faults.push("the breaker has not tripped".into());
        }
        count_dead_letters(flow, is_burst);
    })
}

/// Each record that was poison is a dead letter, and no other is.
fn count_dead_letters(flow: &mut Flow, is_poison: Odd) {
    let Flow { scenario, .. } = &*flow;
    let sent = scenario.client.ends(&scenario.input);
    let poison: BTreeSet<(i32, i64)> = sent
        .iter()
        .flat_map(|(partition, (_, end))| (0..*end).map(move |offset| (*partition, offset)))
        .filter(|(_, offset)| is_poison(*offset as u64))
        .collect();
    let mut dead: BTreeMap<(i32, i64), u64> = BTreeMap::new();
    for letter in scenario.client.read_to_end(&scenario.dead_letters) {
        let number = |name| letter.header(name).and_then(|text| text.parse::<i64>().ok()).unwrap_or(-1);
        *dead.entry((number("stampmill-partition") as i32, number("stampmill-offset"))).or_default() += 1;
    }
    let missing = poison.iter().filter(|poison| !dead.contains_key(poison)).count();
    let others = dead.keys().filter(|letter| !poison.contains(letter)).count();
    flow.hits += poison.len() as u64;
    if missing + others > 0 {
        flow.faults.push(format!("{missing} dead letters are missing, and {others} are of good records"));
    }
    let twice: u64 = dead.values().map(|count| count - 1).sum();
    flow.notes.push(format!("{} dead letters, {twice} of them again", poison.len()));
}
