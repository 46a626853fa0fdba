//! All faults, each a small function that hits a flow and lets it be judged.

mod brokers;
mod groups;
mod idle;
mod instances;
mod network;
mod panics;
mod positions;
mod records;
mod sinks;

use crate::chaos::failpoints::COMMIT_UNSETTLED;
use crate::chaos::run::Expects::{Anything, Damage, Once};
use crate::chaos::run::Fault;
use crate::chaos::run::Needs::{Failpoint, NewGroups};

/// The campaign, in order; with how often each hits in the short form and in the long one.
#[rustfmt::skip]
pub const FAULTS: &[Fault] = &[
    Fault::new("the program is killed", (3, 30), instances::killed),
    Fault::new("the program is stopped", (3, 30), instances::stopped).expecting(Once),
    Fault::new("a leader is killed", (3, 3), brokers::leader_killed),
    Fault::new("all brokers are gone", (1, 1), brokers::all_gone),
    Fault::new("the network to a broker is cut", (1, 1), network::cut),
    Fault::new("the network to a broker hangs", (1, 1), network::hangs),
    Fault::new("the network to a broker is 2 s late", (1, 1), network::late),
    Fault::new("members come and go, range", (3, 50), groups::range),
    Fault::new("members come and go, cooperative", (3, 50), groups::cooperative),
    Fault::new("members come and go, new protocol", (3, 50), groups::new_protocol).needing(NewGroups),
    Fault::new("panics at transform::before", (1, 3), |run| panics::at(run, "transform::before")),
    Fault::new("panics at transform::after", (1, 3), |run| panics::at(run, "transform::after")),
    Fault::new("panics at producer::before", (1, 3), |run| panics::at(run, "producer::before")),
    Fault::new("panics at producer::after", (1, 3), |run| panics::at(run, "producer::after")),
    Fault::new("panics at consumer::dispatch", (1, 3), |run| panics::at(run, "consumer::dispatch")),
    Fault::new("panics at delivery::report", (1, 3), |run| panics::at(run, "delivery::report")),
    Fault::new("panics at commit::before", (1, 2), |run| panics::at(run, "commit::before"))
        .needing(Failpoint("commit::before")),
    Fault::new("panics at commit::after", (1, 2), |run| panics::at(run, "commit::after"))
        .needing(Failpoint("commit::after")),
    Fault::new("storms of panics until the process ends", (1, 1), panics::storm),
    Fault::new("a worker hangs", (1, 5), panics::hang),
    Fault::new("poison, one record in a thousand", (1, 10), records::poison),
    Fault::new("a burst trips the breaker", (1, 2), records::burst),
    Fault::new("the dead-letter topic refuses", (1, 2), records::dead_letters_refuse),
    Fault::new("a record too large for the sink", (1, 1), sinks::too_large),
    Fault::new("no permission to write to the sink", (1, 2), sinks::no_permission),
    Fault::new("the sink's topic is made again", (1, 1), sinks::made_again).expecting(Anything),
    Fault::new("a queue of 100 records", (1, 2), sinks::short_queue).expecting(Once),
    Fault::new("partitions are added", (1, 1), positions::partitions_added).expecting(Once),
    Fault::new("records below the commit are deleted", (1, 5), positions::deleted_below),
    Fault::new("records beyond the commit are deleted", (1, 3), positions::deleted_beyond),
    Fault::new("the group's offsets are deleted", (1, 3), positions::group_deleted).expecting(Once),
    Fault::new("killed before the first commit", (1, 3), positions::killed_before_first_commit),
    Fault::new("a topic comes to match", (1, 1), positions::topic_comes).expecting(Once),
    Fault::new("idle beyond every timeout", (1, 1), idle::idle).expecting(Once),
    Fault::new("made to commit too early (the verdict must fail)", (3, 10), instances::commits_too_early)
        .expecting(Damage).needing(Failpoint(COMMIT_UNSETTLED)),
];

/// The fault of that name.
pub fn named(name: &str) -> &'static Fault {
    FAULTS.iter().find(|fault| fault.name == name).unwrap_or_else(|| panic!("no fault is called `{name}`"))
}
