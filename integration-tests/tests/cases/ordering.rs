//! What stays in order under `ordering: key | none`.

use std::collections::{BTreeMap, BTreeSet};

use integration_tests::client::TestRecord;
use integration_tests::eventually::eventually;
use integration_tests::program::{Build, Program};
use integration_tests::scenario::setup;

use crate::kafka::Kafka;

const KEYS: u32 = 17;
const RECORDS: u32 = 20_000;

fn records() -> impl Iterator<Item = TestRecord> {
    (0..RECORDS).map(|number| {
        let key = (number % (KEYS + 1) < KEYS).then(|| format!("key-{}", number % (KEYS + 1)).into_bytes());
        TestRecord { key, ..TestRecord::value((number % 2) as i32, number.to_string()) }
    })
}

fn number(record: &TestRecord) -> u32 {
    let text = record.text();
    text["{\"data\": ".len()..text.len() - 1].parse().expect("a number")
}

/// By key, under panics in every worker: complete, and each key of a partition in order, by first appearance.
pub(crate) fn each_key_stays_in_order(kafka: &Kafka) {
    for (ordering, faults) in
        [("key", ""), ("key", "transform::before=0.05%panic;producer::before=1%panic"), ("none", "")]
    {
        let mut scenario = setup("keys", &kafka.client);
        kafka.client.create_topic(&scenario.input, 2, &[]);
        kafka.client.create_topic(&scenario.output, 3, &[]);
        scenario.build = Build::Failpoints;
        scenario.pipeline.sink = "partition: key".into();
        scenario.pipeline.more = format!("ordering: {ordering}\nbatch_records: 100\nactors: {{ transforms: 4 }}");
        kafka.client.produce(&scenario.input, records());
        let mut command = scenario.command();
        command.env("FAILPOINTS", faults);
        let program = Program::start(command, scenario.folder.join("program.log")).await_ready();
        kafka.client.await_committed(&scenario.group, &scenario.input);
        let read = kafka.client.read_to_end(&scenario.output);
        let mut seen = BTreeSet::new();
        let mut highest: BTreeMap<(Option<Vec<u8>>, u32), u32> = BTreeMap::new();
        for record in &read {
            let number = number(record);
            if !seen.insert(number) || ordering == "none" || record.key.is_none() {
                continue;
            }
            let last = highest.insert((record.key.clone(), number % 2), number);
            assert!(last.is_none_or(|last| last < number), "{number} came after {last:?}");
        }
        assert_eq!(seen.len(), RECORDS as usize, "{ordering}, {faults}: nothing is lost");
        println!("{ordering}, `{faults}`: {} came twice", read.len() - seen.len());
        if faults.is_empty() {
            assert_eq!(read.len(), seen.len());
        } else {
            assert!(program.log().contains("panicked (`"), "the faults hit nothing");
        }
        assert_eq!(program.terminate(), 0);
    }
}

/// One record holds its lane up, the others go on and are committed above the watermark: after a crash they do not come
/// again.
pub(crate) fn a_crash_replays_little(kafka: &Kafka) {
    let mut scenario = setup("replays", &kafka.client);
    kafka.client.create_topic(&scenario.input, 1, &[]);
    kafka.client.create_topic(&scenario.output, 1, &[]);
    scenario.build = Build::Failpoints;
    scenario.pipeline.source = "properties: { session.timeout.ms: 6000 }".into();
    scenario.pipeline.more =
        "ordering: key\nbatch_records: 10\nwindow: 1000\nactors: { transforms: 4 }\ncommit_interval_ms: 100".into();
    let records = (0..2_000).map(|number: u32| {
        let mut record = TestRecord::value(0, number.to_string());
        record.key = Some(format!("key-{}", number % 40).into_bytes());
        if number == 5 {
            record.headers.push(("stampmill-test-panic".into(), None));
        }
        record
    });
    kafka.client.produce(&scenario.input, records);
    let mut command = scenario.command();
    command.env("FAILPOINTS", "transform::marked=pause");
    let program = Program::start(command, scenario.folder.join("held.log")).await_ready();
    // Three lanes of four come to their ends; what the note of a commit holds is bounded.
    let delivered = eventually("most to be delivered", || {
        let read = kafka.client.read_to_end(&scenario.output).len();
        (read > 1_000).then_some(read)
    });
    eventually("a commit that tells of them", || {
        let note = kafka.client.commit_note(&scenario.group, &scenario.input, 0);
        (note.matches('+').count() > 50).then_some(())
    });
    program.kill();
    scenario.build = Build::Plain;
    let program = scenario.start("again").await_ready();
    kafka.client.await_committed(&scenario.group, &scenario.input);
    let read = kafka.client.read_to_end(&scenario.output);
    let seen: BTreeSet<u32> = read.iter().map(number).collect();
    assert_eq!(seen.len(), 2_000, "nothing is lost");
    let twice = read.len() - seen.len();
    println!("{delivered} were delivered above the watermark, and {twice} came twice");
    assert!(twice < delivered / 4, "{twice} of {delivered}");
    assert_eq!(program.terminate(), 0);
}
