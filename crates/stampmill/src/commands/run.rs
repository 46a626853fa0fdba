//! `stampmill run`: the pipelines, until a signal or a fault.

use std::process::ExitCode;
use std::time::Duration;

use stampmill_engine::Running;
use stampmill_engine::logging::LogOutput;

use crate::commands::exit;
use crate::config::Settings;
use crate::logging;
use crate::signals::Signals;

const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

pub(crate) fn run(settings: Settings) -> ExitCode {
    let log = logging::init(logging::DEFAULT, settings.log_format);
    #[cfg(feature = "failpoints")]
    let _faults = fail::FailScenario::setup();

    let names: Vec<String> = settings.pipelines.iter().map(|pipeline| format!("`{}`", pipeline.name)).collect();
    log::info!("stampmill {} starts {}: at least once", env!("CARGO_PKG_VERSION"), names.join(", "));
    // The arbiters of the pipelines belong to this system, and must be gone before it.
    let system = actix_rt::System::new();
    let ended = system.block_on(until_ended(settings, &log));
    drop(system);
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error!("stampmill ends: {error:#}");
            exit::FAILURE.into()
        }
    }
}

async fn until_ended(settings: Settings, log: &LogOutput) -> anyhow::Result<()> {
    let signals = Signals::listen()?;
    let running = stampmill_engine::start(settings.pipelines, log)?;
    let mut looks = actix_rt::time::interval(BETWEEN_LOOKS);
    let mut stopping = false;
    while !running.all_finished() {
        looks.tick().await;
        if let Some(signal) = signals.beyond_the_first() {
            log::warn!("a second signal: what is in flight is not waited for, and comes again at the next start");
            std::process::exit(128 + signal);
        }
        if !stopping && (signals.first().is_some() || running.finished()) {
            stopping = true;
            stop(&running, signals.first());
        }
    }
    Ok(running.wait()?)
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
