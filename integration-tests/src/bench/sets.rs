//! What is compared with what.

use anyhow::{Context, Result};

use crate::bench::bare::Sends;
use crate::bench::compare::Comparison;
use crate::bench::load::Load;
use crate::bench::peers::Peer;
use crate::bench::subject::{ENVELOPE, Subject};

/// Partitions of a comparison that is about something else.
const PARTITIONS: i32 = 8;
const BYTES: usize = 500;

fn stampmill() -> Subject {
    Subject::program("Stampmill", |_| ())
}

fn comparison(name: &str, load: Load, subjects: Vec<Subject>) -> Comparison {
    Comparison { name: name.into(), load, subjects }
}

/// What the README tells.
pub fn targets() -> Vec<Comparison> {
    let logging = Subject::program("Stampmill, each record logged", |pipeline| {
        pipeline.transforms = format!("- log: '{{{{payload}}}}'\n{ENVELOPE}");
    });
    let exactly_once = Subject::program("Stampmill, exactly once", |pipeline| {
        pipeline.more = "delivery: exactly_once\ntransaction_interval_ms: 100".into();
    });
    let subjects = vec![Subject::floor(), Subject::in_batches(), stampmill(), logging, exactly_once];
    let mut all = vec![comparison("500 bytes", Load::new(PARTITIONS, BYTES), subjects)];
    all.extend(partitions());
    all
}

pub fn partitions() -> Vec<Comparison> {
    let one = |partitions| {
        let name = format!("{partitions} partitions");
        comparison(&name, Load::new(partitions, BYTES), vec![Subject::floor(), stampmill()])
    };
    [1, 8, 64, 256].map(one).into()
}

/// Everything that can be set, one at a time.
pub fn matrix() -> Vec<Comparison> {
    [sizes(), pools(), templates(), logs(), compressions(), guarantees()].into_iter().flatten().collect()
}

fn sizes() -> Vec<Comparison> {
    let one = |bytes| {
        comparison(&format!("{bytes} bytes"), Load::new(PARTITIONS, bytes), vec![Subject::floor(), stampmill()])
    };
    [100, 1_000, 10_000, 100_000].map(one).into()
}

fn pools() -> Vec<Comparison> {
    let one = |count| {
        let more = format!("actors: {{ transforms: {count} }}");
        Subject::program(&format!("{count} TransformActors"), |pipeline| pipeline.more = more)
    };
    let subjects = [Subject::floor()].into_iter().chain([1, 2, 4].map(one)).collect();
    vec![comparison("pool", Load::new(PARTITIONS, BYTES), subjects)]
}

