//! Which lines are logged, in the syntax of `RUST_LOG`. It may change at any time.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use env_filter::{Builder, Filter};
use log::{Metadata, Record};

/// Clones change together.
#[derive(Clone)]
pub(crate) struct LogFilter(Arc<Inner>);

struct Inner {
    /// Asked for every record that a log step may write a line for.
    now: ArcSwap<Named>,
    /// So that the crate's own limit is that of the filter that came last.
    changing: Mutex<()>,
}

struct Named {
    text: String,
    filter: Filter,
}

#[derive(Debug, thiserror::Error)]
#[error("`{text}` is no filter: {fault}; write levels and names of loggers as in `info,bank-audit=off`")]
pub(crate) struct FilterError {
    text: String,
    fault: String,
}

// === impl LogFilter ===

impl LogFilter {
    /// What is wrong with the text is told on standard error and left out: no log is no reason not to start.
    pub(crate) fn lenient(text: &str) -> Self {
        let named = Named { text: text.to_owned(), filter: Builder::new().parse(text).build() };
        Self(Arc::new(Inner { now: ArcSwap::from_pointee(named), changing: Mutex::default() }))
    }

    pub(crate) fn text(&self) -> String {
        self.0.now.load().text.clone()
    }

    /// It decides from now on.
    ///
    /// # Errors
    /// A text that is no filter; the old one goes on.
    pub(crate) fn change(&self, text: &str) -> Result<(), FilterError> {
        let mut builder = Builder::new();
        let fault = |fault: env_filter::ParseError| FilterError { text: text.to_owned(), fault: fault.to_string() };
        let filter = builder.try_parse(text).map_err(fault)?.build();
        // By the old one, which may be the only one to let it through.
        log::warn!("the log goes by `{text}` from now on");
        let _alone = self.0.changing.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.now.store(Arc::new(Named { text: text.to_owned(), filter }));
        self.limit();
        Ok(())
    }

    /// What no logger is to write is then not even asked about.
    pub(crate) fn limit(&self) {
        log::set_max_level(self.0.now.load().filter.filter());
    }

    pub(crate) fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.0.now.load().filter.enabled(metadata)
    }

    pub(crate) fn matches(&self, record: &Record<'_>) -> bool {
        self.0.now.load().filter.matches(record)
    }
}

#[cfg(test)]
mod tests {
    use log::Level;

    use super::*;

    fn is_on(filter: &LogFilter, name: &str, level: Level) -> bool {
        filter.enabled(&Metadata::builder().target(name).level(level).build())
    }

    #[test]
    fn filters_decide_by_the_name_of_a_step() {
        let filter = LogFilter::lenient("info,quiet=off,loud=debug");
        assert!(!is_on(&filter, "quiet", Level::Error));
        assert!(is_on(&filter, "loud", Level::Debug) && is_on(&filter, "other", Level::Info));
        assert!(!is_on(&filter, "other", Level::Debug));
    }

    #[test]
    fn a_filter_gives_way_to_another_and_to_no_nonsense() {
        let filter = LogFilter::lenient("info");
        let twin = filter.clone();
        filter.change("warn,loud=trace").expect("is a filter");
        assert_eq!(twin.text(), "warn,loud=trace");
        assert!(is_on(&twin, "loud", Level::Trace) && !is_on(&twin, "other", Level::Info));
        assert_eq!(log::max_level(), log::LevelFilter::Trace);
        let error = filter.change("loud=deafening").expect_err("is no level").to_string();
        assert!(error.starts_with("`loud=deafening` is no filter: "), "{error}");
        assert_eq!(twin.text(), "warn,loud=trace");
    }
}
