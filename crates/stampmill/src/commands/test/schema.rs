//! Every key of a case file.

use crate::config::schema::Default::{Absent, Required};
use crate::config::schema::{Key, Kind, key};

pub(super) const BYTES_IN_WORDS: &str = "text, null, or `{ base64: … }`";

const BYTES: Kind = Kind::Other(BYTES_IN_WORDS);
const HEADERS: Kind = Kind::Other("list, each item one `name: value`, with a value as of `key`");
const MOMENT: Kind = Kind::Other("milliseconds since 1970, or as in `2026-11-23T14:09:11.123Z`");
const JSON: Kind = Kind::Other("table or list, or JSON as text");

const TABLES: Kind = Kind::Other("table of tables, each a table of rows by their keys, or JSON as text");

pub(super) static FILE: &[Key] = &[
    key("pipeline", Kind::Text, Absent, "the pipeline that the cases are about; the only one, if left out"),
    key("tables", TABLES, Absent, "the rows of tables that are kept from topics, for all cases"),
    key("cases", Kind::List(CASE), Required, "the cases, in the order in which they run"),
];

pub(super) static CASE: &[Key] = &[
    key("name", Kind::Text, Required, "what the case shows, in words that no other case of the file has"),
    key("now", MOMENT, Absent, "the time that templates are told; the first moment of 1970, if left out"),
    key(
        "before",
        Kind::List(INPUT),
        Absent,
        "records that came before, for `dedupe` steps; what becomes of them is not looked at",
    ),
    key("tables", TABLES, Absent, "the rows of tables that are kept from topics, in place of those of the file"),
    key("input", Kind::Table(INPUT), Required, "the record that comes in"),
    key("expect", Kind::Table(EXPECT), Required, "what becomes of it; `--update` writes it where it is left out"),
];

pub(super) static INPUT: &[Key] = &[
    key("payload", BYTES, Absent, "the payload, byte for byte; null for a tombstone"),
    key("json", JSON, Absent, "the payload in place of `payload`: as JSON, keys and numbers as they are written"),
    key("key", BYTES, Absent, "the key; null, if left out"),
    key("headers", HEADERS, Absent, "the headers, in order; none, if left out"),
    key("topic", Kind::Text, Absent, "the topic; the first that the pipeline names, if left out"),
    key("partition", Kind::Number { min: 0, max: i32::MAX as u64 }, Absent, "the partition; 0, if left out"),
    key(
        "offset",
        Kind::Number { min: 0, max: i64::MAX as u64 },
        Absent,
        "the offset; that behind the record before it, or 0, if left out",
    ),
    key("timestamp", MOMENT, Absent, "the timestamp; none, if left out"),
];

pub(super) static EXPECT: &[Key] = &[
    key("outputs", Kind::List(OUTPUT), Absent, "what goes to the topics of sinks, in order"),
    key("dead_letter", Kind::Table(FAULT), Absent, "it fails, and goes to the dead letters"),
    key("halted", Kind::Table(FAULT), Absent, "it fails, and holds its partition (`on_failure.then: halt`)"),
    key(
        "skipped",
        Kind::Other("`true`, or a table as of `dead_letter`"),
        Absent,
        "`true`: nothing goes out, and nothing failed; a table: it fails, and is left out (`on_failure.then: skip`)",
    ),
    key(
        "log",
        Kind::Other("list of texts"),
        Absent,
        "the messages of the log steps, all of them; not looked at, if left out",
    ),
];

pub(super) static OUTPUT: &[Key] = &[
    key("topic", Kind::Text, Absent, "the topic of the sink"),
    key("payload", BYTES, Absent, "the payload, byte for byte; null for a tombstone"),
    key(
        "json",
        JSON,
        Absent,
        "the payload in place of `payload`: JSON, of which only the white space between tokens is free",
    ),
    key("key", BYTES, Absent, "the key"),
    key("headers", HEADERS, Absent, "all headers, in order"),
    key(
        "timestamp",
        Kind::Other("as of the input, null for none, or `now`"),
        Absent,
        "the timestamp; `now`: that of sending",
    ),
    key(
        "partition",
        Kind::WordOrNumber(&["key", "source"]),
        Absent,
        "the partition, or the rule by which it is chosen, as in `sink.partition`",
    ),
];

pub(super) static FAULT: &[Key] = &[
    key("class", Kind::Text, Required, "the class of the failure, such as `not-json`"),
    key("step", Kind::Text, Absent, "the step that failed, such as `envelope[1]`"),
    key("reason", Kind::Text, Absent, "a part of the reason"),
];

pub(super) static BASE64: &[Key] = &[key("base64", Kind::Text, Required, "bytes in base64")];
