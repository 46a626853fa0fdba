//! One run of one fault: what it is, how often it hits, and what must come out.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::chaos::cluster::Cluster;
use crate::chaos::flow::Flow;
use crate::chaos::outcome::Outcome;
use crate::chaos::routed;
use crate::chaos::stream::Make;
use crate::judge::Odd;
use crate::scenario::{Scenario, setup};
use crate::verdict::{Verdict, record};

/// A kind of fault. To add one, write a function and put it into [`FAULTS`](crate::chaos::faults::FAULTS).
pub struct Fault {
    pub name: &'static str,
    /// How often it hits in the short form.
    pub short: u32,
    pub long: u32,
    pub expects: Expects,
    pub needs: Needs,
    pub run: fn(&mut Run) -> Outcome,
}

/// What must come out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expects {
    /// What the delivery promises.
    Promise,
    /// As `Promise`, and nothing comes twice, whatever the delivery.
    Once,
    /// Something is lost, or committed before it is delivered: the program is made to, and the verdict must show it.
    Damage,
    /// Nothing in particular: what is seen is reported.
    Anything,
}

/// What a fault cannot run without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    /// The group protocol of Kafka 4.
    NewGroups,
    /// The program's build with this place for faults.
    Failpoint(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    AtLeastOnce,
    ExactlyOnce,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Short,
    Long,
}

/// Of the pipeline that the faults hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Envelope,
    Routed,
}

pub struct Run<'a> {
    pub cluster: &'a mut Cluster,
    pub delivery: Delivery,
    pub shape: Shape,
    pub form: Form,
    pub repetitions: u32,
    pub expects: Expects,
    /// Of the logs of the flow, once there is one.
    pub folder: Option<PathBuf>,
    /// What the flow's records tell, when the fault ends by a panic.
    pub so_far: Arc<Mutex<Verdict>>,
}

pub const PARTITIONS: i32 = 6;

// === impl Fault ===

impl Fault {
    pub const fn new(name: &'static str, (short, long): (u32, u32), run: fn(&mut Run) -> Outcome) -> Self {
        Self { name, short, long, expects: Expects::Promise, needs: Needs::Nothing, run }
    }

    pub const fn expecting(self, expects: Expects) -> Self {
        Self { expects, ..self }
    }

    pub const fn needing(self, needs: Needs) -> Self {
        Self { needs, ..self }
    }
}

// === impl Delivery ===

impl Delivery {
    /// Of a pipeline; transactions stay open for so long.
    pub fn keys(self, transaction_ms: u32) -> String {
        match self {
            Self::AtLeastOnce => String::new(),
            Self::ExactlyOnce => format!("delivery: exactly_once\ntransaction_interval_ms: {transaction_ms}"),
        }
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::AtLeastOnce => "at_least_once",
            Self::ExactlyOnce => "exactly_once",
        })
    }
}

// === impl Run ===

impl Run<'_> {
    /// One of two lengths.
    pub fn seconds(&self, short: u64, long: u64) -> Duration {
        Duration::from_secs(if self.form == Form::Short { short } else { long })
    }

    /// Topics, a group and a pipeline, through the proxies. `change` makes of the pipeline what the fault needs.
    pub fn scenario(&mut self, name: &str, change: impl FnOnce(&mut Scenario)) -> Scenario {
        let mut scenario = setup(name, &self.cluster.client).with_topics(PARTITIONS);
        scenario.bootstrap = self.cluster.proxied();
        // A killed instance is missed soon, and records are on their way for a while.
        scenario.pipeline.source = "properties: { session.timeout.ms: 3000, heartbeat.interval.ms: 500 }".into();
        match self.shape {
            Shape::Envelope => {
                scenario.pipeline.sink = "partition: source\nproperties: { linger.ms: 1000 }".into();
            }
            Shape::Routed => routed::route(&mut scenario, PARTITIONS),
        }
        // Long transactions, so that records are in flight for a while.
        scenario.pipeline.more = self.delivery.keys(1000);
        change(&mut scenario);
        self.folder = Some(scenario.folder.clone());
        scenario
    }

    /// A scenario with load on it.
    pub fn flow(&mut self, name: &str, change: impl FnOnce(&mut Scenario)) -> Flow {
        let scenario = self.scenario(name, change);
        let odd = if self.shape == Shape::Routed { routed::is_filtered } else { |_| false };
        Flow::begin(scenario, record, odd, self)
    }

    /// As [`Run::flow`], where some records, by their numbers, are for the dead letters.
    pub fn odd_flow(&mut self, name: &str, (odd, make): (Odd, Make), change: impl FnOnce(&mut Scenario)) -> Flow {
        let scenario = self.scenario(name, change);
        Flow::begin(scenario, make, odd, self)
    }
}
