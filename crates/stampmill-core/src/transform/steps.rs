//! The steps as a configuration says them.

use std::sync::Arc;

use crate::cel::Expression;
use crate::log_options::LogOptions;
use crate::schema::Schema;
use crate::table::Table;
use crate::template::Template;

/// Steps, and where what comes out of them goes.
#[derive(Clone, Debug, Default)]
pub struct Flow {
    pub steps: Vec<Step>,
    pub outlets: Vec<Outlet>,
}

/// A way out of a flow. Its condition and its templates are over what the flow began with, or over its part after a `split`.
#[derive(Clone, Debug)]
pub struct Outlet {
    /// Always, if there is none.
    pub when: Option<Expression>,
    pub to: To,
}

#[derive(Clone, Debug)]
pub enum To {
    /// A sink, by its number, with its templates.
    Sink { number: usize, templates: Vec<Template> },
    /// One of several sinks with the same templates: that of the topic whose name the first template renders.
    TopicOf { topic: Template, sinks: Vec<(String, usize)>, templates: Vec<Template> },
    /// Another flow, which begins with what came out of this one.
    Flow { name: String, flow: Flow },
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
    Lookup(Lookup),
    /// A payload that does not meet it fails.
    Validate(Schema),
    Dedupe(Dedupe),
    /// So many records a second pass, in this instance; those behind them wait.
    Throttle {
        per_second: u32,
    },
    /// Steps that have a name of their own in the configuration.
    Fragment {
        name: String,
        steps: Vec<Step>,
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
            Self::Lookup(_) => "lookup",
            Self::Validate(_) => "validate",
            Self::Dedupe(_) => "dedupe",
            Self::Throttle { .. } => "throttle",
            Self::Fragment { .. } => "fragment",
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

/// A row of a table becomes a variable.
#[derive(Clone, Debug)]
pub struct Lookup {
    pub table: Arc<Table>,
    /// As text, the key of the row; for null there is none.
    pub key: Expression,
    pub into: Arc<str>,
    pub missing: MissingRow,
}

/// What becomes of a record for which there is no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingRow {
    /// The variable is null.
    Null,
    /// It cannot be processed.
    Fail,
}

/// What has a key that came not long before, in the same partition, is settled without an output.
#[derive(Clone, Debug)]
pub struct Dedupe {
    pub key: Expression,
    /// Keys that are remembered of a partition.
    pub window: usize,
}
