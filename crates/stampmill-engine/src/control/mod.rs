//! The control thread of a pipeline. It owns the consumer: rebalances, commits, errors. No record passes through it,
//! and it never waits for work: while actors drain, it goes on polling.

mod board;
mod commit;
mod ends;
mod error;
mod inspection;
mod look;
mod positions;
mod rebalance;
mod startup;
mod steer;
mod tables;
mod unread;
mod watch;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use stampmill_core::repeats::Complaints;
use stampmill_core::start_position::Mark;

pub use self::error::PipelineError;
pub(crate) use self::look::read_topics;
pub use self::look::{DeadLetterTopic, Preflight, preflight};
pub(crate) use self::startup::SinkFacts;
pub use self::startup::StartError;
pub use self::tables::TableSeen;
use crate::access::{Access, Client};
use crate::kafka::PartitionId;
use crate::kafka::cluster::{Admin, AdminError, Topics};
use crate::kafka::consumer::{GroupConsumer, GroupContext, GroupEvent};
use crate::kafka::ffi::PartitionQueue;
use crate::messages::{Held, Reload, Report};
use crate::observe::Counters;
use crate::orders::Orders;
use crate::settings::PipelineSettings;
use crate::supervise::message;
use crate::topology::{BuildError, Consumer, Parts, Topology};

/// Set from outside to end a pipeline.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

/// Why a pipeline ended without a fault. What was in flight is settled and committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Stopped,
    /// Its certificates or keys are others now, and only new clients take them.
    OtherCertificates,
}

pub(crate) struct Control {
    settings: Arc<PipelineSettings>,
    /// Which certificates its clients have.
    certificates: u64,
    /// Before the consumer, which it asks.
    ends: ends::Ends,
    consumer: Arc<GroupConsumer>,
    topology: Topology,
    reports: Receiver<Report>,
    stop: Stop,
    orders: Arc<Orders>,
    /// Topics that were there before the group was joined.
    known_topics: Topics,
    marks: HashMap<Arc<str>, Mark>,
    assigned: BTreeMap<PartitionId, Assigned>,
    /// What was noted and is still to be carried out, in order.
    changes: VecDeque<Change>,
    /// Each partition's number, the same for as long as the process lives.
    lanes: HashMap<PartitionId, usize>,
    assignments: u64,
    commits: commit::Pending,
    /// It has been told once what it may read.
    is_ready: bool,
    last_look: Instant,
    /// It asks whether partitions have something to read.
    asking: Option<JoinHandle<()>>,
    access: Access,
    inspection: inspection::Inspection,
    complaints: Complaints,
}

/// A partition that is ours.
struct Assigned {
    number: u64,
    work: WorkOn,
    committed: commit::Settlement,
    /// The number of the drain that it was told of last; each resume counts as well.
    drain: u64,
    /// Nothing is in flight since that drain.
    drained: bool,
    closed: bool,
    /// It reads no further for now.
    held: Option<Held>,
    stillness: Option<watch::Stillness>,
}

enum WorkOn {
    Reading(Consumer),
    /// The group moved on before it was known where to read: it will be taken away again. The queue is held so that
    /// no record goes to the main queue.
    Nothing {
        _queue: PartitionQueue<GroupContext>,
    },
}

enum Change {
    Assign(Vec<PartitionId>),
    Revoke(Vec<PartitionId>),
    /// The records to read next are gone. Not done where it is noticed, for that may be in the midst of another.
    TakeUpAgain {
        assignment: u64,
    },
}

/// The longest that a rebalance, a report or a stop waits to be seen.
const POLL: Duration = Duration::from_millis(50);
const BETWEEN_COMPLAINTS: Duration = Duration::from_secs(10);

/// What a pipeline is run with, each time that it begins.
pub(crate) struct Mill {
    /// The latest: a reload changes them.
    pub(crate) steps: Arc<Mutex<Reload>>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) stop: Stop,
    pub(crate) orders: Arc<Orders>,
    /// Unique to this instance, and the same however often the pipeline begins anew.
    pub(crate) transactional_id: String,
}

// === impl Mill ===

