//! Lines that nobody waits for: what does not fit is left out, counted, and told.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use log::Level;

use super::line::Line;
use super::output::LogOutput;
use super::time::Time;

/// Lines that are written at once or not at all.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    pub(crate) bytes: Vec<u8>,
    pub(crate) count: u64,
}

/// A bounded queue to a thread that writes. Dropping it waits a moment for what is in it.
pub(crate) struct LogQueue {
    sender: Option<SyncSender<Lines>>,
    dropped: Arc<AtomicU64>,
    ended: Mutex<Receiver<()>>,
}

struct Writer {
    pipeline: String,
    output: LogOutput,
    dropped: Arc<AtomicU64>,
    told: Instant,
}

/// Of 64 KiB each, as a rule.
const QUEUED: usize = 64;
const BETWEEN_TELLING: Duration = Duration::from_secs(1);
/// How long an end waits for a log that may be stuck.
const LAST_CHANCE: Duration = Duration::from_secs(1);

// === impl LogQueue ===

impl LogQueue {
    pub(crate) fn start(pipeline: &str, output: LogOutput) -> std::io::Result<Self> {
        let (sender, lines) = sync_channel(QUEUED);
        let (end, ended) = channel();
        let dropped = Arc::<AtomicU64>::default();
        let mut writer =
            Writer { pipeline: pipeline.to_owned(), output, dropped: Arc::clone(&dropped), told: Instant::now() };
        std::thread::Builder::new().name(format!("log {pipeline}")).spawn(move || {
            writer.run(&lines);
            // Nobody waits any more where the log was stuck for too long.
            let _ = end.send(());
        })?;
        Ok(Self { sender: Some(sender), dropped, ended: Mutex::new(ended) })
    }

    pub(crate) fn offer(&self, lines: Lines) {
        let count = lines.count;
        if self.sender.as_ref().is_none_or(|sender| sender.try_send(lines).is_err()) {
            self.dropped.fetch_add(count, Ordering::Relaxed);
        }
    }
}

impl Drop for LogQueue {
    fn drop(&mut self) {
        self.sender = None;
        let _ = self.ended.get_mut().unwrap_or_else(PoisonError::into_inner).recv_timeout(LAST_CHANCE);
    }
}

// === impl Writer ===

impl Writer {
    fn run(&mut self, queue: &Receiver<Lines>) {
        loop {
            match queue.recv_timeout(BETWEEN_TELLING) {
                Ok(lines) => self.output.write_lines(&lines.bytes),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.tell(),
            }
            if self.told.elapsed() >= BETWEEN_TELLING {
                self.tell();
            }
        }
    }

    /// From here, where the log is known to take something again: elsewhere it would wait.
    fn tell(&mut self) {
        self.told = Instant::now();
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        if dropped == 0 || !log::log_enabled!(target: &self.pipeline, Level::Warn) {
            return;
        }
        let message = format!(
            "{}: {dropped} lines were left out, for the log is written too slowly (`on_full: drop`)",
            self.pipeline
        );
        let line = Line { level: Level::Warn, name: &self.pipeline, message: &message, source: None };
        let mut bytes = Vec::new();
        line.append(self.output.format(), &Time::now(), &mut bytes);
        self.output.write_lines(&bytes);
    }
}
