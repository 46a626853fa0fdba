//! Builds the actors of a pipeline, downstream first, and connects them. Nothing else does.

use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use actix::{Addr, Arbiter};
use rdkafka::error::KafkaError;
use stampmill_core::completed::Completed;
use stampmill_core::memory_plan::Share;
use stampmill_core::record::{CommitOffset, Epoch};
use stampmill_core::start_position::Mark;
use thiserror::Error;

use crate::ack::{Epochs, Upstream};
use crate::arbiters::Arbiters;
use crate::consumer::standing::Standing;
use crate::consumer::{ConsumerActor, ConsumerSpec};
use crate::control::SinkFacts;
use crate::credits::Credits;
use crate::kafka::PartitionId;
use crate::kafka::consumer::{GroupConsumer, GroupContext};
use crate::kafka::ffi::PartitionQueue;
use crate::kafka::producer::{self, Flushing, PollThread, SinkProducer};
use crate::logging::LogRoutes;
use crate::messages::{Close, Reload, Report};
use crate::observe::Counters;
use crate::observe::roster::{RestartCause, Role};
use crate::pool::Pool;
use crate::producer::committer::{Committer, CommitterSpec};
use crate::producer::deliveries::{Deliveries, MOST_RECORDS};
use crate::producer::outgoing::{Destination, SinkTopics};
use crate::producer::transaction::Transaction;
use crate::producer::{ProducerActor, ProducerSpec};
use crate::settings::{Delivery, Pace, PipelineSettings};
use crate::status::Memory;
use crate::supervise::{self, Budget, ExitReason, Limit, Mailbox, Pulse, PulseWatch, Watch};
use crate::transform::{TransformActor, TransformSpec};

/// A librdkafka producer whose actor does not run yet.
struct Outlet {
    producer: Arc<SinkProducer>,
    addr: Addr<ProducerActor>,
    mailbox: Mailbox<ProducerActor>,
    watched: Watched,
    polls: PollThread,
}

/// An actor that may be found hanging.
pub(crate) struct Watched {
    watch: Watch,
    pulse: PulseWatch,
}

/// The running actors of a pipeline, but for the ConsumerActors, which come and go with their partitions.
pub(crate) struct Topology {
    settings: Arc<PipelineSettings>,
    arbiters: Arbiters,
    pool: Pool,
    transform: TransformSpec,
    transforms: Vec<Watched>,
    producers: Arc<[Addr<ProducerActor>]>,
    watched_producers: Vec<Watched>,
    transaction: Option<Arc<Transaction>>,
    committer: Option<Committer>,
    polls: Vec<PollThread>,
    credits: Arc<Credits>,
    batch_bytes: usize,
    counters: Arc<Counters>,
    reports: Sender<Report>,
    epochs: Epochs,
}

/// A ConsumerActor, as the control thread knows it.
pub(crate) struct Consumer {
    pub(crate) addr: Addr<ConsumerActor>,
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) standing: Standing,
    pub(crate) watched: Watched,
}

/// Where the ConsumerActor of a partition begins.
pub(crate) struct Beginning {
    pub(crate) start: CommitOffset,
    pub(crate) completed: Completed,
    pub(crate) mark: Option<Mark>,
    /// It begins paused: as after that drain.
    pub(crate) drained: Option<u64>,
}

/// What a pipeline is built from.
pub(crate) struct Parts<'a> {
    pub(crate) settings: &'a Arc<PipelineSettings>,
    pub(crate) consumer: &'a Arc<GroupConsumer>,
    pub(crate) sink: SinkFacts,
    pub(crate) share: Share,
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

// === impl Outlet ===

impl Outlet {
    fn open(parts: &Parts<'_>, transaction: Option<&Arc<Transaction>>) -> Result<Vec<Self>, BuildError> {
        let Parts { settings, sink, .. } = parts;
        let id = transaction.map(|_| parts.transactional_id);
        (0..settings.actors.producers)
            .map(|number| {
                let (addr, mailbox) = supervise::mailbox();
                let watched = Watched::new(parts, Role::Producer, "ProducerActor", number);
                let deliveries = Deliveries::new(addr.clone(), watched.watch.clone(), transaction.cloned());
                let producer = Arc::new(producer::create(&settings.sink, deliveries, sink.most_bytes, id)?);
                let polls = PollThread::start(&format!("{} {number}", settings.name), Arc::clone(&producer))?;
                Ok(Self { producer, addr, mailbox, watched, polls })
            })
            .collect()
    }
}

