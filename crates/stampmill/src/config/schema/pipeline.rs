//! The keys of a pipeline.

use super::super::properties::Side;
use super::Default::{Absent, Required, Value};
use super::{Key, Kind, STEPS, key, word};

pub(crate) static PIPELINE: &[Key] = &[
    key("source", Kind::Table(SOURCE), Absent, "where records come from"),
    key("transforms", Kind::Steps(STEPS), Absent, "what happens to a record, in order; nothing, if left out"),
    key("sink", Kind::Table(SINK), Absent, "where envelopes go; what all have in common, where there are `sinks`"),
    key(
        "sinks",
        Kind::List(SINKS),
        Absent,
        "several topics to write, each with a condition if need be, on one connection",
    ),
    key("actors", Kind::Table(ACTORS), Absent, "how many actors of each kind"),
    key("on_failure", Kind::Table(ON_FAILURE), Absent, "what becomes of a record that cannot be processed"),
    key("payload", Kind::Table(PAYLOAD), Absent, "what a payload must be"),
    key(
        "missing",
        word(&["lenient", "strict"]),
        Value("lenient"),
        "a field that the record lacks: `lenient` renders null, `strict` is a failure",
    ),
    key("limits", Kind::Table(LIMITS), Absent, "what a template may make of one record"),
    key(
        "delivery",
        word(&["at_least_once", "exactly_once"]),
        Value("at_least_once"),
        "`at_least_once`: commits follow delivery; `exactly_once`: outputs and offsets in transactions, on one cluster",
    ),
    key(
        "transaction_interval_ms",
        Kind::Number { min: 10, max: 5_000 },
        Value("100"),
        "milliseconds that a transaction of `exactly_once` stays open",
    ),
    key(
        "ordering",
        word(&["partition", "key", "none"]),
        Value("partition"),
        "what stays in order: the records of a source partition, those of one key in it, or nothing",
    ),
    key(
        "unordered_output",
        word(&["true", "false"]),
        Value("false"),
        "`true`: with `ordering: key`, a sink key that is not the input's is accepted",
    ),
    key(
        "profile",
        word(&["latency", "balanced", "throughput"]),
        Value("balanced"),
        "how long records wait for others to travel with: `linger.ms` 0, 5 or 50, `fetch.min.bytes` 1, 1 or 65536, and \
         `batch_records` 200, 500 or 1000, each unless it is set itself",
    ),
    key("supervision", Kind::Table(SUPERVISION), Absent, "how much may fail before what is above it is told"),
    key(
        "commit_interval_ms",
        Kind::Number { min: 10, max: 3_600_000 },
        Value("1000"),
        "milliseconds between two commits of a partition that moves",
    ),
    key(
        "drain_timeout_ms",
        Kind::Number { min: 100, max: 3_600_000 },
        Value("20000"),
        "milliseconds for a revoke or a stop to finish what is in flight and, in the last quarter, to commit it; below \
         `max.poll.interval.ms`",
    ),
    key(
        "batch_records",
        Kind::Number { min: 1, max: 100_000 },
        Absent,
        "records in a batch, at the most; as `profile` has it, if left out",
    ),
    key("window", Kind::Number { min: 1, max: 10_000 }, Value("32"), "unsettled batches per partition, at the most"),
    key("bytes_in_flight", Kind::Size, Value("64MiB"), "bytes in flight over all partitions of the pipeline"),
    key(
        "suspended",
        word(&["true", "false"]),
        Value("false"),
        "start paused, in the group and reading nothing, until it is resumed",
    ),
];

static PAYLOAD: &[Key] = &[
    key(
        "format",
        word(&["json", "text", "bytes"]),
        Value("json"),
        "`json`: a document; `text`: one text in UTF-8; `bytes`: anything, which templates write as base64",
    ),
    key(
        "on_null",
        word(&["pass", "render", "skip"]),
        Value("pass"),
        "a null payload: `pass`: null goes out; `render`: an envelope with `null` in it; `skip`: nothing goes out",
    ),
    key(
        "validate",
        word(&["full", "touched"]),
        Value("full"),
        "`touched`: of arrays and objects that no template reads only brackets and strings are checked",
    ),
    key("max_depth", Kind::Number { min: 1, max: 10_000 }, Value("128"), "arrays and objects within one another"),
    key(
        "surrogates",
        word(&["pass", "reject"]),
        Value("pass"),
        "half of a surrogate pair, such as `\\ud800`, which some readers refuse: `reject` is a failure",
    ),
];

static LIMITS: &[Key] = &[
    key("output_bytes", Kind::Size, Value("16MiB"), "bytes that a template renders, at the most"),
    key(
        "steps",
        Kind::Number { min: 1, max: 1_000_000_000 },
        Value("1000000"),
        "values, texts and items of lists that a template goes through, at the most",
    ),
];

static SOURCE: &[Key] = &[
    key("connection", Kind::Text, Absent, "a name under `connections`; the only one, if left out"),
    key("topics", Kind::Topics, Required, "topics to read: names, or `^` and a regular expression"),
    key("group", Kind::Text, Required, "the consumer group, whose committed offsets say where to go on"),
    key(
        "start",
        word(&["earliest", "latest"]),
        Value("earliest"),
        "where the group begins in a topic that it meets for the first time",
    ),
    key(
        "on_offset_gap",
        word(&["halt", "earliest", "latest"]),
        Value("halt"),
        "what to do when the committed offset is no longer in the partition",
    ),
    key("properties", Kind::Properties(Side::Consumer), Absent, "consumer properties, over those of the connection"),
];

