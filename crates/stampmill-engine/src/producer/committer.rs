//! The thread that begins, commits and aborts the transactions of a producer: all of it may block.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use actix::Addr;
use rdkafka::consumer::{Consumer as _, ConsumerGroupMetadata};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::Producer as _;
use rdkafka::{Offset, TopicPartitionList};
use stampmill_core::commit_note::{self, CommitNote};
use stampmill_core::completed::Completed;

use super::ProducerActor;
use super::deliveries::Delivered;
use super::transaction::{Handed, Sealed, Transaction};
use crate::kafka::consumer::GroupConsumer;
use crate::kafka::ffi;
use crate::kafka::producer::SinkProducer;
use crate::messages::{Report, TransactionMoved};
use crate::observe::Counters;
use crate::supervise::{Backoff, message};

pub(crate) struct CommitterSpec {
    pub(crate) pipeline: String,
    pub(crate) producer: Arc<SinkProducer>,
    pub(crate) transaction: Arc<Transaction>,
    pub(crate) actor: Addr<ProducerActor>,
    /// For the group's generation, which fences us off once our partitions are another's. Not held on to, for it must
    /// be dropped where it is polled.
    pub(crate) consumer: Weak<GroupConsumer>,
    pub(crate) interval: Duration,
    pub(crate) counters: Arc<Counters>,
    pub(crate) control: Sender<Report>,
}

/// Ends when dropped; what is open is aborted.
pub(crate) struct Committer {
    stop: Arc<AtomicBool>,
    transaction: Arc<Transaction>,
    thread: Option<JoinHandle<()>>,
}

/// Why a transaction was not committed.
enum Failed {
    /// It is to be aborted; with what was sealed already.
    Abort { cause: String, sealed: Vec<Delivered> },
    /// The producer can do no more.
    Fatal(KafkaError),
}

/// For one call to answer. What takes longer is called again.
const ANSWER: Duration = Duration::from_secs(5);
/// librdkafka sends at once what it can, for as long as it flushes. But its thread also spins then while a partition waits
/// for an answer with more to send, so it flushes for a moment, and again when answers may have come.
const FLUSH: Duration = Duration::from_millis(1);
const BETWEEN_FLUSHES: Duration = Duration::from_millis(4);
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

// === impl Committer ===

impl Committer {
    pub(crate) fn start(spec: CommitterSpec) -> std::io::Result<Self> {
        let (stop, transaction) = (Arc::new(AtomicBool::new(false)), Arc::clone(&spec.transaction));
        let name = format!("commits {}", spec.pipeline);
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name(name).spawn(move || spec.run(&stopped))?;
        Ok(Self { stop, transaction, thread: Some(thread) })
    }
}

impl Drop for Committer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.transaction.nudge();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            log::error!("the thread of the transactions had panicked");
        }
    }
}

// === impl CommitterSpec ===

