//! Where partitions begin and end, and where a time is in them.
//!
//! All are asked about at once, which is one request for each broker that leads some of them: an answer can wait behind a
//! fetch on the same connection, and of hundreds of partitions these waits would add up.

use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};

use super::PartitionId;
use super::reader::Held;

/// What each of `partitions` holds, in their order.
///
/// # Errors
/// Of one of them it is not known; then none is told.
pub(crate) fn held<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    partitions: &[PartitionId],
    within: Duration,
) -> KafkaResult<Vec<Held>> {
    let lows = offsets_at(consumer, partitions, Offset::Beginning, within)?;
    let highs = offsets_at(consumer, partitions, Offset::End, within)?;
    let ends = lows.into_iter().zip(highs);
    let held = |(PartitionId { partition, .. }, (low, high)): (&PartitionId, _)| {
        Ok(Held { partition: *partition, low: known(low)?, high: known(high)? })
    };
    partitions.iter().zip(ends).map(held).collect()
}

/// Every partition has a beginning and an end: without one there was no answer.
fn known(found: KafkaResult<Option<i64>>) -> KafkaResult<i64> {
    found?.ok_or(KafkaError::OffsetFetch(RDKafkaErrorCode::OffsetNotAvailable))
}

/// The offset of `at` in each of `partitions`, in their order: of the beginning, of the end, or of the first record that is
/// not older than a time in milliseconds (`ListOffsets`: -2, -1, and that time). `None` if there is no such record.
///
/// # Errors
/// A broker does not answer, or a leader is not known; for one partition, what its broker says.
pub(crate) fn offsets_at<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    partitions: &[PartitionId],
    at: Offset,
    within: Duration,
) -> KafkaResult<Vec<KafkaResult<Option<i64>>>> {
    // Of no partition librdkafka has no answer.
    if partitions.is_empty() {
        return Ok(Vec::new());
    }
    let mut asked = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        asked.add_partition_offset(&partition.topic, partition.partition, at)?;
    }
    let answer = consumer.offsets_for_times(asked, within)?;
    // librdkafka fills the list in that it was given, so the order is ours.
    let found = partitions.iter().zip(answer.elements()).map(|(partition, entry)| {
        debug_assert_eq!((&*partition.topic, partition.partition), (entry.topic(), entry.partition()));
        entry.error()?;
        Ok(match entry.offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        })
    });
    Ok(found.collect())
}
