//! Every key of the configuration: name, kind, default, meaning. Plain data, which refuses unknown keys, matches
//! environment variables, fills in defaults and says what is missing.

mod pipeline;
mod program;
mod steps;
mod tables;

pub(crate) use self::pipeline::{FLOW, NAMED_STEPS, PIPELINE, SINKS};
pub(crate) use self::program::{MEMORY, ROOT};
pub(crate) use self::steps::{ENVELOPE, FRAGMENT, LOG, STEPS, VALIDATE};
pub(crate) use self::tables::TABLE;
use super::properties::Side;

#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) default: Default,
    /// Meaning and unit; what an error about the key tells.
    pub(crate) doc: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Default {
    Required,
    /// As it would be written in a file.
    Value(&'static str),
    /// Left out, it means what its doc says.
    Absent,
}

/// What a value may be. All but tables and lists are a text in the file, and are checked when they are read.
#[derive(Debug)]
pub(crate) enum Kind {
    Text,
    Number {
        min: u64,
        max: u64,
    },
    /// Bytes, with or without a unit: `65536`, `64KiB`, `64MiB`, `1GiB`.
    Size,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// One of the words, or a number from 0.
    WordOrNumber(&'static [&'static str]),
    /// One of the words, or null; `${` in it is literal text.
    WordOrNull(&'static [&'static str]),
    /// A text that is never shown.
    Secret,
    /// An address and a port to listen on, or `off`.
    Address,
    /// A list of names of hosts, or one text with commas between.
    Hosts,
    /// A topic's name.
    Topic,
    /// A Handlebars template; `${` in it is literal text.
    Template,
    /// A template, or null for none.
    TemplateOrNull,
    /// A list of topic names and `^` patterns, or one text with commas between.
    Topics,
    /// A list of paths into the payload.
    Paths,
    /// A path into the payload.
    Path,
    /// An expression in CEL; `${` in it is literal text.
    Expression,
    /// A JSON Schema: a table, or JSON as text; `${` in it is literal text.
    Schema,
    /// A template, an expression under `cel`, or null.
    Assigned,
    Table(&'static [Key]),
    /// Names of the operator's choice, each with an entry.
    Entries(&'static Kind),
    /// librdkafka's properties under their own names.
    Properties(Side),
    /// A list, each item a table with just one of the keys.
    Steps(&'static [Key]),
    /// Steps within a step: as under `transforms`.
    StepsWithin,
    /// Sinks within a sink: as under `sinks`.
    SinksWithin,
    /// A list, each item a table of these keys.
    List(&'static [Key]),
    /// What the words say; whoever asks for it reads it by itself.
    Other(&'static str),
    /// The table's keys; a text stands for its first.
    Short(&'static [Key]),
}

pub(crate) const fn key(name: &'static str, kind: Kind, default: Default, doc: &'static str) -> Key {
    Key { name, kind, default, doc }
}

pub(crate) const fn word(words: &'static [&'static str]) -> Kind {
    Kind::Choice(words)
}
