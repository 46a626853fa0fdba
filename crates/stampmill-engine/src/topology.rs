//! Builds the actors of a pipeline, downstream first, and connects them. Nothing else does.

use std::sync::Arc;
use std::sync::mpsc::Sender;

use actix::{Addr, Arbiter};
use rdkafka::error::KafkaError;
use rdkafka::producer::Producer;
use stampmill_core::record::CommitOffset;
use thiserror::Error;

use crate::ack::{Epochs, Upstream};
use crate::consumer::{ConsumerActor, ConsumerSpec, Watermark};
use crate::credits::Credits;
use crate::kafka::PartitionId;
use crate::kafka::consumer::GroupContext;
use crate::kafka::ffi::PartitionQueue;
use crate::kafka::producer::{self, PollThread, SinkProducer};
use crate::logging::LogRoutes;
use crate::messages::{Close, Report};
use crate::observe::{Counters, Role};
use crate::producer::deliveries::{Deliveries, MOST_RECORDS};
use crate::producer::outgoing::Destination;
use crate::producer::{ProducerActor, ProducerSpec};
use crate::settings::{Pace, PipelineSettings};
use crate::supervise::{self, Mailbox, Progress, Watch};
use crate::transform::{TransformActor, TransformSpec};

/// The threads that the actors of a pipeline run on. One for each TransformActor and ProducerActor, for actix lets an
/// actor with a full mailbox starve its neighbours; a few for all ConsumerActors, which do little.
pub(crate) struct Arbiters {
    consumers: Vec<Arbiter>,
    transforms: Vec<Arbiter>,
    producers: Vec<Arbiter>,
}

/// A librdkafka producer whose actor does not run yet: first the cluster has to be asked about the sink's topic.
pub(crate) struct Outlet {
    pub(crate) producer: Arc<SinkProducer>,
    addr: Addr<ProducerActor>,
    mailbox: Mailbox<ProducerActor>,
    polls: PollThread,
}

/// The running actors of a pipeline, but for the ConsumerActors, which come and go with their partitions.
pub(crate) struct Topology {
    settings: Arc<PipelineSettings>,
    arbiters: Arbiters,
    transforms: Arc<[Addr<TransformActor>]>,
    producers: Arc<[Addr<ProducerActor>]>,
    polls: Vec<PollThread>,
    credits: Arc<Credits>,
    counters: Arc<Counters>,
    reports: Sender<Report>,
    epochs: Epochs,
}

/// A ConsumerActor, as the control thread knows it.
pub(crate) struct Consumer {
    pub(crate) addr: Addr<ConsumerActor>,
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) watermark: Watermark,
}

