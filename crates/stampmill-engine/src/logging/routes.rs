//! The log steps of a pipeline: what they may write, and which way it goes. Shared by its actors.

use std::sync::Arc;

use log::Level;
use stampmill_core::log_options::OnFull;
use stampmill_core::transform::{Log, Transforms};

use super::limits::Limits;
use super::output::LogOutput;
use super::queue::{Lines, LogQueue};

pub(crate) struct LogRoutes {
    pub(crate) pipeline: String,
    /// By the number of the step among those that log.
    steps: Vec<LogStep>,
    output: LogOutput,
    /// Only where a step asks for it.
    queue: Option<Arc<LogQueue>>,
}

pub(crate) struct LogStep {
    pub(crate) name: String,
    pub(crate) limits: Limits,
}

/// Lines apart by what happens when the log cannot keep up.
#[derive(Debug, Default)]
pub(crate) struct LinesByRoute {
    pub(crate) block: Lines,
    pub(crate) drop: Lines,
}

// === impl LogRoutes ===

impl LogRoutes {
    pub(crate) fn open(pipeline: &str, transforms: &Transforms, output: LogOutput) -> std::io::Result<Self> {
        let steps: Vec<LogStep> = transforms.logs().iter().map(LogStep::new).collect();
        let drops = steps.iter().any(|step| step.limits.options().on_full == OnFull::Drop);
        let queue = if drops { Some(Arc::new(LogQueue::start(pipeline, output.clone())?)) } else { None };
        Ok(Self { pipeline: pipeline.to_owned(), steps, output, queue })
    }

    /// For other steps of the same pipeline. Lines of the old ones may still be on their way, and go as before.
    pub(crate) fn renew(&self, transforms: &Transforms) -> std::io::Result<Self> {
        let mut renewed = Self::open(&self.pipeline, transforms, self.output.clone())?;
        if let Some(queue) = &self.queue {
            renewed.queue = Some(Arc::clone(queue));
        }
        Ok(renewed)
    }

    pub(crate) fn output(&self) -> &LogOutput {
        &self.output
    }

    pub(crate) fn limits(&self, place: usize) -> &Limits {
        &self.steps[place].limits
    }

    /// Those that may leave lines out, each with its place.
    pub(crate) fn steps_with_rate(&self) -> impl Iterator<Item = (usize, &LogStep)> {
        self.steps.iter().enumerate().filter(|(_, step)| step.limits.has_rate())
    }

    /// Waits for the log where lines are not to be left out.
    pub(crate) fn write(&self, lines: &mut LinesByRoute) {
        self.output.write_lines(&lines.block.bytes);
        lines.block.clear();
        if lines.drop.count > 0 {
            self.offer(std::mem::take(&mut lines.drop));
        }
    }

    /// The same with lines that are shared.
    pub(crate) fn write_shared(&self, lines: &LinesByRoute) {
        self.output.write_lines(&lines.block.bytes);
        if lines.drop.count > 0 {
            self.offer(Lines { bytes: lines.drop.bytes.clone(), count: lines.drop.count });
        }
    }

    fn offer(&self, lines: Lines) {
        if let Some(queue) = &self.queue {
            queue.offer(lines);
        }
    }
}

// === impl LogStep ===

impl LogStep {
    fn new(log: &Log) -> Self {
        Self { name: log.target.clone(), limits: Limits::new(log.options) }
    }

    pub(crate) fn may_warn(&self) -> bool {
        log::log_enabled!(target: &self.name, Level::Warn)
    }
}

// === impl LinesByRoute ===

impl LinesByRoute {
    pub(crate) fn of(&mut self, on_full: OnFull) -> &mut Lines {
        match on_full {
            OnFull::Block => &mut self.block,
            OnFull::Drop => &mut self.drop,
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.block.bytes.len() + self.drop.bytes.len()
    }
}

// === impl Lines ===

impl Lines {
    /// Keeps the memory for the next lines, but not that of a giant.
    fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(MOST_KEPT);
        self.count = 0;
    }
}

const MOST_KEPT: usize = 1 << 20;
