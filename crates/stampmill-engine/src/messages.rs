//! Every message between the actors, in the order of the flow. `A -> B` names sender and receiver.
//!
//! Nothing here bounds a mailbox, for actix's capacities bound nothing. The credits do: a ConsumerActor sends a batch
//! only while it has fewer than its window unsettled, and every other message answers one of those.

use std::sync::Arc;
use std::time::Instant;

use actix::Message;
use rdkafka::error::RDKafkaErrorCode;
use stampmill_core::breaker::Trip;
use stampmill_core::completed::Completed;
use stampmill_core::record::{Batch, BatchNumber, CommitOffset, Epoch, Offset, Record};

use crate::ack::{Ack, Upstream};
use crate::consumer::standing::Standing;
use crate::credits::Charge;
use crate::logging::LogRoutes;
use crate::outputs::Outputs;
use crate::producer::deliveries::TrackKey;
use crate::producer::outgoing::Partitions;
use crate::settings::PipelineSettings;
use crate::supervise::ExitReason;

/// librdkafka -> ConsumerActor: the partition's queue is no longer empty.
pub(crate) struct Wake;

/// ConsumerActor -> TransformActor: log and render these records.
pub(crate) struct Render {
    pub(crate) batch: Arc<ChargedBatch>,
    pub(crate) ack: Ack,
}

/// TransformActor -> ProducerActor: put the batch in its place and send it.
pub(crate) struct Rendered {
    /// Not shared yet: `dedupe` steps take out of it what was met before.
    pub(crate) work: Box<Work>,
    pub(crate) ack: Ack,
}

/// Delivery reports -> ProducerActor: some outputs of a batch were refused. `failed` holds their places in it.
pub(crate) struct Undelivered {
    /// Counts as out until the ProducerActor has told that it knows.
    pub(crate) track: TrackKey,
    pub(crate) work: Arc<Work>,
    pub(crate) ack: Ack,
    /// Where the batch was cut short, if it was.
    pub(crate) held: Option<Held>,
    pub(crate) failed: Vec<(usize, RDKafkaErrorCode)>,
}

/// Delivery reports -> ProducerActor: what became of outputs that were sent again. `failed` holds their places in the
/// batch; the others are delivered.
pub(crate) struct SentAgain {
    pub(crate) lane: usize,
    pub(crate) epoch: Epoch,
    pub(crate) failed: Vec<(usize, RDKafkaErrorCode)>,
}

/// The transaction's thread -> ProducerActor: a transaction has begun, or the last one was aborted.
pub(crate) struct TransactionMoved;

/// The metadata refresh -> ProducerActor: how many partitions the topics have now that it writes to.
pub(crate) struct SinkPartitions(pub(crate) Partitions);

/// An [`Ack`] -> ConsumerActor: the fate of a part of a batch.
pub(crate) struct Settled {
    pub(crate) epoch: Epoch,
    pub(crate) number: BatchNumber,
    pub(crate) part: usize,
    pub(crate) fate: Fate,
}

#[derive(Debug)]
pub(crate) enum Fate {
    /// Every output, dead letters included, is in the log of its topic.
    Delivered,
    /// Somebody dropped it: it is to be sent again.
    Dropped,
    /// All before a record of it is delivered, and nothing of the record and those behind it.
    Held(Box<Held>),
}

/// Where a partition stops, and why.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) at: Offset,
    pub(crate) cause: HeldBy,
}

#[derive(Clone, Debug)]
pub(crate) enum HeldBy {
    /// `on_failure: halt`, and what the record fails on.
    Policy { class: &'static str, reason: String },
    /// Too many dead letters.
    Breaker(Trip),
}

/// Control thread -> ConsumerActor: a TransformActor hangs and was replaced, so send again what is not settled.
pub(crate) struct SendAgain;

/// Control thread -> ConsumerActor: nothing comes although there is something to read, so ask for it again.
pub(crate) struct Refetch;

/// Control thread -> ConsumerActor: read no more, and say when nothing is in flight.
pub(crate) struct Drain {
    /// Comes back with the report, which may be late: the next drain must not take it for its own.
    pub(crate) number: u64,
}

/// Control thread -> ConsumerActor: read on after a drain, and try a record again that the partition has halted at.
pub(crate) struct Resume;

/// Control thread -> ConsumerActor: go on reading elsewhere. Nothing is in flight, and the old upstream is fenced.
pub(crate) struct Move {
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) standing: Standing,
    pub(crate) epoch: Epoch,
    pub(crate) start: CommitOffset,
    pub(crate) completed: Completed,
}

/// Control thread -> TransformActors and ProducerActors: the pipeline's steps are others from here on.
#[derive(Clone)]
pub(crate) struct Reload {
    pub(crate) settings: Arc<PipelineSettings>,
    pub(crate) log: Arc<LogRoutes>,
}

/// Control thread -> ConsumerActor: give the queue back and end.
pub(crate) struct Close;

/// ConsumerActors, ProducerActors and threads beside -> control thread. `assignment` is the number of the assignment that it is about.
#[derive(Debug)]
pub(crate) enum Report {
    Drained {
        assignment: u64,
        number: u64,
    },
    /// The actor is gone and its queue with it.
    Closed {
        assignment: u64,
    },
    /// The partition's queue carried an error.
    PartitionError {
        assignment: u64,
        error: RDKafkaErrorCode,
    },
    /// It reads no further.
    Held {
        assignment: u64,
        held: Held,
    },
    /// It reads on.
    Resumed {
        assignment: u64,
    },
    /// Whether a partition that stands still has a record to read, or why that cannot be found out.
    Unread {
        assignment: u64,
        at: CommitOffset,
        found: Result<bool, String>,
    },
    /// Why the brokers, asked anew, keep it out; `None` if they do not.
    Inspected {
        denied: Option<String>,
    },
    /// An actor's restarts are used up.
    GaveUp {
        name: String,
        reason: ExitReason,
    },
    /// A producer can do no more: the pipeline must end.
    ProducerFatal {
        error: RDKafkaErrorCode,
        reason: String,
    },
}

/// A batch and the credit that it takes.
pub(crate) struct ChargedBatch {
    pub(crate) batch: Batch,
    pub(crate) charge: Charge,
    /// When it was read.
    pub(crate) since: Instant,
}

/// A rendered batch, shared by those who send it and those who count its deliveries.
pub(crate) struct Work {
    pub(crate) lane: usize,
    pub(crate) epoch: Epoch,
    pub(crate) number: BatchNumber,
    pub(crate) batch: Arc<ChargedBatch>,
    pub(crate) outputs: Outputs,
    /// What it was rendered by.
    pub(crate) settings: Arc<PipelineSettings>,
}

impl Work {
    /// The record of the output at that place.
    pub(crate) fn record(&self, place: usize) -> Record<'_> {
        self.batch.batch.record(self.outputs.list[place].record)
    }
}

impl Message for Wake {
    type Result = ();
}
impl Message for Render {
    type Result = ();
}
impl Message for Rendered {
    type Result = ();
}
impl Message for Undelivered {
    type Result = ();
}
impl Message for SentAgain {
    type Result = ();
}
impl Message for TransactionMoved {
    type Result = ();
}
impl Message for SinkPartitions {
    type Result = ();
}
impl Message for Settled {
    type Result = ();
}
impl Message for SendAgain {
    type Result = ();
}
impl Message for Refetch {
    type Result = ();
}
impl Message for Drain {
    type Result = ();
}
impl Message for Resume {
    type Result = ();
}
impl Message for Move {
    type Result = ();
}
impl Message for Reload {
    type Result = ();
}
impl Message for Close {
    type Result = ();
}
