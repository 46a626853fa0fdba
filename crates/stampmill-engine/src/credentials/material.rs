//! Certificates and keys that stand in files, and may become others.
//!
//! What is in the files is tried with a client that connects to nothing. Only what such a client takes is taken over; a
//! pair of which one half is new is seen twice before it is tried.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;

use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::KafkaError;
use rdkafka::producer::{BaseProducer, DeliveryResult, ProducerContext};

use super::secret::Secret;
use super::validity;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MaterialSettings {
    /// Properties whose values are from files, `ssl.key.pem` for one.
    pub texts: BTreeMap<String, Secret>,
    /// Properties that name a file, `ssl.key.location` for one.
    pub files: BTreeMap<String, PathBuf>,
    /// All of the connection's that concern TLS, to try it with.
    pub tls: BTreeMap<String, String>,
}

/// What was read of them.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Seen {
    texts: BTreeMap<String, String>,
    /// Of all that stands in the files.
    digest: u64,
}

/// As it is in force.
#[derive(Default)]
pub(super) struct Material {
    /// Of [`MaterialSettings::texts`].
    pub(super) values: BTreeMap<String, String>,
    pub(super) generation: u64,
    in_force: Option<u64>,
    /// It differs from what is in force, and is to be the same the next time, too.
    seen_once: Option<u64>,
    /// It was tried, and why it is of no use.
    refused: Option<(u64, String)>,
}

// === impl MaterialSettings ===

impl MaterialSettings {
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.files.is_empty()
    }

    /// # Errors
    /// The file that cannot be read.
    pub(super) fn read(&self) -> std::io::Result<Seen> {
        let texts = self.texts.iter().map(|(name, secret)| Ok((name.clone(), secret.read()?)));
        let texts: BTreeMap<String, String> = texts.collect::<std::io::Result<_>>()?;
        let mut hasher = DefaultHasher::new();
        texts.hash(&mut hasher);
        for path in self.files.values() {
            let content = std::fs::read(path)
                .map_err(|error| std::io::Error::new(error.kind(), format!("`{}`: {error}", path.display())))?;
            content.hash(&mut hasher);
        }
        Ok(Seen { texts, digest: hasher.finish() })
    }
}

// === impl Material ===

impl Material {
    /// # Errors
    /// What stands in the files now is of no use to a new client.
    pub(super) fn usable(&self) -> Result<(), String> {
        match &self.refused {
            Some((_, reason)) => Err(format!("what its certificate files hold is of no use: {reason}")),
            None => Ok(()),
        }
    }

    /// Whether it takes the place of what was in force.
    pub(super) fn take(&mut self, seen: std::io::Result<Seen>, settings: &MaterialSettings, connection: &str) -> bool {
        let seen = match seen {
            Ok(seen) => seen,
            // Files that are swapped are away for a moment.
            Err(error) => {
                log::debug!("connection `{connection}`: {error}");
                return false;
            }
        };
        let Some(in_force) = self.in_force else {
            warn_of_dates(settings, &seen.texts, connection);
            // That it can be used is seen with the first client.
            (self.in_force, self.values) = (Some(seen.digest), seen.texts);
            return false;
        };
        if seen.digest == in_force {
            (self.seen_once, self.refused) = (None, None);
            return false;
        }
        if self.refused.as_ref().is_some_and(|(digest, _)| *digest == seen.digest) {
            return false;
        }
        if self.seen_once != Some(seen.digest) {
            self.seen_once = Some(seen.digest);
            return false;
        }
        match try_out(settings, &seen.texts) {
            Ok(()) => {
                log::info!("connection `{connection}`: other certificates or keys: its pipelines begin anew with them");
                warn_of_dates(settings, &seen.texts, connection);
                *self = Self {
                    values: seen.texts,
                    generation: self.generation + 1,
                    in_force: Some(seen.digest),
                    ..Self::default()
                };
                true
            }
            Err(reason) => {
                log::error!(
                    "connection `{connection}`: its certificates or keys have changed and are of no use ({reason}): what runs goes on with the old ones"
                );
                self.refused = Some((seen.digest, reason));
                false
            }
        }
    }
}

fn warn_of_dates(settings: &MaterialSettings, texts: &BTreeMap<String, String>, connection: &str) {
    if let Some(trouble) = validity::trouble(settings, texts) {
        log::warn!("connection `{connection}`: {trouble}");
    }
}

struct Quiet;

impl ClientContext for Quiet {
    fn error(&self, _: KafkaError, _: &str) {}
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {}
}

impl ProducerContext for Quiet {
    type DeliveryOpaque = ();
    fn delivery(&self, _: &DeliveryResult<'_>, (): ()) {}
}

/// With a client that knows no broker.
fn try_out(settings: &MaterialSettings, texts: &BTreeMap<String, String>) -> Result<(), String> {
    let mut config = ClientConfig::new();
    for (name, value) in settings.tls.iter().chain(texts) {
        config.set(name, value);
    }
    // It logs in nowhere.
    config.set("security.protocol", "ssl").set_log_level(RDKafkaLogLevel::Emerg);
    let made: Result<BaseProducer<Quiet>, KafkaError> = config.create_with_context(Quiet);
    made.map(drop).map_err(|error| error.to_string())
}
