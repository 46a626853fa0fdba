//! Looks at actors and partitions from outside, once a second: who hangs, and what stands still.

use std::sync::Arc;
use std::time::{Duration, Instant};

use stampmill_core::record::CommitOffset;

use super::unread::{self, Question};
use super::{Assigned, Control, PipelineError};
use crate::consumer::standing::Progress;
use crate::health::{Health, Trouble};
use crate::kafka::PartitionId;
use crate::messages::{Held, HeldBy, Refetch, SendAgain};

/// How long a partition has stood where it stands.
#[derive(Debug)]
pub(super) struct Stillness {
    progress: Progress,
    since: Instant,
    /// What was done about it.
    step: Step,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Nothing,
    /// Nobody has anything to read beyond this.
    AtTheEnd,
    /// A fetch was begun anew.
    Refetched,
    /// What was read is not delivered, and a new consumer would not help.
    Undelivered,
}

pub(super) const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

impl Control {
    pub(super) fn watch_if_due(&mut self) -> Result<(), PipelineError> {
        let now = Instant::now();
        if now.duration_since(self.last_look) < BETWEEN_LOOKS {
            return Ok(());
        }
        self.last_look = now;
        self.replace_hanging(now)?;
        self.look_at_partitions(now);
        self.inspect_if_due(now);
        self.tell_health();
        self.tell_status(now);
        Ok(())
    }

    fn replace_hanging(&mut self, now: Instant) -> Result<(), PipelineError> {
        let gave_up = |(name, reason)| PipelineError::GaveUp { name, reason };
        let topology = &self.topology;
        let mut consumers = self.assigned.values_mut().filter_map(Assigned::consumer_mut);
        if let Some(hanging) = consumers.find_map(|consumer| topology.hanging_consumer(consumer, now)) {
            return Err(gave_up(hanging));
        }
        if self.topology.replace_hanging(now).map_err(gave_up)? {
            for consumer in self.assigned.values().filter_map(Assigned::consumer) {
                consumer.addr.do_send(SendAgain);
            }
        }
        Ok(())
    }

    /// Those that have not moved for too long: it is told where records are in flight, and asked whether there are any
    /// to read otherwise.
    fn look_at_partitions(&mut self, now: Instant) {
        let patience = self.settings.supervision.stalled_after;
        let is_asking = self.asking.as_ref().is_some_and(|thread| !thread.is_finished());
        let mut questions = Vec::new();
        for (partition, assigned) in &mut self.assigned {
            if assigned.drained {
                // It was told to.
                assigned.stillness = None;
                continue;
            }
            let Some(progress) = assigned.stood_still(now, patience) else { continue };
            let Some(still) = &mut assigned.stillness else { continue };
            if progress.end > progress.watermark {
                still.step = Step::Undelivered;
            } else if !is_asking {
                still.since = now;
                let (assignment, partition, at) = (assigned.number, partition.clone(), progress.end);
                questions.push(Question { assignment, partition, at });
            }
        }
        if questions.is_empty() {
            return;
        }
        match unread::ask(questions, Arc::clone(&self.settings), self.topology.reports()) {
            Ok(thread) => self.asking = Some(thread),
            Err(error) => self.complain(&format!("whether there is more to read cannot be found out: {error}")),
        }
    }

    /// What a partition that stands still needs, by whether there is anything to read at that offset.
    pub(super) fn heal(
        &mut self,
        assignment: u64,
        at: CommitOffset,
        found: Result<bool, String>,
    ) -> Result<(), PipelineError> {
        let mut assigned = self.assigned.iter_mut();
        let found_assigned = assigned.find(|(_, assigned)| assigned.number == assignment);
        let Some((partition, assigned)) = found_assigned else { return Ok(()) };
        let (partition, consumer) = (partition.clone(), assigned.consumer().map(|consumer| consumer.addr.clone()));
        let still = assigned.stillness.as_mut().filter(|still| still.progress.end == at);
        let (Some(consumer), Some(still)) = (consumer, still) else { return Ok(()) };
        match (found, still.step) {
            (Ok(false), _) => still.step = Step::AtTheEnd,
            (Ok(true), Step::Refetched) => {
                return Err(PipelineError::Stalled { partition: partition.to_string(), offset: at.get() });
            }
            (Ok(true), _) => {
                still.step = Step::Refetched;
                let at = at.get();
                log::error!("{}: {partition} stands still at offset {at}: it is fetched anew", self.settings.name);
                consumer.do_send(Refetch);
            }
            (Err(error), _) => {
                self.complain(&format!("{partition}: whether there is more to read cannot be found out: {error}"));
            }
        }
        Ok(())
    }

    pub(super) fn tell_health(&mut self) {
        // Without a token the brokers' own reason is only that.
        let kept_out = self.settings.has_token().err().or_else(|| self.access.denied());
        let kept_out = kept_out.map(|reason| Trouble::KeptOut { reason });
        let of_partitions = self.assigned.iter().filter_map(|(partition, assigned)| assigned.trouble(partition));
        let troubles: Vec<Trouble> = kept_out.into_iter().chain(of_partitions).collect();
        let health = match troubles.is_empty() {
            true if self.is_ready => Health::Ready,
            true => Health::Starting,
            false => Health::NotReady(troubles),
        };
        self.topology.counters().health.set(&self.settings.name, health);
    }
}

impl Assigned {
    /// Where it stands, if it has stood there for as long as patience goes and is not held.
    fn stood_still(&mut self, now: Instant, patience: Duration) -> Option<Progress> {
        let progress = self.consumer()?.standing.get();
        let held = self.held.is_some();
        match &self.stillness {
            Some(still) if still.progress == progress && !held => {
                (now.duration_since(still.since) >= patience).then_some(progress)
            }
            _ => {
                self.stillness = Some(Stillness { progress, since: now, step: Step::Nothing });
                None
            }
        }
    }

    pub(super) fn trouble(&self, partition: &PartitionId) -> Option<Trouble> {
        let partition = partition.to_string();
        if let Some(Held { at, cause }) = &self.held {
            let offset = at.get();
            return Some(match cause {
                HeldBy::Policy { class, reason } => {
                    Trouble::Halted { partition, offset, class, reason: reason.clone() }
                }
                HeldBy::Breaker(trip) => Trouble::BreakerOpen { partition, offset, reason: trip.to_string() },
            });
        }
        let still = self.stillness.as_ref()?;
        let offset: CommitOffset = still.progress.end;
        match still.step {
            Step::Refetched => Some(Trouble::Stalled { partition, offset: offset.get() }),
            Step::Undelivered => Some(Trouble::Undelivered { partition, seconds: still.since.elapsed().as_secs() }),
            Step::Nothing | Step::AtTheEnd => None,
        }
    }
}
