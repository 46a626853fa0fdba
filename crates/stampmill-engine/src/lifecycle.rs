//! A pipeline from its first beginning to its end: it begins anew after a failure, as often as its budget allows.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use crate::control::{Ended, Mill, PipelineError};
use crate::health::Health;
use crate::observe::Counters;
use crate::supervise::{Backoff, Budget, Limit, message};

const SHORTEST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// For what passes in time.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// A pipeline that has run for so long has recovered: its next pause is short again.
const RECOVERED: Duration = Duration::from_secs(60);
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Runs the pipeline on the current thread until it is stopped or has failed for good.
pub(crate) fn run(mill: &Mill) -> Result<(), PipelineError> {
    let settings = mill.latest().settings;
    let supervision = settings.supervision;
    let limit = Limit { restarts: supervision.pipeline_restarts, window: supervision.pipeline_window };
    let (mut budget, mut backoff, mut recovered) = (Budget::new(limit), Backoff::new(SHORTEST_PAUSE, LONGEST_PAUSE), 0);
    let tell = |health| mill.counters.health.set(&settings.name, health);
    loop {
        let began = Instant::now();
        let ended = catch_unwind(AssertUnwindSafe(|| mill.run_once()))
            .unwrap_or_else(|panic| Err(PipelineError::Panicked(message(&*panic).to_owned())));
        let error = match ended {
            Ok(Ended::Stopped) => {
                tell(Health::Stopped);
                return Ok(());
            }
            // No failure: nothing of the budget, and no pause.
            Ok(Ended::OtherCertificates) => {
                log::info!(
                    "{}: it has drained and committed, and begins anew with new clients, for its certificates or keys have changed",
                    settings.name
                );
                tell(Health::Starting);
                continue;
            }
            Err(error) => error,
        };
        recovered += u64::from(began.elapsed() >= RECOVERED);
        let goes_on = error.may_pass() && !mill.stop.is_requested();
        let error = match goes_on && !error.passes_in_time() && !budget.spend(Instant::now()) {
            true => {
                PipelineError::RestartsUsedUp { last: Box::new(error), restarts: limit.restarts, window: limit.window }
            }
            false => error,
        };
        if !goes_on || matches!(error, PipelineError::RestartsUsedUp { .. }) {
            tell(Health::Failed { cause: error.to_string() });
            return Err(error);
        }
        tell(Health::Restarting { cause: error.to_string() });
        Counters::add(&mill.counters.pipeline_restarts, 1);
        let longest = if error.passes_in_time() { LONGEST_WAIT } else { LONGEST_PAUSE };
        let (pause, failed) = (backoff.next(recovered).min(longest), Instant::now());
        while failed.elapsed() < pause && !mill.stop.is_requested() {
            std::thread::sleep(BETWEEN_LOOKS);
        }
    }
}
