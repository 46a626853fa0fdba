//! Puts the batches of each source partition back in order and sends them.

pub(crate) mod committer;
mod dead_letter;
pub(crate) mod deliveries;
mod handover;
mod lane;
pub(crate) mod outgoing;
mod refused;
mod tracks;
pub(crate) mod transaction;

use std::cell::Cell;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Supervised};
use fail::fail_point;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::Producer;
use stampmill_core::breaker::{Breaker, BreakerSettings};
use stampmill_core::record::Epoch;
use stampmill_core::repeats::Repeats;

use self::deliveries::Deliveries;
use self::lane::{Advanced, Lane, Outlet};
use self::outgoing::{Destination, Partitions, SinkTopics};
use crate::ack::Epochs;
use crate::kafka::cluster;
use crate::kafka::producer::SinkProducer;
use crate::logging::LogRoutes;
use crate::messages::{Close, Reload, Rendered, Report, SentAgain, SinkPartitions, TransactionMoved, Undelivered};
use crate::observe::Counters;
use crate::ordered::Throttles;
use crate::settings::Then;
use crate::supervise::Pulse;

/// What a ProducerActor is made from, and made from again after a panic. librdkafka's producer and its poll thread
/// live outside of the actor.
#[derive(Clone)]
pub(crate) struct ProducerSpec {
    pub(crate) producer: Arc<SinkProducer>,
    pub(crate) topics: Arc<SinkTopics<Deliveries>>,
    pub(crate) destination: Arc<Destination>,
    pub(crate) partitions: Partitions,
    pub(crate) counters: Arc<Counters>,
    pub(crate) log: Arc<LogRoutes>,
    pub(crate) throttles: Arc<Throttles>,
    pub(crate) control: Sender<Report>,
    pub(crate) epochs: Epochs,
    pub(crate) breaker: BreakerSettings,
    pub(crate) pulse: Pulse,
}

pub(crate) struct ProducerActor {
    spec: ProducerSpec,
    deliveries: Arc<Deliveries>,
    lanes: HashMap<usize, Lane>,
    /// Where the lanes of older epochs stood was forgotten in a restart: what comes of them is dropped, so that it is
    /// sent again under an epoch that begins with batch 0.
    oldest_epoch: Epoch,
    /// Lanes that may have something to do, each once.
    due: VecDeque<usize>,
    queued: HashSet<usize>,
    /// Lanes that a timer wakes, each by one.
    timed: HashSet<usize>,
    /// librdkafka is full: no lane goes on before it has room.
    is_full: bool,
    /// The aborts of transactions that it knows of.
    generation: u64,
    partitions: Partitions,
    warnings: Repeats,
}

const PARTITION_REFRESH: Duration = Duration::from_secs(30);
const BETWEEN_WARNINGS: Duration = Duration::from_secs(10);

// === impl ProducerActor ===

impl ProducerActor {
    pub(crate) fn new(spec: ProducerSpec) -> Self {
        let oldest_epoch = spec.epochs.next();
        let deliveries = Arc::clone(spec.producer.context());
        let partitions = spec.partitions.clone();
        let generation = deliveries.transaction().map_or(0, |transaction| transaction.open().generation());
        Self {
            spec,
            deliveries,
            lanes: HashMap::new(),
            oldest_epoch,
            due: VecDeque::new(),
            queued: HashSet::new(),
            timed: HashSet::new(),
            is_full: false,
            generation,
            partitions,
            warnings: Repeats::new(BETWEEN_WARNINGS),
        }
    }

    fn lane(&mut self, number: usize, epoch: Epoch) -> &mut Lane {
        let breaker = self.spec.breaker;
        self.lanes.entry(number).or_insert_with(|| Lane::new(number, epoch, Breaker::new(breaker)))
    }

    fn wake(&mut self, lane: usize, context: &mut Context<Self>) {
        if self.queued.insert(lane) {
            self.due.push_back(lane);
        }
        self.advance(context);
    }

