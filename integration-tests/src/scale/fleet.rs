//! Instances of the program in one group, under a load that goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rdkafka::consumer::BaseConsumer;

use crate::chaos::cluster::Cluster;
use crate::chaos::stream::{Pace, Stream};
use crate::eventually::eventually;
use crate::http::Listener;
use crate::program::{self, Build, Program};
use crate::scale::cost::Delivery;
use crate::scale::group;
use crate::scenario::{Scenario, setup};
use crate::verdict::{Verdict, await_verdict_of, record};

/// How the instances are set up.
#[derive(Clone, Debug, Default)]
pub struct Kind {
    /// Properties of librdkafka for the source, after one another with commas between.
    pub properties: String,
    /// Each instance has a `group.instance.id`.
    pub is_static: bool,
    /// It gives its place up at a clean stop.
    pub leaves: bool,
}

pub struct Fleet {
    pub scenario: Scenario,
    kind: Kind,
    version: String,
    config: PathBuf,
    stream: Stream,
    members: BTreeMap<String, Member>,
    /// Of instances, those included that are gone: each has a log of its own.
    starts: u32,
    /// Asks for the ends of topics.
    asker: BaseConsumer,
}

struct Member {
    program: Program,
    admin: Listener,
    probes: Listener,
}

/// The partitions of each instance.
pub type Spread = BTreeMap<String, BTreeSet<i32>>;

/// The header of an envelope that names who made it, and the variable that tells an instance its name.
pub const INSTANCE: &str = "instance";
const VARIABLE: &str = "INSTANCE";
pub const PARTITIONS: i32 = 64;
/// 2,560 records a second, in few requests: these are what costs brokers, who are to have time left on a small machine.
const PACE: Pace = Pace { round: 8, between: Duration::from_millis(200) };
/// The broker's clock is the only one that all deliveries have in common.
const APPEND_TIME: (&str, &str) = ("message.timestamp.type", "LogAppendTime");

// === impl Fleet ===

impl Fleet {
    /// No instance yet, but the topics and the load.
    pub fn begin(cluster: &Cluster, name: &str, kind: Kind) -> Self {
        // Built before anything is sent: that may take minutes.
        program::executable(Build::Plain);
        let mut scenario = setup(name, &cluster.client);
        for topic in [&scenario.input, &scenario.output] {
            scenario.client.create_topic(topic, PARTITIONS, &[APPEND_TIME]);
        }
        let id = if kind.is_static { format!(", group.instance.id: \"${{{VARIABLE}}}\"") } else { String::new() };
        scenario.pipeline.source = format!("properties: {{ {}{id} }}", kind.properties);
        scenario.pipeline.connection = format!("client.id: \"${{{VARIABLE}}}\"");
        // Once for all: an instance may read it while the next is started.
        let config = scenario.config();
        let stream = Stream::start_at(PACE, &scenario.client, &scenario.input, PARTITIONS, 0, record);
        let (asker, version) = (scenario.client.consumer("ends"), cluster.version.clone());
        Self { scenario, kind, version, config, stream, members: BTreeMap::new(), starts: 0, asker }
    }

    /// Starts an instance, or one of that name anew; it need not be ready yet.
    pub fn start(&mut self, name: &str) {
        self.starts += 1;
        let log = self.scenario.folder.join(format!("{name}-{}.log", self.starts));
        let mut program = Program::start(self.command(name), log);
        let probes = listener(&mut program, "probes and metrics are at http://");
        let admin = listener(&mut program, "the page and the API are at http://");
        let before = self.members.insert(name.into(), Member { program, admin, probes });
        assert!(before.is_none(), "{name} runs already");
    }

    fn command(&self, name: &str) -> Command {
        let mut command = program::command(Build::Plain);
        let own = self.scenario.write(&format!("{name}.yaml"), &named(name));
        command
            .arg("run")
            .arg("--config")
            .arg(&self.config)
            .arg("--config")
            .arg(own)
            .current_dir(&self.scenario.folder);
        if self.kind.leaves {
            command.arg("--leave");
        }
        for setting in ["memory=128MiB", "admin.listen=127.0.0.1:0", "probes.listen=127.0.0.1:0"] {
            command.arg("--set").arg(setting);
        }
        command.env(VARIABLE, name);
        command
    }

    /// A clean stop, as Kubernetes stops a pod.
    pub fn stop(&mut self, name: &str) {
        assert_eq!(self.take(name).program.terminate(), 0, "{name} stops cleanly");
    }

    /// Killed with no word to anybody.
    pub fn kill(&mut self, name: &str) {
        self.take(name).program.kill();
    }

    fn take(&mut self, name: &str) -> Member {
        self.members.remove(name).unwrap_or_else(|| panic!("{name} does not run"))
    }

    pub fn names(&self) -> Vec<String> {
        self.members.keys().cloned().collect()
    }

    /// What each instance says that it has; none where one does not answer yet.
    pub fn spread(&self) -> Option<Spread> {
        self.members.iter().map(|(name, member)| Some((name.clone(), member.partitions()?))).collect()
    }

