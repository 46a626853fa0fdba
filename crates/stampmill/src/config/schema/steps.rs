//! The keys of steps.

use super::Default::{Absent, Required, Value};
use super::{Key, Kind, key, word};

pub(crate) static STEPS: &[Key] = &[
    key("log", Kind::Short(LOG), Absent, "writes a line to the log"),
    key("envelope", Kind::Short(ENVELOPE), Absent, "renders the record into its envelope"),
    key("filter", Kind::Short(FILTER), Absent, "lets through what meets a condition; the rest is settled and counted"),
    key(
        "switch",
        Kind::List(CASES),
        Absent,
        "the steps of the first case that holds; if none does, the record goes on",
    ),
    key("set", Kind::Table(SET), Absent, "sets variables, the key, headers or the timestamp for all that follows"),
    key("split", Kind::Short(SPLIT), Absent, "an array becomes as many records, settled when all of them are"),
    key(
        "mask",
        Kind::Paths,
        Absent,
        "values that become `***`: paths such as `payload.card.number`, `*` for every item",
    ),
    key("lookup", Kind::Table(LOOKUP), Absent, "a row of a table becomes a variable"),
    key("validate", Kind::Short(VALIDATE), Absent, "a payload that does not meet a JSON Schema fails"),
    key("dedupe", Kind::Short(DEDUPE), Absent, "lets through what has a key that did not come shortly before"),
    key("throttle", Kind::Short(THROTTLE), Absent, "lets so many records a second through; those behind them wait"),
    key("fragment", Kind::Short(FRAGMENT), Absent, "steps that stand under `fragments`"),
];

pub(crate) static FRAGMENT: &[Key] = &[
    key("name", Kind::Text, Required, "a name under `fragments`"),
    key("with", Kind::Entries(&Kind::Text), Absent, "what its parameters stand for"),
    key("transforms", Kind::StepsWithin, Absent, "the steps, where they are not under `fragments`"),
];

static FILTER: &[Key] = &[
    key("if", Kind::Expression, Absent, "what meets it passes"),
    key("unless", Kind::Expression, Absent, "what does not meet it passes"),
];

static CASES: &[Key] = &[
    key("when", Kind::Expression, Absent, "a condition; a last case without one is for all the others"),
    key("transforms", Kind::StepsWithin, Absent, "the steps of the case; none, if left out"),
];

static SET: &[Key] = &[
    key("vars", Kind::Entries(&Kind::Assigned), Absent, "variables: name and value; null removes one"),
    key("key", Kind::Assigned, Absent, "the record's key; null for none"),
    key("headers", Kind::Entries(&Kind::Assigned), Absent, "headers: name and value; null removes all of that name"),
    key("timestamp", Kind::Assigned, Absent, "the record's timestamp, in milliseconds since 1970"),
];

static SPLIT: &[Key] = &[
    key("each", Kind::Path, Required, "the array: `payload`, or a path such as `payload.items`"),
    key("limit", Kind::Number { min: 1, max: 1_000_000 }, Value("10000"), "items at the most; more are a failure"),
];

static LOOKUP: &[Key] = &[
    key("table", Kind::Text, Required, "a name under `tables`"),
    key("key", Kind::Expression, Required, "what the row stands under, as text"),
    key("into", Kind::Text, Required, "the variable that the row becomes, as in `vars.NAME`"),
    key(
        "missing",
        Kind::WordOrNull(&["fail"]),
        Absent,
        "where there is no row, `fail`: it is a failure; null: the variable is null; `fail`, if left out",
    ),
];

pub(crate) static VALIDATE: &[Key] = &[
    key("file", Kind::Text, Absent, "the schema's file, relative to the configuration file"),
    key("schema", Kind::Schema, Absent, "the schema itself, as a table, or as JSON in a text"),
];

static DEDUPE: &[Key] = &[
    key("key", Kind::Expression, Required, "what must be new"),
    key(
        "window",
        Kind::Number { min: 1, max: 10_000_000 },
        Value("100000"),
        "keys of each partition that are remembered, about 100 bytes each",
    ),
];

static THROTTLE: &[Key] =
    &[key("per_second", Kind::Number { min: 1, max: 1_000_000_000 }, Required, "records a second, of this instance")];

pub(crate) static LOG: &[Key] = &[
    key("message", Kind::Template, Required, "the line, as a template"),
    key("level", word(&["error", "warn", "info", "debug", "trace"]), Value("info"), "the line's level"),
    key("name", Kind::Text, Absent, "the line's logger name, for `RUST_LOG`; the pipeline's name, if left out"),
    key("sample", MANY, Absent, "a line for one of so many records, the first included; for each, if left out"),
    key("rate", MANY, Absent, "lines a second, at the most; how many are left out is said once a second"),
    key(
        "mask",
        Kind::Paths,
        Absent,
        "values that show as `***`: paths such as `payload.card.number`, `*` for every item",
    ),
    key("truncate", Kind::Size, Absent, "bytes of the message, at the most; the whole of it, if left out"),
    key(
        "on_full",
        word(&["block", "drop"]),
        Value("block"),
        "when the log is written too slowly, `block`: the pipeline waits; `drop`: lines are left out, and counted",
    ),
    key(
        "ordered",
        word(&["true", "false"]),
        Value("false"),
        "`true`: the lines of a partition come out in the order of its records, when their batch is sent",
    ),
];

pub(crate) static ENVELOPE: &[Key] = &[
    key("template", Kind::Template, Absent, "the envelope, as a template"),
    key("file", Kind::Text, Absent, "the template's file, relative to the configuration file"),
    key(
        "media_type",
        word(&["json", "text", "xml"]),
        Value("json"),
        "`json`: proven to be JSON whatever comes; `text`: values as they are; `xml`: values escaped for XML",
    ),
    key(
        "engine",
        word(&["auto", "handlebars"]),
        Value("auto"),
        "`auto`: by a plan that is proven; `handlebars`: by the crate, over numbers of 64 bits, and JSON is looked through",
    ),
    key(
        "commas",
        word(&["strict", "fix"]),
        Value("strict"),
        "a template that may leave a comma too many or too few: `strict` refuses it, `fix` puts commas right",
    ),
];

const MANY: Kind = Kind::Number { min: 1, max: 1_000_000_000 };
