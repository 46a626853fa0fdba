//! Goes through the dead-letter topic and picks what a command is about.

use std::ops::ControlFlow;

use stampmill_core::record::Record;
use stampmill_engine::dead_letters::{Letter, LetterError};
use stampmill_engine::kafka::reader::{Held, TopicReader};

use super::DeadLettersError;
use super::filter::Filters;
use crate::progress::Progress;

/// A record of the topic.
pub(super) enum Entry<'a> {
    Letter(Letter<'a>),
    NotOurs(Record<'a>, LetterError),
}

/// Says whether to go on.
pub(super) type Each<'a> = &'a mut dyn FnMut(Entry<'_>, &Progress) -> Result<ControlFlow<()>, DeadLettersError>;

/// Calls `each` with every dead letter of the pipeline that the filters admit; without filters with every record that
/// is none, too. Several pipelines may share a topic. Every offset of the range that is done counts as progress.
pub(super) fn scan(
    reader: &TopicReader,
    range: Held,
    pipeline: &str,
    filters: &Filters,
    progress: &mut Progress,
    each: Each<'_>,
) -> Result<(), DeadLettersError> {
    let mut done = Ok(());
    let mut next = range.low;
    reader.read(range, &mut |batch| {
        for index in 0..batch.len() {
            let record = batch.record(index);
            let after = record.offset.next().get();
            let entry = pick(record, pipeline, filters);
            match entry.map_or(Ok(ControlFlow::Continue(())), |entry| each(entry, progress)) {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => return ControlFlow::Break(()),
                Err(error) => {
                    done = Err(error);
                    return ControlFlow::Break(());
                }
            }
            progress.advance((after - next).unsigned_abs());
            next = after;
        }
        ControlFlow::Continue(())
    })?;
    done
}

fn pick<'a>(record: Record<'a>, pipeline: &str, filters: &Filters) -> Option<Entry<'a>> {
    match Letter::read(record) {
        Ok(letter) => (letter.pipeline == pipeline && filters.admit(&letter)).then_some(Entry::Letter(letter)),
        Err(error) => filters.is_empty().then_some(Entry::NotOurs(record, error)),
    }
}
