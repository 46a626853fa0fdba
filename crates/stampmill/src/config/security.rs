//! What a connection says of TLS and logins, tried as far as that goes without a broker.

use std::fs::File;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::producer::BaseProducer;
use stampmill_engine::settings::Properties;

use super::connection::{Connection, Set};
use super::error::ConfigError;
use super::properties::Side;
use super::reading::{Reading, join, place};

const PROTOCOL: &str = "security.protocol";
/// librdkafka looks where systems have them.
const PROBE: &str = "probe";
/// Properties that name a file, or a folder of files.
const FILES: [&str; 5] =
    ["ssl.ca.location", "ssl.certificate.location", "ssl.key.location", "ssl.keystore.location", "ssl.crl.location"];
const MECHANISM: &str = "sasl.mechanism";

/// Notes what a client of that side would fail with, or silently not do. Source and sink of one connection have the same
/// faults: each is told once.
pub(super) fn check(reading: &Reading<'_>, connection: &Connection, side: Side, overrides: &[Set]) {
    let sets: Vec<&Set> = connection.in_force(side, overrides).collect();
    let properties = connection.client(side, overrides);
    let protocol = properties.get(PROTOCOL).map_or("plaintext", String::as_str).to_lowercase();
    let named = |is_of: fn(&str) -> bool| sets.iter().copied().find(|set| is_of(set.property.client_name()));
    let (fault, set) = if let Some(set) = named(is_of_sasl).filter(|_| !protocol.starts_with("sasl")) {
        (
            idle(
                set,
                &protocol,
                "logs nobody in",
                if protocol == "ssl" { "sasl_ssl" } else { "sasl_ssl` or `sasl_plaintext" },
            ),
            Some(set),
        )
    } else if let Some(set) = named(is_of_tls).filter(|_| !protocol.ends_with("ssl")) {
        let instead = if protocol.starts_with("sasl") { "sasl_ssl" } else { "ssl" };
        (idle(set, &protocol, "encrypts nothing", instead), Some(set))
    } else if let Some(fault) = trial(&protocol, &properties) {
        let set = sets.iter().copied().find(|set| fault.contains(set.property.client_name()));
        (fault, set.or_else(|| sets.iter().copied().find(|set| set.property.client_name() == PROTOCOL)))
    } else {
        return;
    };
    let path = join("connections", &connection.name);
    let at = match set {
        Some(set) => place(Some(&set.written), &join(&path, set.property.name)),
        None => place(None, &path),
    };
    let error = ConfigError::Together { at, fault };
    let mut refusals = reading.refusals.borrow_mut();
    if !refusals.iter().any(|other| other.to_string() == error.to_string()) {
        refusals.push(error);
    }
}

fn is_of_sasl(name: &str) -> bool {
    name.starts_with("sasl.")
}

fn is_of_tls(name: &str) -> bool {
    name.starts_with("ssl.") || name == "enable.ssl.certificate.verification"
}

fn idle(set: &Set, protocol: &str, what: &str, instead: &str) -> String {
    let name = set.property.name;
    format!(
        "`{name}` is set, and `{PROTOCOL}: {protocol}` {what}; write `{PROTOCOL}: {instead}`, or leave `{name}` out"
    )
}

/// librdkafka reads keys and certificates when a client is made, and looks whether they fit each other. Without a broker's
/// address it connects to nobody.
fn trial(protocol: &str, properties: &Properties) -> Option<String> {
    if protocol == "plaintext" {
        return None;
    }
    if let Some(fault) = FILES.iter().find_map(|name| unreadable(name, properties.get(*name)?)) {
        return Some(fault);
    }
    // Its tokens are not fetched by librdkafka: what they need is looked at elsewhere.
    let is_by_token = properties.get(MECHANISM).is_some_and(|mechanism| mechanism.eq_ignore_ascii_case("OAUTHBEARER"));
    let mut config = ClientConfig::new();
    // As the engine sets it: librdkafka's own default is the folder of an OpenSSL that no system has.
    config.set("ssl.ca.location", PROBE);
    for (name, value) in properties {
        if is_of_tls(name) || (!is_by_token && (is_of_sasl(name) || name == PROTOCOL)) {
            config.set(name, value);
        }
    }
    if is_by_token {
        config.set(PROTOCOL, if protocol.ends_with("ssl") { "ssl" } else { "plaintext" });
    }
    let made: Result<BaseProducer, KafkaError> = config.set_log_level(RDKafkaLogLevel::Emerg).create();
    match made {
        Ok(_) => None,
        Err(KafkaError::ClientCreation(reason)) => Some(advised(&reason)),
        Err(error) => Some(error.to_string()),
    }
}

/// The path of a key is not shown, as librdkafka does not.
fn unreadable(name: &str, path: &str) -> Option<String> {
    let error = (path != PROBE).then(|| File::open(path).err())??;
    Some(format!("the file of `{name}` cannot be read: {error}"))
}

/// librdkafka's words, with what to do where they do not say it.
fn advised(reason: &str) -> String {
    let reason = reason.trim();
    let says = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    let advice = if says(&["values mismatch"]) {
        "; the key does not belong to the certificate"
    } else if says(&["mac verify failure"]) {
        "; `ssl.keystore.password` is not its password"
    } else if says(&["ssl.key.location", "ssl.key.pem"]) {
        "; it is no key in PEM, or `ssl.key.password` is missing or not its password"
    } else if says(&["PEM lib", "no certificate"]) {
        "; it holds no certificate in PEM"
    } else if says(&["Unsupported SASL mechanism"]) {
        "; `sasl.mechanism` is PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER"
    } else {
        ""
    };
    format!("librdkafka does not take it: {reason}{advice}")
}
