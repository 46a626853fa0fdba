//! Puts the batches of each source partition back in order and sends them.

pub(crate) mod deliveries;
pub(crate) mod lane;
pub(crate) mod outgoing;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Supervised};
use fail::fail_point;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::Producer;
use stampmill_core::record::Epoch;

use self::deliveries::Deliveries;
use self::lane::{Advanced, Lane, Outlet};
use self::outgoing::Destination;
use crate::ack::Epochs;
use crate::kafka::cluster;
use crate::kafka::producer::SinkProducer;
use crate::logging::LogRoutes;
use crate::messages::{Close, Rendered, Report, SentAlone, SinkPartitions, Undelivered};
use crate::observe::Counters;
use crate::supervise::Progress;

/// What a ProducerActor is made from, and made from again after a panic. librdkafka's producer and its poll thread
/// live outside of the actor.
#[derive(Clone)]
pub(crate) struct ProducerSpec {
    pub(crate) producer: Arc<SinkProducer>,
    pub(crate) destination: Arc<Destination>,
    pub(crate) partitions: i32,
    pub(crate) counters: Arc<Counters>,
    pub(crate) log: Arc<LogRoutes>,
    pub(crate) control: Sender<Report>,
    pub(crate) epochs: Epochs,
    pub(crate) progress: Progress,
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
    /// librdkafka is full, or cannot send: no lane goes on before that.
    blocked: bool,
    partitions: i32,
    last_warning: Option<Instant>,
}

const PARTITION_REFRESH: Duration = Duration::from_secs(30);
const BETWEEN_WARNINGS: Duration = Duration::from_secs(10);

// === impl ProducerActor ===

impl ProducerActor {
    pub(crate) fn new(spec: ProducerSpec) -> Self {
        let oldest_epoch = spec.epochs.next();
        let deliveries = Arc::clone(spec.producer.context());
        let partitions = spec.partitions;
        Self {
            spec,
            deliveries,
            lanes: HashMap::new(),
            oldest_epoch,
            due: VecDeque::new(),
            queued: HashSet::new(),
            blocked: false,
            partitions,
            last_warning: None,
        }
    }

    fn lane(&mut self, number: usize, epoch: Epoch) -> &mut Lane {
        self.lanes.entry(number).or_insert_with(|| Lane::new(number, epoch))
    }

    fn wake(&mut self, lane: usize, context: &mut Context<Self>) {
        if self.queued.insert(lane) {
            self.due.push_back(lane);
        }
        self.advance(context);
    }

    /// Lets each lane that is due hand over what it has, until librdkafka takes no more.
    fn advance(&mut self, context: &mut Context<Self>) {
        while !self.blocked
            && let Some(&number) = self.due.front()
        {
            let outlet = Outlet {
                producer: &self.spec.producer,
                deliveries: &self.deliveries,
                destination: &self.spec.destination,
                partitions: self.partitions,
                counters: &self.spec.counters,
                log: &self.spec.log,
            };
            match self.lanes.get_mut(&number).map_or(Advanced::Idle, |lane| lane.advance(&outlet)) {
                Advanced::Idle => {
                    self.due.pop_front();
                    self.queued.remove(&number);
                    self.spec.progress.made();
                }
                Advanced::Blocked(pause, error) => self.block(pause, error, context),
                Advanced::Fatal(error) => return self.fatal(error, context),
            }
        }
    }

    fn block(&mut self, pause: Duration, error: Option<RDKafkaErrorCode>, context: &mut Context<Self>) {
        if let Some(error) = error {
            self.warn(error, context);
        }
        self.blocked = true;
        context.run_later(pause, |actor, context| {
            actor.blocked = false;
            actor.advance(context);
        });
    }

    /// Once in a while; and then asks again what the sink's topic looks like, for that may be why.
    fn warn(&mut self, error: RDKafkaErrorCode, context: &mut Context<Self>) {
        if self.last_warning.is_none_or(|last| last.elapsed() >= BETWEEN_WARNINGS) {
            self.last_warning = Some(Instant::now());
            let Destination { pipeline, sink, dead_letter_topic, .. } = &*self.spec.destination;
            log::warn!("{pipeline}: a record for `{}` or `{dead_letter_topic}` is tried again: {error}", sink.topic);
            self.refresh_partitions(context);
        }
    }

    fn fatal(&mut self, error: RDKafkaErrorCode, context: &mut Context<Self>) {
        let reason = self.spec.producer.client().fatal_error().map_or_else(String::new, |(_, reason)| reason);
        // The control thread is gone only when the pipeline has ended already.
        let _ = self.spec.control.send(Report::ProducerFatal { error, reason });
        context.stop();
    }

    /// Asks how many partitions the sink's topic has now: keys are spread over all of them.
    fn refresh_partitions(&self, context: &mut Context<Self>) {
        let (producer, destination, addr) =
            (self.spec.producer.clone(), self.spec.destination.clone(), context.address());
        actix_rt::task::spawn_blocking(move || {
            if let Some(partitions) = cluster::partition_count(producer.client(), &destination.sink.topic) {
                addr.do_send(SinkPartitions(partitions));
            }
        });
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
            return self.spec.progress.made();
        }
        self.lane(number, epoch).put(rendered);
        self.wake(number, context);
        fail_point!("producer::after");
    }
}

impl Handler<Undelivered> for ProducerActor {
    type Result = ();

    fn handle(&mut self, undelivered: Undelivered, context: &mut Context<Self>) {
        if let Some((_, error)) = undelivered.failed.first() {
            self.warn(*error, context);
        }
        let (number, epoch) = (undelivered.work.lane, undelivered.work.epoch);
        if epoch < self.oldest_epoch {
            return;
        }
        self.lane(number, epoch).refuse(undelivered);
        self.wake(number, context);
    }
}

impl Handler<SentAlone> for ProducerActor {
    type Result = ();

    fn handle(&mut self, SentAlone { lane, epoch, result }: SentAlone, context: &mut Context<Self>) {
        let counters = Arc::clone(&self.spec.counters);
        match self.lane(lane, epoch).sent_alone(epoch, result, &counters) {
            Ok(Duration::ZERO) => self.wake(lane, context),
            Ok(pause) => {
                context.run_later(pause, move |actor, context| actor.wake(lane, context));
            }
            Err(error) => self.fatal(error, context),
        }
    }
}

impl Handler<SinkPartitions> for ProducerActor {
    type Result = ();

    fn handle(&mut self, SinkPartitions(partitions): SinkPartitions, _: &mut Context<Self>) {
        self.partitions = partitions;
    }
}

impl Handler<Close> for ProducerActor {
    type Result = ();

    fn handle(&mut self, _: Close, context: &mut Context<Self>) {
        context.stop();
    }
}
