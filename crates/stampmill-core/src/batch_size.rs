//! How many records to take at once.

use crate::record::Batch;

/// Keeps batches of large records near a number of bytes, for a call of librdkafka is told a number of records only.
#[derive(Debug)]
pub struct BatchSize {
    most: usize,
    bytes: usize,
    record_bytes: usize,
}

// === impl BatchSize ===

impl BatchSize {
    /// `most` is the number of records that no batch goes beyond.
    pub fn new(most: usize, bytes: usize) -> Self {
        Self { most, bytes, record_bytes: 0 }
    }

    pub fn next(&self) -> usize {
        self.bytes.checked_div(self.record_bytes).map_or(self.most, |fitting| fitting.clamp(1, self.most))
    }

    /// Goes up at once and comes down slowly: large records often come together.
    pub fn learn(&mut self, batch: &Batch) {
        let average = batch.bytes() / batch.len().max(1);
        self.record_bytes = average.max((self.record_bytes * 7 + average) / 8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Offset;

    fn batch_of_one(bytes: usize) -> Batch {
        let mut batch = Batch::new("t".into(), 0);
        batch.push(Offset::new(0), None, None, Some(&vec![0; bytes]));
        batch
    }

    #[test]
    fn large_records_make_small_batches() {
        let mut size = BatchSize::new(500, 1 << 20);
        assert_eq!(size.next(), 500);
        size.learn(&batch_of_one(1 << 19));
        assert_eq!(size.next(), 2);
        size.learn(&batch_of_one(4 << 20));
        assert_eq!(size.next(), 1);
        for _ in 0..200 {
            size.learn(&batch_of_one(100));
        }
        assert_eq!(size.next(), 500);
    }
}