impl Mill {
    pub(crate) fn latest(&self) -> Reload {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs the pipeline on the current thread, once, until it is stopped, is to begin anew, or can do no more.
    pub(crate) fn run_once(&self) -> Result<Ended, PipelineError> {
        let Self { counters, stop, orders, transactional_id, .. } = self;
        let Reload { settings, log } = &self.latest();
        let tell = |health| counters.health.set(&settings.name, health);
        if !startup::await_credentials(settings, stop, tell)? {
            return Ok(Ended::Stopped);
        }
        if !tables::await_ready(settings, stop, tell)? {
            return Ok(Ended::Stopped);
        }
        let source = Admin::open(&settings.source.properties).map_err(|error| match error {
            AdminError::Client(error) => PipelineError::Kafka(error),
            AdminError::Refused(code) => PipelineError::Kafka(KafkaError::AdminOp(code)),
            AdminError::Runtime(error) => PipelineError::Build(BuildError::Thread(error)),
        })?;
        let Some(cluster) = startup::await_cluster(settings, source, stop, tell)? else {
            return Ok(Ended::Stopped); // Before there was anything to stop.
        };
        // Before the clients are made: what changes from now on is not theirs.
        let certificates = settings.certificates();
        let share = startup::plan_memory(settings, &cluster.topics)?;
        log::info!("{}: memory for {share}", settings.name);
        let access = Access::new(settings);
        let consumer = Arc::new(crate::kafka::consumer::create(&settings.source, &share, &access)?);
        let (report, reports): (Sender<Report>, _) = channel();
        let parts = Parts {
            settings,
            consumer: &consumer,
            sink: cluster.sink,
            share,
            access: &access,
            counters,
            log,
            reports: &report,
            transactional_id,
        };
        let topology = Topology::build(&parts)?;
        let actors = settings.actors;
        log::info!(
            "{}: {} TransformActors, {} ProducerActors, and a ConsumerActor for each partition",
            settings.name,
            actors.transforms,
            actors.producers
        );
        let ends = ends::Ends::start(&settings.name, Arc::downgrade(&consumer)).map_err(BuildError::Thread)?;
        let control = Control {
            settings: Arc::clone(settings),
            certificates,
            ends,
            consumer,
            topology,
            reports,
            stop: stop.clone(),
            orders: Arc::clone(orders),
            known_topics: cluster.topics,
            marks: HashMap::new(),
            assigned: BTreeMap::new(),
            changes: VecDeque::new(),
            lanes: HashMap::new(),
            assignments: 0,
            commits: commit::Pending::default(),
            is_ready: false,
            last_look: Instant::now(),
            asking: None,
            access,
            inspection: inspection::Inspection::default(),
            complaints: Complaints::new(BETWEEN_COMPLAINTS),
        };
        control.run()
    }
}

// === impl Control ===

impl Control {
    fn run(mut self) -> Result<Ended, PipelineError> {
        let ended = catch_unwind(AssertUnwindSafe(|| {
            let topics: Vec<&str> = self.settings.source.topics.iter().map(String::as_str).collect();
            self.consumer.subscribe(&topics)?;
            self.serve()
        }));
        let ended = ended.unwrap_or_else(|panic| Err(PipelineError::Panicked(message(&*panic).to_owned())));
        let ended_well = ended.is_ok();
        let name = self.settings.name.clone();
        match (ended, self.shut_down(ended_well)) {
            // What did not let go would stand in the way of a new beginning: that counts, whatever came first.
            (Err(first), Err(stuck)) => {
                log::error!("{name}: {first}");
                Err(stuck)
            }
            (ended, stopped) => stopped.and(ended),
        }
    }

    fn serve(&mut self) -> Result<Ended, PipelineError> {
        while !self.stop.is_requested() {
            if self.settings.certificates() != self.certificates {
                return Ok(Ended::OtherCertificates);
            }
            self.poll(POLL)?;
            while let Some(change) = self.changes.pop_front() {
                match change {
                    Change::Assign(partitions) => self.assign(partitions)?,
                    Change::Revoke(partitions) => self.revoke(partitions)?,
                    Change::TakeUpAgain { assignment } => self.take_up_again(assignment)?,
                }
            }
            self.take_orders()?;
            self.commit_if_due();
            self.watch_if_due()?;
        }
        Ok(Ended::Stopped)
    }

