//! The headers of a dead letter, for who writes them and who reads them.

/// The first of those that a dead letter gets: what stands before it is the original's.
pub const ERROR: &str = "stampmill-error";
pub const ERROR_CLASS: &str = "stampmill-error-class";
pub const PIPELINE: &str = "stampmill-pipeline";
pub const TRANSFORM: &str = "stampmill-transform";
pub const GROUP: &str = "stampmill-group";
pub const INSTANCE: &str = "stampmill-instance";
pub const TOPIC: &str = "stampmill-topic";
pub const PARTITION: &str = "stampmill-partition";
pub const OFFSET: &str = "stampmill-offset";
pub const TIMESTAMP: &str = "stampmill-timestamp";
pub const ATTEMPTS: &str = "stampmill-attempts";
pub const FIRST_TIME: &str = "stampmill-first-time";
pub const LAST_TIME: &str = "stampmill-last-time";
pub const STUB: &str = "stampmill-stub";

// As spring-kafka's DeadLetterPublishingRecoverer writes them: numbers in big endian, texts in UTF-8.
pub const SPRING_TOPIC: &str = "kafka_dlt-original-topic";
pub const SPRING_PARTITION: &str = "kafka_dlt-original-partition";
pub const SPRING_OFFSET: &str = "kafka_dlt-original-offset";
pub const SPRING_TIMESTAMP: &str = "kafka_dlt-original-timestamp";
pub const SPRING_GROUP: &str = "kafka_dlt-original-consumer-group";
pub const SPRING_CLASS: &str = "kafka_dlt-exception-fqcn";
pub const SPRING_MESSAGE: &str = "kafka_dlt-exception-message";

/// All that a dead letter gets, and a replay takes away.
pub const OURS: [&str; 21] = [
    ERROR,
    ERROR_CLASS,
    PIPELINE,
    TRANSFORM,
    GROUP,
    INSTANCE,
    TOPIC,
    PARTITION,
    OFFSET,
    TIMESTAMP,
    ATTEMPTS,
    FIRST_TIME,
    LAST_TIME,
    STUB,
    SPRING_TOPIC,
    SPRING_PARTITION,
    SPRING_OFFSET,
    SPRING_TIMESTAMP,
    SPRING_GROUP,
    SPRING_CLASS,
    SPRING_MESSAGE,
];

/// How often the record was replayed. It belongs to the record itself from the first replay on.
pub const HOPS: &str = "stampmill-hops";

pub fn is_ours(name: &[u8]) -> bool {
    OURS.iter().any(|ours| ours.as_bytes() == name)
}
