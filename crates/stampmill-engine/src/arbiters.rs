//! The threads that the actors of a pipeline run on.

use std::sync::mpsc::channel;
use std::time::Duration;

use actix::Arbiter;

use crate::settings::PipelineSettings;

/// One for each TransformActor and ProducerActor, for actix lets an
/// actor with a full mailbox starve its neighbours; a few for all ConsumerActors, which do little.
pub(crate) struct Arbiters {
    pub(crate) consumers: Vec<Arbiter>,
    pub(crate) transforms: Vec<Arbiter>,
    pub(crate) producers: Vec<Arbiter>,
    /// Those whose actors hang.
    pub(crate) left_behind: Vec<Arbiter>,
}

const MOST_CONSUMER_ARBITERS: usize = 4;
/// For threads to end that do not hang.
const END_PATIENCE: Duration = Duration::from_secs(10);

// === impl Arbiters ===

impl Arbiters {
    /// To be called where an actix `System` is current.
    pub(crate) fn start(settings: &PipelineSettings) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let start = |count: usize| (0..count).map(|_| Arbiter::new()).collect();
        Self {
            consumers: start((cores / 2).clamp(1, MOST_CONSUMER_ARBITERS)),
            transforms: start(settings.actors.transforms),
            producers: start(settings.actors.producers),
            left_behind: Vec::new(),
        }
    }

    /// Waits for all of them but those that hang, which nothing can end but the process.
    pub(crate) fn stop(self) {
        let mut running = Vec::new();
        for arbiter in self.consumers.into_iter().chain(self.transforms).chain(self.producers) {
            arbiter.stop();
            running.push(arbiter);
        }
        // They end by themselves, should they ever come back to work.
        for arbiter in &self.left_behind {
            arbiter.stop();
        }
        let (ended, all_ended) = channel();
        let joined = std::thread::Builder::new().name("ends".into()).spawn(move || {
            for arbiter in running {
                if arbiter.join().is_err() {
                    log::error!("the thread of an actor had panicked");
                }
            }
            // Nobody waits any more only if it took too long.
            let _ = ended.send(());
        });
        if joined.is_err() || all_ended.recv_timeout(END_PATIENCE).is_err() {
            log::error!("the thread of an actor did not end in time, and is left behind");
        }
    }
}
