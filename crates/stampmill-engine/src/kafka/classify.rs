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
    use RDKafkaErrorCode as Code;
    match error {
        // Larger than the client's `message.max.bytes` or the topic's `max.message.bytes`.
        Code::MessageSizeTooLarge
        // Larger than a segment of the topic's log.
        | Code::MessageBatchTooLarge => Disposition::Poison(FaultClass::TooLarge),
        // The broker looked into the record and found it wrong: no key on a compacted topic, for one.
        Code::InvalidRecord
        // Its checksum does not fit, or it is in a form that the broker does not know.
        | Code::InvalidMessage
        | Code::InvalidMessageSize
        // Outside of what the topic's `message.timestamp.*` allow.
        | Code::InvalidTimestamp
        // An interceptor on the broker's side, or a policy, does not want it.
        | Code::PolicyViolation => Disposition::Poison(FaultClass::Refused),
        // Idempotence can no longer be kept up: librdkafka sends nothing any more.
        Code::Fatal
        | Code::GaplessGuarantee
        // Another instance has our transactional id.
        | Code::Fenced
        | Code::InvalidProducerEpoch
        | Code::ProducerFenced
        // The broker has forgotten the producer's sequence numbers.
        | Code::UnknownProducerId
        | Code::OutOfOrderSequenceNumber => Disposition::Fatal,
        // Room in librdkafka's queue comes free as it sends.
        Code::QueueFull
        // Brokers away, or not to be reached; a request that got no answer in time.
        | Code::BrokerTransportFailure
        | Code::AllBrokersDown
        | Code::NetworkException
        | Code::RequestTimedOut
        | Code::MessageTimedOut
        | Code::TimedOutQueue
        | Code::OperationTimedOut
        // Leaders and coordinators move.
        | Code::NotLeaderForPartition
        | Code::LeaderNotAvailable
        | Code::ReplicaNotAvailable
        | Code::UnknownLeaderEpoch
        | Code::FencedLeaderEpoch
        // Too few replicas in sync; a full or broken disk.
        | Code::NotEnoughReplicas
        | Code::NotEnoughReplicasAfterAppend
        | Code::KafkaStorageError
        // No permission yet, no topic yet: somebody may mend it, and the record waits for that.
        | Code::TopicAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::SaslAuthenticationFailed
        | Code::Authentication
        | Code::UnknownTopicOrPartition
        | Code::UnknownTopic
        | Code::UnknownPartition
        // The producer was purged, or its transaction is being ended: what was in it is sent again.
        | Code::PurgeQueue
        | Code::PurgeInflight
        | Code::State => Disposition::Retry,
        // Whatever else it is, nothing says that the record is at fault.
        _ => Disposition::Retry,
    }
}
