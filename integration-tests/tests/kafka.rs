//! The clusters that the tests share: one for each version, started when the first test asks for it.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use integration_tests::broker::Broker;
use integration_tests::client::Client;
use integration_tests::secured::Secured;
use integration_tests::{docker, jars};

/// A cluster, and the version of its brokers where they are ours.
pub(crate) struct Kafka {
    pub(crate) client: Client,
    version: Option<String>,
}

/// Where brokers come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) label: String,
    brokers: Option<String>,
}

static SHARED: LazyLock<Mutex<BTreeMap<String, &'static Kafka>>> = LazyLock::new(Mutex::default);
static OURS: Mutex<Vec<Broker>> = Mutex::new(Vec::new());
/// As [`SHARED`], with listeners that let nobody in unasked.
static SECURED: Mutex<BTreeMap<String, Arc<Secured>>> = Mutex::new(BTreeMap::new());
static NOWHERE: LazyLock<Kafka> = LazyLock::new(|| Kafka { client: Client::new("127.0.0.1:1"), version: None });

/// For tests that need no broker: nobody listens there.
pub(crate) fn nowhere() -> &'static Kafka {
    &NOWHERE
}

/// The cluster of that source, the same for all tests.
pub(crate) fn shared(source: &Source) -> &'static Kafka {
    // A test that panicked here has started no broker: the next one tries again.
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.entry(source.label.clone()).or_insert_with(|| Box::leak(Box::new(source.open())))
}

/// Whether that version has it ready for use.
pub(crate) fn knows_kip_848(version: &str) -> bool {
    !version.starts_with('3')
}

/// Ends the brokers that this run has started.
pub(crate) fn stop_all() {
    SECURED.lock().unwrap_or_else(PoisonError::into_inner).clear();
    OURS.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

// === impl Source ===

impl Source {
    pub(crate) fn given(brokers: String) -> Self {
        Self { label: "given".into(), brokers: Some(brokers) }
    }

    pub(crate) fn version(version: &str) -> Self {
        Self { label: version.into(), brokers: None }
    }

    /// Why there can be no broker for a test, and what to do about it. Brokers that were named do for all tests but those
    /// that need one of their own.
    pub(crate) fn unavailable(&self, needs_own: bool) -> Option<String> {
        let reason = (needs_own || self.brokers.is_none()).then(jars::unavailable)??;
        (!docker::answers()).then(|| format!("no kafka: {reason} and no docker engine answers; install them, or name brokers in STAMPMILL_TEST_BROKERS for the tests that need none of their own"))
    }

    fn open(&self) -> Kafka {
        if let Some(brokers) = &self.brokers {
            return Kafka { client: Client::new(brokers), version: None };
        }
        let broker = start(&self.label, 1).remove(0);
        let client = Client::new(&broker.bootstrap);
        OURS.lock().unwrap_or_else(PoisonError::into_inner).push(broker);
        Kafka { client, version: Some(self.label.clone()) }
    }
}

fn start(version: &str, nodes: usize) -> Vec<Broker> {
    let started = Broker::start_all(version, nodes);
    started.unwrap_or_else(|error| panic!("kafka {version} does not start: {error:#}"))
}

// === impl Kafka ===

impl Kafka {
    /// A broker for one test alone, to be stopped and started at will; of the newest version where the shared brokers
    /// are not ours.
    pub(crate) fn own_broker(&self) -> Broker {
        start(self.own_version(), 1).remove(0)
    }

    /// A cluster of three for one test alone.
    pub(crate) fn own_cluster(&self) -> Vec<Broker> {
        start(self.own_version(), 3)
    }

    /// A broker with listeners that let nobody in unasked, the same for all tests.
    pub(crate) fn secured(&self) -> Arc<Secured> {
        let mut shared = SECURED.lock().unwrap_or_else(PoisonError::into_inner);
        let secured = shared.entry(self.own_version().to_owned()).or_insert_with(|| Arc::new(self.own_secured()));
        Arc::clone(secured)
    }

    /// The same, to be stopped and spoiled at will.
    pub(crate) fn own_secured(&self) -> Secured {
        let version = self.own_version();
        Secured::start(version).unwrap_or_else(|error| panic!("a secured kafka {version} does not start: {error:#}"))
    }

    /// The consumer group protocol of Kafka 4; of brokers that are not ours it is not known.
    pub(crate) fn knows_kip_848(&self) -> bool {
        self.version.as_deref().is_some_and(knows_kip_848)
    }

    pub(crate) fn own_version(&self) -> &str {
        self.version.as_deref().unwrap_or(jars::NEWEST)
    }
}
