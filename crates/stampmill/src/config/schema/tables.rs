//! The keys of a table.

use super::Default::{Absent, Value};
use super::{Key, Kind, key};

pub(crate) static TABLE: &[Key] = &[
    key(
        "file",
        Kind::Text,
        Absent,
        "rows from a file, relative to the configuration file: `.csv` with a header line, or `.json`",
    ),
    key(
        "key",
        Kind::Text,
        Absent,
        "with `file`: the column, or the field of each object in an array, that rows are looked up by; left out for JSON \
         that is an object of rows by their keys",
    ),
    key("topic", Kind::Topic, Absent, "rows from a topic: the latest value under each record's key; null removes one"),
    key("connection", Kind::Text, Absent, "with `topic`: a name under `connections`; the only one, if left out"),
    key(
        "max_bytes",
        Kind::Size,
        Value("16MiB"),
        "memory for its rows, at the most, which `memory` has to hold; about 80 bytes of it for each row are not the row's own",
    ),
];
