//! Builds the actors of a pipeline, downstream first, and connects them. Nothing else does, but for the ConsumerActors, which
//! come and go.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use actix::Addr;
use rdkafka::error::KafkaError;
use stampmill_core::memory_plan::Share;
use thiserror::Error;

use super::{Topology, Watched, start_transform};
use crate::access::Access;
use crate::ack::Epochs;
use crate::arbiters::Arbiters;
use crate::control::SinkFacts;
use crate::credits::Credits;
use crate::kafka::consumer::GroupConsumer;
use crate::kafka::producer::{self, PollThread, SinkProducer};
use crate::logging::LogRoutes;
use crate::messages::Report;
use crate::observe::Counters;
use crate::observe::roster::Role;
use crate::ordered::Throttles;
use crate::pool::Pool;
use crate::producer::committer::{Committer, CommitterSpec};
use crate::producer::deliveries::Deliveries;
use crate::producer::outgoing::{Destination, SinkTopics};
use crate::producer::transaction::Transaction;
use crate::producer::{ProducerActor, ProducerSpec};
use crate::settings::{Delivery, PipelineSettings};
use crate::supervise::{self, Mailbox, Pulse};
use crate::transform::TransformSpec;

/// What a pipeline is built from.
pub(crate) struct Parts<'a> {
    pub(crate) settings: &'a Arc<PipelineSettings>,
    pub(crate) consumer: &'a Arc<GroupConsumer>,
    pub(crate) sink: SinkFacts,
    pub(crate) share: Share,
    pub(crate) access: &'a Access,
    pub(crate) counters: &'a Arc<Counters>,
    pub(crate) log: &'a Arc<LogRoutes>,
    pub(crate) reports: &'a Sender<Report>,
    /// Unique to this instance.
    pub(crate) transactional_id: &'a str,
}

#[derive(Debug, Error)]
pub enum BuildError {
    #[error("the producer could not be made: {0}")]
    Producer(#[from] KafkaError),
    #[error("the name of the sink's topic, or of the dead letters', cannot be one of a topic")]
    TopicName,
    #[error("a thread could not be started: {0}")]
    Thread(#[from] std::io::Error),
}

/// A librdkafka producer whose actor does not run yet.
struct Outlet {
    producer: Arc<SinkProducer>,
    addr: Addr<ProducerActor>,
    mailbox: Mailbox<ProducerActor>,
    watched: Watched,
    polls: PollThread,
}

// === impl Outlet ===

impl Outlet {
    fn open(parts: &Parts<'_>, transaction: Option<&Arc<Transaction>>) -> Result<Vec<Self>, BuildError> {
        let Parts { settings, sink, .. } = parts;
        let id = transaction.map(|_| parts.transactional_id);
        (0..settings.actors.producers)
            .map(|number| {
                let (addr, mailbox) = supervise::mailbox();
                let watched = Watched::new(parts, Role::Producer, "ProducerActor", number);
                let deliveries =
                    Deliveries::new(addr.clone(), watched.watch.clone(), parts.access.clone(), transaction.cloned());
                let producer = Arc::new(producer::create(&settings.producer, deliveries, sink.most_bytes, id)?);
                let polls = PollThread::start(&format!("{} {number}", settings.name), Arc::clone(&producer))?;
                Ok(Self { producer, addr, mailbox, watched, polls })
            })
            .collect()
    }
}

impl Watched {
    fn new(parts: &Parts<'_>, role: Role, kind: &str, place: impl std::fmt::Display) -> Self {
        Self::named(parts.settings, parts.counters, parts.reports, role, format!("{kind} {place}"))
    }
}

impl Topology {
    /// To be called where an actix `System` is current.
    pub(crate) fn build(parts: &Parts<'_>) -> Result<Self, BuildError> {
        let Parts { settings, sink, counters, log, reports, .. } = parts;
        let transaction = match settings.delivery {
            Delivery::AtLeastOnce => None,
            Delivery::ExactlyOnce { .. } => Some(Arc::new(Transaction::new(settings.pace.window))),
        };
        let outlets = Outlet::open(parts, transaction.as_ref())?;
        let committer = match (settings.delivery, &transaction, outlets.first()) {
            (Delivery::ExactlyOnce { interval }, Some(transaction), Some(outlet)) => {
                Some(Committer::start(committer_spec(parts, interval, transaction, outlet))?)
            }
            _ => None,
        };
        let (arbiters, epochs) = (Arbiters::start(settings), Epochs::default());

        // --- producers ---
        let destination = Arc::new(Destination::of(settings));
        let throttles = Arc::new(Throttles::new());
        let (mut producers, mut watched_producers, mut polls) = (Vec::new(), Vec::new(), Vec::new());
        for (outlet, arbiter) in outlets.into_iter().zip(&arbiters.producers) {
            let watched = outlet.watched;
            let topics = SinkTopics::open(&outlet.producer, &destination).ok_or(BuildError::TopicName)?;
            let spec = ProducerSpec {
                producer: outlet.producer,
                topics: Arc::new(topics),
                destination: Arc::clone(&destination),
                partitions: sink.partitions.clone(),
                counters: Arc::clone(counters),
                log: Arc::clone(log),
                throttles: Arc::clone(&throttles),
                control: (*reports).clone(),
                epochs: epochs.clone(),
                breaker: settings.on_failure.breaker,
                pulse: watched.watch.pulse.clone(),
            };
            let watch = watched.watch.clone();
            supervise::run(&arbiter.handle(), outlet.mailbox, watch, move || ProducerActor::new(spec));
            producers.push(outlet.addr);
            watched_producers.push(watched);
            polls.push(outlet.polls);
        }
        let producers: Arc<[_]> = producers.into();

        // --- transforms ---
        let transform = TransformSpec {
            settings: Arc::clone(settings),
            log: Arc::clone(log),
            counters: Arc::clone(counters),
            producers: Arc::clone(&producers),
            pulse: Pulse::default(),
        };
        let (mut pool, mut transforms) = (Vec::new(), Vec::new());
        for (number, arbiter) in arbiters.transforms.iter().enumerate() {
            let watched = Watched::new(parts, Role::Transform, "TransformActor", number);
            pool.push(start_transform(arbiter, &transform, &watched));
            transforms.push(watched);
        }

        Ok(Self {
            settings: Arc::clone(settings),
            arbiters,
            pool: Pool::new(pool),
            transform,
            transforms,
            producers,
            watched_producers,
            transaction,
            committer,
            polls,
            credits: Credits::new(parts.share.in_flight),
            batch_bytes: parts.share.batch,
            counters: Arc::clone(counters),
            reports: (*reports).clone(),
            epochs,
        })
    }
}

fn committer_spec(
    parts: &Parts<'_>,
    interval: Duration,
    transaction: &Arc<Transaction>,
    outlet: &Outlet,
) -> CommitterSpec {
    CommitterSpec {
        pipeline: parts.settings.name.clone(),
        producer: Arc::clone(&outlet.producer),
        transaction: Arc::clone(transaction),
        actor: outlet.addr.clone(),
        consumer: Arc::downgrade(parts.consumer),
        interval,
        counters: Arc::clone(parts.counters),
        control: parts.reports.clone(),
    }
}