#[derive(Debug, Error)]
pub enum BuildError {
    #[error("the producer could not be made: {0}")]
    Producer(#[from] KafkaError),
    #[error("no thread for the delivery reports: {0}")]
    Thread(#[from] std::io::Error),
}

const MOST_CONSUMER_ARBITERS: usize = 4;

// === impl Arbiters ===

impl Arbiters {
    /// To be called where an actix `System` is current.
    pub(crate) fn start(settings: &PipelineSettings) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let start = |count: usize| (0..count).map(|_| Arbiter::new()).collect();
        Self {
            consumers: start((cores / 2).clamp(1, MOST_CONSUMER_ARBITERS)),
            transforms: start(settings.actors.transforms),
            producers: start(settings.actors.producers),
        }
    }

    fn stop(self) {
        for arbiter in self.consumers.into_iter().chain(self.transforms).chain(self.producers) {
            arbiter.stop();
            if arbiter.join().is_err() {
                log::error!("the thread of an actor had panicked");
            }
        }
    }
}

// === impl Outlet ===

impl Outlet {
    pub(crate) fn open(settings: &PipelineSettings, counters: &Arc<Counters>) -> Result<Vec<Self>, BuildError> {
        (0..settings.actors.producers)
            .map(|number| {
                let (addr, mailbox) = supervise::mailbox();
                let deliveries = Deliveries::new(addr.clone(), Arc::clone(counters));
                let producer = Arc::new(producer::create(&settings.sink, deliveries)?);
                let polls = PollThread::start(&format!("{} {number}", settings.name), Arc::clone(&producer))?;
                Ok(Self { producer, addr, mailbox, polls })
            })
            .collect()
    }
}

// === impl Topology ===

impl Topology {
    pub(crate) fn build(
        settings: &Arc<PipelineSettings>,
        arbiters: Arbiters,
        outlets: Vec<Outlet>,
        sink_partitions: i32,
        counters: &Arc<Counters>,
        log: &Arc<LogRoutes>,
        reports: &Sender<Report>,
    ) -> Self {
        let watch = |role: Role, number: usize, progress: &Progress| {
            let kind = if role == Role::Transform { "TransformActor" } else { "ProducerActor" };
            let name = format!("{}: {kind} {number}", settings.name);
            Watch { role, name, counters: Arc::clone(counters), progress: progress.clone() }
        };

        let epochs = Epochs::default();

        // --- producers ---
        let destination = Arc::new(Destination {
            pipeline: settings.name.clone(),
            sink: settings.sink.clone(),
            dead_letter_topic: settings.on_failure.dead_letter_topic.clone(),
        });
        let (mut producers, mut polls) = (Vec::new(), Vec::new());
        for (number, (outlet, arbiter)) in outlets.into_iter().zip(&arbiters.producers).enumerate() {
            let progress = Progress::default();
            let spec = ProducerSpec {
                producer: outlet.producer,
                destination: Arc::clone(&destination),
                partitions: sink_partitions,
                counters: Arc::clone(counters),
                log: Arc::clone(log),
                control: reports.clone(),
                epochs: epochs.clone(),
                progress: progress.clone(),
            };
            let watch = watch(Role::Producer, number, &progress);
            supervise::run(&arbiter.handle(), outlet.mailbox, watch, move || ProducerActor::new(spec));
            producers.push(outlet.addr);
            polls.push(outlet.polls);
        }
        let producers: Arc<[_]> = producers.into();

        // --- transforms ---
        let mut transforms = Vec::new();
        for (number, arbiter) in arbiters.transforms.iter().enumerate() {
            let (addr, mailbox) = supervise::mailbox();
            let progress = Progress::default();
            let spec = TransformSpec {
                settings: Arc::clone(settings),
                log: Arc::clone(log),
                producers: Arc::clone(&producers),
                progress: progress.clone(),
            };
            let watch = watch(Role::Transform, number, &progress);
            supervise::run(&arbiter.handle(), mailbox, watch, move || TransformActor::new(spec));
            transforms.push(addr);
        }

        Self {
            settings: Arc::clone(settings),
            arbiters,
            transforms: transforms.into(),
            producers,
            polls,
            credits: Credits::new(settings.pace.bytes_in_flight),
            counters: Arc::clone(counters),
            reports: reports.clone(),
            epochs,
        }
    }

    /// Starts the ConsumerActor of a partition that was just assigned, from `start`. `lane` is the partition's number,
    /// always the same for the same partition.
    pub(crate) fn start_consumer(
        &self,
        partition: &PartitionId,
        assignment: u64,
        lane: usize,
        start: CommitOffset,
        queue: PartitionQueue<GroupContext>,
    ) -> Consumer {
        let (addr, mailbox) = supervise::mailbox();
        let epoch = self.epochs.next();
        let upstream = Upstream::new(addr.clone(), lane, epoch);
        let watermark = Watermark::new(start);
        let progress = Progress::default();
        let pace = self.settings.pace;
        let spec = ConsumerSpec {
            partition: partition.clone(),
            assignment,
            upstream: Arc::clone(&upstream),
            watermark: watermark.clone(),
            epochs: self.epochs.clone(),
            transforms: Arc::clone(&self.transforms),
            credits: Arc::clone(&self.credits),
            counters: Arc::clone(&self.counters),
            pace: Pace { batch_records: pace.batch_records.clamp(1, MOST_RECORDS), ..pace },
            control: self.reports.clone(),
            wake_is_due: Arc::default(),
            progress: progress.clone(),
        };
        let name = format!("{}: ConsumerActor {partition}", self.settings.name);
        let watch = Watch { role: Role::Consumer, name, counters: Arc::clone(&self.counters), progress };
        let arbiter = &self.arbiters.consumers[lane % self.arbiters.consumers.len()];
        supervise::run(&arbiter.handle(), mailbox, watch, move || ConsumerActor::new(spec, epoch, queue));
        Consumer { addr, upstream, watermark }
    }

    /// Ends everything, upstream first. To be called when the ConsumerActors are gone.
    pub(crate) fn stop(self) {
        self.transforms.iter().for_each(|transform| transform.do_send(Close));
        self.producers.iter().for_each(|producer| producer.do_send(Close));
        self.arbiters.stop();
        // The actors are gone with their arbiters, so each of these holds the last reference to its producer.
        drop(self.polls);
    }

    pub(crate) fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }
}

/// How many partitions the sink's topic has, as the cluster says.
pub(crate) fn sink_client(outlets: &[Outlet]) -> Option<&rdkafka::client::Client<Deliveries>> {
    outlets.first().map(|outlet| outlet.producer.client())
}
