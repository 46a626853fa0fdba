//! Why an actor has ended, as a value.

use std::any::Any;
use std::time::Duration;

use thiserror::Error;

use super::budget::Limit;

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ExitReason {
    #[error("it panicked (`{message}`), and its {restarts} restarts within {} s are used up", window.as_secs_f32())]
    PanickedTooOften { message: String, restarts: u32, window: Duration },
    #[error(
        "it hung for {} s, and its {restarts} restarts within {} s are used up", stuck.as_secs(), window.as_secs_f32()
    )]
    FrozeTooOften { stuck: Duration, restarts: u32, window: Duration },
    /// It shares its thread or owns what a second one may not have, so there is no way to replace it.
    #[error("it hung for {} s", stuck.as_secs())]
    Frozen { stuck: Duration },
}

// === impl ExitReason ===

impl ExitReason {
    pub(super) fn panicked(message: &str, limit: Limit) -> Self {
        let Limit { restarts, window } = limit;
        Self::PanickedTooOften { message: message.to_owned(), restarts, window }
    }

    pub(crate) fn froze(stuck: Duration, limit: Limit) -> Self {
        let Limit { restarts, window } = limit;
        Self::FrozeTooOften { stuck, restarts, window }
    }
}

/// What a panic has to say.
pub(crate) fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
