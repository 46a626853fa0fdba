//! The three brokers that a campaign spoils and mends.

use std::time::Duration;

use anyhow::{Context, Result};

use crate::broker::Broker;
use crate::client::Client;
use crate::layout::Plan;
use crate::proxy::{Network, Proxy};

pub struct Cluster {
    pub brokers: Vec<Broker>,
    /// Knows the brokers by their own addresses: a spoiled network is not for it.
    pub client: Client,
    pub version: String,
}

pub const NODES: usize = 3;
/// Killed members are missed soon: by the classic protocol as their instance asks, by the newer one as the broker does.
const PROPERTIES: &str = "group.min.session.timeout.ms=1000
group.consumer.min.session.timeout.ms=1000
group.consumer.session.timeout.ms=6000
group.consumer.min.heartbeat.interval.ms=500
group.consumer.heartbeat.interval.ms=1000";

// === impl Cluster ===

impl Cluster {
    pub fn start(version: &str, more: &str) -> Result<Self> {
        let more = format!("{PROPERTIES}\n{more}");
        let brokers = Broker::start_cluster(&Plan { nodes: NODES, proxied: true, more: &more, ..Plan::of(version) })?;
        let addresses: Vec<&str> = brokers.iter().map(|broker| broker.bootstrap.as_str()).collect();
        Ok(Self { client: Client::new(&addresses.join(",")), brokers, version: version.into() })
    }

    fn proxies(&self) -> impl Iterator<Item = &Proxy> {
        self.brokers.iter().filter_map(|broker| broker.proxy.as_ref())
    }

    /// Where the program finds the brokers.
    pub fn proxied(&self) -> String {
        self.proxies().map(|proxy| format!("127.0.0.1:{}", proxy.port)).collect::<Vec<_>>().join(",")
    }

    /// The network of one broker is spoiled for so long; returns how much of the traffic that hit.
    pub fn spoil(&self, node: usize, network: Network, long: Duration) -> u64 {
        let proxy = self.brokers[node].proxy.as_ref().expect("a proxy");
        let before = proxy.hits();
        proxy.set(network);
        std::thread::park_timeout(long);
        proxy.set(Network::Pass);
        proxy.hits() - before
    }

    /// Starts a broker that was killed, and waits until the topics have all their replicas again.
    pub fn revive(&mut self, node: usize, topics: &[&str]) {
        self.brokers[node].run().expect("the broker starts again");
        self.brokers[node].await_ready(NODES).expect("the broker answers");
        topics.iter().for_each(|topic| self.client.await_in_sync(topic, NODES));
    }

    /// Whatever a fault has left behind: all brokers run and the network passes.
    pub fn mend(&mut self) -> Result<()> {
        self.proxies().for_each(|proxy| proxy.set(Network::Pass));
        let run = |broker: &mut Broker| if broker.is_running() { Ok(()) } else { broker.run() };
        self.brokers.iter_mut().try_for_each(run)?;
        self.brokers.iter_mut().try_for_each(|broker| broker.await_ready(NODES)).context("the cluster is not whole")
    }
}