// === impl Watched ===

impl Watched {
    fn new(parts: &Parts<'_>, role: Role, kind: &str, place: impl std::fmt::Display) -> Self {
        Self::named(parts.settings, parts.counters, parts.reports, role, format!("{kind} {place}"))
    }

    fn named(
        settings: &PipelineSettings,
        counters: &Arc<Counters>,
        reports: &Sender<Report>,
        role: Role,
        actor: String,
    ) -> Self {
        let limit = Limit { restarts: settings.supervision.actor_restarts, window: settings.supervision.window };
        let (pulse, budget) = (Pulse::default(), Arc::new(Mutex::new(Budget::new(limit))));
        let (pipeline, counters, control) = (settings.name.clone(), Arc::clone(counters), reports.clone());
        let watch = Watch { role, pipeline, actor, counters, pulse: pulse.clone(), limit, budget, control };
        Self { watch, pulse: PulseWatch::new(pulse, Instant::now()) }
    }

    /// For how long it has hung, if that is too long.
    fn hangs(&mut self, patience: Duration, now: Instant) -> Option<Duration> {
        Some(self.pulse.frozen_for(now)).filter(|stuck| *stuck >= patience)
    }
}

// === impl Consumer ===

impl Consumer {
    /// It is over: nothing is to be seen of it any more.
    pub(crate) fn leave(&self) {
        let watch = &self.watched.watch;
        watch.counters.roster.leave(&watch.actor);
    }
}

