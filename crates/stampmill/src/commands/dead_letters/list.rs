//! `stampmill dead-letters list`: one line for each.

use std::io::Write;
use std::ops::ControlFlow;

use serde_json::json;
use stampmill_engine::dead_letters::hops;
use stampmill_engine::kafka::reader::{Held, TopicReader};
use stampmill_engine::settings::PipelineSettings;

use super::DeadLettersError;
use super::arguments::List;
use super::scan::{Entry, scan};
use super::table::{Table, width};
use crate::commands::bytes::escaped;
use crate::commands::moment::written;
use crate::progress::Progress;

/// What is shown of one.
struct Row {
    time: Option<i64>,
    place: (i32, i64),
    cells: [String; 7],
    json: serde_json::Value,
}

const HEAD: [&str; 7] = ["PLACE", "TIME", "CLASS", "SOURCE", "TRANSFORM", "TRIES", "REASON"];

pub(super) fn run(
    pipeline: &PipelineSettings,
    reader: &TopicReader,
    list: &List,
    out: &mut dyn Write,
) -> Result<(), DeadLettersError> {
    let (mut rows, mut progress) = (Vec::new(), Progress::start("read", 0));
    for held in reader.held()? {
        rows.extend(last(pipeline, reader, held, list, &mut progress)?);
    }
    drop(progress);
    rows.sort_by_key(|row: &Row| (row.time, row.place));
    rows.drain(..rows.len().saturating_sub(list.limit as usize));
    if list.json {
        rows.iter().try_for_each(|row| writeln!(out, "{}", row.json))?;
        return Ok(out.flush()?);
    }
    if rows.is_empty() {
        let such = if list.filters.is_empty() { "" } else { "such " };
        writeln!(out, "no {such}dead letters of `{}` in `{}`", pipeline.name, reader.topic())?;
        return Ok(());
    }
    let mut table = Table::new(HEAD);
    rows.into_iter().for_each(|row| table.push(row.cells));
    table.write(width(), out)?;
    Ok(out.flush()?)
}

/// The last ones of a partition: read from near its end, and from further before where that was not enough.
fn last(
    pipeline: &PipelineSettings,
    reader: &TopicReader,
    held: Held,
    list: &List,
    progress: &mut Progress,
) -> Result<Vec<Row>, DeadLettersError> {
    let limit = list.limit as usize;
    let mut window = i64::from(list.limit);
    loop {
        let low = held.low.max(held.high.saturating_sub(window));
        let mut rows = Vec::new();
        let range = Held { low, ..held };
        progress.extend(range.offsets());
        scan(reader, range, &pipeline.name, &list.filters, progress, &mut |entry, _| {
            rows.push(row(&entry));
            Ok(ControlFlow::Continue(()))
        })?;
        if rows.len() >= limit || low == held.low {
            rows.drain(..rows.len().saturating_sub(limit));
            return Ok(rows);
        }
        window = window.saturating_mul(8);
    }
}

fn row(entry: &Entry<'_>) -> Row {
    match entry {
        Entry::Letter(letter) => {
            let record = &letter.record;
            let place = (record.partition, record.offset.get());
            let source = format!("{}/{}@{}", letter.topic, letter.partition, letter.offset);
            let attempts = letter.attempts.map_or("-".to_owned(), |attempts| attempts.to_string());
            let cells = [
                shown(place),
                written(letter.time()),
                escaped(letter.class),
                escaped(&source),
                escaped(letter.transform),
                attempts,
                escaped(letter.reason),
            ];
            let json = json!({
                "partition": place.0, "offset": place.1, "time": letter.time().map(|time| written(Some(time))),
                "class": letter.class, "reason": letter.reason, "pipeline": letter.pipeline,
                "transform": letter.transform, "attempts": letter.attempts, "group": letter.group,
                "instance": letter.instance, "stub": letter.stub.is_some(), "hops": hops(record).ok(),
                "source": { "topic": letter.topic, "partition": letter.partition, "offset": letter.offset },
            });
            Row { time: letter.time(), place, cells, json }
        }
        Entry::NotOurs(record, why) => {
            let place = (record.partition, record.offset.get());
            let none = || "-".to_owned();
            let reason = format!("not a dead letter of stampmill: {why}");
            let time = written(record.timestamp);
            let json = json!({ "partition": place.0, "offset": place.1, "time": time, "error": reason });
            let cells = [shown(place), time, none(), none(), none(), none(), reason];
            Row { time: record.timestamp, place, cells, json }
        }
    }
}

fn shown((partition, offset): (i32, i64)) -> String {
    format!("{partition}:{offset}")
}
