//! Records become rows.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use stampmill_core::json::JsonError;
use stampmill_core::record::{Batch, Record};
use stampmill_core::repeats::Repeats;
use stampmill_core::table::{self, Rows, TooLarge};
use thiserror::Error;

use super::TopicTable;

pub(super) struct Taking<'a> {
    kept: &'a TopicTable,
    complaints: Repeats,
    /// The row that is made, for its memory.
    row: Vec<u8>,
}

/// Why a record makes no row.
#[derive(Debug, Error)]
enum Refused {
    #[error("it has no key")]
    NoKey,
    #[error("its value is not JSON: {0}")]
    NotJson(#[from] JsonError),
    #[error("{0}")]
    TooLarge(#[from] TooLarge),
}

const BETWEEN_COMPLAINTS: Duration = Duration::from_secs(10);

// === impl Taking ===

impl<'a> Taking<'a> {
    pub(super) fn new(kept: &'a TopicTable) -> Self {
        Self { kept, complaints: Repeats::new(BETWEEN_COMPLAINTS), row: Vec::new() }
    }

    pub(super) fn take(&mut self, batch: &Batch, rows: &mut Rows) {
        for place in 0..batch.len() {
            let record = batch.record(place);
            if let Err(refused) = self.take_one(&record, rows) {
                self.complain(&record, &refused);
            }
        }
    }

    /// What cannot be a row removes what was under its key: an old row must not be taken for the latest.
    fn take_one(&mut self, record: &Record<'_>, rows: &mut Rows) -> Result<(), Refused> {
        let key = record.key.ok_or(Refused::NoKey)?;
        let Some(value) = record.payload else {
            rows.remove(key);
            return Ok(());
        };
        if let Err(error) = table::row(value, &mut self.row) {
            rows.remove(key);
            return Err(error.into());
        }
        Ok(rows.insert(key, &self.row)?)
    }

    fn complain(&mut self, record: &Record<'_>, refused: &Refused) {
        self.kept.state.refused.fetch_add(1, Ordering::Relaxed);
        if let Some(left_out) = self.complaints.admit(1, Instant::now()) {
            let Record { topic, partition, offset, .. } = record;
            let (name, offset) = (self.kept.name(), offset.get());
            log::error!(
                "table `{name}`: the record of {topic}/{partition} at offset {offset} makes no row, and there is none under its key now: {refused}{left_out}"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use stampmill_core::record::Offset;

    use super::*;
    use crate::settings::Properties;

    fn batch(records: &[(Option<&str>, Option<&str>)]) -> Batch {
        let mut batch = Batch::new("rates".into(), 0);
        for (offset, (key, value)) in (0..).zip(records) {
            batch.push(Offset::new(offset), None, key.map(str::as_bytes), value.map(str::as_bytes));
        }
        batch
    }

    #[test]
    fn the_latest_value_counts_and_what_is_none_leaves_no_old_one() {
        let kept = TopicTable::new("rates", "fx-rates".to_owned(), Properties::default(), 500);
        let mut rows = kept.table.change(|rows| rows.emptied());
        let records = [
            (Some("USD"), Some("1")),
            (Some("USD"), Some("{ \"rate\": 1.50 }")),
            (Some("CHF"), Some("0.95")),
            (Some("CHF"), None),
            (Some("GBP"), Some("1.1")),
            (Some("GBP"), Some("1.1,\"x\":1")),
            (None, Some("1")),
            (Some("JPY"), Some("1")),
            (Some("JPY"), Some(&"1".repeat(500))),
        ];
        Taking::new(&kept).take(&batch(&records), &mut rows);
        assert_eq!(rows.get(b"USD"), Some(&b"{\"rate\":1.50}"[..]));
        assert_eq!([b"CHF", b"GBP", b"JPY"].map(|key| rows.get(key)), [None; 3]);
        assert_eq!(kept.status().refused, 3, "no JSON, no key, no room");
        assert!(!kept.is_ready());
        kept.begin_with(rows);
        assert!(kept.is_ready());
        assert_eq!(kept.table.row(b"USD").as_deref(), Some(&b"{\"rate\":1.50}"[..]));
    }
}