// === impl Topology ===

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
        let (mut producers, mut watched_producers, mut polls) = (Vec::new(), Vec::new(), Vec::new());
        for (outlet, arbiter) in outlets.into_iter().zip(&arbiters.producers) {
            let watched = outlet.watched;
            let topics = SinkTopics::open(&outlet.producer, &destination).ok_or(BuildError::TopicName)?;
            let spec = ProducerSpec {
                producer: outlet.producer,
                topics: Arc::new(topics),
                destination: Arc::clone(&destination),
                partitions: sink.partitions,
                counters: Arc::clone(counters),
                log: Arc::clone(log),
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

    /// Starts the ConsumerActor of a partition that was just assigned. `lane` is the partition's number, always the same
    /// for the same partition.
    pub(crate) fn start_consumer(
        &self,
        partition: &PartitionId,
        assignment: u64,
        lane: usize,
        beginning: Beginning,
        queue: PartitionQueue<GroupContext>,
    ) -> Consumer {
        let Beginning { start, completed, mark, drained } = beginning;
        let (addr, mailbox) = supervise::mailbox();
        let epoch = self.epochs.next();
        let upstream = Upstream::new(addr.clone(), partition.clone(), lane, mark, epoch);
        let standing = Standing::new(start, completed.clone());
        let name = format!("ConsumerActor {partition}");
        let watched = Watched::named(&self.settings, &self.counters, &self.reports, Role::Consumer, name);
        let pace = self.settings.pace;
        let spec = ConsumerSpec {
            partition: partition.clone(),
            assignment,
            upstream: Arc::clone(&upstream),
            standing: standing.clone(),
            completed,
            epochs: self.epochs.clone(),
            pool: self.pool.clone(),
            workers: self.settings.actors.transforms,
            ordering: self.settings.ordering,
            credits: Arc::clone(&self.credits),
            counters: Arc::clone(&self.counters),
            pace: Pace { batch_records: pace.batch_records.clamp(1, MOST_RECORDS), ..pace },
            batch_bytes: self.batch_bytes,
            pause: self.settings.on_failure.breaker_pause,
            probe: self.settings.on_failure.breaker_probe,
            control: self.reports.clone(),
            wake_is_due: Arc::default(),
            drained,
            pulse: watched.watch.pulse.clone(),
        };
        let watch = watched.watch.clone();
        let arbiter = &self.arbiters.consumers[lane % self.arbiters.consumers.len()];
        supervise::run(&arbiter.handle(), mailbox, watch, move || ConsumerActor::new(spec, epoch, queue));
        Consumer { addr, upstream, standing, watched }
    }

    /// Puts another in the place of each TransformActor that hangs, and says whether there was one: then all that is
    /// not settled has to be sent again. Its old output will be of an epoch that is over.
    pub(crate) fn replace_hanging(&mut self, now: Instant) -> Result<bool, (String, ExitReason)> {
        let patience = self.settings.supervision.frozen_after;
        for Watched { watch, pulse } in &mut self.watched_producers {
            let stuck = pulse.frozen_for(now);
            if stuck >= patience {
                return Err((watch.name(), ExitReason::Frozen { stuck }));
            }
        }
        let mut replaced = false;
        for place in 0..self.transforms.len() {
            if let Some(stuck) = self.transforms[place].hangs(patience, now) {
                self.replace(place, stuck)?;
                replaced = true;
            }
        }
        Ok(replaced)
    }

    fn replace(&mut self, place: usize, stuck: Duration) -> Result<(), (String, ExitReason)> {
        let Watched { watch, .. } = &self.transforms[place];
        watch.restarts(RestartCause::Hang, &format!("hung for {} s", stuck.as_secs()));
        if !watch.spend() {
            return Err((watch.name(), ExitReason::froze(stuck, watch.limit)));
        }
        log::error!("{} hangs for {} s: another takes its place", watch.name(), stuck.as_secs());
        let pulse = Pulse::default();
        let watched = Watched {
            watch: Watch { pulse: pulse.clone(), ..watch.clone() },
            pulse: PulseWatch::new(pulse, Instant::now()),
        };
        let arbiter = Arbiter::new();
        self.pool.replace(place, start_transform(&arbiter, &self.transform, &watched));
        self.transforms[place] = watched;
        let old = std::mem::replace(&mut self.arbiters.transforms[place], arbiter);
        self.arbiters.left_behind.push(old);
        Ok(())
    }

    pub(crate) fn hanging_consumer(&self, consumer: &mut Consumer, now: Instant) -> Option<(String, ExitReason)> {
        let stuck = consumer.watched.hangs(self.settings.supervision.frozen_after, now)?;
        Some((consumer.watched.watch.name(), ExitReason::Frozen { stuck }))
    }

    /// What is delivered in transactions, if anything.
    pub(crate) fn transaction(&self) -> Option<&Arc<Transaction>> {
        self.transaction.as_ref()
    }

    /// As long as what is returned lives, librdkafka sends at once what it is given.
    pub(crate) fn flush(&self) -> Vec<Flushing> {
        self.polls.iter().filter_map(PollThread::flush).collect()
    }

    /// Ends everything, upstream first. To be called when the ConsumerActors are gone.
    pub(crate) fn stop(self) {
        // It holds the producer, and asks the consumer; both go after it.
        drop(self.committer);
        self.pool.all().iter().for_each(|transform| transform.do_send(Close));
        self.producers.iter().for_each(|producer| producer.do_send(Close));
        self.arbiters.stop();
        // The actors are gone with their arbiters, so each of these holds the last reference to its producer.
        drop(self.polls);
    }

    /// For whoever is to tell the control thread something.
    pub(crate) fn reports(&self) -> Sender<Report> {
        self.reports.clone()
    }

    pub(crate) fn next_epoch(&self) -> Epoch {
        self.epochs.next()
    }

    pub(crate) fn memory(&self) -> Memory {
        self.credits.memory()
    }

    /// Producers first: a line of the new steps must not come to one that does not know the way for it.
    pub(crate) fn reload(&mut self, reload: &Reload) {
        self.settings = Arc::clone(&reload.settings);
        (self.transform.settings, self.transform.log) = (Arc::clone(&reload.settings), Arc::clone(&reload.log));
        self.producers.iter().for_each(|producer| producer.do_send(reload.clone()));
        self.pool.all().iter().for_each(|transform| transform.do_send(reload.clone()));
    }

    pub(crate) fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }
}

fn start_transform(arbiter: &Arbiter, spec: &TransformSpec, watched: &Watched) -> Addr<TransformActor> {
    let (addr, mailbox) = supervise::mailbox();
    let spec = TransformSpec { pulse: watched.watch.pulse.clone(), ..spec.clone() };
    supervise::run(&arbiter.handle(), mailbox, watched.watch.clone(), move || TransformActor::new(spec));
    addr
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
