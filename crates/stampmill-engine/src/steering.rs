//! One pipeline as whoever watches and steers it sees it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use stampmill_core::transform::Transforms;

use crate::health::Health;
use crate::messages::Reload;
use crate::observe::timings::Timings;
use crate::observe::{Counters, Observation};
use crate::orders::{Order, OrderError, Orders, Task};
use crate::settings::PipelineSettings;
use crate::status::PipelineStatus;
use crate::tables::{self, TableStatus};

/// Clones are for the same pipeline.
#[derive(Clone)]
pub struct Steer {
    pub(crate) steps: Arc<Mutex<Reload>>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) orders: Arc<Orders>,
}

/// Beyond what a drain may take, for the brokers to answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// Of new steps, by a control thread that runs.
const TAKEN_WITHIN: Duration = Duration::from_secs(1);

/// Why other steps did not take the place of those that run.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    #[error("the log of the new steps cannot be opened: {0}")]
    Log(std::io::Error),
    #[error("the table `{table}` is not read to its end: {reason}")]
    TableUnread { table: String, reason: String },
}

// === impl Steer ===

impl Steer {
    /// Those that it runs by, the steps of the last reload included.
    pub fn settings(&self) -> Arc<PipelineSettings> {
        Arc::clone(&self.steps.lock().unwrap_or_else(PoisonError::into_inner).settings)
    }

    pub fn name(&self) -> String {
        self.settings().name.clone()
    }

    pub fn health(&self) -> Health {
        self.counters.health.get()
    }

    pub fn observe(&self) -> Observation {
        self.counters.observe(&self.settings().name)
    }

    pub fn timings(&self) -> &Timings {
        &self.counters.timings
    }

    pub fn status(&self) -> PipelineStatus {
        let (settings, (partitions, memory)) = (self.settings(), self.counters.board.get());
        let counts = self.observe();
        PipelineStatus {
            name: settings.name.clone(),
            health: self.health(),
            delivery: settings.delivery,
            paused: self.orders.is_all_paused(),
            generation: counts.reloads + 1,
            counts,
            partitions,
            actors: self.counters.roster.list(),
            failures: self.counters.failures.latest(),
            memory,
        }
    }

    /// The tables that its steps read, and those that are kept from topics, for whichever pipeline.
    pub fn tables(&self) -> Vec<TableStatus> {
        let settings = self.settings();
        let kept = settings.tables.iter().map(|table| table.status());
        let is_kept = |name: &str| settings.tables.iter().any(|table| table.name() == name);
        let read = settings.transforms.tables().filter(|table| !is_kept(table.name()));
        kept.chain(read.map(|table| TableStatus::of_file(table))).collect()
    }

    /// Blocks until the order is carried out, for as long as a drain and the brokers may take.
    ///
    /// # Errors
    /// It is not carried out.
    pub fn give(&self, order: Order) -> Result<(), OrderError> {
        let patience = self.settings().pace.drain_timeout + PATIENCE;
        let answers = self.orders.give(Task::Order(order), Some(Instant::now() + patience));
        // Late, or dropped with what has ended.
        answers.recv_timeout(patience).unwrap_or(Err(OrderError::NotRunning))
    }

    /// Other steps take the place of those that run, from the next batch on; batches that are in hand go by the old ones.
    /// Blocks until the pipeline has taken them, for a second where it does not run.
    ///
    /// # Errors
    /// What the new steps need is not to be had: the old ones go on.
    pub fn reload(&self, transforms: Arc<Transforms>) -> Result<(), ReloadError> {
        // Locked until they are given, so that of two reloads the later one is given later.
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        // A record must not be looked up in half a table, and nobody waits for one while records come.
        if let Some(unread) = tables::read_by(&steps.settings.tables, &transforms).find(|table| !table.is_ready()) {
            return Err(ReloadError::TableUnread { table: unread.name().to_owned(), reason: unread.waits_for() });
        }
        let log = Arc::new(steps.log.renew(&transforms).map_err(ReloadError::Log)?);
        let settings = Arc::new(PipelineSettings { transforms, ..(*steps.settings).clone() });
        // A pipeline that begins anew takes them from here.
        *steps = Reload { settings, log };
        let taken = self.orders.give(Task::Reload(steps.clone()), None);
        // Whoever looks at the pipeline locks it, too, and need not wait.
        drop(steps);
        // Where no control thread takes it now, it does so later, or begins with it.
        let _ = taken.recv_timeout(TAKEN_WITHIN);
        Counters::add(&self.counters.reloads, 1);
        Ok(())
    }
}

impl fmt::Debug for Steer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Steer").field("pipeline", &self.name()).finish_non_exhaustive()
    }
}
