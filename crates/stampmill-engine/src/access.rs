//! Whether the brokers let a pipeline's clients in, as the clients tell it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::error::RDKafkaErrorCode;
use stampmill_core::repeats::Repeats;

use crate::kafka::denial;
use crate::settings::{PipelineSettings, Properties};

/// Of one run of a pipeline; shared by its clients, which note what they are refused, and the control thread, which finds
/// out when that is over.
#[derive(Clone, Debug)]
pub(crate) struct Access(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    pipeline: String,
    /// Of its clients: what they know is not to be told again.
    properties: [Properties; 2],
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    told: Repeats,
    denied: Option<String>,
}

/// Which client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    Consumer,
    Producer,
}

const BETWEEN_LINES: Duration = Duration::from_secs(10);

// === impl Access ===

impl Access {
    pub(crate) fn new(settings: &PipelineSettings) -> Self {
        let state = State { told: Repeats::new(BETWEEN_LINES), denied: None };
        let properties = [settings.source.properties.clone(), settings.producer.clone()];
        Self(Arc::new(Shared { pipeline: settings.name.clone(), properties, state: Mutex::new(state) }))
    }

    /// What a client reports of its own accord. It goes on trying by itself.
    pub(crate) fn note(&self, client: Client, code: RDKafkaErrorCode, reason: &str) {
        let (name, properties) = match client {
            Client::Consumer => ("consumer", &self.0.properties[0]),
            Client::Producer => ("producer", &self.0.properties[1]),
        };
        let denied = denial::explain(code, reason, properties);
        let text = denied.clone().unwrap_or_else(|| denial::plain(reason, properties));
        let mut state = self.state();
        // What was found out by asking says more, and is found out anew.
        state.denied = state.denied.take().or(denied);
        let admitted = state.told.admit(1, Instant::now());
        drop(state);
        if let Some(left_out) = admitted {
            log::warn!("{}: {name}: {text}{left_out}", self.0.pipeline);
        }
    }

    /// A record for one of these topics, named in quotes, or for the dead letters, was refused. Whoever sends it again tells that.
    pub(crate) fn refused(&self, topics: &str, code: RDKafkaErrorCode) {
        if let Some(denied) = denial::explain(code, &format!("a record for {topics}: {code}"), &self.0.properties[1]) {
            self.state().denied.get_or_insert(denied);
        }
    }

    /// Why they are kept out, as far as is known.
    pub(crate) fn denied(&self) -> Option<String> {
        self.state().denied.clone()
    }

    /// What the brokers said when they were asked anew.
    pub(crate) fn found(&self, denied: Option<String>) {
        self.state().denied = denied;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
