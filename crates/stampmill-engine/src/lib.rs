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

#![deny(unsafe_code)] // but for `kafka/ffi/`, which holds every raw call of librdkafka

mod access;
mod ack;
mod ambient;
mod arbiters;
mod consumer;
mod control;
pub mod credentials;
mod credits;
pub mod dead_letters;
mod health;
mod instance;
pub mod kafka;
mod lifecycle;
pub mod logging;
mod messages;
mod observe;
pub mod offline;
mod ordered;
mod orders;
mod outputs;
mod pool;
mod producer;
mod rendering;
pub mod settings;
pub mod status;
mod steering;
mod supervise;
pub mod tables;
mod topology;
pub mod traces;
mod transform;

pub use self::ambient::AMBIENT;
pub use self::health::{Health, Trouble};
pub use self::supervise::ExitReason;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use actix::System;

pub use self::control::{DeadLetterTopic, PipelineError, Preflight, StartError, TableSeen, preflight};
use self::control::{Mill, Stop};
use self::logging::{LogOutput, LogRoutes};
use self::messages::Reload;
use self::observe::Counters;
pub use self::observe::timings::Timings;
pub use self::observe::{FailureKind, Observation};
use self::orders::Orders;
pub use self::orders::{Order, OrderError, Place, Position};
use self::settings::PipelineSettings;
pub use self::steering::{ReloadError, Steer};
use self::tables::Feeds;

/// Pipelines that run, each on its own threads and with its own connections.
pub struct Running {
    pipelines: Vec<Pipeline>,
    _tables: Feeds,
}

struct Pipeline {
    stop: Stop,
    steer: Steer,
    thread: JoinHandle<Result<(), PipelineError>>,
}

/// Starts the pipelines, whose log steps write to `log`. An actix `System` must be current on the calling thread, and
/// outlive them.
pub fn start(settings: Vec<PipelineSettings>, log: &LogOutput) -> std::io::Result<Running> {
    let tables = tables::keep(settings.iter().flat_map(|settings| settings.tables.iter()))?;
    let pipelines = settings.into_iter().map(|settings| start_pipeline(settings, log)).collect::<Result<_, _>>()?;
    Ok(Running { pipelines, _tables: tables })
}

fn start_pipeline(settings: PipelineSettings, log: &LogOutput) -> std::io::Result<Pipeline> {
    let (name, stop, counters) = (settings.name.clone(), Stop::default(), Arc::new(Counters::default()));
    let log = Arc::new(LogRoutes::open(&name, &settings.transforms, log.clone())?);
    let (transactional_id, orders) = (instance::transactional_id(&settings), Arc::new(Orders::new(settings.suspended)));
    let steps = Arc::new(Mutex::new(Reload { settings: Arc::new(settings), log }));
    let steer = Steer { steps: Arc::clone(&steps), counters: Arc::clone(&counters), orders: Arc::clone(&orders) };
    let mill = Mill { steps, counters, stop: stop.clone(), orders, transactional_id };
    let system = System::current();
    let control = move || {
        // The actors' threads are started by this one, and belong to the caller's system.
        System::set_current(system);
        lifecycle::run(&mill)
    };
    let thread = std::thread::Builder::new().name(format!("control {name}")).spawn(control)?;
    Ok(Pipeline { stop, steer, thread })
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
        for Pipeline { steer, thread, .. } in self.pipelines {
            let ended = thread.join().unwrap_or_else(|_| Err(PipelineError::Panicked(steer.name())));
            first_fault = first_fault.and(ended);
        }
        first_fault
    }

    /// The health of each pipeline, by its name.
    pub fn health(&self) -> Vec<(String, Health)> {
        self.pipelines.iter().map(|pipeline| (pipeline.steer.name(), pipeline.steer.health())).collect()
    }

    pub fn observe(&self) -> Vec<Observation> {
        self.pipelines.iter().map(|pipeline| pipeline.steer.observe()).collect()
    }

    /// To look at the pipelines and to tell them things from any thread, also when they have ended.
    pub fn steers(&self) -> Vec<Steer> {
        self.pipelines.iter().map(|pipeline| pipeline.steer.clone()).collect()
    }
}
