//! The log as the pipelines write it. A line of a log step goes by a buffer of its worker and not through the `log`
//! crate, which would take a lock and write once for each record; the crate's filters decide all the same.
//!
//! ```text
//!   TransformActor ── LineBuffers ──▶ LogRoutes ──block──────────────────────▶ LogOutput (one lock) ──▶ stderr
//!                        │ ordered          └──drop──▶ LogQueue ──thread──────▶    ▲
//!                        └──Outputs──▶ ProducerActor ──▶ LogRoutes                 └── every other line
//! ```

mod buffers;
mod escape;
mod limits;
mod line;
mod output;
mod queue;
mod routes;
#[cfg(test)]
mod tests;
mod time;

pub(crate) use self::buffers::{LineBuffers, LinesOfBatch, log_level, second};
pub use self::line::{Format, Line, Source};
pub use self::output::LogOutput;
pub(crate) use self::routes::{LinesByRoute, LogRoutes};
pub use self::time::Time;
