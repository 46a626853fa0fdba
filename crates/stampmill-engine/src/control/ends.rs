//! Asks now and then where partitions end. A fetch tells it too, but a partition that is paused, held or full is not fetched,
//! and its lag must not stand still because of that.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::Offset;

use crate::kafka::PartitionId;
use crate::kafka::consumer::GroupConsumer;
use crate::kafka::offsets::offsets_at;

/// A thread of its own, for the question waits for its answer. Ends when dropped.
pub(super) struct Ends {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    stopped: Condvar,
}

#[derive(Default)]
struct State {
    is_stopped: bool,
    assigned: Vec<PartitionId>,
    ends: HashMap<PartitionId, i64>,
}

const BETWEEN_QUESTIONS: Duration = Duration::from_secs(5);
/// What a stop waits for at the most, where brokers do not answer.
const ANSWER: Duration = Duration::from_secs(1);

// === impl Ends ===

impl Ends {
    /// The consumer must be dropped where it is polled: so this has to be dropped before it.
    pub(super) fn start(pipeline: &str, consumer: Weak<GroupConsumer>) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let asks = Arc::clone(&shared);
        let name = format!("ends {pipeline}");
        let thread = std::thread::Builder::new().name(name).spawn(move || asks.run(&consumer))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    pub(super) fn assign<'a>(&self, partitions: impl Iterator<Item = &'a PartitionId>) {
        let mut state = self.shared.lock();
        state.assigned = partitions.cloned().collect();
        state.ends.clear();
    }

    /// As it was when it was asked last.
    pub(super) fn of(&self, partition: &PartitionId) -> Option<i64> {
        self.shared.lock().ends.get(partition).copied()
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        self.shared.lock().is_stopped = true;
        self.shared.stopped.notify_all();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            log::error!("the thread that asks where partitions end had panicked");
        }
    }
}

// === impl Shared ===

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, consumer: &Weak<GroupConsumer>) {
        loop {
            let going_on = |state: &mut State| !state.is_stopped;
            let waited = self.stopped.wait_timeout_while(self.lock(), BETWEEN_QUESTIONS, going_on);
            let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            if state.is_stopped {
                return;
            }
            let assigned = state.assigned.clone();
            drop(state);
            let Some(consumer) = consumer.upgrade() else { return };
            let found = ask(&consumer, &assigned);
            drop(consumer);
            let mut state = self.lock();
            // Of an assignment that is over meanwhile nothing is kept.
            if state.assigned == assigned {
                state.ends.extend(found);
            }
        }
    }
}

/// Those that are known: a broker that does not answer is asked again, and said to be away elsewhere.
fn ask(consumer: &GroupConsumer, partitions: &[PartitionId]) -> Vec<(PartitionId, i64)> {
    match offsets_at(consumer, partitions, Offset::End, ANSWER) {
        Ok(found) => {
            let ends = partitions.iter().zip(found);
            ends.filter_map(|(partition, end)| Some((partition.clone(), end.ok()??))).collect()
        }
        Err(error) => {
            log::debug!("where partitions end is not known: {error}");
            Vec::new()
        }
    }
}
