//! The actors of a pipeline, their topology and supervision.
//!
//! ```text
//!             control thread (owns the consumer: rebalances, commits, errors; no record passes through it)
//!               │ assign / drain / commit                                              librdkafka producer
//!   broker ──▶ ConsumerActor(p) ──Render──▶ TransformActor(k) ──Rendered──▶ ProducerActor ──▶ broker
//!                │ own partition queue       log, envelope                   │ puts the batches of a
//!                │ offset tracker                                            │ partition back in order
//!   broker ◀─────┴─ watermark ◀───────── Settled(epoch, number, fate) ◀──────┘ delivery reports
//! ```
//!
//! Read [`messages`] first, then [`topology`], then [`consumer`], [`transform`] and [`producer`].

#![deny(unsafe_code)] // but for `kafka/ffi.rs`, which holds every raw call of librdkafka

mod ack;
mod ambient;
mod consumer;
mod control;
mod credits;
pub mod kafka;
pub mod logging;
mod messages;
mod observe;
mod outputs;
mod producer;
pub mod settings;
mod supervise;
mod topology;
mod transform;

pub use self::ambient::AMBIENT;
use std::sync::Arc;
use std::thread::JoinHandle;

use self::control::Stop;
pub use self::control::{PipelineError, StartError};
use self::logging::{LogOutput, LogRoutes};
use self::observe::Counters;
pub use self::observe::Observation;
use self::settings::PipelineSettings;
use self::topology::Arbiters;

/// Pipelines that run, each on its own threads and with its own connections.
pub struct Running {
    pipelines: Vec<Pipeline>,
}

struct Pipeline {
    name: String,
    stop: Stop,
    counters: Arc<Counters>,
    thread: JoinHandle<Result<(), PipelineError>>,
}

/// Starts the pipelines, whose log steps write to `log`. An actix `System` must be current on the calling thread, and
/// outlive them.
pub fn start(settings: Vec<PipelineSettings>, log: &LogOutput) -> std::io::Result<Running> {
    let pipelines = settings.into_iter().map(|settings| start_pipeline(settings, log)).collect::<Result<_, _>>()?;
    Ok(Running { pipelines })
}

fn start_pipeline(settings: PipelineSettings, log: &LogOutput) -> std::io::Result<Pipeline> {
    let (name, stop, counters) = (settings.name.clone(), Stop::default(), Arc::new(Counters::default()));
    let log = Arc::new(LogRoutes::open(&name, &settings.transforms, log.clone())?);
    let arbiters = Arbiters::start(&settings);
    let thread = {
        let (stop, counters) = (stop.clone(), Arc::clone(&counters));
        let control = move || control::run(Arc::new(settings), arbiters, counters, &log, stop);
        std::thread::Builder::new().name(format!("control {name}")).spawn(control)?
    };
    Ok(Pipeline { name, stop, counters, thread })
}

// === impl Running ===

impl Running {
    /// Asks every pipeline to drain, commit and leave its group. Returns at once.
    pub fn stop(&self) {
        self.pipelines.iter().for_each(|pipeline| pipeline.stop.request());
    }

    /// Whether any pipeline has ended, by being told to or by a fault.
    pub fn finished(&self) -> bool {
        self.pipelines.iter().any(|pipeline| pipeline.thread.is_finished())
    }

    /// Whether every pipeline has ended: [`Running::wait`] returns at once then.
    pub fn all_finished(&self) -> bool {
        self.pipelines.iter().all(|pipeline| pipeline.thread.is_finished())
    }

    /// Waits for every pipeline to end, and returns the first fault.
    pub fn wait(self) -> Result<(), PipelineError> {
        let mut first_fault = Ok(());
        for Pipeline { name, thread, .. } in self.pipelines {
            let ended = thread.join().unwrap_or(Err(PipelineError::Panicked));
            if let Err(fault) = &ended {
                log::error!("pipeline `{name}` has failed: {fault}");
            }
            first_fault = first_fault.and(ended);
        }
        first_fault
    }

    pub fn observe(&self) -> Vec<Observation> {
        self.pipelines.iter().map(|pipeline| pipeline.counters.observe(&pipeline.name)).collect()
    }
}
