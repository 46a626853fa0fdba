//! Numbered records that go on until they are told to stop: for as long as the fault takes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};

use crate::client::{Client, TestRecord};
use crate::eventually::{eventually, patience};

/// Makes the `n`th record of a partition.
pub type Make = fn(i32, u64) -> TestRecord;

pub struct Stream {
    pub topic: String,
    /// What partition 0 is called in the records: two topics can go to one output.
    pub first: i32,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stopped: AtomicBool,
    paused: AtomicBool,
    partitions: AtomicI32,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    sent: BTreeMap<i32, u64>,
    acknowledged: BTreeMap<i32, u64>,
    failed: Option<String>,
}

struct Context(Arc<Shared>);

/// How fast records come.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Records of each partition at a time.
    pub round: u64,
    pub between: Duration,
}

/// 500 a second of each partition, in few requests, for the load is not what is tested.
const PACE: Pace = Pace { round: 10, between: Duration::from_millis(20) };

// === impl Context ===

impl ClientContext for Context {}

impl ProducerContext for Context {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        self.0.count(|counts| match result {
            Ok(record) => *counts.acknowledged.entry(record.partition()).or_default() += 1,
            Err((error, _)) => counts.failed = Some(error.to_string()),
        });
    }
}

// === impl Shared ===

impl Shared {
    fn count<T>(&self, count: impl FnOnce(&mut Counts) -> T) -> T {
        count(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn send_all(self: &Arc<Self>, client: &Client, topic: &str, first: i32, pace: Pace, make: Make) {
        let producer = client.producer(Context(Arc::clone(self)), 20);
        let mut due = Instant::now();
        while !self.stopped.load(Ordering::Acquire) {
            producer.poll(due.saturating_duration_since(Instant::now()));
            if self.paused.load(Ordering::Acquire) {
                producer.poll(Duration::from_millis(20));
                due = Instant::now();
            } else if Instant::now() >= due {
                due += pace.between;
                self.send_round(&producer, topic, first, pace.round, make);
            }
        }
        let deadline = Instant::now() + patience();
        while producer.in_flight_count() > 0 && Instant::now() < deadline {
            producer.poll(Duration::from_millis(20));
        }
    }

    /// The next records of each partition.
    fn send_round(&self, producer: &BaseProducer<Context>, topic: &str, first: i32, round: u64, make: Make) {
        for partition in (0..round).flat_map(|_| 0..self.partitions.load(Ordering::Acquire)) {
            let number = self.count(|counts| counts.sent.get(&partition).copied().unwrap_or(0));
            let record = make(first + partition, number);
            let mut out = BaseRecord::<[u8], [u8]>::to(topic).partition(partition);
            out.key = record.key.as_deref();
            out.payload = record.value.as_deref();
            while let Err((error, again)) = producer.send(out) {
                assert!(passes(&error), "{error}");
                producer.poll(Duration::from_millis(10));
                out = again;
            }
            self.count(|counts| counts.sent.insert(partition, number + 1));
        }
    }
}

/// A queue that is full, and a partition of which the client does not know yet.
fn passes(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::{QueueFull, UnknownPartition};
    matches!(error.rdkafka_error_code(), Some(QueueFull | UnknownPartition))
}

// === impl Stream ===

impl Stream {
    pub fn start(client: &Client, topic: &str, partitions: i32, first: i32, make: Make) -> Self {
        Self::start_at(PACE, client, topic, partitions, first, make)
    }

    /// As [`Stream::start`], at another pace.
    pub fn start_at(pace: Pace, client: &Client, topic: &str, partitions: i32, first: i32, make: Make) -> Self {
        let shared = Arc::new(Shared { partitions: AtomicI32::new(partitions), ..Shared::default() });
        let (sending, client, to) = (Arc::clone(&shared), client.clone(), topic.to_owned());
        let thread = thread::spawn(move || sending.send_all(&client, &to, first, pace, make));
        Self { topic: topic.into(), first, shared, thread: Some(thread) }
    }

    /// From now on as many partitions get records.
    pub fn widen(&self, partitions: i32) {
        self.shared.partitions.store(partitions, Ordering::Release);
    }

    /// How many records of each partition are in the log, by the names that the records give.
    pub fn acknowledged(&self) -> BTreeMap<i32, u64> {
        self.named(|counts| counts.acknowledged.clone())
    }

    fn named(&self, which: impl Fn(&Counts) -> BTreeMap<i32, u64>) -> BTreeMap<i32, u64> {
        let counts = self.shared.count(|counts| which(counts));
        let partitions = 0..self.shared.partitions.load(Ordering::Acquire);
        let count = |partition| counts.get(&partition).copied().unwrap_or(0);
        partitions.map(|partition| (self.first + partition, count(partition))).collect()
    }

    /// Sends nothing until [`Stream::resume`]; returns what is in the log then.
    pub fn pause(&self) -> BTreeMap<i32, u64> {
        self.shared.paused.store(true, Ordering::Release);
        eventually("all that was sent to be in the log", || {
            self.shared.count(|counts| counts.sent == counts.acknowledged).then_some(())
        });
        self.acknowledged()
    }

    pub fn resume(&self) {
        self.shared.paused.store(false, Ordering::Release);
    }

    /// Ends it, and returns how many records of each partition were sent: all are in the log.
    pub fn finish(&mut self) -> BTreeMap<i32, u64> {
        self.stop();
        self.shared.count(|counts| {
            assert_eq!(counts.failed, None, "the test's own producer failed");
            assert_eq!(counts.sent, counts.acknowledged, "the test's own records are in the log");
        });
        self.acknowledged()
    }

    fn stop(&mut self) {
        self.shared.stopped.store(true, Ordering::Release);
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(!matches!(ended, Some(Err(_))) || thread::panicking(), "the test's own producer panicked");
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.stop();
    }
}
