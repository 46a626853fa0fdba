//! Every message between the actors, in the order of the flow. `A -> B` names sender and receiver.
//!
//! Nothing here bounds a mailbox, for actix's capacities bound nothing. The credits do: a ConsumerActor sends a batch
//! only while it has fewer than its window unsettled, and every other message answers one of those.

use std::sync::Arc;

use actix::Message;
use rdkafka::error::RDKafkaErrorCode;
use stampmill_core::record::{Batch, BatchNumber, Epoch};

use crate::ack::Ack;
use crate::credits::Charge;
use crate::outputs::Outputs;

/// librdkafka -> ConsumerActor: the partition's queue is no longer empty.
pub(crate) struct Wake;

/// ConsumerActor -> TransformActor: log and render these records.
pub(crate) struct Render {
    pub(crate) batch: Arc<ChargedBatch>,
    pub(crate) ack: Ack,
}

/// TransformActor -> ProducerActor: put the batch in its place and send it.
pub(crate) struct Rendered {
    pub(crate) work: Arc<Work>,
    pub(crate) ack: Ack,
}

/// Delivery reports -> ProducerActor: some records of a batch were refused. `failed` holds their places in the batch.
pub(crate) struct Undelivered {
    pub(crate) work: Arc<Work>,
    pub(crate) ack: Ack,
    pub(crate) failed: Vec<(usize, RDKafkaErrorCode)>,
}

/// Delivery reports -> ProducerActor: what became of a record that was sent again, alone.
pub(crate) struct SentAlone {
    pub(crate) lane: usize,
    pub(crate) epoch: Epoch,
    pub(crate) result: Result<(), RDKafkaErrorCode>,
}

/// The metadata refresh -> ProducerActor: how many partitions the sink's topic has now.
pub(crate) struct SinkPartitions(pub(crate) i32);

/// An [`Ack`] -> ConsumerActor: the fate of a batch.
pub(crate) struct Settled {
    pub(crate) epoch: Epoch,
    pub(crate) number: BatchNumber,
    pub(crate) fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Every output, dead letters included, is in the log of its topic.
    Delivered,
    /// Somebody dropped it: it is to be sent again.
    Dropped,
}

/// Control thread -> ConsumerActor: read no more, and say when nothing is in flight.
pub(crate) struct Drain;

/// Control thread -> ConsumerActor: give the queue back and end.
pub(crate) struct Close;

/// ConsumerActors and ProducerActors -> control thread. `assignment` is the number of the assignment that it is about.
#[derive(Debug)]
pub(crate) enum Report {
    Drained {
        assignment: u64,
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
}

/// A rendered batch, shared by those who send it and those who count its deliveries.
pub(crate) struct Work {
    pub(crate) lane: usize,
    pub(crate) epoch: Epoch,
    pub(crate) number: BatchNumber,
    pub(crate) batch: Arc<ChargedBatch>,
    pub(crate) outputs: Outputs,
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
impl Message for SentAlone {
    type Result = ();
}
impl Message for SinkPartitions {
    type Result = ();
}
impl Message for Settled {
    type Result = ();
}
impl Message for Drain {
    type Result = ();
}
impl Message for Close {
    type Result = ();
}
