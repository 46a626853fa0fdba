//! What a fault can hit: records on their way, in each partition.

use std::collections::BTreeMap;
use std::fmt;

use crate::eventually::eventually;
use crate::scenario::Scenario;

/// How many records of each partition were on their way when a fault hit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InFlight(pub BTreeMap<i32, u64>);

// === impl InFlight ===

impl InFlight {
    /// Of the partition with the fewest; nothing where nothing was measured.
    pub fn least(&self) -> u64 {
        self.0.values().copied().min().unwrap_or(0)
    }

    /// Of each partition the lesser of two faults.
    pub fn min(mut self, other: &Self) -> Self {
        for (partition, records) in &other.0 {
            self.0.entry(*partition).and_modify(|least| *least = (*records).min(*least)).or_insert(*records);
        }
        self
    }
}

impl fmt::Display for InFlight {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each: Vec<String> = self.0.values().map(u64::to_string).collect();
        write!(out, "[{}]", each.join(" "))
    }
}

/// Waits until the output holds `records` and of each partition more has been sent than is there. What was sent is looked
/// at first, so that nothing counts that was sent meanwhile; [`Scenario::lingering`] keeps records on their way for long
/// enough. For faults that double records the output's ends tell too little: see [`await_uncommitted`].
pub fn await_in_flight(scenario: &Scenario, records: u64) -> InFlight {
    let asker = scenario.client.consumer("ends");
    eventually("records in flight in every partition", || {
        let sent = scenario.client.ends_by(&asker, &scenario.input);
        let delivered = scenario.client.ends_by(&asker, &scenario.output);
        let total: i64 = delivered.values().map(|(_, end)| end).sum();
        let left = sent.iter().map(|(partition, (_, end))| (*partition, end - delivered[partition].1));
        existing(left).filter(|_| total as u64 >= records)
    })
}

/// As [`await_in_flight`], by what is sent and not committed.
pub fn await_uncommitted(scenario: &Scenario, records: u64) -> InFlight {
    // Asked by clients that are connected: what was sent is committed before a new one knows.
    let (ends, group) = (scenario.client.consumer("ends"), scenario.client.consumer(&scenario.group));
    eventually("records that are not committed in every partition", || {
        let sent = scenario.client.ends_by(&ends, &scenario.input);
        let committed = scenario.client.committed_by(&group, &scenario.input);
        let total: i64 = committed.values().flatten().sum();
        let left = sent.iter().map(|(partition, (_, end))| (*partition, end - committed[partition].unwrap_or(0)));
        existing(left).filter(|_| total as u64 >= records)
    })
}

/// If there are some in every partition.
fn existing(left: impl Iterator<Item = (i32, i64)>) -> Option<InFlight> {
    let left: Option<BTreeMap<i32, u64>> =
        left.map(|(partition, left)| Some((partition, u64::try_from(left).ok().filter(|left| *left > 0)?))).collect();
    Some(InFlight(left?))
}
