//! `stampmill bench`: what a pipeline costs on the machine, the cluster and the records that it is for.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use stampmill_engine::Running;
use stampmill_engine::kafka::scratch::Scratch;
use stampmill_engine::logging::LogOutput;
use stampmill_engine::settings::{PipelineSettings, Start, Then};

use crate::cli::Bench;
use crate::commands::choice::choose;
use crate::commands::exit;
use crate::process::Usage;
use crate::progress::Progress;
use crate::{config, logging};

/// What was done until a moment, and what that had cost.
#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Instant,
    records: u64,
    bytes: u64,
    usage: Usage,
}

/// Nothing is measured before records have come out for so long: clients connect, and caches fill.
const WARM_UP: Duration = Duration::from_secs(3);
/// A group takes its time to join, and a busy machine its own.
const START: Duration = Duration::from_secs(60);
/// A source from which nothing has come for so long has nothing more.
const IDLE: Duration = Duration::from_secs(3);
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

pub(crate) fn run(arguments: Bench) -> ExitCode {
    let settings = match config::load(arguments.configuration.clone().sources()) {
        Ok(settings) => settings,
        Err(errors) => return report(&errors, exit::USAGE),
    };
    let pipeline = match choose(&settings, arguments.pipeline.as_deref()) {
        Ok(pipeline) => pipeline.clone(),
        Err(error) => return report(&error, exit::USAGE),
    };
    let log = logging::init("warn", settings.log_format).output;
    match bench(pipeline, Duration::from_secs(arguments.seconds), &log) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(&format!("the benchmark has failed: {error:#}"), exit::FAILURE),
    }
}

fn report(error: &dyn std::fmt::Display, code: u8) -> ExitCode {
    eprintln!("{error}");
    code.into()
}

fn bench(pipeline: PipelineSettings, long: Duration, log: &LogOutput) -> anyhow::Result<()> {
    let name = format!("{}-bench-{}", pipeline.name, std::process::id());
    let scratch = Scratch::like(&pipeline.producer, &pipeline.sinks[0].topic, &name)?;
    println!("`{}` reads {} and writes to `{name}`", pipeline.name, pipeline.source.topics.join(", "));
    let measured = actix_rt::System::new().block_on(measure(apart(pipeline, &name), long, log));
    if let Err(left) = scratch.delete() {
        eprintln!("left behind: {left}");
    }
    let (first, last) = measured?;
    print(first, last);
    Ok(())
}

/// The same pipeline with a group and a topic of its own.
fn apart(mut pipeline: PipelineSettings, name: &str) -> PipelineSettings {
    pipeline.source.group = name.to_owned();
    pipeline.source.start = Start::Earliest;
    pipeline.source.properties.remove("group.instance.id");
    pipeline.sinks.iter_mut().for_each(|sink| sink.topic = name.to_owned());
    pipeline.on_failure.then = Then::Skip;
    pipeline
}

/// The first sample and the last.
async fn measure(pipeline: PipelineSettings, long: Duration, log: &LogOutput) -> anyhow::Result<(Sample, Sample)> {
    let running = stampmill_engine::start(vec![pipeline], log)?;
    let measured = watch(&running, long).await;
    running.stop();
    while !running.all_finished() {
        actix_rt::time::sleep(BETWEEN_LOOKS).await;
    }
    let ended = running.wait();
    let samples = measured?;
    ended?;
    Ok(samples)
}

async fn watch(running: &Running, long: Duration) -> anyhow::Result<(Sample, Sample)> {
    let mut looks = actix_rt::time::interval(BETWEEN_LOOKS);
    let mut progress = Progress::of_seconds("measured", long);
    let (mut began, mut first) = (None::<Sample>, None::<Sample>);
    let mut last = Sample::of(running)?;
    let mut previous = last;
    loop {
        looks.tick().await;
        if running.finished() {
            bail!("the pipeline has ended");
        }
        let now = Sample::of(running)?;
        if now.records > last.records {
            // From the look before: all may come out between two of them.
            began.get_or_insert(previous);
            last = now;
        }
        previous = now;
        match (began, first) {
            (_, Some(first)) => {
                progress.tell(first.at.elapsed().as_secs(), format!("{:.0} records/s", first.rate(now)));
            }
            (Some(_), None) => progress.tell(0, "warming up".to_owned()),
            (None, None) => progress.tell(0, "no record yet".to_owned()),
        }
        let warm = began.is_some_and(|began| began.at.elapsed() >= WARM_UP);
        if warm && first.is_none() {
            first = Some(now);
        }
        let patience = if began.is_some() { IDLE } else { START };
        if first.is_some_and(|first| first.at.elapsed() >= long) || last.at.elapsed() >= patience {
            break;
        }
    }
    // A topic that is read before it is warm is measured from its first record on.
    let first = first.filter(|first| first.records < last.records).or(began);
    let first = first.filter(|first| first.records < last.records).context("no record has come out")?;
    Ok((first, last))
}

fn print(first: Sample, last: Sample) {
    let (seconds, records) = ((last.at - first.at).as_secs_f64(), (last.records - first.records) as f64);
    let each = |first: f64, last: f64| (last - first) / records;
    println!("  records                  {records:>14.0} in {seconds:.1} s");
    println!("  records/s                {:>14.0}", first.rate(last));
    println!("  MB/s                     {:>14.1}", (last.bytes - first.bytes) as f64 / seconds / 1e6);
    println!("  CPU a record             {:>14.3} us", each(first.usage.cpu_micros, last.usage.cpu_micros));
    println!(
        "  context switches         {:>14.4} a record",
        each(first.usage.switches as f64, last.usage.switches as f64)
    );
    println!("  memory at most           {:>14.0} MB", last.usage.peak_bytes as f64 / 1e6);
}

// === impl Sample ===

impl Sample {
    fn of(running: &Running) -> anyhow::Result<Self> {
        let seen = running.observe();
        let sum = |of: fn(&stampmill_engine::Observation) -> u64| seen.iter().map(of).sum();
        let usage = Usage::now().context("/proc cannot be read")?;
        Ok(Self { at: Instant::now(), records: sum(|seen| seen.records_out), bytes: sum(|seen| seen.bytes_in), usage })
    }
    /// Records a second, from this one to a later one.
    fn rate(self, later: Self) -> f64 {
        (later.records - self.records) as f64 / (later.at - self.at).as_secs_f64()
    }
}
