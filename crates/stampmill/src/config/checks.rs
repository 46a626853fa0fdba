//! What settings of a pipeline must agree on.

use std::time::Duration;

use stampmill_engine::settings::{Actors, Ordering, Pace, Properties, Sink, SinkKey};

use super::error::ConfigError;
use super::section::Section;

/// A transaction has one producer, one cluster, and offsets that follow each other.
pub(super) fn exactly_once(pipeline: &Section<'_>, is_one_cluster: bool, actors: Actors, ordering: Ordering) {
    let refuse = |key: &str, fault: &str| {
        let fault = format!("`delivery: exactly_once` {fault}");
        pipeline.reading.note(ConfigError::Together { at: pipeline.at(key), fault });
    };
    if !is_one_cluster {
        refuse("delivery", "needs source and sink on one connection: a transaction cannot span clusters");
    }
    if actors.producers != 1 {
        refuse("actors", "needs `producers: 1`: a transaction is one producer's");
    }
    if ordering != Ordering::Partition {
        refuse("ordering", "needs `ordering: partition`: a transaction commits all records up to an offset");
    }
}

/// librdkafka gives up a record of a transaction when the transaction would time out, and refuses to let it linger as long.
pub(super) fn linger(pipeline: &Section<'_>, producer: &Properties) {
    const TRANSACTION_TIMEOUT_MS: f64 = 10_000.0;
    let linger = producer.get("linger.ms").and_then(|text| text.parse::<f64>().ok());
    if linger.is_some_and(|linger| linger >= TRANSACTION_TIMEOUT_MS) {
        let fault = "`delivery: exactly_once` ends a transaction within 10 s: `linger.ms` must be below 10000";
        pipeline.reading.note(ConfigError::Together { at: pipeline.at("sink"), fault: fault.to_owned() });
    }
}

/// Records of one key in the output may come from several lanes if the key is not the input's.
pub(super) fn key(pipeline: &Section<'_>, sinks: &[Sink]) {
    if sinks.iter().any(|sink| !matches!(sink.key, SinkKey::Source)) {
        let fault = "`ordering: key` keeps the order of the input's keys, and `sink.key` is another; leave it out, or \
                     write `unordered_output: true`";
        pipeline.reading.note(ConfigError::Together { at: pipeline.at("ordering"), fault: fault.to_owned() });
    }
}

/// What was met before is known in the order of the partition only.
pub(super) fn dedupe(pipeline: &Section<'_>) {
    let fault = "a `dedupe` step needs `ordering: partition`: what came before is known in that order only";
    pipeline.reading.note(ConfigError::Together { at: pipeline.at("ordering"), fault: fault.to_owned() });
}

/// A drain goes on while nothing is polled for the partitions; the group must not give them away meanwhile.
pub(super) fn drain(pipeline: &Section<'_>, pace: &Pace, consumer: &Properties) {
    const LIBRDKAFKA_DEFAULT_MS: u64 = 300_000;
    let poll_ms =
        consumer.get("max.poll.interval.ms").and_then(|text| text.parse().ok()).unwrap_or(LIBRDKAFKA_DEFAULT_MS);
    if pace.drain_timeout >= Duration::from_millis(poll_ms) {
        let drain_ms = u64::try_from(pace.drain_timeout.as_millis()).unwrap_or(u64::MAX);
        pipeline.reading.note(ConfigError::DrainTooLong { at: pipeline.at("drain_timeout_ms"), drain_ms, poll_ms });
    }
}