    /// Waits until every partition has one owner and no instance has more than one partition more than another, which is
    /// what both protocols promise to instances that read the same topics.
    pub fn await_settled(&self) -> Spread {
        eventually("every partition to have one owner, evenly", || self.spread().filter(is_settled))
    }

    /// Waits until each partition has got something more than it has now.
    pub fn await_progress(&self) {
        let ends = || self.scenario.client.ends_by(&self.asker, &self.scenario.output);
        let before = ends();
        eventually("each partition to go on", || {
            ends().iter().all(|(partition, (_, end))| *end > before[partition].1).then_some(())
        });
    }

    /// What each instance's metrics say of the partitions that it has: how many, and how many series there are of single
    /// ones.
    pub fn counted(&self) -> BTreeMap<String, (usize, usize)> {
        self.members.iter().map(|(name, member)| (name.clone(), member.counted())).collect()
    }

    /// As the broker has it.
    pub fn spread_by_broker(&self) -> Spread {
        let Scenario { client, group, input, .. } = &self.scenario;
        let owners = group::owners(&self.version, &client.bootstrap, group, input).expect("the group is described");
        let mut spread = Spread::new();
        for (partition, owner) in owners {
            spread.entry(owner).or_default().insert(partition);
        }
        spread
    }

    /// What the group has committed in each partition: records below that are never to come again.
    pub fn committed(&self) -> BTreeMap<i32, u64> {
        let Scenario { client, group, input, .. } = &self.scenario;
        let committed = client.committed(group, input).into_iter();
        committed.map(|(partition, offset)| (partition, offset.unwrap_or(0) as u64)).collect()
    }

    /// Ends the load, waits for what is left, stops the instances, and tells what came out.
    pub fn finish(mut self) -> (Verdict, Vec<Delivery>) {
        let sent = self.stream.finish();
        let verdict = await_verdict_of(&self.scenario, &sent, 0);
        for name in self.names() {
            self.stop(&name);
        }
        self.scenario.client.await_committed(&self.scenario.group, &self.scenario.input);
        let output = self.scenario.client.read_to_end(&self.scenario.output);
        let deliveries = output.iter().filter_map(Delivery::of).collect::<Vec<_>>();
        assert_eq!(deliveries.len(), output.len(), "each envelope tells who made it");
        (verdict, deliveries)
    }
}

/// What an instance of that name has over the others.
fn named(name: &str) -> String {
    format!("pipelines: {{ under-test: {{ sink: {{ headers: {{ {INSTANCE}: {name} }} }} }} }}\n")
}

/// It takes a free port, and its log says which.
fn listener(program: &mut Program, before: &str) -> Listener {
    let line = program.await_line(before);
    let address = line.split_once(before).and_then(|(_, address)| address.trim().parse().ok());
    Listener { address: address.unwrap_or_else(|| panic!("no address in `{line}`")), token: None }
}

fn is_settled(spread: &Spread) -> bool {
    let sizes = || spread.values().map(BTreeSet::len);
    let all: BTreeSet<i32> = spread.values().flatten().copied().collect();
    let least = sizes().min().unwrap_or(0);
    // As many as all together have: none has two owners.
    all.len() == PARTITIONS as usize && sizes().sum::<usize>() == all.len() && sizes().all(|size| size <= least + 1)
}

// === impl Member ===

impl Member {
    fn partitions(&self) -> Option<BTreeSet<i32>> {
        let answer =
            self.admin.get("/api/pipelines/under-test/partitions").ok().filter(|answer| answer.status == 200)?;
        let partitions = answer.json()["partitions"].as_array()?.clone();
        partitions.iter().map(|partition| partition["partition"].as_i64()?.try_into().ok()).collect()
    }

    fn counted(&self) -> (usize, usize) {
        let metrics = self.probes.get("/metrics").expect("an answer").body;
        let of = |name: &'static str| metrics.lines().filter_map(move |line| line.strip_prefix(name));
        let all = of("stampmill_pipeline_partitions{").find_map(|rest| rest.rsplit(' ').next()?.parse::<f64>().ok());
        (all.expect("a gauge") as usize, of("stampmill_partition_lag_records{").count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(of: &[(&str, std::ops::Range<i32>)]) -> Spread {
        of.iter().map(|(name, partitions)| ((*name).to_owned(), partitions.clone().collect())).collect()
    }

    #[test]
    fn settled_is_complete_even_and_without_a_second_owner() {
        assert!(is_settled(&spread(&[("a", 0..21), ("b", 21..42), ("c", 42..64)])));
        assert!(!is_settled(&spread(&[("a", 0..20), ("b", 20..42), ("c", 42..64)])), "22 and 20");
        assert!(!is_settled(&spread(&[("a", 0..32), ("b", 31..63)])), "31 has two owners, 63 has none");
        assert!(!is_settled(&spread(&[("a", 0..33), ("b", 32..64)])), "32 has two owners");
        assert!(!is_settled(&spread(&[])));
    }
}
