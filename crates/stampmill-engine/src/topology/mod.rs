//! The running actors of a pipeline: how they come to be, are replaced and end.

mod build;

use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use actix::{Addr, Arbiter};
use stampmill_core::completed::Completed;
use stampmill_core::record::{CommitOffset, Epoch};
use stampmill_core::start_position::Mark;

pub(crate) use self::build::{BuildError, Parts};
use crate::ack::{Epochs, Upstream};
use crate::arbiters::Arbiters;
use crate::consumer::standing::Standing;
use crate::consumer::{ConsumerActor, ConsumerSpec};
use crate::credits::Credits;
use crate::kafka::PartitionId;
use crate::kafka::consumer::GroupContext;
use crate::kafka::ffi::PartitionQueue;
use crate::kafka::producer::{Flushing, PollThread};
use crate::messages::{Close, Reload, Report};
use crate::observe::Counters;
use crate::observe::roster::{RestartCause, Role};
use crate::pool::Pool;
use crate::producer::ProducerActor;
use crate::producer::committer::Committer;
use crate::producer::transaction::Transaction;
use crate::settings::{Pace, PipelineSettings};
use crate::status::Memory;
use crate::supervise::{self, Budget, ExitReason, Limit, Pulse, PulseWatch, Watch};
use crate::transform::{TransformActor, TransformSpec};

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

// === impl Watched ===

impl Watched {
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
            pace: Pace { batch_records: pace.batch_records.max(1), ..pace },
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
