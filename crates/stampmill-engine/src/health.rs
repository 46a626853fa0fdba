//! Whether a pipeline does its work, and why not: a value.

use std::fmt;
use std::sync::{Mutex, PoisonError};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// It waits for brokers, topics or its group.
    #[default]
    Starting,
    /// Every partition that it was given moves or is read to its end; or it stands by without one.
    Ready,
    /// In the order of the partitions.
    NotReady(Vec<Trouble>),
    /// It has failed and begins anew.
    Restarting { cause: String },
    /// It has failed for good.
    Failed { cause: String },
    /// It was told to stop.
    Stopped,
}

/// Why a partition does not move, or none does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The brokers keep its clients out, whichever partition they are for. The reason is without anything of a record.
    KeptOut { reason: String },
    /// A table that its steps read has not been read to its end.
    TableUnread { table: String, reason: String },
    /// `on_failure.then` is `halt`, and this record cannot be processed.
    Halted { partition: String, offset: i64, class: &'static str, reason: String },
    /// Too many records failed: this one is the next to be tried.
    BreakerOpen { partition: String, offset: i64, reason: String },
    /// There are records to read, and none comes.
    Stalled { partition: String, offset: i64 },
    /// What was read is not delivered.
    Undelivered { partition: String, seconds: u64 },
}

/// The health of a pipeline at this moment; every change of it is logged.
#[derive(Debug, Default)]
pub(crate) struct HealthCell(Mutex<Health>);

// === impl Health ===

impl Health {
    pub fn is_ready(&self) -> bool {
        *self == Self::Ready
    }

    /// Whether only a restart of the process can help.
    pub fn is_failed(&self) -> bool {
        matches!(self, Self::Failed { .. })
    }

    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::NotReady(_) => "not_ready",
            Self::Restarting { .. } => "restarting",
            Self::Failed { .. } => "failed",
            Self::Stopped => "stopped",
        }
    }

    fn log_change(&self, pipeline: &str) {
        match self {
            Self::Starting => log::info!("pipeline `{pipeline}` starts"),
            Self::Ready => log::info!("pipeline `{pipeline}` is ready"),
            Self::Stopped => log::info!("pipeline `{pipeline}` has stopped"),
            Self::NotReady(troubles) => {
                let texts: Vec<String> = troubles.iter().map(ToString::to_string).collect();
                log::error!("pipeline `{pipeline}` is not ready: {}", texts.join("; "));
            }
            Self::Restarting { cause } => log::error!("pipeline `{pipeline}` has failed and begins anew: {cause}"),
            Self::Failed { cause } => log::error!("pipeline `{pipeline}` has failed: {cause}"),
        }
    }
}

impl Trouble {
    /// What [`Trouble::kind`] may be of a partition.
    pub const KINDS: [&str; 4] = ["halted", "breaker", "stalled", "undelivered"];

    pub fn kind(&self) -> &'static str {
        let [halted, breaker, stalled, undelivered] = Self::KINDS;
        match self {
            Self::Halted { .. } => halted,
            Self::BreakerOpen { .. } => breaker,
            Self::Stalled { .. } => stalled,
            Self::Undelivered { .. } => undelivered,
            Self::KeptOut { .. } => "kept_out",
            Self::TableUnread { .. } => "table_unread",
        }
    }

    /// As its `Display`, but without a reason, which may quote a record.
    pub fn without_records(&self) -> String {
        match self {
            Self::Halted { partition, offset, class, .. } => {
                format!("{partition} has halted at offset {offset}: {class}")
            }
            Self::BreakerOpen { partition, offset, .. } => {
                format!("{partition} pauses at offset {offset}, for too many records failed")
            }
            Self::Stalled { .. } | Self::Undelivered { .. } | Self::KeptOut { .. } | Self::TableUnread { .. } => {
                self.to_string()
            }
        }
    }

    /// `None` where it is not of one.
    pub fn partition(&self) -> Option<&str> {
        match self {
            Self::KeptOut { .. } | Self::TableUnread { .. } => None,
            Self::Halted { partition, .. }
            | Self::BreakerOpen { partition, .. }
            | Self::Stalled { partition, .. }
            | Self::Undelivered { partition, .. } => Some(partition),
        }
    }

    /// The same in kind and place, whatever the numbers.
    fn resembles(&self, other: &Self) -> bool {
        if let (Self::KeptOut { reason }, Self::KeptOut { reason: other }) = (self, other) {
            return reason == other;
        }
        if let (Self::TableUnread { table, .. }, Self::TableUnread { table: other, .. }) = (self, other) {
            return table == other;
        }
        std::mem::discriminant(self) == std::mem::discriminant(other) && self.partition() == other.partition()
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeptOut { reason } => write!(out, "{reason}"),
            Self::TableUnread { table, reason } => {
                write!(out, "the table `{table}` is not read to its end: {reason}")
            }
            Self::Halted { partition, offset, reason, .. } => write!(
                out,
                "{partition} has halted at offset {offset}: {reason}; mend what it fails on and resume the partition, or have it skip the offset"
            ),
            Self::BreakerOpen { partition, offset, reason } => {
                write!(out, "{partition} pauses at offset {offset}: {reason}")
            }
            Self::Stalled { partition, offset } => {
                write!(out, "{partition} stands still at offset {offset}, though there are records to read")
            }
            Self::Undelivered { partition, seconds } => {
                write!(out, "nothing of {partition} was delivered for {seconds} s, though records are in flight")
            }
        }
    }
}

// === impl HealthCell ===

impl HealthCell {
    pub(crate) fn get(&self) -> Health {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set(&self, pipeline: &str, health: Health) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_same(&now, &health) {
            health.log_change(pipeline);
        }
        *now = health;
    }
}

/// Seconds that go by are no change to tell.
fn is_same(one: &Health, other: &Health) -> bool {
    match (one, other) {
        (Health::NotReady(one), Health::NotReady(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one.resembles(other))
        }
        _ => one == other,
    }
}
