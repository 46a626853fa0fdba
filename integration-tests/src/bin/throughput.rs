//! `make bench`: what the program costs beside a bare loop over librdkafka, on the same broker, in turn.
//!
//! Both read the same records of 500 bytes from 6 partitions and write them to 6 others, idempotent, acknowledged by
//! all replicas, with offsets committed. The program also validates each payload and puts it into an envelope. A third
//! run logs each payload as well.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use integration_tests::broker::{self, Broker};
use integration_tests::client::{Client, TestRecord};
use integration_tests::jars;
use integration_tests::launcher::{launch, mortal};
use integration_tests::program::{self, Build};
use integration_tests::scenario::{Scenario, setup};
use rdkafka::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};

const PARTITIONS: i32 = 6;
const ROUNDS: usize = 3;

/// One run of one of them.
#[derive(Clone, Copy, Debug)]
struct Run {
    records_per_second: f64,
    /// User and system time of the whole process, its start included.
    cpu_micros_per_record: f64,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["bare", bootstrap, input, output, group, records] => {
            bare_loop(bootstrap, input, output, group, records.parse()?)
        }
        [] => compare(1_000_000, 500),
        [records, bytes] => {
            let bytes = bytes.parse().context("expected a number of bytes")?;
            compare(records.parse().context("expected a number of records")?, bytes)
        }
        _ => bail!("expected nothing, or numbers of records and of bytes in each"),
    }
}

fn compare(records: u64, bytes: usize) -> Result<()> {
    broker::sweep();
    let given = std::env::var("STAMPMILL_TEST_BROKERS").ok();
    let (bootstrap, _broker) = match given {
        Some(brokers) => (brokers, None),
        None => {
            let broker = Broker::start(jars::NEWEST)?;
            (broker.bootstrap.clone(), Some(broker))
        }
    };
    let client = Client::new(&bootstrap);
    let filled = setup("bench", &client);
    client.create_topic(&filled.input, PARTITIONS, &[]);
    client.produce(&filled.input, (0..records).map(|number| record(number, bytes)));

    println!("{records} records of {bytes} bytes, {PARTITIONS} partitions, {ROUNDS} rounds in turn");
    let (mut ours, mut bare, mut logging) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        bare.push(measure("bare loop", round, &filled, records, start_bare)?);
        ours.push(measure("stampmill", round, &filled, records, start_program)?);
        logging.push(measure("logging  ", round, &filled, records, start_logging)?);
    }
    let median = |runs: &[Run], of: fn(&Run) -> f64| {
        let mut values: Vec<f64> = runs.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let rate = |runs: &[Run]| median(runs, |run| run.records_per_second);
    let cpu = |runs: &[Run]| median(runs, |run| run.cpu_micros_per_record);
    println!("median     bare loop {:>9.0} records/s  {:.2} us CPU a record", rate(&bare), cpu(&bare));
    println!("median     stampmill {:>9.0} records/s  {:.2} us CPU a record", rate(&ours), cpu(&ours));
    println!("median     logging   {:>9.0} records/s  {:.2} us CPU a record", rate(&logging), cpu(&logging));
    println!("a line of the log to a file: {:.2} us CPU", cpu(&logging) - cpu(&ours));
    println!(
        "ratio      stampmill / bare loop: throughput {:.2}, CPU {:.2}",
        rate(&ours) / rate(&bare),
        cpu(&ours) / cpu(&bare)
    );
    program::remove_copies();
    Ok(())
}

fn record(number: u64, bytes: usize) -> TestRecord {
    let head = format!(
        "{{\"id\":\"TXN{number:09}\",\"type\":\"withdraw\",\"accountId\":\"ACC{:03}\",\"amount\":1500.00,\"memo\":\"",
        number % 500
    );
    let pad = "x".repeat(bytes.saturating_sub(head.len() + 2));
    let key = Some(format!("ACC{:03}", number % 500).into_bytes());
    TestRecord { key, ..TestRecord::value((number % PARTITIONS as u64) as i32, format!("{head}{pad}\"}}")) }
}