    /// Serves librdkafka and the actors' reports once. Rebalances are only noted.
    fn poll(&mut self, timeout: Duration) -> Result<(), PipelineError> {
        match self.consumer.poll(timeout) {
            None => {}
            Some(Ok(record)) => {
                use rdkafka::Message;
                let place = format!("{}/{} offset {}", record.topic(), record.partition(), record.offset());
                return Err(PipelineError::StrayRecord(place));
            }
            Some(Err(KafkaError::MessageConsumptionFatal(error))) => return Err(PipelineError::fatal(error)),
            // The consumer's context was told as well, with librdkafka's words.
            Some(Err(error)) => log::debug!("{}: consumer: {error}", self.settings.name),
        }
        for event in self.consumer.context().take_events() {
            match event {
                GroupEvent::Assign(partitions) => self.changes.push_back(Change::Assign(partitions)),
                GroupEvent::Revoke(partitions) => self.changes.push_back(Change::Revoke(partitions)),
                GroupEvent::Committed(results) => self.take_commit_results(results),
            }
        }
        while let Ok(report) = self.reports.try_recv() {
            self.take_report(report)?;
        }
        Ok(())
    }

    fn take_report(&mut self, report: Report) -> Result<(), PipelineError> {
        match report {
            Report::Drained { assignment, number } => {
                self.with_assignment(assignment, |assigned| assigned.drained |= assigned.drain == number);
            }
            Report::Closed { assignment } => self.with_assignment(assignment, |assigned| assigned.closed = true),
            Report::Held { assignment, held } => {
                self.with_assignment(assignment, |assigned| assigned.held = Some(held))
            }
            Report::Resumed { assignment } => self.with_assignment(assignment, |assigned| assigned.held = None),
            Report::Unread { assignment, at, found } => self.heal(assignment, at, found)?,
            Report::Inspected { denied } => self.take_inspection(denied),
            Report::GaveUp { name, reason } => return Err(PipelineError::GaveUp { name, reason }),
            Report::ProducerFatal { error, reason } => return Err(PipelineError::ProducerFatal { error, reason }),
            Report::PartitionError { assignment, error } => self.note_partition_error(assignment, error),
        }
        Ok(())
    }

    fn with_assignment(&mut self, number: u64, change: impl FnOnce(&mut Assigned)) {
        if let Some(assigned) = self.assigned.values_mut().find(|assigned| assigned.number == number) {
            change(assigned);
        }
        self.tell_health();
    }

    fn note_partition_error(&mut self, assignment: u64, error: RDKafkaErrorCode) {
        match error {
            RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange => {
                self.changes.push_back(Change::TakeUpAgain { assignment });
            }
            // librdkafka goes on trying: the leader moves, permission is still to be given, and the like.
            error => {
                let partition = self.partition_of(assignment).map_or_else(String::new, |found| format!("{found}: "));
                self.access.note(Client::Consumer, error, &format!("{partition}{error}"));
            }
        }
    }

    /// `None` if that assignment is over.
    fn partition_of(&self, assignment: u64) -> Option<PartitionId> {
        let mut assigned = self.assigned.iter();
        assigned.find(|(_, found)| found.number == assignment).map(|(partition, _)| partition.clone())
    }

    fn lane(&mut self, partition: &PartitionId) -> usize {
        let next = self.lanes.len();
        *self.lanes.entry(partition.clone()).or_insert(next)
    }

    /// A warning that may come again and again, said once in a while.
    fn complain(&mut self, of: &str) {
        if let Some(left_out) = self.complaints.admit(of, Instant::now()) {
            log::warn!("{}: {of}{left_out}", self.settings.name);
        }
    }
}

// === impl Assigned ===

impl Assigned {
    fn consumer(&self) -> Option<&Consumer> {
        match &self.work {
            WorkOn::Reading(consumer) => Some(consumer),
            WorkOn::Nothing { .. } => None,
        }
    }

    fn consumer_mut(&mut self) -> Option<&mut Consumer> {
        match &mut self.work {
            WorkOn::Reading(consumer) => Some(consumer),
            WorkOn::Nothing { .. } => None,
        }
    }
}

// === impl Stop ===

impl Stop {
    pub(crate) fn request(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(crate) fn is_requested(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
