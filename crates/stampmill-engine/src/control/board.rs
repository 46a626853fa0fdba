//! Tells where each partition stands.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::{Assigned, Control};
use crate::kafka::{PartitionId, ffi};
use crate::status::PartitionStatus;

impl Control {
    pub(super) fn tell_status(&self, now: Instant) {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let partitions = self.assigned.iter().filter_map(|(partition, assigned)| {
            let end = ffi::known_end(&self.consumer, &partition.topic, partition.partition);
            let mut status = assigned.status(partition, end.max(self.ends.of(partition)), now, wall)?;
            status.paused = self.orders.is_paused(partition);
            Some(status)
        });
        self.topology.counters().board.put(partitions.collect(), self.topology.memory());
    }
}

impl Assigned {
    fn status(
        &self,
        partition: &PartitionId,
        end: Option<i64>,
        now: Instant,
        wall: Duration,
    ) -> Option<PartitionStatus> {
        let progress = self.consumer()?.standing.get();
        let (watermark, position) = (progress.watermark.get(), progress.end.get());
        // What was read tells as well how far the partition goes.
        let end = end.max(Some(position));
        // The next record is not known before it is read. It is hardly older than the last one.
        let timestamp = progress.oldest.map_or(progress.read, |oldest| oldest.timestamp);
        let timestamp = timestamp.and_then(|at| u64::try_from(at).ok()).map(Duration::from_millis);
        // Clocks differ: a record of the future is not behind.
        let behind = timestamp.filter(|_| end > Some(watermark)).map(|at| wall.saturating_sub(at));
        Some(PartitionStatus {
            topic: partition.topic.to_string(),
            partition: partition.partition,
            watermark,
            committed: self.committed.watermark().get(),
            position,
            end,
            behind,
            in_flight_for: progress.oldest.map(|oldest| now.saturating_duration_since(oldest.since)),
            paused: false,
            trouble: self.trouble(partition),
        })
    }
}
