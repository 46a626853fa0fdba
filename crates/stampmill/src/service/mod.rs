//! What the program shows and takes over HTTP while it runs: probes and metrics on one listener, the page and the API on
//! another. Both have threads of their own, so that no pipeline waits for a request and no probe for a pipeline.

mod admin;
mod api;
mod audit;
mod guard;
mod listening;
mod metrics;
mod page;
mod probes;
mod problem;
mod reload;
mod routes;

use std::time::SystemTime;

use stampmill_engine::Steer;

pub(crate) use self::listening::Listening;
pub(crate) use self::reload::Reloader;
use crate::config::Secrets;
use crate::logging::LogFilter;

/// What both listeners are about.
pub(crate) struct Service {
    pub(crate) reloader: Reloader,
    pub(crate) filter: LogFilter,
    /// What must not be shown of the configuration.
    pub(crate) secrets: Secrets,
    pub(crate) started: SystemTime,
}

// === impl Service ===

impl Service {
    fn steers(&self) -> &[Steer] {
        self.reloader.steers()
    }
}