fn templates() -> Vec<Comparison> {
    let one = |(name, template): (&str, &str)| {
        let transforms = format!("- envelope: '{template}'");
        Subject::program(name, |pipeline| pipeline.transforms = transforms)
    };
    let fields = r#"{"id": {{payload.id}}, "type": {{payload.type}}, "account": {{payload.accountId}}, "amount": {{payload.amount}}, "country": {{payload.customer.country}}}"#;
    let each = r#"{"id": {{payload.id}}, "skus": [{{#each payload.items}}{{#unless @first}},{{/unless}}{{this.sku}}{{/each}}]}"#;
    let templates =
        [("the whole payload", r#"{"data": {{payload}}}"#), ("five fields", fields), ("each of the items", each)];
    let subjects = [Subject::floor()].into_iter().chain(templates.map(one)).collect();
    vec![comparison("templates", Load::new(PARTITIONS, BYTES), subjects)]
}

fn logs() -> Vec<Comparison> {
    let one = |(name, log): (&str, &str)| {
        let transforms = format!("{log}{ENVELOPE}");
        Subject::program(name, |pipeline| pipeline.transforms = transforms)
    };
    let logs = [
        ("log off", ""),
        ("one in a hundred logged", "- log: { message: '{{payload}}', sample: 100 }\n"),
        ("each logged", "- log: '{{payload}}'\n"),
    ];
    let subjects = [Subject::floor()].into_iter().chain(logs.map(one)).collect();
    vec![comparison("log", Load::new(PARTITIONS, BYTES), subjects)]
}

fn compressions() -> Vec<Comparison> {
    let one = |compression: &'static str| {
        let sink = format!("partition: source\nproperties: {{ compression.type: {compression} }}");
        let ours = Subject::program("Stampmill", |pipeline| pipeline.sink = sink);
        let bare = Subject::Bare { name: "librdkafka", sends: Sends::OneByOne, compression };
        comparison(compression, Load::new(PARTITIONS, BYTES), vec![bare, ours])
    };
    ["none", "lz4", "zstd"].map(one).into()
}

fn guarantees() -> Vec<Comparison> {
    let one = |(name, more): (&str, &str)| Subject::program(name, |pipeline| pipeline.more = more.into());
    let guarantees = [
        ("at least once", "delivery: at_least_once"),
        ("exactly once", "delivery: exactly_once\ntransaction_interval_ms: 100"),
        ("ordering: key", "ordering: key\nunordered_output: true"),
        ("ordering: none", "ordering: none"),
    ];
    let subjects = [Subject::floor()].into_iter().chain(guarantees.map(one)).collect();
    vec![comparison("delivery and ordering", Load::new(PARTITIONS, BYTES), subjects)]
}

/// Where connections are encrypted. The broker is slow at that: only the CPU of a record tells anything.
pub fn tls() -> Vec<Comparison> {
    let load = Load { records: 200_000, ..Load::new(PARTITIONS, BYTES) };
    vec![comparison("TLS", load, vec![Subject::floor(), stampmill()])]
}

/// A backlog of 5 GB in 64 partitions: how much memory is used of what is allowed.
pub fn memory() -> Vec<Comparison> {
    let one = |budget: &str| Subject::program_set(&format!("memory: {budget}"), &[&format!("memory={budget}")]);
    let load = Load { records: 500_000, ..Load::new(64, 10_000) };
    vec![comparison("memory", load, ["128MiB", "256MiB", "512MiB"].map(one).into())]
}

/// What it costs to be watched.
pub fn watched() -> Vec<Comparison> {
    vec![comparison("watched", Load::new(PARTITIONS, BYTES), vec![stampmill(), Subject::watched("Stampmill, watched")])]
}

/// Executables that differ in what they were built with, as `NAME=PATH` with commas between.
pub fn builds(list: &str) -> Result<Vec<Comparison>> {
    let one = |entry: &str| {
        let (name, path) = entry.split_once('=').with_context(|| format!("expected NAME=PATH, found `{entry}`"))?;
        Ok(Subject::built(name, &std::fs::canonicalize(path).with_context(|| path.to_owned())?))
    };
    let subjects = || list.split(',').map(one).collect::<Result<Vec<_>>>();
    let large = Load { records: 60_000, ..Load::new(64, 10_000) };
    let loads = [("500 bytes", Load::new(PARTITIONS, BYTES)), ("10 KB in 64 partitions", large)];
    loads.into_iter().map(|(name, load)| Ok(comparison(name, load, subjects()?))).collect()
}

/// How long records may wait for others.
pub fn profiles() -> Vec<Comparison> {
    let one = |profile: &str| {
        let more = format!("profile: {profile}");
        Subject::program(profile, |pipeline| pipeline.more = more)
    };
    let subjects = [Subject::floor()].into_iter().chain(["latency", "balanced", "throughput"].map(one)).collect();
    vec![comparison("profile", Load::new(PARTITIONS, BYTES), subjects)]
}

/// Of each value that a payload has.
const SCHEMA: &str = r#"- validate:
    schema:
      type: object
      required: [id, type, accountId, amount, customer, items, memo]
      properties:
        id: { type: string, pattern: "^TXN[0-9]+$" }
        type: { enum: [deposit, fee, interest, transfer, withdraw] }
        accountId: { type: string, minLength: 6 }
        amount: { type: number, exclusiveMinimum: 0, multipleOf: 0.01 }
        customer:
          type: object
          required: [name, country, verified]
          properties:
            name: { type: string }
            country: { type: string, maxLength: 2 }
            verified: { type: boolean }
        items:
          type: array
          items:
            type: object
            required: [sku, quantity, price]
            properties:
              sku: { type: string }
              quantity: { type: integer, minimum: 1 }
              price: { type: number, minimum: 0 }
        memo: { type: string }
"#;

/// What steps cost beside the envelope alone, and what a part of a split costs beside a record of its own.
pub fn transforms() -> Vec<Comparison> {
    let with = |name: &str, steps: &str| {
        let transforms = format!("{steps}{ENVELOPE}");
        Subject::program(name, |pipeline| pipeline.transforms = transforms)
    };
    let case =
        |kind: &str| format!("    - when: payload.type == \"{kind}\"\n      transforms: [ {} ]\n", &ENVELOPE[2..]);
    let cases: String = ["deposit", "fee", "interest", "transfer", "withdraw"].map(case).concat();
    let switch = Subject::program("a switch of five", |pipeline| pipeline.transforms = format!("- switch:\n{cases}"));
    let steps = vec![
        stampmill(),
        with("a filter on one field", "- filter: payload.amount > 1000\n"),
        switch,
        with("a mask of one field", "- mask: [payload.accountId]\n"),
        with(
            "a variable and a header set",
            "- set: { vars: { of: '{{payload.accountId}}' }, headers: { of: '{{vars.of}}' } }\n",
        ),
        with("dedupe by one field", "- dedupe: payload.id\n"),
        with("a schema for all fields", SCHEMA),
    ];
    // An item is about as long as the shortest payload.
    let split = Subject::program("an item of a split", |pipeline| {
        pipeline.transforms = format!("- split: payload.items\n{ENVELOPE}");
    });
    vec![
        comparison("steps", Load::new(PARTITIONS, BYTES), steps),
        comparison("records of their own", Load::new(PARTITIONS, 100), vec![stampmill()]),
        comparison("split of 100", Load::new(PARTITIONS, 4_600).split(), vec![split]),
    ]
}

/// The tutorial's job by all of them.
pub fn peers(peers: Vec<Peer>) -> Vec<Comparison> {
    let load = Load { records: 300_000, ..Load::new(PARTITIONS, BYTES) };
    let subjects = [Subject::floor(), stampmill()].into_iter().chain(peers.into_iter().map(Subject::Peer)).collect();
    vec![comparison("peers", load, subjects)]
}
