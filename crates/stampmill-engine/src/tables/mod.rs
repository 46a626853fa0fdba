//! Tables that are kept from topics: the latest value under each key. One serves all pipelines, and outlives their
//! restarts; each has a thread and a consumer of its own ([`feed`]), which reads from the beginning and never joins a group.

mod feed;
mod rows;

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use stampmill_core::table::{Rows, Size, Table};
use stampmill_core::transform::Transforms;

use crate::control::Stop;
use crate::settings::Properties;

/// Clones are of the same table.
#[derive(Clone, Debug)]
pub struct TopicTable {
    pub table: Arc<Table>,
    pub topic: String,
    /// Of its connection; none that the engine owns.
    pub properties: Properties,
    state: Arc<State>,
}

/// How a table stands, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableStatus {
    pub name: String,
    pub size: Size,
    /// It is a file, or has been read to its end.
    pub ready: bool,
    /// Records of its topic that made no row.
    pub refused: u64,
}

/// The threads that keep tables up to date, for as long as this lives.
#[must_use]
pub struct Feeds {
    stop: Stop,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct State {
    is_ready: AtomicBool,
    refused: AtomicU64,
    /// Why it is not read to its end yet; nothing, if there is no reason but that it takes time.
    waits_for: Mutex<Option<String>>,
}

const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// Begins to read these tables, each once.
///
/// # Errors
/// A thread cannot be started.
pub fn keep<'a>(tables: impl IntoIterator<Item = &'a TopicTable>) -> io::Result<Feeds> {
    let mut feeds = Feeds { stop: Stop::default(), threads: Vec::new() };
    let mut fed: Vec<&TopicTable> = Vec::new();
    for table in tables {
        if fed.iter().any(|other| Arc::ptr_eq(&other.table, &table.table)) {
            continue;
        }
        fed.push(table);
        let (kept, stop) = (table.clone(), feeds.stop.clone());
        let thread = std::thread::Builder::new().name(format!("table {}", table.name()));
        feeds.threads.push(thread.spawn(move || feed::run(&kept, &stop))?);
    }
    Ok(feeds)
}

/// Keeps those that the steps read, and waits until each is read to its end: for people, who are told every ten seconds what
/// it waits for.
///
/// # Errors
/// As of [`keep`].
pub fn keep_and_await(tables: &[TopicTable], transforms: &Transforms) -> io::Result<Feeds> {
    let feeds = keep(read_by(tables, transforms))?;
    while read_by(tables, transforms).any(|table| !table.is_ready()) {
        std::thread::sleep(BETWEEN_LOOKS);
    }
    Ok(feeds)
}

/// Those of `tables` that the steps read.
pub fn read_by<'a>(tables: &'a [TopicTable], transforms: &'a Transforms) -> impl Iterator<Item = &'a TopicTable> {
    tables.iter().filter(|kept| transforms.tables().any(|read| Arc::ptr_eq(read, &kept.table)))
}

// === impl TopicTable ===

impl TopicTable {
    /// Nothing of it is read yet.
    pub fn new(name: &str, topic: String, properties: Properties, max_bytes: usize) -> Self {
        let table = Arc::new(Table::new(name, Rows::new(max_bytes)));
        Self { table, topic, properties, state: Arc::default() }
    }

    pub fn name(&self) -> &str {
        self.table.name()
    }

    /// Whether it has been read to where its topic ended at the start.
    pub fn is_ready(&self) -> bool {
        self.state.is_ready.load(Ordering::Acquire)
    }

    pub fn status(&self) -> TableStatus {
        let refused = self.state.refused.load(Ordering::Relaxed);
        TableStatus { name: self.name().to_owned(), size: self.table.size(), ready: self.is_ready(), refused }
    }

    /// Why it is not ready.
    pub(crate) fn waits_for(&self) -> String {
        let reason = self.state.waits_for.lock().unwrap_or_else(PoisonError::into_inner).clone();
        reason.unwrap_or_else(|| "it is still being read".to_owned())
    }

    /// Whether something is missing, be it that it passes by itself.
    pub(crate) fn has_failed(&self) -> bool {
        self.state.waits_for.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn wait_for(&self, reason: String) {
        *self.state.waits_for.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason);
    }

    /// All of its topic is in `rows`.
    fn begin_with(&self, rows: Rows) {
        let size = rows.size();
        self.table.replace(rows);
        self.state.is_ready.store(true, Ordering::Release);
        log::info!(
            "table `{}`: read `{}` to its end, {} rows of {} bytes",
            self.name(),
            self.topic,
            size.rows,
            size.bytes
        );
    }
}

// === impl TableStatus ===

impl TableStatus {
    /// Of a table that was read from a file.
    pub(crate) fn of_file(table: &Table) -> Self {
        Self { name: table.name().to_owned(), size: table.size(), ready: true, refused: 0 }
    }
}

// === impl Feeds ===

impl Drop for Feeds {
    /// Waits for the threads: librdkafka does not take it well when the process ends around a client.
    fn drop(&mut self) {
        self.stop.request();
        // What a panic said is in the log.
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}
