//! The keys of the program as a whole.

use super::super::properties::Side;
use super::Default::{Absent, Required, Value};
use super::{FLOW, Key, Kind, NAMED_STEPS, PIPELINE, TABLE, key, word};

pub(crate) static ROOT: &[Key] = &[
    key(
        "connections",
        Kind::Entries(&Kind::Properties(Side::Both)),
        Required,
        "Kafka clusters by name, with any property of librdkafka",
    ),
    key(
        "pipelines",
        Kind::Entries(&Kind::Table(PIPELINE)),
        Required,
        "pipelines by name: `a` to `z`, `0` to `9` and `-`",
    ),
    key(
        "fragments",
        Kind::Entries(&Kind::Table(NAMED_STEPS)),
        Absent,
        "steps by name, for the `fragment` steps of any pipeline",
    ),
    key(
        "flows",
        Kind::Entries(&Kind::Table(FLOW)),
        Absent,
        "steps and sinks by name, for `sinks` of any pipeline to lead into",
    ),
    key(
        "tables",
        Kind::Entries(&Kind::Table(TABLE)),
        Absent,
        "rows for `lookup` steps, by name: `a` to `z`, `0` to `9` and `-`",
    ),
    key("memory", Kind::Short(MEMORY), Absent, "memory of the program, shared out among its pipelines"),
    key("logging", Kind::Table(LOGGING), Absent, "the log of the program, on standard error"),
    key("probes", Kind::Table(PROBES), Absent, "liveness, readiness and metrics over HTTP, without a token"),
    key(
        "admin",
        Kind::Table(ADMIN),
        Absent,
        "the page and the API over HTTP, to look at the pipelines and to steer them",
    ),
    key("reload", Kind::Table(RELOAD), Absent, "when the configuration is read again, beside SIGHUP and `/api/reload`"),
    key("traces", Kind::Table(TRACES), Absent, "spans of records, sent to a collector"),
];

static TRACES: &[Key] = &[
    key(
        "endpoint",
        Kind::Text,
        Absent,
        "where an OpenTelemetry collector takes OTLP over HTTP or HTTPS, as `http://localhost:4318/v1/traces`; no spans, if left out",
    ),
    key(
        "one_in",
        Kind::Number { min: 0, max: 1_000_000_000 },
        Value("0"),
        "of records without a `traceparent`, one in so many begins a trace; 0 for none. One that is sampled is always \
         carried on",
    ),
    key("service", Kind::Text, Value("stampmill"), "the service that the spans are said to be of (`service.name`)"),
];

pub(crate) static MEMORY: &[Key] = &[
    key(
        "budget",
        Kind::Size,
        Absent,
        "bytes for the whole program, at the most; 60 % of what its container has, if left out",
    ),
    key(
        "max_partitions",
        Kind::Number { min: 1, max: 1_000_000 },
        Absent,
        "partitions of a pipeline that this instance owns at a time, at the most; all that its topics have, if left out",
    ),
];

static LOGGING: &[Key] = &[key(
    "format",
    word(&["line", "json"]),
    Value("line"),
    "`line`: lines for people; `json`: an object for each line",
)];

static RELOAD: &[Key] = &[key(
    "watch",
    word(&["true", "false"]),
    Value("false"),
    "`true`: every 5 seconds, and taken over when something has changed in its files or in those that they name",
)];

static PROBES: &[Key] = &[key(
    "listen",
    Kind::Address,
    Value("0.0.0.0:9601"),
    "address and port for `/livez`, `/readyz` and `/metrics`, which show no record; port 0 is any that is free",
)];

static ADMIN: &[Key] = &[
    key(
        "listen",
        Kind::Address,
        Value("127.0.0.1:9600"),
        "address and port for the page and `/api`; other than on a loopback address, `token` is required",
    ),
    key(
        "token",
        Kind::Secret,
        Absent,
        "what requests bring as `Authorization: Bearer TOKEN` to change something, and off loopback to see something, too",
    ),
    key(
        "allowed_hosts",
        Kind::Hosts,
        Absent,
        "names by which browsers call it, beside `localhost` and its own address; without ports",
    ),
];
