//! Properties that a configuration may not set: those that the engine owns, and those of other clients.

/// Why a property is the engine's, and what to write instead where there is something.
pub(crate) fn reason(name: &str) -> Option<&'static str> {
    OWNED.iter().find(|(owned, _)| *owned == name).map(|(_, reason)| *reason)
}

/// What to do about a property that another client or an older librdkafka has.
pub(crate) fn foreign(name: &str) -> Option<&'static str> {
    let is_codec = name.ends_with(".deserializer") || name.ends_with(".serializer");
    if name.starts_with("go.") {
        return Some("it is of the Go client; leave it out");
    }
    if is_codec {
        return Some("it is of the Java client; leave it out: keys and values travel as bytes");
    }
    FOREIGN.iter().find(|(other, _)| *other == name).map(|(_, instead)| *instead)
}

const COMMITS: &str =
    "offsets are committed once the outputs are delivered; `commit_interval_ms` of the pipeline says how often";
const TRIES: &str =
    "a delivery is tried until it succeeds or the broker refuses it, so that nothing is lost to a time limit";
const ACKS: &str = "a record counts as delivered when all in-sync replicas have it";
const START: &str = "write `start` and `on_offset_gap` of the source";
const REPORTS: &str = "every record's delivery is reported, or it could not be committed";

static OWNED: &[(&str, &str)] = &[
    ("enable.auto.commit", COMMITS),
    ("auto.commit.enable", COMMITS),
    ("auto.commit.interval.ms", COMMITS),
    ("enable.auto.offset.store", COMMITS),
    ("offset.store.method", COMMITS),
    ("offset.store.path", COMMITS),
    ("offset.store.sync.interval.ms", COMMITS),
    ("auto.offset.reset", START),
    ("group.id", "write `group` of the source"),
    ("enable.partition.eof", "the end of a partition is no event for a pipeline that never ends"),
    ("isolation.level", "records of open and aborted transactions are never read"),
    ("consume.callback.max.messages", "records are taken in batches; write `batch_records` of the pipeline"),
    ("enable.idempotence", "without it a retry could write a record twice or out of order"),
    ("enable.gapless.guarantee", "what a failed record means to those after it is the pipeline's `on_failure`"),
    ("acks", ACKS),
    ("request.required.acks", ACKS),
    ("message.timeout.ms", TRIES),
    ("delivery.timeout.ms", TRIES),
    ("retries", TRIES),
    ("message.send.max.retries", TRIES),
    ("transactional.id", "`delivery: exactly_once` sets it, one for each instance"),
    ("transaction.timeout.ms", "`delivery: exactly_once` sets it"),
    ("partitioner", "write `partition` of the sink; keys are spread as the Java client does"),
    ("sticky.partitioning.linger.ms", "records without a key stay together per batch"),
    ("queuing.strategy", "records leave in the order in which they came"),
    ("delivery.report.only.error", REPORTS),
    ("produce.offset.report", REPORTS),
    ("plugin.library.paths", "what is loaded into the program could do anything with its records and secrets"),
    ("statistics.interval.ms", "the engine asks for statistics as often as it needs them"),
];

const NOTHING: &str = "it is of the Java client and has no counterpart; leave it out";
const TRUST: &str = "it is of the Java client; write `ssl.ca.location`, a PEM file";

static FOREIGN: &[(&str, &str)] = &[
    ("metadata.broker.list", "write `bootstrap.servers`"),
    ("sasl.jaas.config", "it is of the Java client; write `sasl.username` and `sasl.password`"),
    ("ssl.truststore.location", TRUST),
    ("ssl.truststore.password", TRUST),
    ("ssl.truststore.certificates", "it is of the Java client; write `ssl.ca.pem`"),
    ("ssl.truststore.type", TRUST),
    (
        "ssl.keystore.type",
        "it is of the Java client; `ssl.keystore.location` takes PKCS#12, `ssl.certificate.location` PEM",
    ),
    ("ssl.keystore.key", "it is of the Java client; write `ssl.key.pem`"),
    ("ssl.keystore.certificate.chain", "it is of the Java client; write `ssl.certificate.pem`"),
    ("ssl.protocol", NOTHING),
    ("ssl.enabled.protocols", NOTHING),
    ("max.poll.records", "it is of the Java client; write `batch_records` of the pipeline"),
    ("fetch.max.wait.ms", "it is of the Java client; write `fetch.wait.max.ms`"),
    ("buffer.memory", "it is of the Java client; write `bytes_in_flight` of the pipeline"),
    ("max.block.ms", NOTHING),
    ("max.request.size", "it is of the Java client; write `message.max.bytes`"),
    ("send.buffer.bytes", "it is of the Java client; write `socket.send.buffer.bytes`"),
    ("receive.buffer.bytes", "it is of the Java client; write `socket.receive.buffer.bytes`"),
    ("default.api.timeout.ms", NOTHING),
    ("interceptor.classes", NOTHING),
    ("metric.reporters", NOTHING),
    ("partitioner.class", "it is of the Java client; write `partition` of the sink"),
    ("exclude.internal.topics", NOTHING),
];

#[cfg(test)]
mod tests {
    use super::super::properties::Property;
    use super::*;

    #[test]
    fn what_is_owned_is_a_property_and_what_is_foreign_is_none() {
        for (name, _) in OWNED {
            assert!(Property::find(name).is_some(), "{name}");
        }
        for (name, _) in FOREIGN.iter().filter(|(name, _)| *name != "metadata.broker.list") {
            assert!(Property::find(name).is_none(), "{name}");
        }
    }

    #[test]
    fn every_name_of_an_owned_property_is_owned() {
        for property in super::super::properties::PROPERTIES {
            let first = reason(property.first_name()).is_some();
            assert_eq!(reason(property.name).is_some(), first, "{}", property.name);
        }
    }
}
