//! The records that are read: JSON of a given size, filled in before any clock starts.

use std::fmt::Write;

use crate::client::{Client, TestRecord};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    pub partitions: i32,
    /// Of each payload.
    pub bytes: usize,
    pub records: u64,
    /// Records that go out for each that is read; figures are for one that goes out.
    pub parts: u64,
}

const KEYS: u64 = 500;

// === impl Load ===

impl Load {
    /// As many records as make a run of ten seconds or so, whatever their size: shorter ones differ more from each other.
    pub fn new(partitions: i32, bytes: usize) -> Self {
        let records = (1_500_000_000 / (bytes as u64 + 100)).clamp(5_000, 2_500_000);
        Self { partitions, bytes, records, parts: 1 }
    }

    /// Where each record is split into its items.
    pub fn split(self) -> Self {
        let parts = payload(0, self.bytes).matches("\"sku\"").count() as u64;
        Self { records: self.records.max(2_500_000 / parts), parts, ..self }
    }

    /// Records that go out.
    pub fn outputs(&self) -> u64 {
        self.records * self.parts
    }

    pub fn fill(&self, client: &Client, topic: &str) {
        client.create_topic(topic, self.partitions, &[]);
        client.produce(topic, (0..self.records).map(|number| self.record(number)));
    }

    /// Evenly over the partitions.
    pub fn record(&self, number: u64) -> TestRecord {
        let partition = (number % self.partitions as u64) as i32;
        let key = Some(format!("ACC{:03}", number % KEYS).into_bytes());
        TestRecord { key, ..TestRecord::value(partition, payload(number, self.bytes)) }
    }
}

/// A transaction with as many positions as fit, and a memo that fills up what is left.
pub fn payload(number: u64, bytes: usize) -> String {
    let mut text = format!(
        "{{\"id\":\"TXN{number:09}\",\"type\":\"withdraw\",\"accountId\":\"ACC{:03}\",\"amount\":1500.00",
        number % KEYS
    );
    if bytes > 250 {
        text.push_str(",\"customer\":{\"name\":\"Ada Müller\",\"country\":\"DE\",\"verified\":true},\"items\":[");
        for item in 0.. {
            let comma = if item == 0 { "" } else { "," };
            let next = format!(
                "{comma}{{\"sku\":\"A{:05}\",\"quantity\":{},\"price\":19.90}}",
                (number + item) % 99_999,
                item % 9 + 1
            );
            if text.len() + next.len() + 20 > bytes {
                break;
            }
            text.push_str(&next);
        }
        text.push(']');
    }
    let fill = bytes.saturating_sub(text.len() + 11);
    // Writing to a string cannot fail.
    let _ = write!(text, ",\"memo\":\"{}\"}}", "x".repeat(fill));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_json_of_about_the_size() {
        for bytes in [100, 500, 1_000, 10_000, 100_000] {
            let text = payload(123_456, bytes);
            assert!(text.len().abs_diff(bytes) <= 12, "{bytes}: {}", text.len());
            assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
        }
    }
}
