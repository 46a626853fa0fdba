//! Reads the output as it comes, so that at any moment it is known what has been delivered.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};

use crate::client::{Client, TestRecord};
use crate::eventually::eventually;
use crate::judge::{Judge, Odd};

pub struct Watch {
    client: Client,
    topic: String,
    seen: Arc<Mutex<Seen>>,
    reader: Option<Reader>,
}

struct Seen {
    judge: Judge,
    /// The next offset of each partition of the output.
    positions: BTreeMap<i32, i64>,
    last: Instant,
}

struct Reader {
    stopped: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

const LOOK_FOR_PARTITIONS: Duration = Duration::from_millis(500);
/// The end of a partition can lie behind marks of transactions, which nobody is shown.
const QUIET: Duration = Duration::from_secs(2);

// === impl Watch ===

impl Watch {
    pub fn start(client: &Client, topic: &str, odd: Odd) -> Self {
        let seen = Seen { judge: Judge::new(odd), positions: BTreeMap::new(), last: Instant::now() };
        let seen = Arc::new(Mutex::new(seen));
        let mut watch = Self { client: client.clone(), topic: topic.into(), seen, reader: None };
        watch.reopen();
        watch
    }

    /// Reads the topic from its beginning, for it is a new one of that name; what was seen before stays seen.
    pub fn reopen(&mut self) {
        self.close();
        self.with(|seen| seen.positions.clear());
        let stopped = Arc::new(AtomicBool::new(false));
        let (client, topic) = (self.client.clone(), self.topic.clone());
        let (seen, told) = (Arc::clone(&self.seen), Arc::clone(&stopped));
        let thread = thread::spawn(move || read(&client, &topic, &seen, &told));
        self.reader = Some(Reader { stopped, thread });
    }

    fn close(&mut self) {
        if let Some(Reader { stopped, thread }) = self.reader.take() {
            stopped.store(true, Ordering::Release);
            assert!(thread.join().is_ok() || thread::panicking(), "the reader of the output panicked");
        }
    }

    fn with<T>(&self, look: impl FnOnce(&mut Seen) -> T) -> T {
        look(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn judge<T>(&self, look: impl FnOnce(&mut Judge) -> T) -> T {
        self.with(|seen| look(&mut seen.judge))
    }

    /// How many records of the output below these ends are still to be read, in each partition.
    pub fn behind(&self, ends: &BTreeMap<i32, (i64, i64)>) -> BTreeMap<i32, u64> {
        let position = |partition| self.with(|seen| seen.positions.get(&partition).copied());
        let behind = |partition, low, end: i64| end.saturating_sub(position(partition).unwrap_or(low)).max(0);
        ends.iter().map(|(partition, (low, end))| (*partition, behind(*partition, *low, *end) as u64)).collect()
    }

    /// Waits until all is read that the output holds now.
    pub fn catch_up(&self) {
        let (ends, asked) = (self.client.ends(&self.topic), Instant::now());
        eventually("the output to be read", || {
            let quiet = asked.elapsed() > QUIET && self.with(|seen| seen.last.elapsed()) > QUIET;
            (quiet || self.behind(&ends).values().all(|behind| *behind == 0)).then_some(())
        });
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.close();
    }
}

fn read(client: &Client, topic: &str, seen: &Mutex<Seen>, stopped: &AtomicBool) {
    // Whoever reads does not ask: its question would wait in the broker behind a fetch that waits for records.
    let (consumer, asker) = (client.consumer("watch"), client.consumer("watch"));
    let (mut assigned, mut looked) = (0, None::<Instant>);
    while !stopped.load(Ordering::Acquire) {
        if looked.is_none_or(|looked| looked.elapsed() > LOOK_FOR_PARTITIONS) {
            if let Some(partitions) = client.partitions_by(&asker, topic).filter(|partitions| *partitions > assigned) {
                add_partitions(&consumer, topic, assigned..partitions);
                assigned = partitions;
            }
            looked = Some(Instant::now());
        }
        // After an error it goes on by itself: brokers come and go in these tests.
        if let Some(Ok(message)) = consumer.poll(Duration::from_millis(50)) {
            let record = TestRecord::from(&message);
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.last = Instant::now();
            seen.positions.insert(record.partition, record.offset + 1);
            seen.judge.see(&record);
        }
    }
}

fn add_partitions(consumer: &BaseConsumer, topic: &str, partitions: Range<i32>) {
    let mut list = TopicPartitionList::new();
    for partition in partitions {
        list.add_partition_offset(topic, partition, Offset::Beginning).expect("a partition");
    }
    consumer.incremental_assign(&list).expect("an assignment");
}