impl CommitterSpec {
    fn run(self, stop: &AtomicBool) {
        let stopped = || stop.load(Ordering::Acquire);
        // A panic here would leave all records of the pipeline waiting for a commit.
        let (error, reason) = match catch_unwind(AssertUnwindSafe(|| self.serve(&stopped))) {
            Ok(Ok(())) => return,
            Ok(Err(error)) => {
                let reason = self.producer.client().fatal_error().map_or_else(String::new, |(_, reason)| reason);
                (error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fatal), format!("{error}: {reason}"))
            }
            Err(panic) => (RDKafkaErrorCode::Fatal, format!("its commits panicked (`{}`)", message(&*panic))),
        };
        // The control thread is gone only when the pipeline has ended already.
        let _ = self.control.send(Report::ProducerFatal { error, reason });
    }

    fn serve(&self, stopped: &impl Fn() -> bool) -> KafkaResult<()> {
        self.patiently(stopped, || self.producer.init_transactions(ANSWER))?;
        let mut backoff = Backoff::new(SHORTEST_PAUSE, LONGEST_PAUSE);
        let (mut commits, mut is_begun) = (0, false);
        while !stopped() {
            if !is_begun {
                self.producer.begin_transaction()?;
                is_begun = true;
            }
            self.transaction.begin();
            self.actor.do_send(TransactionMoved);
            match self.end_one(stopped) {
                Ok(true) => {
                    commits += 1;
                    is_begun = false;
                }
                Ok(false) => {}
                Err(Failed::Fatal(error)) => return Err(error),
                Err(Failed::Abort { cause, sealed }) => {
                    log::warn!("{}: a transaction is aborted: {cause}; its records are sent again", self.pipeline);
                    self.abort(sealed)?;
                    is_begun = false;
                    std::thread::park_timeout(backoff.next(commits));
                }
            }
        }
        if is_begun {
            self.abort(Vec::new())?;
        }
        Ok(())
    }

    /// Waits until the transaction is due, and commits it; `false` if there was nothing in it.
    fn end_one(&self, stopped: &impl Fn() -> bool) -> Result<bool, Failed> {
        let abort = |cause| Failed::Abort { cause, sealed: Vec::new() };
        self.transaction.await_due(self.interval, stopped).map_err(abort)?;
        let Sealed { handed, delivered } = self.seal().map_err(abort)?;
        if handed.is_empty() {
            return Ok(false);
        }
        match self.commit(&handed) {
            Ok(()) => {
                self.transaction.committed();
                Counters::add(&self.counters.commits, handed.len());
                delivered.into_iter().for_each(|delivered| delivered.settle(&self.counters));
                Ok(true)
            }
            Err(error) if is_fatal(&error) => Err(Failed::Fatal(error)),
            Err(error) => Err(Failed::Abort { cause: error.to_string(), sealed: delivered }),
        }
    }

    /// Nothing more comes into the transaction, so nothing that is in it has a reason to linger.
    fn seal(&self) -> Result<Sealed, String> {
        let start = Instant::now();
        while self.transaction.is_busy() && start.elapsed() < ANSWER {
            if ffi::flush(self.producer.client(), FLUSH) || self.transaction.await_reports(BETWEEN_FLUSHES) {
                break;
            }
        }
        self.transaction.seal(ANSWER.saturating_sub(start.elapsed()))
    }

    fn commit(&self, handed: &[Handed]) -> KafkaResult<()> {
        fail::fail_point!("commit::before");
        let offsets = offsets(handed)?;
        again_while_retriable(|| {
            let group = self.group(handed)?;
            self.producer.send_offsets_to_transaction(&offsets, &group, ANSWER)
        })?;
        let committed = again_while_retriable(|| self.producer.commit_transaction(ANSWER));
        fail::fail_point!("commit::after");
        committed
    }

    /// As it is now: a broker refuses a generation of the past (KIP-447).
    ///
    /// It may be of a later generation than the records. Partitions that are taken away are fenced before we join again,
    /// so a look at the fences after that shows it. While we are no member there is none, and a broker would let a commit
    /// without one pass.
    fn group(&self, handed: &[Handed]) -> KafkaResult<ConsumerGroupMetadata> {
        let left = |code| KafkaError::ConsumerCommit(code);
        let consumer = self.consumer.upgrade().ok_or(left(RDKafkaErrorCode::UnknownMemberId))?;
        let group = consumer.group_metadata().ok_or(left(RDKafkaErrorCode::UnknownMemberId))?;
        if ffi::generation(&consumer).is_none() {
            return Err(left(RDKafkaErrorCode::UnknownMemberId));
        }
        match handed.iter().any(|handed| handed.upstream.is_fenced()) {
            true => Err(left(RDKafkaErrorCode::AssignmentLost)),
            false => Ok(group),
        }
    }

    fn abort(&self, sealed: Vec<Delivered>) -> KafkaResult<()> {
        Counters::add(&self.counters.aborts, 1);
        again_while_retriable(|| self.producer.abort_transaction(ANSWER))?;
        // The abort has failed all that was in flight; a report that came later would count against the next one.
        if !self.transaction.await_reports(ANSWER) {
            return Err(KafkaError::Flush(RDKafkaErrorCode::OperationTimedOut));
        }
        self.transaction.aborted(sealed);
        self.actor.do_send(TransactionMoved);
        Ok(())
    }

    /// Brokers that are away come back.
    fn patiently(&self, stopped: &impl Fn() -> bool, call: impl Fn() -> KafkaResult<()>) -> KafkaResult<()> {
        let mut backoff = Backoff::new(SHORTEST_PAUSE, LONGEST_PAUSE);
        while !stopped() {
            match call() {
                Ok(()) => return Ok(()),
                Err(error) if is_fatal(&error) => return Err(error),
                Err(error) => {
                    log::warn!("{}: transactions cannot begin yet: {error}", self.pipeline);
                    std::thread::park_timeout(backoff.next(0));
                }
            }
        }
        Ok(())
    }
}

/// A call that ran out of time goes on where it was when it is made again.
fn again_while_retriable(call: impl Fn() -> KafkaResult<()>) -> KafkaResult<()> {
    const PATIENCE: Duration = Duration::from_secs(60);
    let start = Instant::now();
    loop {
        match call() {
            Err(KafkaError::Transaction(error)) if error.is_retriable() && start.elapsed() < PATIENCE => {
                log::debug!("transaction: tried again: {error}");
            }
            ended => return ended,
        }
    }
}

fn is_fatal(error: &KafkaError) -> bool {
    matches!(error, KafkaError::Transaction(error) if error.is_fatal())
}

fn offsets(handed: &[Handed]) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(handed.len());
    for Handed { upstream, to, .. } in handed {
        let mut entry = list.add_partition(&upstream.partition.topic, upstream.partition.partition);
        entry.set_offset(Offset::Offset(to.get()))?;
        if upstream.mark.is_some() {
            let note = CommitNote { mark: upstream.mark, completed: Completed::default() };
            entry.set_metadata(note.encode(*to, commit_note::LIMIT));
        }
    }
    Ok(list)
}