    fn wake_later(&mut self, lane: usize, pause: Duration, context: &mut Context<Self>) {
        if self.timed.insert(lane) {
            context.run_later(pause, move |actor, context| {
                actor.timed.remove(&lane);
                actor.wake(lane, context);
            });
        }
    }

    /// Lets each lane that is due hand over what it has, until librdkafka takes no more.
    fn advance(&mut self, context: &mut Context<Self>) {
        if self.forget_aborted() {
            return;
        }
        while !self.is_full
            && let Some(&number) = self.due.front()
        {
            let outlet = outlet(&self.spec, &self.deliveries, &self.partitions, self.generation);
            let lane = self.lanes.get_mut(&number);
            match lane.map_or(Advanced::Idle, |lane| lane.advance(&outlet)) {
                Advanced::Idle => {
                    self.no_longer_due(number);
                    self.spec.pulse.made();
                }
                Advanced::Full(pause) => {
                    self.is_full = true;
                    // What comes free is for another then: one with much to send would starve the others.
                    self.due.rotate_left(1);
                    context.run_later(pause, |actor, context| {
                        actor.is_full = false;
                        actor.advance(context);
                    });
                }
                Advanced::LaneBlocked(pause, error) => {
                    self.no_longer_due(number);
                    self.warn(error, context);
                    self.wake_later(number, pause, context);
                }
                Advanced::Draining(pause) | Advanced::Throttled(pause) => {
                    self.no_longer_due(number);
                    self.wake_later(number, pause, context);
                }
                Advanced::Gated => return,
                Advanced::Fatal(error) => return self.fatal(error, context),
            }
        }
    }

    fn no_longer_due(&mut self, lane: usize) {
        self.due.pop_front();
        self.queued.remove(&lane);
    }

    /// After an abort no lane may go on where it stands: what it has handed over is gone. Says whether there was one.
    fn forget_aborted(&mut self) -> bool {
        let Some(transaction) = self.deliveries.transaction() else { return false };
        let generation = transaction.open().generation();
        if generation == self.generation {
            return false;
        }
        let transaction = Arc::clone(transaction);
        *self = Self { warnings: self.warnings.clone(), ..Self::new(self.spec.clone()) };
        // Only now: what is sent again must begin an epoch after this one.
        drop(transaction.take_aborted());
        true
    }

    /// Once in a while; and then asks again what the sink's topic looks like, for that may be why.
    fn warn(&mut self, error: RDKafkaErrorCode, context: &mut Context<Self>) {
        let Destination { pipeline, sinks, dead_letter_topic, .. } = &*self.spec.destination;
        let topics: Vec<_> = sinks.iter().map(|sink| format!("`{}`", sink.topic)).collect();
        let topics = topics.join(", ");
        self.deliveries.access().refused(&topics, error);
        if let Some(left_out) = self.warnings.admit(1, Instant::now()) {
            log::warn!("{pipeline}: a record for {topics} or `{dead_letter_topic}` is tried again: {error}{left_out}");
            self.refresh_partitions(context);
        }
    }

    fn fatal(&mut self, error: RDKafkaErrorCode, context: &mut Context<Self>) {
        let reason = self.spec.producer.client().fatal_error().map_or_else(String::new, |(_, reason)| reason);
        // The control thread is gone only when the pipeline has ended already.
        let _ = self.spec.control.send(Report::ProducerFatal { error, reason });
        context.stop();
    }

    /// Asks how many partitions the topics have now: keys are spread over all of them.
    fn refresh_partitions(&self, context: &mut Context<Self>) {
        let (producer, destination) = (self.spec.producer.clone(), self.spec.destination.clone());
        let (known, addr) = (self.partitions.clone(), context.address());
        actix_rt::task::spawn_blocking(move || {
            let count = |topic: &str| cluster::partition_count(producer.client(), topic);
            if let Some(sinks) = destination.sinks.iter().map(|sink| count(&sink.topic)).collect() {
                let dead_letters = match destination.then {
                    Then::DeadLetter => count(&destination.dead_letter_topic).unwrap_or(known.dead_letters),
                    Then::Halt | Then::Skip => 0,
                };
                addr.do_send(SinkPartitions(Partitions { sinks, dead_letters }));
            }
        });
    }
}

