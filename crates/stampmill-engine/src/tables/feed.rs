//! Keeps one table: reads its topic to its end, and follows it then. After a failure it begins anew; the rows that there
//! are stay in force until it has caught up.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use stampmill_core::repeats::Complaints;

use super::TopicTable;
use super::rows::Taking;
use crate::control::Stop;
use crate::kafka::changelog::Changelog;
use crate::kafka::reader::ReadError;
use crate::supervise::message;

struct Feed<'a> {
    kept: &'a TopicTable,
    stop: &'a Stop,
    taking: Taking<'a>,
    complaints: Complaints,
}

/// While it is read, and later: an update is seen within that.
const POLL: Duration = Duration::from_millis(20);
const BETWEEN_TRIES: Duration = Duration::from_millis(500);
const BETWEEN_COMPLAINTS: Duration = Duration::from_secs(10);
/// For new partitions.
const BETWEEN_LOOKS: Duration = Duration::from_secs(10);

pub(super) fn run(kept: &TopicTable, stop: &Stop) {
    let complaints = Complaints::new(BETWEEN_COMPLAINTS);
    let mut feed = Feed { kept, stop, taking: Taking::new(kept), complaints };
    while !stop.is_requested() {
        let ended = catch_unwind(AssertUnwindSafe(|| feed.round()));
        let failed = match ended {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => error.to_string(),
            Err(panic) => format!("a panic: {}", message(&*panic)),
        };
        feed.complain(failed);
        feed.pause();
    }
}

// === impl Feed ===

impl Feed<'_> {
    /// From the beginning of the topic until it is stopped, or only a new client takes new certificates.
    fn round(&mut self) -> Result<(), ReadError> {
        let certificates = self.kept.properties.certificates();
        let mut topic = Changelog::open(&self.kept.properties, &self.kept.topic)?;
        if !self.read(&mut topic)? {
            return Ok(());
        }
        let mut looked = Instant::now();
        while !self.stop.is_requested() && self.kept.properties.certificates() == certificates {
            let (taking, table) = (&mut self.taking, &self.kept.table);
            if !topic.take(&mut |batch| table.change(|rows| taking.take(batch, rows)))? {
                self.wait(&topic);
            }
            if looked.elapsed() >= BETWEEN_LOOKS {
                topic.look_for_partitions()?;
                looked = Instant::now();
            }
        }
        Ok(())
    }

    /// To the end, or `false` if it is stopped before. The rows are not shown until all are there.
    fn read(&mut self, topic: &mut Changelog) -> Result<bool, ReadError> {
        let mut rows = self.kept.table.change(|rows| rows.emptied());
        let mut last_came = Instant::now();
        while !topic.is_read() {
            if self.stop.is_requested() {
                return Ok(false);
            }
            if topic.take(&mut |batch| self.taking.take(batch, &mut rows))? {
                last_came = Instant::now();
                continue;
            }
            self.wait(topic);
            if last_came.elapsed() >= BETWEEN_COMPLAINTS {
                self.complain(format!("nothing more of `{}` comes, and its end is not reached", self.kept.topic));
            }
        }
        self.kept.begin_with(rows);
        Ok(true)
    }

    fn wait(&mut self, topic: &Changelog) {
        if let Some(error) = topic.wait(POLL) {
            self.complain(format!("the brokers: {error}"));
        }
    }

    fn complain(&mut self, reason: String) {
        if let Some(left_out) = self.complaints.admit(&reason, Instant::now()) {
            log::warn!("table `{}`: waiting: {reason}{left_out}", self.kept.name());
        }
        self.kept.wait_for(reason);
    }

    fn pause(&self) {
        let since = Instant::now();
        while since.elapsed() < BETWEEN_TRIES && !self.stop.is_requested() {
            std::thread::sleep(POLL);
        }
    }
}
