//! What a replay tells at its end.

use std::collections::BTreeMap;
use std::io::Write;

use super::super::arguments::{Replay, Target};
use super::decision::{Decision, Left};

#[derive(Default)]
pub(super) struct Summary {
    /// Or what would have been.
    pub(super) sent: u64,
    skipped: u64,
    left: BTreeMap<&'static str, u64>,
    fails: u64,
    /// Where each is.
    pub(super) undelivered: Vec<String>,
    /// Offsets that an earlier replay has dealt with.
    pub(super) remembered: u64,
}

// === impl Summary ===

impl Summary {
    pub(super) fn count(&mut self, decision: &Decision) {
        match decision {
            Decision::ToSource(..) | Decision::ToSink(_) => self.sent += 1,
            Decision::Nothing => self.skipped += 1,
            Decision::Left(left) => self.count_left(left),
        }
    }

    pub(super) fn count_left(&mut self, left: &Left) {
        self.fails += u64::from(matches!(left, Left::Fails(_)));
        *self.left.entry(left.kind()).or_default() += 1;
    }

    /// Nothing has failed.
    pub(super) fn is_fine(&self) -> bool {
        self.undelivered.is_empty() && self.fails == 0
    }

    pub(super) fn write(
        &self,
        replay: &Replay,
        pipeline: &str,
        group: &str,
        out: &mut dyn Write,
    ) -> std::io::Result<()> {
        let to = match replay.to {
            Target::Source => "to their source",
            Target::Pipeline => "through the pipeline",
        };
        let done = if replay.execute { "replayed" } else { "would replay" };
        writeln!(out, "{done} {} dead letters of `{pipeline}` {to}", self.sent)?;
        if self.skipped > 0 {
            writeln!(out, "  {:>6} skipped by the pipeline", self.skipped)?;
        }
        for (kind, count) in &self.left {
            writeln!(out, "  {count:>6} left: {kind}")?;
        }
        if !self.undelivered.is_empty() {
            writeln!(
                out,
                "  {:>6} not delivered, the first at {}: it ended there",
                self.undelivered.len(),
                self.undelivered[0]
            )?;
        }
        if self.remembered > 0 {
            writeln!(
                out,
                "  {:>6} offsets were dealt with before; `--from-beginning` takes them too",
                self.remembered
            )?;
        }
        match (replay.execute, replay.filters.is_empty()) {
            (false, _) => writeln!(out, "nothing was sent; `--execute` sends"),
            (true, true) => writeln!(out, "how far it got is remembered as the commits of the group `{group}`"),
            (true, false) => {
                writeln!(out, "with filters nothing is remembered: the next replay takes these again")
            }
        }
    }
}
