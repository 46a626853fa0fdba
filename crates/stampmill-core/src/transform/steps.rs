//! The steps as a configuration says them.

use std::sync::Arc;

use crate::cel::Expression;
use crate::log_options::LogOptions;
use crate::schema::Schema;
use crate::template::Template;

/// Steps, and the sinks that what comes out of them goes to.
#[derive(Clone, Debug, Default)]
pub struct Flow {
    pub steps: Vec<Step>,
    pub outlets: Vec<Outlet>,
}

/// A sink, by its place among those of the pipeline. Its condition and its templates are over what the record came with, or
/// over its part after a `split`.
#[derive(Clone, Debug)]
pub struct Outlet {
    /// Always, if there is none.
    pub when: Option<Expression>,
    pub templates: Vec<Template>,
}

#[derive(Clone, Debug)]
pub enum Step {
    Log(Log),
    /// The output takes the payload's place for what follows.
    Envelope(Template),
    Filter(Filter),
    /// The first case that holds; none, and the record goes on as it is.
    Switch(Vec<Case>),
    Set(Vec<Assignment>),
    Split(Split),
    /// Values at these paths become `***`; `*` stands for every item.
    Mask(Vec<Vec<String>>),
    /// A payload that does not meet it fails.
    Validate(Schema),
    Dedupe(Dedupe),
    /// So many records a second pass, in this instance; those behind them wait.
    Throttle {
        per_second: u32,
    },
}

impl Step {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Log(_) => "log",
            Self::Envelope(_) => "envelope",
            Self::Filter(_) => "filter",
            Self::Switch(_) => "switch",
            Self::Set(_) => "set",
            Self::Split(_) => "split",
            Self::Mask(_) => "mask",
            Self::Validate(_) => "validate",
            Self::Dedupe(_) => "dedupe",
            Self::Throttle { .. } => "throttle",
        }
    }
}

/// Writes a line for each record.
#[derive(Clone, Debug)]
pub struct Log {
    pub level: Level,
    /// The name that stands in the log, and that filters go by.
    pub target: String,
    pub message: Template,
    pub options: LogOptions,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// What does not pass is settled without an output.
#[derive(Clone, Debug)]
pub struct Filter {
    pub condition: Expression,
    pub passes: Passes,
}

/// Which records pass a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passes {
    /// Those for which the condition holds.
    If,
    /// Those for which it does not.
    Unless,
}

#[derive(Clone, Debug)]
pub struct Case {
    /// Always, if there is none.
    pub when: Option<Expression>,
    pub steps: Vec<Step>,
}

/// Changes something of the record for all that follows: in order, so that the next one sees it.
#[derive(Clone, Debug)]
pub struct Assignment {
    pub target: Target,
    pub value: Assigned,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `vars.NAME`.
    Var(Arc<str>),
    Key,
    /// All headers of that name.
    Header(Arc<str>),
    /// Milliseconds since 1970.
    Timestamp,
}

#[derive(Clone, Debug)]
pub enum Assigned {
    /// Text.
    Template(Template),
    /// Its value with its type.
    Expression(Expression),
    /// It is removed.
    Nothing,
}

/// An array becomes as many records, each with the item as its payload. Of which it is, `vars.split.index` and
/// `vars.split.count` tell.
#[derive(Clone, Debug)]
pub struct Split {
    /// The array's path in the payload.
    pub path: Vec<String>,
    /// Items at the most.
    pub limit: usize,
}

/// What has a key that came not long before, in the same partition, is settled without an output.
#[derive(Clone, Debug)]
pub struct Dedupe {
    pub key: Expression,
    /// Keys that are remembered of a partition.
    pub window: usize,
}
