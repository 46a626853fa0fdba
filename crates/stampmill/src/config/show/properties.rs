//! What a client is set to, with who sets it.

use config::{Map, Value};
use stampmill_engine::kafka::engine_properties::EngineProperties;
use stampmill_engine::settings::Properties;

use super::super::connection;
use super::super::origin;
use super::complete::{fill, value};

/// What is set beside what is written.
pub(super) struct Set<'a> {
    /// What is written, and what the profile sets beside it.
    pub(super) settings: &'a Properties,
    /// The profile's origin.
    pub(super) profile: &'a str,
    pub(super) engine: EngineProperties,
}

// === impl Set ===

impl Set<'_> {
    /// With what is written over all of it but for what the engine owns.
    pub(super) fn over<'a>(&self, written: impl Iterator<Item = &'a connection::Set>) -> Map<String, Value> {
        let mut properties: Map<String, Value> =
            written.map(|set| (set.property.client_name().to_owned(), set.written.clone())).collect();
        for (name, text) in self.settings {
            fill(&mut properties, name, text, self.profile);
        }
        for (name, text) in &self.engine.defaults {
            fill(&mut properties, name, text, origin::ENGINE);
        }
        for (name, text) in &self.engine.owned {
            properties.insert((*name).to_owned(), value(text, origin::ENGINE));
        }
        for (name, from) in &self.engine.at_start {
            fill(&mut properties, name, from, origin::AT_START);
        }
        properties
    }
}
