//! What a client of a pipeline is set to beside its own properties.

use crate::settings::Source;

/// librdkafka properties, each under the name that the pipeline's own have it by.
#[derive(Clone, Debug)]
pub struct EngineProperties {
    /// Set unless they are the pipeline's own.
    pub defaults: Vec<(&'static str, &'static str)>,
    /// Always set.
    pub owned: Vec<(&'static str, &'static str)>,
    /// Worked out at the start unless they are the pipeline's own: the name, and from what.
    pub at_start: Vec<(&'static str, &'static str)>,
}

const CONSUMER_OWNED: [(&str, &str); 5] = [
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    ("auto.offset.reset", "error"),
    ("enable.partition.eof", "false"),
    ("isolation.level", "read_committed"),
];

const CONSUMER_DEFAULTS: [(&str, &str); 7] = [
    ("partition.assignment.strategy", "cooperative-sticky"),
    ("session.timeout.ms", "30000"),
    // A full queue makes the fetcher sleep for this long; librdkafka's second halves the throughput.
    ("fetch.queue.backoff.ms", "10"),
    ("fetch.wait.max.ms", "100"),
    // How soon a new partition, or a new topic that matches a pattern, is seen.
    ("topic.metadata.refresh.interval.ms", "30000"),
    // librdkafka's compiled-in path is that of its own OpenSSL, which no system has.
    ("ssl.ca.location", "probe"),
    ("client.id", "stampmill"),
];

/// KIP-848 leaves these to the broker, and librdkafka refuses a client that sets them.
const CLASSIC_ONLY: [&str; 2] = ["partition.assignment.strategy", "session.timeout.ms"];

/// In the order in which [`super::consumer::create`] has their values.
pub(crate) const FETCH_SIZES: [&str; 4] =
    ["queued.max.messages.kbytes", "queued.min.messages", "max.partition.fetch.bytes", "fetch.max.bytes"];

const PRODUCER_OWNED: [(&str, &str); 3] = [
    ("enable.idempotence", "true"),
    ("acks", "all"),
    // A record never fails for having waited: between delivered ones it would leave a gap.
    ("message.timeout.ms", "0"),
];

/// What an instance that crashes may leave open holds up readers, and those who take over its partitions, that long.
const TRANSACTION_TIMEOUT_MS: &str = "10000";

/// Over those that every producer has.
const TRANSACTIONS_OWNED: [(&str, &str); 2] = [
    ("transaction.timeout.ms", TRANSACTION_TIMEOUT_MS),
    // Transactions do not allow a record to wait longer than that.
    ("message.timeout.ms", TRANSACTION_TIMEOUT_MS),
];

const PRODUCER_DEFAULTS: [(&str, &str); 5] = [
    ("linger.ms", "5"),
    ("queue.buffering.max.messages", "500000"),
    ("topic.metadata.refresh.interval.ms", "30000"),
    // librdkafka's compiled-in path is that of its own OpenSSL, which no system has.
    ("ssl.ca.location", "probe"),
    ("client.id", "stampmill"),
];

/// Of the consumer of a pipeline; its `group.id` is the source's group.
pub fn of_consumer(source: &Source) -> EngineProperties {
    let kip_848 = source.properties.get("group.protocol").is_some_and(|protocol| protocol == "consumer");
    let defaults = CONSUMER_DEFAULTS.into_iter().filter(|(name, _)| !(kip_848 && CLASSIC_ONLY.contains(name)));
    EngineProperties {
        defaults: defaults.collect(),
        owned: CONSUMER_OWNED.to_vec(),
        at_start: FETCH_SIZES.map(|name| (name, "what memory allows")).to_vec(),
    }
}

/// Of each producer of a pipeline; `in_transactions` with `delivery: exactly_once`.
pub fn of_producer(in_transactions: bool) -> EngineProperties {
    let mut own = EngineProperties {
        defaults: PRODUCER_DEFAULTS.to_vec(),
        owned: PRODUCER_OWNED.to_vec(),
        at_start: vec![("batch.size", "what the topic takes"), ("message.max.bytes", "what the topic takes")],
    };
    if in_transactions {
        own.owned.retain(|(name, _)| TRANSACTIONS_OWNED.iter().all(|(other, _)| other != name));
        own.owned.extend(TRANSACTIONS_OWNED);
        own.at_start.push(("transactional.id", "one for each instance"));
    }
    own
}
