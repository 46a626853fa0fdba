//! What it costs that an instance comes, goes, crashes or is restarted.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::Result;

use crate::bench::report::Report;
use crate::chaos::cluster::Cluster;
use crate::jars;
use crate::scale::cost::{Cost, Delivery};
use crate::scale::event::Event;
use crate::scale::fleet::{Fleet, Kind, PARTITIONS};

/// How members are set up, and what that is called.
struct Setting {
    name: &'static str,
    properties: &'static str,
    is_static: bool,
    leaves: bool,
}

const CLASSIC: &str = "session.timeout.ms: 10000";
const KIP_848: &str = "group.protocol: consumer";
const SETTINGS: [Setting; 5] = [
    Setting { name: "classic protocol, dynamic members", properties: CLASSIC, is_static: false, leaves: false },
    Setting { name: "classic protocol, static members", properties: CLASSIC, is_static: true, leaves: false },
    Setting { name: "classic protocol, static members, --leave", properties: CLASSIC, is_static: true, leaves: true },
    Setting { name: "KIP-848, dynamic members", properties: KIP_848, is_static: false, leaves: false },
    Setting { name: "KIP-848, static members", properties: KIP_848, is_static: true, leaves: false },
];

/// Heartbeats as Kafka has them; sessions as short with the newer protocol as with the classic one, so that both can be
/// compared, and nobody waits for 45 s.
const BROKERS: &str = "group.consumer.heartbeat.interval.ms=5000
group.consumer.min.session.timeout.ms=10000
group.consumer.session.timeout.ms=10000";
const AT_REST: Duration = Duration::from_secs(3);

/// Runs all settings whose name contains `only`.
pub fn run(report: &mut Report, only: &str) -> Result<()> {
    report.note(format!(
        "Eight instances on {PARTITIONS} partitions of three brokers, Kafka {}, 2,560 records a second in all, eight for each \
         partition every 200 ms. Sessions last 10 s; heartbeats are Kafka's defaults, 3 s by the classic protocol, 5 s by KIP-848. A \
         partition stands still from one record of the output to the next, by the time of the broker's append; still are those \
         that did so for a second and more. A partition moves when another instance goes on with it.",
        jars::NEWEST
    ))?;
    for setting in SETTINGS.iter().filter(|setting| setting.name.contains(only)) {
        println!("{}", setting.name);
        // One for each: brokers that have the topics of others to look after have less time for these.
        let cluster = Cluster::start(jars::NEWEST, BROKERS)?;
        report.note(setting.run(&cluster))?;
    }
    Ok(())
}

// === impl Setting ===

impl Setting {
    fn run(&self, cluster: &Cluster) -> String {
        let Self { properties, is_static, leaves, .. } = *self;
        let mut fleet = Fleet::begin(cluster, "scale", Kind { properties: properties.into(), is_static, leaves });
        let names: Vec<String> = (0..8).map(|number| format!("mill-{number}")).collect();
        names[..7].iter().for_each(|name| fleet.start(name));
        fleet.await_settled();
        fleet.await_progress();
        let mut events = Vec::new();
        let mut watch = |what, happen: &dyn Fn(&mut Fleet)| {
            let event = Event::watch(what, &mut fleet, happen);
            println!("  {what}: settled after {:.1} s", event.settled_after.as_secs_f64());
            events.push(event);
        };
        watch("nothing, for 3 s", &|_| std::thread::park_timeout(AT_REST));
        watch("an eighth joins", &|fleet| fleet.start(&names[7]));
        watch("one is stopped and started again", &|fleet| {
            fleet.stop(&names[3]);
            fleet.start(&names[3]);
        });
        watch("one is killed and started again", &|fleet| {
            fleet.kill(&names[4]);
            fleet.start(&names[4]);
        });
        watch("one is stopped for good", &|fleet| fleet.stop(&names[7]));
        watch("one is killed for good", &|fleet| fleet.kill(&names[6]));
        let (verdict, deliveries) = fleet.finish();
        format!("## {}\n\n{}\n{verdict}", self.name, table(&events, &deliveries))
    }
}

fn table(events: &[Event], deliveries: &[Delivery]) -> String {
    let mut text =
        "| what happens | settled after, s | longest standstill, s | of the middle partition, s | partitions still | \
                    partitions moved | moves | records twice |\n|---|--:|--:|--:|--:|--:|--:|--:|\n"
            .to_owned();
    for event in events {
        let cost: Cost = event.cost(deliveries);
        let seconds = |ms: i64| ms as f64 / 1000.0;
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| {} | {:.1} | {:.1} | {:.2} | {} | {} | {} | {} |",
            event.what,
            event.settled_after.as_secs_f64(),
            seconds(cost.longest_ms()),
            seconds(cost.median_ms()),
            cost.stood_still(),
            cost.moved,
            cost.moves,
            cost.twice.len()
        );
    }
    text
}