static SINK: &[Key] = &[
    key("connection", Kind::Text, Absent, "a name under `connections`; the only one, if left out"),
    key("topic", Kind::Topic, Absent, "the topic to write; it stands under `sinks` where there are any"),
    TOPICS,
    CHOOSE,
    PARTITION,
    KEY,
    HEADERS,
    TIMESTAMP,
    CONTENT_TYPE,
    key("properties", Kind::Properties(Side::Producer), Absent, "producer properties, over those of the connection"),
];

const TOPICS: Key = key("topics", Kind::Topics, Absent, "in place of `topic`: the topics among which `choose` chooses");
const CHOOSE: Key = key("choose", Kind::Template, Absent, "a template that renders which of `topics` a record goes to");
const PARTITION: Key = key(
    "partition",
    Kind::WordOrNumber(&["key", "source"]),
    Value("key"),
    "`key`: by the key, as the Java client does; `source`: the source's number; or a number",
);
const KEY: Key = key("key", Kind::TemplateOrNull, Absent, "a template, or null for none; the input's key, if left out");
const HEADERS: Key = key(
    "headers",
    Kind::Entries(&Kind::Template),
    Absent,
    "headers to add or replace: name and template, added in the order of their names",
);
const TIMESTAMP: Key =
    key("timestamp", word(&["source", "now"]), Value("source"), "`source`: the input's; `now`: the moment of sending");
const CONTENT_TYPE: Key =
    key("content_type", Kind::Text, Absent, "value of the header `content-type`; the input's, if left out");

pub(crate) static SINKS: &[Key] = &[
    key("topic", Kind::Topic, Absent, "the topic to write"),
    TOPICS,
    CHOOSE,
    key("when", Kind::Expression, Absent, "a condition over the record as it came, or over its part after `split`"),
    PARTITION,
    KEY,
    HEADERS,
    TIMESTAMP,
    CONTENT_TYPE,
    key("flow", Kind::Text, Absent, "in place of a topic: a name under `flows`, which goes on with what came out"),
    key("transforms", Kind::StepsWithin, Absent, "the steps of the flow, where it is not under `flows`"),
    key("sinks", Kind::SinksWithin, Absent, "the sinks of the flow, where it is not under `flows`"),
];

pub(crate) static FLOW: &[Key] = &[
    key("transforms", Kind::StepsWithin, Absent, "what happens to a record, in order"),
    key("sinks", Kind::SinksWithin, Absent, "where it goes then"),
];

pub(crate) static NAMED_STEPS: &[Key] = &[
    key(
        "parameters",
        Kind::Entries(&Kind::TemplateOrNull),
        Absent,
        "what `$(NAME)` stands for in its texts: names and defaults, null where there is none",
    ),
    key("transforms", Kind::StepsWithin, Absent, "the steps"),
];

static ACTORS: &[Key] = &[
    key("transforms", Kind::Number { min: 1, max: 256 }, Value("4"), "TransformActors, each with a thread of its own"),
    key("producers", Kind::Number { min: 1, max: 64 }, Value("1"), "ProducerActors, each with a producer of its own"),
];

static ON_FAILURE: &[Key] = &[
    key(
        "retries",
        Kind::Number { min: 0, max: 1000 },
        Value("3"),
        "how often a record that makes a transform panic is tried again on a fresh actor",
    ),
    key(
        "then",
        word(&["dead_letter", "halt", "skip"]),
        Value("dead_letter"),
        "what follows the last try: a dead letter; the partition stops at the record; or it is counted and left out",
    ),
    key("breaker", Kind::Table(BREAKER), Absent, "when so many fail that the partition pauses"),
    key("topic", Kind::Topic, Absent, "the dead-letter topic; `<pipeline>.dead-letter`, if left out"),
    key(
        "create_topic",
        word(&["true", "false"]),
        Value("true"),
        "a dead-letter topic that is missing at start: `true`: it is made; `false`: the start fails",
    ),
];

static BREAKER: &[Key] = &[
    key(
        "max_percent",
        Kind::Number { min: 1, max: 100 },
        Value("50"),
        "of the last `window_records` of a partition, so many percent may fail; 100 for all",
    ),
    key("window_records", Kind::Number { min: 10, max: 10_000_000 }, Value("1000"), "records that are looked back at"),
    key(
        "max_run",
        Kind::Number { min: 1, max: 1_000_000_000 },
        Value("500"),
        "failures in a row from which on the partition pauses",
    ),
    key(
        "pause_ms",
        Kind::Number { min: 10, max: 3_600_000 },
        Value("10000"),
        "milliseconds until it is tried again; the service is not ready meanwhile",
    ),
    key("probe_records", Kind::Number { min: 1, max: 1_000 }, Value("10"), "records that are tried then"),
];

static SUPERVISION: &[Key] = &[
    key(
        "actor_restarts",
        Kind::Number { min: 0, max: 1_000_000 },
        Value("1000"),
        "restarts of an actor within `window_ms`; one more, and the pipeline begins anew",
    ),
    key("window_ms", Kind::Number { min: 1_000, max: 86_400_000 }, Value("60000"), "milliseconds"),
    key(
        "pipeline_restarts",
        Kind::Number { min: 0, max: 1_000 },
        Value("5"),
        "times that the pipeline begins anew within `pipeline_window_ms`; one more, and the process ends with 1",
    ),
    key("pipeline_window_ms", Kind::Number { min: 1_000, max: 86_400_000 }, Value("600000"), "milliseconds"),
    key(
        "frozen_after_ms",
        Kind::Number { min: 1_000, max: 86_400_000 },
        Value("30000"),
        "milliseconds of work without progress after which an actor is replaced; waiting is no work",
    ),
    key(
        "stalled_after_ms",
        Kind::Number { min: 1_000, max: 86_400_000 },
        Value("60000"),
        "milliseconds after which a partition that stands still, with records to read, is fetched anew",
    ),
];
