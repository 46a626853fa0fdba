//! Connections, and the properties of sources and sinks: librdkafka's own, each checked by name, side and value.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use config::Value;
use rdkafka::ClientConfig;
use stampmill_engine::credentials::{Credentials, Secret};
use stampmill_engine::settings::Properties;

use super::credentials;
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
    /// Of its clients so far: those that prove alike who they are share one.
    credentials: RefCell<Vec<Arc<Credentials>>>,
}

/// A property that is set.
#[derive(Debug)]
pub(crate) struct Set {
    pub(crate) property: &'static Property,
    pub(super) value: String,
    /// What it is put together from.
    pub(super) secret: Secret,
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
    credentials::check(reading, value, &place(Some(value), &path), &properties);
    Connection { name: name.to_owned(), properties, credentials: RefCell::default() }
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
        if let Some(error) = wrong(property, &text.text, at) {
            reading.note(error);
            continue;
        }
        if secrets::is_secret_name(property.name) && !credentials::is_address(property.first_name()) {
            reading.secrets.borrow_mut().add(&text.text);
        }
        set.push(Set { property, value: text.text, secret: text.secret, written: value.clone() });
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
    if let Some(fault) = credentials::unsupported(property.first_name()) {
        reading.note(ConfigError::Together { at, fault: fault.to_owned() });
        return None;
    }
    if side != Side::Both && credentials::is_oidc(property.first_name()) {
        let fault = "it is of a connection as a whole: write it there".to_owned();
        reading.note(ConfigError::Together { at, fault });
        return None;
    }
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

fn wrong(property: &Property, value: &str, at: Place) -> Option<ConfigError> {
    if !credentials::is_oidc(property.first_name()) {
        let property = property.name;
        return (!is_value(property, value)).then(|| ConfigError::PropertyValue { at, property: property.to_owned() });
    }
    let expected = credentials::fault(property.first_name(), value)?.to_owned();
    Some(ConfigError::Mismatch { at, expected, found: "something else".to_owned() })
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
        let librdkafkas = self.in_force(side, overrides).filter(|set| !credentials::is_oidc(set.property.first_name()));
        let set = librdkafkas.map(|set| (set.property.client_name().to_owned(), set.value.clone()));
        let set: BTreeMap<String, String> = set.collect();
        Properties::new(set, self.credentials(side, overrides))
    }

    fn credentials(&self, side: Side, overrides: &[Set]) -> Option<Arc<Credentials>> {
        let settings = credentials::settings(&self.name, self.in_force(side, overrides));
        if settings.is_empty() {
            return None;
        }
        let mut known = self.credentials.borrow_mut();
        if let Some(same) = known.iter().find(|known| *known.settings() == settings) {
            return Some(Arc::clone(same));
        }
        known.push(Credentials::new(settings));
        known.last().cloned()
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
