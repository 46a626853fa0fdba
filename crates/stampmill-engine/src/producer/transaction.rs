//! The transaction that is open: what it holds, who may add to it, and which records it was refused for.
//!
//! Outputs, dead letters and offsets go together: an ack is used up only after the commit, and an abort drops all of
//! them, so that their ConsumerActors send everything again. What a record was refused for outlives the abort, or the
//! same record would abort every transaction that follows.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::error::RDKafkaErrorCode;
use stampmill_core::record::{BatchNumber, CommitOffset, Offset};

use super::deliveries::Delivered;
use super::outgoing::Refusal;
use crate::ack::Upstream;
use crate::kafka::PartitionId;
use crate::kafka::classify::{Disposition, classify};
use crate::messages::Work;

/// Shared by a ProducerActor, its delivery reports, the thread that commits, and the control thread.
pub(crate) struct Transaction {
    state: Mutex<State>,
    moved: Condvar,
    /// Unsettled batches that a partition may have. One that has all of them in a transaction gets no further before the
    /// commit, so that is not waited for then.
    window: u64,
}

#[derive(Default)]
struct State {
    phase: Phase,
    /// Grows with each abort.
    generation: u64,
    /// By lane.
    handed: BTreeMap<usize, Handed>,
    /// Lanes that have handed over some outputs of a record and not all: it ends with none of these.
    within: BTreeSet<usize>,
    first_handed: Option<Instant>,
    /// Outputs that librdkafka has not reported yet.
    unreported: usize,
    delivered: Vec<Delivered>,
    /// Acks of an aborted transaction, until the ProducerActor has let go of its lanes.
    aborted: Vec<Delivered>,
    /// Why it has to be aborted.
    fault: Option<String>,
    is_due: bool,
    /// The one record that this transaction is for.
    alone: Option<RecordId>,
    verdicts: HashMap<RecordId, Verdict>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    Open,
    #[default]
    Closed,
}

/// How far a lane has got within the transaction.
pub(crate) struct Handed {
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) to: CommitOffset,
    /// The batch of its first record.
    first: BatchNumber,
}

type RecordId = (PartitionId, Offset);

#[derive(Clone, Copy, Debug)]
enum Verdict {
    /// It was refused together with others, for a broker refuses whole batches.
    Suspect,
    /// It was refused alone.
    Refused(Refusal),
}

/// The lock on an open transaction, held while a batch is handed over.
pub(crate) struct Open<'a> {
    state: MutexGuard<'a, State>,
    moved: &'a Condvar,
    window: u64,
}

/// What is to be done with the next record of a lane.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Turn {
    Go,
    /// It goes into a transaction of its own.
    Alone,
    /// It is in this transaction or in one before it.
    Done,
    /// For the next transaction.
    Wait,
    Refused(Refusal),
}

/// What is to be committed.
pub(crate) struct Sealed {
    pub(crate) handed: Vec<Handed>,
    pub(crate) delivered: Vec<Delivered>,
}

/// How long a transaction waits for the rest of a record.
const LONGEST_WITHIN: Duration = Duration::from_secs(2);

// === impl Transaction ===

impl Transaction {
    pub(crate) fn new(window: usize) -> Self {
        Self { state: Mutex::default(), moved: Condvar::new(), window: window as u64 }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // --- the ProducerActor ---

    pub(crate) fn open(&self) -> Open<'_> {
        Open { state: self.lock(), moved: &self.moved, window: self.window }
    }

    /// The acks of what was aborted, for whoever has forgotten its lanes.
    pub(crate) fn take_aborted(&self) -> Vec<Delivered> {
        std::mem::take(&mut self.lock().aborted)
    }

    // --- delivery reports ---

    pub(crate) fn delivered(&self, delivered: Delivered) {
        self.lock().delivered.push(delivered);
    }

    /// A record that was refused ends the transaction, and is tried alone in one of the next; if it was alone
    /// already, it is known to be at fault.
    pub(crate) fn refused(&self, work: &Work, place: usize, error: RDKafkaErrorCode) {
        let mut state = self.lock();
        if let Disposition::Poison(class) = classify(error) {
            let batch = &work.batch.batch;
            let partition = PartitionId { topic: Arc::clone(batch.topic()), partition: batch.partition() };
            let id = (partition, work.record(place).offset);
            let verdict = match state.alone.as_ref() == Some(&id) {
                true => Verdict::Refused(Refusal { class, error, attempts: 2, since: None }),
                false => Verdict::Suspect,
            };
            state.verdicts.insert(id, verdict);
        }
        // What an abort purges is reported, too: that is no new fault.
        if !matches!(error, RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight) {
            state.fault.get_or_insert_with(|| format!("a record was refused: {error}"));
        }
        self.moved.notify_all();
    }