/// Apart from the lanes, which are changed while it is used.
fn outlet<'a>(
    spec: &'a ProducerSpec,
    deliveries: &'a Arc<Deliveries>,
    partitions: &'a Partitions,
    generation: u64,
) -> Outlet<'a> {
    Outlet {
        topics: &spec.topics,
        deliveries,
        destination: &spec.destination,
        partitions,
        generation,
        counters: &spec.counters,
        log: &spec.log,
        throttles: &spec.throttles,
        refusals: Cell::new(0),
    }
}

impl Actor for ProducerActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        context.run_interval(PARTITION_REFRESH, |actor, context| actor.refresh_partitions(context));
    }
}

impl Supervised for ProducerActor {
    /// All lanes are dropped with their acks, so that their ConsumerActors hear of it and send the batches again.
    fn restarting(&mut self, context: &mut Context<Self>) {
        if let Some(transaction) = self.deliveries.transaction() {
            // A record may have been handed over that the transaction does not know of.
            transaction.fail("its ProducerActor panicked");
        }
        *self = Self::new(self.spec.clone());
        self.started(context);
    }
}

impl Handler<Rendered> for ProducerActor {
    type Result = ();

    fn handle(&mut self, rendered: Rendered, context: &mut Context<Self>) {
        fail_point!("producer::before");
        let (number, epoch) = (rendered.ack.lane(), rendered.ack.epoch());
        if epoch < self.oldest_epoch {
            return self.spec.pulse.made();
        }
        self.lane(number, epoch).put(rendered);
        self.wake(number, context);
        fail_point!("producer::after");
    }
}

impl Handler<Undelivered> for ProducerActor {
    type Result = ();

    fn handle(&mut self, undelivered: Undelivered, context: &mut Context<Self>) {
        self.deliveries.is_told(undelivered.track);
        if let Some((_, error)) = undelivered.failed.first() {
            self.warn(*error, context);
        }
        let (number, epoch) = (undelivered.work.lane, undelivered.work.epoch);
        let outlet = outlet(&self.spec, &self.deliveries, &self.partitions, self.generation);
        if let Some(lane) = self.lanes.get_mut(&number).filter(|_| epoch >= self.oldest_epoch) {
            lane.refuse(undelivered, &outlet);
            self.wake(number, context);
        }
    }
}

impl Handler<SentAgain> for ProducerActor {
    type Result = ();

    fn handle(&mut self, SentAgain { lane, epoch, failed }: SentAgain, context: &mut Context<Self>) {
        let outlet = outlet(&self.spec, &self.deliveries, &self.partitions, self.generation);
        let Some(found) = self.lanes.get_mut(&lane) else { return };
        match found.sent_again(epoch, failed, &outlet) {
            Ok(Duration::ZERO) => self.wake(lane, context),
            Ok(pause) => self.wake_later(lane, pause, context),
            Err(error) => self.fatal(error, context),
        }
    }
}

impl Handler<TransactionMoved> for ProducerActor {
    type Result = ();

    fn handle(&mut self, _: TransactionMoved, context: &mut Context<Self>) {
        self.advance(context);
    }
}

impl Handler<SinkPartitions> for ProducerActor {
    type Result = ();

    fn handle(&mut self, SinkPartitions(partitions): SinkPartitions, _: &mut Context<Self>) {
        self.partitions = partitions;
    }
}

impl Handler<Reload> for ProducerActor {
    type Result = ();

    fn handle(&mut self, reload: Reload, _: &mut Context<Self>) {
        self.spec.log = reload.log;
    }
}

impl Handler<Close> for ProducerActor {
    type Result = ();

    fn handle(&mut self, _: Close, context: &mut Context<Self>) {
        context.stop();
    }
}