/// Runs one of them from the start of its process until the output holds everything.
fn measure(
    name: &str,
    round: usize,
    filled: &Scenario,
    records: u64,
    start: fn(&mut Scenario, u64) -> Result<Child>,
) -> Result<Run> {
    let mut scenario = setup("bench-run", &filled.client);
    scenario.client.create_topic(&scenario.output, PARTITIONS, &[]);
    scenario.input.clone_from(&filled.input);
    let started = Instant::now();
    let mut child = start(&mut scenario, records)?;
    let consumer = scenario.client.consumer("bench-watch");
    let deadline = started + Duration::from_secs(300);
    let mut first = None;
    loop {
        let mut delivered = 0;
        for partition in 0..PARTITIONS {
            delivered += consumer.fetch_watermarks(&scenario.output, partition, Duration::from_secs(5))?.1 as u64;
        }
        if delivered > 0 {
            first.get_or_insert((Instant::now(), delivered));
        }
        if delivered >= records {
            break;
        }
        if Instant::now() > deadline || child.try_wait()?.is_some() {
            bail!("{name} delivered {delivered} of {records} records");
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
    let (since, before) = first.context("nothing was delivered")?;
    let run = Run {
        records_per_second: (records - before) as f64 / since.elapsed().as_secs_f64(),
        cpu_micros_per_record: cpu_micros(child.id())? / records as f64,
    };
    child.kill()?;
    child.wait()?;
    println!(
        "round {round}    {name} {:>9.0} records/s  {:.2} us CPU a record",
        run.records_per_second, run.cpu_micros_per_record
    );
    Ok(run)
}

fn start_program(scenario: &mut Scenario, _: u64) -> Result<Child> {
    let mut command = program::command(Build::Plain);
    command.arg("run").arg("--config").arg(scenario.config());
    command.stdout(Stdio::null()).stderr(fs::File::create(scenario.folder.join("bench.log"))?);
    Ok(launch(command)?)
}

/// The same with each payload in a line of the log, which goes to a file.
fn start_logging(scenario: &mut Scenario, records: u64) -> Result<Child> {
    let transforms = &mut scenario.pipeline.transforms;
    *transforms = format!("- log: '{{{{payload}}}}'\n{transforms}");
    start_program(scenario, records)
}

fn start_bare(scenario: &mut Scenario, records: u64) -> Result<Child> {
    let mut command: Command = mortal(std::env::current_exe()?);
    command.args([
        "bare",
        &scenario.client.bootstrap,
        &scenario.input,
        &scenario.output,
        &scenario.group,
        &records.to_string(),
    ]);
    Ok(launch(command)?)
}

/// User and system time of a process so far, in ticks of 10 ms (`man 5 proc`).
fn cpu_micros(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = stat.rsplit_once(')').context("no stat")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
    Ok(ticks * 10_000.0)
}

#[derive(Default)]
struct Delivered(AtomicU64);

impl ClientContext for Delivered {}

impl ProducerContext for Delivered {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        assert!(result.is_ok(), "the bare loop lost a record");
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// As plain as it can be with the rdkafka crate: one thread, record by record.
fn bare_loop(bootstrap: &str, input: &str, output: &str, group: &str, records: u64) -> Result<()> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "true")
        .set("auto.offset.reset", "earliest")
        .set("isolation.level", "read_committed")
        .set("fetch.queue.backoff.ms", "10")
        .create()?;
    let producer: BaseProducer<Delivered> = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("linger.ms", "5")
        .set("queue.buffering.max.messages", "500000")
        .create_with_context(Delivered::default())?;
    consumer.subscribe(&[input])?;
    let mut committed = Instant::now();
    while producer.context().0.load(Ordering::Relaxed) < records {
        for _ in 0..500 {
            let Some(message) = consumer.poll(Duration::from_millis(1)) else { break };
            let message = message?;
            let mut out = BaseRecord::<[u8], [u8], ()>::to(output).partition(message.partition());
            out.key = message.key();
            out.payload = message.payload();
            out.timestamp = message.timestamp().to_millis();
            while let Err((_, again)) = producer.send(out) {
                producer.poll(Duration::from_millis(1));
                out = again;
            }
        }
        producer.poll(Duration::ZERO);
        if committed.elapsed() > Duration::from_secs(1) {
            committed = Instant::now();
            consumer.commit_consumer_state(CommitMode::Async)?;
        }
    }
    // The one that measures reads the CPU time before it ends this process.
    loop {
        std::thread::park();
    }
}
