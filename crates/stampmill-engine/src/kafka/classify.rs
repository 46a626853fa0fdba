//! What a refusal of Kafka means for the record that was refused.

use rdkafka::error::RDKafkaErrorCode;
use stampmill_core::fault::FaultClass;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disposition {
    /// It may work later, and nothing is wrong with the record.
    Retry,
    /// This record will never be taken. A broker refuses whole batches: only the refusal of a record that was sent
    /// alone counts.
    Poison(FaultClass),
    /// The producer itself can do no more.
    Fatal,
}

pub(crate) fn classify(error: RDKafkaErrorCode) -> Disposition {
    match error {
        // Larger than the client's `message.max.bytes` or the topic's `max.message.bytes`.
        RDKafkaErrorCode::MessageSizeTooLarge
        // Larger than a segment of the topic's log.
        | RDKafkaErrorCode::MessageBatchTooLarge => Disposition::Poison(FaultClass::TooLarge),
        // The broker looked into the record and found it wrong: no key on a compacted topic, for one.
        RDKafkaErrorCode::InvalidRecord
        | RDKafkaErrorCode::InvalidMessage
        // Outside of what the topic's `message.timestamp.*` allow.
        | RDKafkaErrorCode::InvalidTimestamp => Disposition::Poison(FaultClass::Refused),
        // Idempotence can no longer be kept up: librdkafka sends nothing any more.
        RDKafkaErrorCode::Fatal | RDKafkaErrorCode::GaplessGuarantee => Disposition::Fatal,
        // Brokers away, leaders moving, too few replicas in sync, no permission yet, no topic yet, a purge: all may
        // pass, and the record waits for it.
        _ => Disposition::Retry,
    }
}
