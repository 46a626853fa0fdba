//! The last records of a topic, read without a group: for people who look at what a pipeline would make of them.

use std::ops::ControlFlow;
use std::sync::Arc;

use stampmill_core::record::{Batch, CommitOffset, Record};

use super::reader::{Held, ReadError, TopicReader};
use crate::settings::Properties;

/// Whether there is a record to read at that offset or behind it. Markers of transactions and deleted records lie there
/// too, so that the end of the partition does not tell.
pub(crate) fn has_record(reader: &TopicReader, partition: i32, from: CommitOffset) -> Result<bool, ReadError> {
    let held = reader.held_by(partition)?;
    let mut found = false;
    reader.read(Held { low: from.get(), ..held }, &mut |_| {
        found = true;
        ControlFlow::Break(())
    })?;
    Ok(found)
}

/// The last `count` records of each partition, in a batch for each. Nothing is committed, and no group joined.
///
/// # Errors
/// The topic is not there, or the brokers do not answer in time.
pub fn last_records(properties: &Properties, topic: &str, count: i64) -> Result<Vec<Batch>, ReadError> {
    let reader = TopicReader::open(properties, topic, "stampmill-render")?;
    let mut batches = Vec::new();
    for held in reader.held()? {
        let mut all = Batch::new(Arc::from(topic), held.partition);
        let low = held.low.max(held.high.saturating_sub(count));
        reader.read(Held { low, ..held }, &mut |batch| {
            (0..batch.len()).for_each(|index| push(&mut all, &batch.record(index)));
            ControlFlow::Continue(())
        })?;
        batches.push(all);
    }
    batches.retain(|batch| !batch.is_empty());
    Ok(batches)
}

fn push(batch: &mut Batch, record: &Record<'_>) {
    batch.push(record.offset, record.timestamp, record.key, record.payload);
    record.headers.iter().for_each(|(name, value)| batch.push_header(name, value));
}
