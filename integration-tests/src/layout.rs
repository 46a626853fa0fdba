//! The ports and properties of the nodes of a cluster.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use anyhow::Result;

use crate::tls::Certificate;

/// What kind of cluster.
#[derive(Clone, Copy)]
pub struct Plan<'a> {
    pub version: &'a str,
    pub nodes: usize,
    /// Each broker has a second address, through a [`Proxy`](crate::proxy::Proxy).
    pub proxied: bool,
    /// Clients speak TLS with the brokers, which have this key.
    pub certificate: Option<&'a Certificate>,
    /// Further listeners. Of what each speaks, `more` says.
    pub listeners: &'a [Listener<'a>],
    /// Further properties of the brokers, one a line.
    pub more: &'a str,
    /// Further arguments of the brokers' Java.
    pub java: &'a [String],
    /// Further arguments when their folders are formatted.
    pub format: &'a [String],
}

#[derive(Clone, Copy)]
pub struct Listener<'a> {
    pub name: &'a str,
    /// Clients that come by it are told to come by the proxy: it takes the place of another listener there.
    pub behind_proxy: bool,
}

/// The ports of all nodes.
pub(crate) struct Layout(Vec<Ports>);

struct Ports {
    /// For clients, and for the brokers among themselves.
    direct: u16,
    controller: u16,
    /// Where the proxy finds the broker.
    behind: u16,
    /// Of the further listeners, in their order.
    further: Vec<u16>,
}

const EACH: usize = 3;

// === impl Plan ===

impl<'a> Plan<'a> {
    /// One broker and nothing special.
    pub fn of(version: &'a str) -> Self {
        let (listeners, java, format) = (&[], &[], &[]);
        Self { version, nodes: 1, proxied: false, certificate: None, listeners, more: "", java, format }
    }
}

// === impl Layout ===

impl Layout {
    pub(crate) fn free(nodes: usize, further: usize) -> Result<Self> {
        let each = EACH + further;
        // All are held until all are found, or two could be the same.
        let listeners =
            (0..each * nodes).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<std::io::Result<Vec<_>>>()?;
        let ports = listeners.iter().map(|listener| Ok(listener.local_addr()?.port())).collect::<Result<Vec<_>>>()?;
        let ports = ports.chunks(each).map(|ports| Ports {
            direct: ports[0],
            controller: ports[1],
            behind: ports[2],
            further: ports[EACH..].to_vec(),
        });
        Ok(Self(ports.collect()))
    }

    pub(crate) fn bootstrap(&self, node: usize) -> String {
        format!("127.0.0.1:{}", self.0[node].direct)
    }

    pub(crate) fn behind_proxy(&self, node: usize) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.0[node].behind))
    }

    /// Of the further listeners, in their order.
    pub(crate) fn further(&self, node: usize) -> &[u16] {
        &self.0[node].further
    }

    /// Good for 3.7 and 4.x. The cleaner's buffer is allocated on the heap, 128 MB unless told otherwise.
    pub(crate) fn properties(&self, plan: &Plan<'_>, node: usize, folder: &Path, proxy: Option<u16>) -> String {
        let Ports { direct, controller, behind, further } = &self.0[node];
        let voters: Vec<String> =
            (1..).zip(&self.0).map(|(id, ports)| format!("{id}@127.0.0.1:{}", ports.controller)).collect();
        let (id, voters) = (node + 1, voters.join(","));
        let (replicas, in_sync) = if self.0.len() >= 3 { (3, 2) } else { (1, 1) };
        // A client is told the addresses of the listener that it came by: so the brokers themselves, and the test's own
        // client, never go through a proxy.
        let mut listen = proxy.map_or_else(String::new, |_| format!(",PROXIED://127.0.0.1:{behind}"));
        let mut advertise = proxy.map_or_else(String::new, |port| format!(",PROXIED://127.0.0.1:{port}"));
        for (listener, port) in plan.listeners.iter().zip(further) {
            let told = proxy.filter(|_| listener.behind_proxy).unwrap_or(*port);
            listen.push_str(&format!(",{}://127.0.0.1:{port}", listener.name));
            advertise.push_str(&format!(",{}://127.0.0.1:{told}", listener.name));
        }
        // Of two properties with one name the last counts.
        let more = plan.certificate.map(Certificate::whole).unwrap_or_default() + plan.more;
        format!(
            "process.roles=broker,controller
node.id={id}
controller.quorum.voters={voters}
listeners=PLAINTEXT://127.0.0.1:{direct},CONTROLLER://127.0.0.1:{controller}{listen}
advertised.listeners=PLAINTEXT://127.0.0.1:{direct}{advertise}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT
log.dirs={}
default.replication.factor={replicas}
min.insync.replicas={in_sync}
offsets.topic.replication.factor={replicas}
offsets.topic.num.partitions=5
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={in_sync}
transaction.state.log.num.partitions=5
share.coordinator.state.topic.replication.factor={replicas}
share.coordinator.state.topic.min.isr={in_sync}
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
num.network.threads=2
num.io.threads=2
background.threads=2
log.cleaner.dedupe.buffer.size=2097152
log.initial.task.delay.ms=100
auto.create.topics.enable=false
{more}
",
            folder.join("data").display()
        )
    }
}