    /// So many reports came; `are_counted` unless they were lost in a panic.
    pub(crate) fn reported(&self, count: usize, are_counted: bool) {
        let mut state = self.lock();
        state.unreported = state.unreported.saturating_sub(count);
        if !are_counted {
            state.fault.get_or_insert_with(|| "a delivery report was lost".to_owned());
        }
        if state.unreported == 0 || !are_counted {
            self.moved.notify_all();
        }
    }

    // --- anyone ---

    /// The transaction cannot be committed any more.
    pub(crate) fn fail(&self, fault: &str) {
        self.lock().fault.get_or_insert_with(|| fault.to_owned());
        self.moved.notify_all();
    }

    /// A lane goes no further in a record of which it has handed over some outputs: they must not be committed.
    pub(super) fn leave(&self, lane: usize) {
        let is_within = self.lock().within.contains(&lane);
        if is_within {
            self.fail("a record was handed over in part");
        }
    }

    /// Wakes the thread, which looks whether it is to stop.
    pub(crate) fn nudge(&self) {
        let _lock = self.lock();
        self.moved.notify_all();
    }

    /// Whether anything of these lanes is in it.
    pub(crate) fn holds(&self, lanes: &[usize]) -> bool {
        let state = self.lock();
        lanes.iter().any(|lane| state.handed.contains_key(lane))
    }

    // --- the thread that commits ---

    pub(super) fn begin(&self) {
        let mut state = self.lock();
        state.phase = Phase::Open;
        state.is_due = false;
        state.alone = None;
    }

    /// Waits until the transaction is to be ended, and closes it: `interval` after the first record, or before, when it
    /// has failed, is full, or `stop` says so.
    pub(super) fn await_due(&self, interval: Duration, stop: impl Fn() -> bool) -> Result<(), String> {
        const LOOK: Duration = Duration::from_millis(50);
        let mut state = self.lock();
        loop {
            if let Some(fault) = state.fault.clone() {
                state.phase = Phase::Closed;
                return Err(fault);
            }
            let left = state.first_handed.map_or(LOOK, |first| interval.saturating_sub(first.elapsed()));
            let is_due = state.is_due || stop() || (state.first_handed.is_some() && left.is_zero());
            if is_due && state.within.is_empty() {
                state.phase = Phase::Closed;
                return Ok(());
            }
            // Not even the abort may wait for a lane that is blocked there: others' records are in it.
            if is_due && state.first_handed.is_some_and(|first| first.elapsed() > interval + LONGEST_WITHIN) {
                state.phase = Phase::Closed;
                return Err("a record could not be handed over whole".to_owned());
            }
            let (waited, _) = self.moved.wait_timeout(state, left.min(LOOK)).unwrap_or_else(PoisonError::into_inner);
            state = waited;
        }
    }

    /// Whether a report is to come that is worth waiting for.
    pub(super) fn is_busy(&self) -> bool {
        self.lock().is_busy()
    }

    /// Waits until all that was handed over is reported, and takes what is to be committed.
    pub(super) fn seal(&self, patience: Duration) -> Result<Sealed, String> {
        let (mut state, _) = self
            .moved
            .wait_timeout_while(self.lock(), patience, |state| state.is_busy())
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(fault) = &state.fault {
            return Err(fault.clone());
        }
        if state.unreported > 0 {
            return Err(format!("{} records were not delivered within {} s", state.unreported, patience.as_secs()));
        }
        state.first_handed = None;
        let delivered = std::mem::take(&mut state.delivered);
        // They stay on record until the commit is known: a revoke waits for that.
        let handed = state.handed.values().map(Handed::copy).collect();
        Ok(Sealed { handed, delivered })
    }

    pub(super) fn committed(&self) {
        let mut guard = self.lock();
        let state = &mut *guard;
        for Handed { upstream, to, .. } in state.handed.values() {
            upstream.commit(*to);
            state.verdicts.retain(|(partition, offset), _| *partition != upstream.partition || *offset >= to.reads());
        }
        state.alone = None;
        state.end();
        self.moved.notify_all();
    }

