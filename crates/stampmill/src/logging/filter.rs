//! Which lines are logged, in the syntax of `RUST_LOG`. It may change at any time: a logger of env_logger's keeps its filter
//! for good, so that another takes its place.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use env_logger::Target;
use log::{Log, Metadata, Record};
use stampmill_engine::logging::LogOutput;

use super::line;

/// Clones change together.
#[derive(Clone)]
pub(crate) struct LogFilter(Arc<Inner>);

struct Inner {
    output: LogOutput,
    /// Asked for every record that a log step may write a line for.
    now: ArcSwap<Named>,
    /// So that the crate's own limit is that of the filter that came last.
    changing: Mutex<()>,
}

struct Named {
    text: String,
    logger: env_logger::Logger,
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
    pub(crate) fn lenient(text: &str, output: LogOutput) -> Self {
        let now = ArcSwap::from_pointee(Named::new(text, &output));
        Self(Arc::new(Inner { output, now, changing: Mutex::default() }))
    }

    pub(crate) fn text(&self) -> String {
        self.0.now.load().text.clone()
    }

    /// It decides from now on.
    ///
    /// # Errors
    /// A text that is no filter; the old one goes on.
    pub(crate) fn change(&self, text: &str) -> Result<(), FilterError> {
        let fault = |fault: env_filter::ParseError| FilterError { text: text.to_owned(), fault: fault.to_string() };
        // env_logger itself leaves out what is wrong.
        env_filter::Builder::new().try_parse(text).map_err(fault)?;
        // By the old one, which may be the only one to let it through.
        log::warn!("the log goes by `{text}` from now on");
        let _alone = self.0.changing.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.now.store(Arc::new(Named::new(text, &self.0.output)));
        self.limit();
        Ok(())
    }

    /// What no logger is to write is then not even asked about.
    pub(crate) fn limit(&self) {
        log::set_max_level(self.0.now.load().logger.filter());
    }
}

impl Log for LogFilter {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.0.now.load().logger.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        self.0.now.load().logger.log(record);
    }

    fn flush(&self) {}
}

// === impl Named ===

impl Named {
    fn new(text: &str, output: &LogOutput) -> Self {
        let format = output.format();
        let mut builder = env_logger::Builder::new();
        builder.parse_filters(text).format(move |buffer, record| buffer.write_all(&line(format, record)));
        builder.target(Target::Pipe(Box::new(output.clone())));
        Self { text: text.to_owned(), logger: builder.build() }
    }
}

#[cfg(test)]
mod tests {
    use log::Level;
    use stampmill_engine::logging::Format;

    use super::*;

    fn filter_of(text: &str) -> LogFilter {
        LogFilter::lenient(text, LogOutput::new(Format::Line, Box::new(std::io::sink())))
    }

    fn is_on(filter: &LogFilter, name: &str, level: Level) -> bool {
        filter.enabled(&Metadata::builder().target(name).level(level).build())
    }

    #[test]
    fn filters_decide_by_the_name_of_a_step() {
        let filter = filter_of("info,quiet=off,loud=debug");
        assert!(!is_on(&filter, "quiet", Level::Error));
        assert!(is_on(&filter, "loud", Level::Debug) && is_on(&filter, "other", Level::Info));
        assert!(!is_on(&filter, "other", Level::Debug));
    }

    #[test]
    fn a_filter_gives_way_to_another_and_to_no_nonsense() {
        let filter = filter_of("info");
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
