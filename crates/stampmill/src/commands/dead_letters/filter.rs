//! Which dead letters a command is about.

use clap::Args;
use stampmill_engine::dead_letters::Letter;

use crate::commands::moment::moment;

#[derive(Args, Clone, Debug, Default)]
pub(super) struct Filters {
    /// Only of this class, such as `not-json`
    #[arg(long, value_name = "CLASS")]
    class: Option<String>,
    /// Only what came from this topic
    #[arg(long, value_name = "SOURCE_TOPIC")]
    topic: Option<String>,
    /// Only what came from this partition
    #[arg(long, value_name = "NUMBER")]
    partition: Option<i32>,
    /// Only what died then or later: a moment (`2026-11-23T14:00:00Z`), or how long ago (`90s`, `30m`, `2h`, `7d`)
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<i64>,
    /// Only what died before
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<i64>,
    /// Only if the reason contains this text
    #[arg(long, value_name = "TEXT")]
    grep: Option<String>,
}

// === impl Filters ===

impl Filters {
    pub(super) fn is_empty(&self) -> bool {
        let Self { class, topic, partition, since, until, grep } = self;
        class.is_none()
            && topic.is_none()
            && partition.is_none()
            && since.is_none()
            && until.is_none()
            && grep.is_none()
    }

    pub(super) fn admit(&self, letter: &Letter<'_>) -> bool {
        let time = letter.time();
        self.class.as_deref().is_none_or(|class| class == letter.class)
            && self.topic.as_deref().is_none_or(|topic| topic == letter.topic)
            && self.partition.is_none_or(|partition| partition == letter.partition)
            && self.since.is_none_or(|since| time.is_some_and(|time| time >= since))
            && self.until.is_none_or(|until| time.is_some_and(|time| time < until))
            && self.grep.as_deref().is_none_or(|text| letter.reason.contains(text))
    }
}

#[cfg(test)]
mod tests {
    use stampmill_core::record::{Batch, Offset};
    use stampmill_engine::dead_letters::names;

    use super::*;

    fn batch() -> Batch {
        let mut batch = Batch::new("dead".into(), 0);
        batch.push(Offset::new(0), Some(1), None, None);
        for (name, value) in [
            (names::ERROR, "expected a value"),
            (names::ERROR_CLASS, "not-json"),
            (names::PIPELINE, "p"),
            (names::TRANSFORM, "envelope[0]"),
            (names::TOPIC, "in"),
            (names::PARTITION, "3"),
            (names::OFFSET, "42"),
            (names::LAST_TIME, "1000"),
        ] {
            batch.push_header(name.as_bytes(), Some(value.as_bytes()));
        }
        batch
    }

    #[test]
    fn each_filter_takes_what_fits_and_nothing_else() {
        let batch = batch();
        let letter = Letter::read(batch.record(0)).expect("a dead letter");
        let none = Filters::default;
        let text = |text: &str| Some(text.to_owned());
        assert!(none().is_empty() && none().admit(&letter));
        let cases = [
            (Filters { class: text("not-json"), ..none() }, Filters { class: text("empty"), ..none() }),
            (Filters { topic: text("in"), ..none() }, Filters { topic: text("dead"), ..none() }),
            (Filters { partition: Some(3), ..none() }, Filters { partition: Some(0), ..none() }),
            (Filters { since: Some(1000), ..none() }, Filters { since: Some(1001), ..none() }),
            (Filters { until: Some(1001), ..none() }, Filters { until: Some(1000), ..none() }),
            (Filters { grep: text("a value"), ..none() }, Filters { grep: text("an item"), ..none() }),
        ];
        for (fits, does_not) in cases {
            assert!(!fits.is_empty() && fits.admit(&letter), "{fits:?}");
            assert!(!does_not.is_empty() && !does_not.admit(&letter), "{does_not:?}");
        }
    }
}
