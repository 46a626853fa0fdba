//! The places in the program where the build with failpoints can be made to fail, and how its hits are counted.

use crate::program::{self, Build};

pub struct Failpoint {
    pub name: &'static str,
    /// How often it panics, as the `fail` crate writes it.
    pub panics: &'static str,
    /// Whose panic its log tells of.
    pub told: &'static str,
}

/// Every place where it may panic at random. Rarer where a panic costs a pause, and where there is a record at each;
/// where there are few, one of the first is certain.
pub const PANICS: &[Failpoint] = &[
    Failpoint { name: "transform::before", panics: "0.05%panic", told: "TransformActor" },
    Failpoint { name: "transform::after", panics: "0.05%panic", told: "TransformActor" },
    Failpoint { name: "producer::before", panics: "1%panic", told: "ProducerActor" },
    Failpoint { name: "producer::after", panics: "1%panic", told: "ProducerActor" },
    Failpoint { name: "consumer::dispatch", panics: "1%panic", told: "ConsumerActor" },
    Failpoint { name: "delivery::report", panics: "0.02%panic", told: "a delivery report" },
    Failpoint { name: "commit::before", panics: "5*off->1*panic->10%panic", told: "commit::before" },
    Failpoint { name: "commit::after", panics: "5*off->1*panic->10%panic", told: "commit::after" },
];

/// Commits what has been read, delivered or not.
pub const COMMIT_UNSETTLED: &str = "control::commit_unsettled";

// === impl Failpoint ===

impl Failpoint {
    pub fn named(name: &str) -> &'static Self {
        PANICS.iter().find(|point| point.name == name).unwrap_or_else(|| panic!("no failpoint is called `{name}`"))
    }

    /// For the program's environment.
    pub fn setting(&self) -> String {
        format!("{}={}", self.name, self.panics)
    }

    /// How often it hit, by the program's log.
    pub fn hits(&self, log: &str) -> u64 {
        let told = |line: &&str| line.contains(self.told) && line.contains("panicked");
        let hits = log.lines().filter(|line| !line.starts_with("thread ")).filter(told).count();
        hits as u64
    }
}

/// Whether the program has a failpoint of that name: the build holds the names of all.
pub fn exists(name: &str) -> bool {
    let program = std::fs::read(program::executable(Build::Failpoints)).expect("the program can be read");
    program.windows(name.len()).any(|bytes| bytes == name.as_bytes())
}