    /// Waits until librdkafka has reported all that it was given; `false` when patience ends before.
    pub(super) fn await_reports(&self, patience: Duration) -> bool {
        let busy = |state: &mut State| state.unreported > 0;
        let (state, _) =
            self.moved.wait_timeout_while(self.lock(), patience, busy).unwrap_or_else(PoisonError::into_inner);
        state.unreported == 0
    }

    /// After the abort: whatever was in it is to be sent again. Takes back what was sealed.
    pub(super) fn aborted(&self, sealed: Vec<Delivered>) {
        let mut state = self.lock();
        state.generation += 1;
        let delivered = std::mem::take(&mut state.delivered);
        state.aborted.extend(sealed);
        state.aborted.extend(delivered);
        state.alone = None;
        state.end();
        self.moved.notify_all();
    }
}

// === impl State ===

impl State {
    fn is_busy(&self) -> bool {
        self.unreported > 0 && self.fault.is_none()
    }

    fn end(&mut self) {
        self.phase = Phase::Closed;
        self.handed.clear();
        self.within.clear();
        self.first_handed = None;
        self.fault = None;
    }

    fn floor(&self, upstream: &Upstream, lane: usize) -> Option<CommitOffset> {
        let in_this =
            self.handed.get(&lane).filter(|handed| std::ptr::eq(&*handed.upstream, upstream)).map(|handed| handed.to);
        in_this.max(upstream.committed())
    }
}

// === impl Open ===

impl Open<'_> {
    pub(crate) fn generation(&self) -> u64 {
        self.state.generation
    }

    pub(crate) fn turn(&mut self, upstream: &Upstream, lane: usize, offset: Offset) -> Turn {
        if self.state.phase == Phase::Closed || self.state.fault.is_some() || self.state.alone.is_some() {
            return Turn::Wait;
        }
        if self.state.floor(upstream, lane).is_some_and(|floor| offset < floor.reads()) {
            return Turn::Done;
        }
        if self.state.verdicts.is_empty() {
            return Turn::Go;
        }
        match self.state.verdicts.get(&(upstream.partition.clone(), offset)) {
            None => Turn::Go,
            Some(Verdict::Refused(refusal)) => Turn::Refused(*refusal),
            Some(Verdict::Suspect) if self.state.handed.is_empty() => Turn::Alone,
            Some(Verdict::Suspect) => {
                self.end_soon();
                Turn::Wait
            }
        }
    }

    /// Whether the lane may go on within a record: unless all of this is to be aborted.
    pub(super) fn goes_on(&self) -> bool {
        self.state.phase == Phase::Open && self.state.fault.is_none()
    }

    /// The lane is behind the output at `place` now. `is_sent`: librdkafka has it, and will report.
    pub(super) fn handed(&mut self, upstream: &Arc<Upstream>, work: &Work, place: usize, is_sent: bool, alone: bool) {
        let Work { lane, number, .. } = *work;
        let (offset, is_last) = (work.record(place).offset, work.outputs.is_last(place));
        let state = &mut *self.state;
        state.unreported += usize::from(is_sent);
        state.first_handed.get_or_insert_with(Instant::now);
        let start = || Handed { upstream: Arc::clone(upstream), to: CommitOffset::new(offset.get()), first: number };
        let handed = state.handed.entry(lane).or_insert_with(start);
        if alone {
            state.alone = Some((upstream.partition.clone(), offset));
        }
        if !is_last {
            state.within.insert(lane);
            return;
        }
        handed.to = offset.next();
        state.within.remove(&lane);
        let is_full = number.saturating_sub(handed.first) + 1 >= self.window;
        if alone || is_full {
            self.end_soon();
        }
    }

    /// The lane's record is refused by librdkafka itself, when some of its outputs are handed over already: all of this is
    /// aborted, and then it is known.
    pub(super) fn refused(&mut self, upstream: &Upstream, offset: Offset, refusal: Refusal) {
        self.state.verdicts.insert((upstream.partition.clone(), offset), Verdict::Refused(refusal));
        self.state.fault.get_or_insert_with(|| format!("a record was refused: {}", refusal.error));
        self.moved.notify_all();
    }

    fn end_soon(&mut self) {
        if !self.state.is_due {
            self.state.is_due = true;
            self.moved.notify_all();
        }
    }
}

// === impl Handed ===

impl Handed {
    fn copy(&self) -> Self {
        Self { upstream: Arc::clone(&self.upstream), to: self.to, first: self.first }
    }
}
