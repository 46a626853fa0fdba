//! Connections, and the properties of sources and sinks: librdkafka's own, each checked by name, side and value.

use std::collections::BTreeMap;

use config::Value;
use rdkafka::ClientConfig;
use stampmill_engine::settings::Properties;

use super::error::{ConfigError, Place, remedy};
use super::owned;
use super::properties::{PROPERTIES, Property, Side};
use super::reading::{Reading, join, place};
use super::secrets;

/// A Kafka cluster and how to talk to it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) name: String,
    properties: Vec<Set>,
}

/// A property that is set.
#[derive(Debug)]
pub(crate) struct Set {
    pub(crate) property: &'static Property,
    value: String,
    /// As it stands in its layer.
    pub(crate) written: Value,
}

/// The connections in the order of their names.
pub(crate) fn connections(reading: &Reading<'_>, value: Option<&Value>) -> Vec<Connection> {
    let entries = reading.entries(value, "connections");
    entries.into_iter().map(|(name, value)| connection(reading, name, value)).collect()
}

fn connection(reading: &Reading<'_>, name: &str, value: &Value) -> Connection {
    let path = join("connections", name);
    if !is_name(name) {
        reading.note(ConfigError::Name { at: place(Some(value), &path), name: name.to_owned() });
    }
    let properties = properties(reading, Some(value), &path, Side::Both);
    // Looked for in the table: one that is there and wrong has been noted already.
    if super::layers::get(Some(value), BOOTSTRAP).is_none() {
        let at = Place { key: join(&path, BOOTSTRAP), ..place(Some(value), &path) };
        reading.note(ConfigError::Missing { at, doc: "one or more brokers of the cluster, as `host:port,host:port`" });
    }
    Connection { name: name.to_owned(), properties }
}

const BOOTSTRAP: &str = "bootstrap.servers";

/// The properties in a table that may set those of `side`.
pub(crate) fn properties(reading: &Reading<'_>, value: Option<&Value>, path: &str, side: Side) -> Vec<Set> {
    let mut names = BTreeMap::new();
    let mut set = Vec::new();
    for (name, value) in reading.entries(value, path) {
        let at = place(Some(value), &join(path, name));
        let Some(property) = known(reading, name, &at, side) else { continue };
        if let Some(other) = names.insert(property.first_name(), name) {
            reading.note(ConfigError::Alias { at: at.clone(), other: other.to_owned() });
        }
        let Some(text) = reading.text(value, at.clone()) else { continue };
        if !is_value(name, &text.text) {
            reading.note(ConfigError::PropertyValue { at, property: name.to_owned() });
            continue;
        }
        if secrets::is_secret_name(property.name) {
            reading.secrets.borrow_mut().add(&text.text);
        }
        set.push(Set { property, value: text.text, written: value.clone() });
    }
    set
}

fn known(reading: &Reading<'_>, name: &str, at: &Place, side: Side) -> Option<&'static Property> {
    let at = at.clone();
    if let Some(reason) = owned::reason(name) {
        reading.note(ConfigError::OwnedProperty { at, reason });
        return None;
    }
    if let Some(instead) = owned::foreign(name) {
        reading.note(ConfigError::UnknownProperty { at, remedy: instead.to_owned() });
        return None;
    }
    let Some(property) = Property::find(name) else {
        let names = PROPERTIES.iter().map(|property| property.name).filter(|name| owned::reason(name).is_none());
        reading.note(ConfigError::UnknownProperty { at, remedy: remedy(name, names) });
        return None;
    };
    if side.takes(property.side) {
        return Some(property);
    }
    let (concerns, remedy) = match property.side {
        Side::Consumer => ("consumers", "write it in `properties` of the source, or in the connection"),
        Side::Producer | Side::Both => ("producers", "write it in `properties` of the sink, or in the connection"),
    };
    reading.note(ConfigError::WrongSide { at, concerns, remedy });
    None
}

/// Whether librdkafka as built here takes the value for that property.
pub(crate) fn is_value(property: &str, value: &str) -> bool {
    ClientConfig::new().set(property, value).create_native_config().is_ok()
}

/// `[a-z0-9-]+`: what an environment variable, a metric's label and a topic's name can all carry.
pub(crate) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

// === impl Connection ===

impl Connection {
    /// What a client of that side is to be set to.
    pub(crate) fn client(&self, side: Side, overrides: &[Set]) -> Properties {
        let in_force = self.in_force(side, overrides);
        in_force.map(|set| (set.property.client_name().to_owned(), set.value.clone())).collect()
    }

    /// The connection's properties for that side, with `overrides` over them.
    pub(crate) fn in_force<'a>(&'a self, side: Side, overrides: &'a [Set]) -> impl Iterator<Item = &'a Set> {
        let overridden =
            move |set: &Set| overrides.iter().any(|over| over.property.first_name() == set.property.first_name());
        let own = self.properties.iter().filter(move |set| side.takes(set.property.side) && !overridden(set));
        own.chain(overrides)
    }

    /// Whether both are known to reach the same cluster.
    pub(crate) fn same_cluster(&self, other: &Connection) -> bool {
        self.name == other.name || (self.bootstrap().is_some() && self.bootstrap() == other.bootstrap())
    }

    fn bootstrap(&self) -> Option<&str> {
        self.properties.iter().find(|set| set.property.name == BOOTSTRAP).map(|set| set.value.as_str())
    }
}
