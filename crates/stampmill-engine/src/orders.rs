//! What an operator tells a pipeline to do, on its way to the control thread.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::kafka::PartitionId;
use crate::messages::Reload;

/// A partition of one of the pipeline's topics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub topic: String,
    pub partition: i32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Read no more, of this partition or of all, those included that come later. What is in flight is finished.
    Pause(Option<Place>),
    /// Read on. A partition that has halted tries the record again that it has halted at.
    Resume(Option<Place>),
    /// Pause all, and answer when everything that was read is settled and committed.
    Drain,
    /// Go on reading elsewhere.
    Seek { place: Place, to: Position },
    /// Leave out the one record at which the partition stands.
    Skip { place: Place, offset: i64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    Beginning,
    End,
    Offset(i64),
    /// The first record of that time or later, in milliseconds since 1970; the end where there is none.
    Time(i64),
}

/// What the control thread is given to do.
#[derive(Clone)]
pub(crate) enum Task {
    Order(Order),
    Reload(Reload),
}

/// Why an order was not carried out. Nothing was changed then, unless it says so.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum OrderError {
    #[error("the pipeline does not run: it waits for its brokers or its group, or has ended; see its health")]
    NotRunning,
    #[error("all partitions of the pipeline are paused: resume it, or none of them")]
    AllPaused,
    #[error("{0} is not read by this instance; the partitions that are stand in its status")]
    NotAssigned(Place),
    #[error("{place} holds offsets {low} to {high}, and {offset} is not among them")]
    OutOfRange { place: Place, offset: i64, low: i64, high: i64 },
    #[error(
        "{place} stands at offset {stands}, not at {offset}: only the record that it stands at can be left out, once it is paused or has halted"
    )]
    NotThere { place: Place, offset: i64, stands: i64 },
    #[error("what is in flight was not settled within {} s; the pipeline stays paused", .0.as_secs())]
    NotDrained(Duration),
    #[error("the brokers did not answer: {0}; try again")]
    Kafka(String),
}

/// What an operator wants of a pipeline. It outlives the control thread's beginnings.
#[derive(Default)]
pub(crate) struct Orders {
    waiting: Mutex<VecDeque<Given>>,
    paused: Mutex<Paused>,
}

#[derive(Clone, Debug, Default)]
struct Paused {
    all: bool,
    some: BTreeSet<PartitionId>,
}

pub(crate) struct Given {
    pub(crate) task: Task,
    /// Nobody waits for the answer after that: it must not be carried out when nobody expects it any more. A reload never
    /// lapses, for it is said to be in force.
    due: Option<Instant>,
    answer: Sender<Result<(), OrderError>>,
}

// === impl Place ===

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.topic, self.partition)
    }
}

impl Place {
    pub(crate) fn id(&self) -> PartitionId {
        PartitionId::new(&self.topic, self.partition)
    }
}

// === impl Order ===

impl fmt::Display for Order {
    /// For people, as in `seek in/0 to offset 5`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pause(None) => write!(out, "pause all"),
            Self::Pause(Some(place)) => write!(out, "pause {place}"),
            Self::Resume(None) => write!(out, "resume all"),
            Self::Resume(Some(place)) => write!(out, "resume {place}"),
            Self::Drain => write!(out, "drain all"),
            Self::Seek { place, to } => write!(out, "seek {place} to {to}"),
            Self::Skip { place, offset } => write!(out, "skip {place} offset {offset}"),
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Beginning => write!(out, "its beginning"),
            Self::End => write!(out, "its end"),
            Self::Offset(offset) => write!(out, "offset {offset}"),
            Self::Time(millis) => write!(out, "{millis} ms since 1970"),
        }
    }
}

// === impl Orders ===

impl Orders {
    pub(crate) fn new(paused: bool) -> Self {
        Self { paused: Mutex::new(Paused { all: paused, ..Paused::default() }), ..Self::default() }
    }

    pub(crate) fn give(&self, task: Task, due: Option<Instant>) -> Receiver<Result<(), OrderError>> {
        let (answer, answers) = channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push_back(Given { task, due, answer });
        answers
    }

    pub(crate) fn take(&self) -> Option<Given> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        waiting.retain(|given| given.due.is_none_or(|due| due > now));
        waiting.pop_front()
    }

    fn paused(&self) -> MutexGuard<'_, Paused> {
        self.paused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_all_paused(&self) -> bool {
        self.paused().all
    }

    pub(crate) fn is_paused(&self, partition: &PartitionId) -> bool {
        let paused = self.paused();
        paused.all || paused.some.contains(partition)
    }

    /// `None` for all, those included that come later.
    pub(crate) fn pause(&self, partition: Option<PartitionId>) {
        match partition {
            None => self.paused().all = true,
            Some(partition) => _ = self.paused().some.insert(partition),
        }
    }

    /// `None` for all, those included that were paused one by one.
    pub(crate) fn resume(&self, partition: Option<&PartitionId>) {
        match partition {
            None => *self.paused() = Paused::default(),
            Some(partition) => _ = self.paused().some.remove(partition),
        }
    }
}

// === impl Given ===

impl Given {
    pub(crate) fn answer(self, done: Result<(), OrderError>) {
        // Who asked may have gone meanwhile; what was done stands in the log.
        let _ = self.answer.send(done);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_waits_for_any_more_is_not_carried_out() {
        let (orders, now) = (Orders::default(), Instant::now());
        let _late = orders.give(Task::Order(Order::Drain), Some(now));
        let _kept = orders.give(Task::Order(Order::Pause(None)), None);
        let _waits = orders.give(Task::Order(Order::Resume(None)), Some(now + Duration::from_secs(600)));
        let taken: Vec<_> = std::iter::from_fn(|| orders.take()).collect();
        let taken: Vec<_> = taken.iter().map(|given| &given.task).collect();
        assert!(
            matches!(taken[..], [Task::Order(Order::Pause(None)), Task::Order(Order::Resume(None))]),
            "{} were taken",
            taken.len()
        );
    }
}
