//! The lines of one TransformActor, before they are written.

use std::cell::RefCell;
use std::num::NonZeroU32;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use stampmill_core::record::Record;
use stampmill_core::transform::{Level, Log};

use super::limits::Limits;
use super::line::{Line, Source};
use super::routes::{LinesByRoute, LogRoutes};
use super::time::Time;

/// They are written when a batch is done, when there are many, and at once after a warning or an error. Dropping it
/// writes what is left.
pub(crate) struct LineBuffers {
    routes: Arc<LogRoutes>,
    time: Time,
    now: LinesByRoute,
    /// Those that travel on with the batch.
    ordered: LinesByRoute,
}

/// Writes the lines of a batch at its end, and as well when a panic ends it.
pub(crate) struct LinesOfBatch<'a>(&'a RefCell<LineBuffers>);

const FULL: usize = 64 << 10;

// === impl LineBuffers ===

impl LineBuffers {
    pub(crate) fn new(routes: Arc<LogRoutes>) -> Self {
        Self { routes, time: Time::now(), now: LinesByRoute::default(), ordered: LinesByRoute::default() }
    }

    pub(crate) fn add(&mut self, step: &Log, record: &Record<'_>, message: &str) {
        let level = log_level(step.level);
        let source = Source {
            pipeline: &self.routes.pipeline,
            topic: record.topic,
            partition: record.partition,
            offset: record.offset.get(),
        };
        self.time.update();
        let line = Line { level, name: &step.target, message, source: Some(source) };
        let into = if step.options.ordered { &mut self.ordered } else { &mut self.now };
        let lines = into.of(step.options.on_full);
        line.append(self.routes.output().format(), &self.time, &mut lines.bytes);
        lines.count += 1;
        if !step.options.ordered && (lines.bytes.len() >= FULL || level <= log::Level::Warn) {
            self.write();
        }
    }

    pub(crate) fn write(&mut self) {
        self.routes.write(&mut self.now);
    }

    /// What is to be written when the batch is put back in order.
    pub(crate) fn take_ordered(&mut self) -> LinesByRoute {
        std::mem::take(&mut self.ordered)
    }

    /// Once a second or more often: says how many lines each rate has left out.
    pub(crate) fn tell_left_out(&mut self) {
        let second = second();
        self.tell(|limits| limits.left_out_before(second));
    }

    fn tell(&mut self, left_out: impl Fn(&Limits) -> Option<u64>) {
        let routes = Arc::clone(&self.routes);
        for (place, step) in routes.steps_with_rate() {
            let Some(count) = left_out(&step.limits).filter(|_| step.may_warn()) else { continue };
            let options = step.limits.options();
            let message = format!(
                "{}: log[{place}] left out {count} lines (`rate: {}`)",
                routes.pipeline,
                options.rate.map_or(0, NonZeroU32::get)
            );
            let line = Line { level: log::Level::Warn, name: &step.name, message: &message, source: None };
            self.time.update();
            let lines = self.now.of(options.on_full);
            line.append(routes.output().format(), &self.time, &mut lines.bytes);
            lines.count += 1;
            self.write();
        }
    }
}

impl Drop for LineBuffers {
    fn drop(&mut self) {
        self.tell(Limits::left_out);
        self.write();
    }
}

// === impl LinesOfBatch ===

impl<'a> LinesOfBatch<'a> {
    pub(crate) fn begin(lines: &'a RefCell<LineBuffers>) -> Self {
        Self(lines)
    }
}

impl Drop for LinesOfBatch<'_> {
    fn drop(&mut self) {
        self.0.borrow_mut().write();
    }
}

/// Since the first call, from 1, by a clock that never goes back.
pub(crate) fn second() -> u32 {
    static START: OnceLock<Instant> = OnceLock::new();
    let start = START.get_or_init(Instant::now);
    u32::try_from(start.elapsed().as_secs() + 1).unwrap_or(u32::MAX)
}

pub(crate) fn log_level(level: Level) -> log::Level {
    match level {
        Level::Error => log::Level::Error,
        Level::Warn => log::Level::Warn,
        Level::Info => log::Level::Info,
        Level::Debug => log::Level::Debug,
        Level::Trace => log::Level::Trace,
    }
}
