//! `stampmill run`: the pipelines, until a signal or a fault.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use stampmill_engine::Running;
use stampmill_engine::settings::{PipelineSettings, RunOptions};

use crate::commands::exit;
use crate::config::{Settings, Sources};
use crate::logging::{self, Logging};
use crate::service::{Listening, Reloader, Service};
use crate::signals::{Hangup, Signals};
use crate::traces::Exporter;

const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Of the configuration, where it is watched. Files are read and compared, for what mounts them may swap a whole folder.
const BETWEEN_READINGS: Duration = Duration::from_secs(5);

/// What a stop may take beyond the longest `drain_timeout_ms`: to end transactions, close clients and leave groups.
const BEYOND_THE_DRAIN: Duration = Duration::from_secs(30);

/// `settings` are what `sources` hold; a reload reads them again.
pub(crate) fn run(mut settings: Settings, sources: Sources, options: RunOptions) -> ExitCode {
    let log = logging::init(logging::DEFAULT, settings.log_format);
    #[cfg(feature = "failpoints")]
    let _faults = fail::FailScenario::setup();

    let exporter = match settings.traces.take().map(Exporter::start).transpose() {
        Ok(exporter) => exporter,
        Err(error) => return failed(&error.into()),
    };
    for pipeline in &mut settings.pipelines {
        (pipeline.run, pipeline.tracer) = (options, exporter.as_ref().map(|(tracer, _)| tracer.clone()));
    }
    let names: Vec<String> = settings.pipelines.iter().map(name_and_guarantee).collect();
    log::info!("stampmill {} starts {}", env!("CARGO_PKG_VERSION"), names.join(", "));
    // The arbiters of the pipelines belong to this system, and must be gone before it.
    let system = actix_rt::System::new();
    let ended = system.block_on(until_ended(settings, sources, log));
    drop(system);
    if let Some((_, exporter)) = exporter {
        exporter.finish();
    }
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    log::error!("stampmill ends: {error:#}");
    exit::FAILURE.into()
}

fn name_and_guarantee(pipeline: &PipelineSettings) -> String {
    format!("`{}`: {}", pipeline.name, pipeline.delivery)
}

async fn until_ended(settings: Settings, sources: Sources, log: Logging) -> anyhow::Result<()> {
    let (signals, hangup, started) = (Signals::listen()?, Hangup::listen()?, SystemTime::now());
    let drains = settings.pipelines.iter().map(|pipeline| pipeline.pace.drain_timeout);
    let patience = drains.max().unwrap_or_default() + BEYOND_THE_DRAIN;
    // An address that is not to be had ends the start before any group is joined.
    let listening = Listening::bind(&settings.listeners)?;
    let running = stampmill_engine::start(settings.pipelines, &log.output)?;
    let reloader = Reloader::new(sources, settings.effective, running.steers());
    let service = Arc::new(Service { reloader, filter: log.filter, secrets: settings.secrets, started });
    let serving = listening.serve(&service)?;
    if settings.watch {
        watch(&service);
    }
    let mut looks = actix_rt::time::interval(BETWEEN_LOOKS);
    let mut stopping = None::<Instant>;
    while !running.all_finished() {
        looks.tick().await;
        if let Some(signal) = signals.beyond_the_first() {
            log::warn!("a second signal: what is in flight is not waited for, and comes again at the next start");
            std::process::exit(128 + signal);
        }
        if hangup.take() {
            reload(&service);
        }
        match stopping {
            None if signals.first().is_some() || running.finished() => {
                stopping = Some(Instant::now());
                stop(&running, signals.first());
            }
            Some(since) if since.elapsed() >= patience => {
                log::error!("not stopped within {} s: what is in flight comes again", patience.as_secs());
                std::process::exit(exit::FAILURE.into());
            }
            _ => {}
        }
    }
    // To the last, whoever asks is told how it goes.
    serving.stop().await;
    Ok(running.wait()?)
}

/// Whoever sent the signal looks for the outcome in the log.
fn reload(service: &Arc<Service>) {
    let service = Arc::clone(service);
    drop(actix_rt::task::spawn_blocking(move || service.reloader.reload().map(drop)));
}

/// For as long as the system runs.
fn watch(service: &Arc<Service>) {
    let service = Arc::clone(service);
    actix_rt::spawn(async move {
        loop {
            actix_rt::time::sleep(BETWEEN_READINGS).await;
            let service = Arc::clone(&service);
            // What came of it is in the log, and a panic, too.
            let _ = actix_rt::task::spawn_blocking(move || service.reloader.reload_if_changed()).await;
        }
    });
}

fn stop(running: &Running, signal: Option<i32>) {
    match signal {
        Some(_) => {
            log::info!("stopping: no more is read, what is in flight is finished; a second signal forces the end")
        }
        None => log::warn!("a pipeline has ended: stopping the others"),
    }
    running.stop();
}
