//! The configuration as a whole: what loads, what is refused, and in which words.

use std::num::{NonZeroU32, NonZeroU64};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use stampmill_core::log_options::{LogOptions, OnFull};
use stampmill_engine::settings::{OnOffsetGap, Properties, SinkKey, SinkPartition, SinkTimestamp, Start};

use super::*;

pub(super) const VALID: &str = "
connections:
  kafka:
    bootstrap.servers: localhost:9092
pipelines:
  bank-audit:
    source: { topics: [in], group: g }
    sink: { topic: out }
";

/// A folder of its own, removed at the end.
pub(super) struct Folder(pub(super) PathBuf);

/// What to load, in the words of a test.
pub(super) struct Case {
    pub(super) folder: Folder,
    pub(super) sources: Sources,
}

pub(super) fn case(name: &str, text: &str) -> Case {
    let folder = Folder::new(name);
    let file = folder.write("c.yaml", text);
    Case { folder, sources: Sources { files: vec![file], ..Sources::default() } }
}

/// `VALID` with one part replaced.
pub(super) fn variant(name: &str, from: &str, to: &str) -> Case {
    assert!(VALID.contains(from), "{from}");
    case(name, &VALID.replace(from, to))
}

/// The configuration files that the repository ships.
pub(super) fn files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config");
    let folders = [root.clone(), root.join("examples")].map(|folder| std::fs::read_dir(folder).expect("is there"));
    let files = folders.into_iter().flatten().map(|entry| entry.expect("is readable").path());
    let files: Vec<PathBuf> =
        files.filter(|file| file.extension().is_some_and(|extension| extension == "yaml")).collect();
    assert!(files.len() >= 4, "only {} files were found", files.len());
    files
}

#[test]
fn every_file_of_the_repository_loads() {
    for file in files() {
        let sources = Sources { files: vec![file.clone()], ..Sources::default() };
        let settings = load(sources).unwrap_or_else(|errors| panic!("{}: {errors}", file.display()));
        assert!(!settings.pipelines.is_empty(), "{}", file.display());
    }
}

#[test]
fn the_smallest_file_takes_the_defaults() {
    let settings = case("defaults", VALID).settings();
    let [pipeline] = settings.pipelines.as_slice() else { panic!("one pipeline") };
    assert_eq!(pipeline.name, "bank-audit");
    assert_eq!(pipeline.source.topics, ["in"]);
    assert_eq!(pipeline.source.group, "g");
    assert_eq!((pipeline.source.start, pipeline.source.on_offset_gap), (Start::Earliest, OnOffsetGap::Halt));
    assert_eq!(pipeline.source.properties["bootstrap.servers"], "localhost:9092");
    assert_eq!(
        (pipeline.sinks[0].partition, pipeline.sinks[0].timestamp),
        (SinkPartition::ByKey, SinkTimestamp::Source)
    );
    assert!(matches!(pipeline.sinks[0].key, SinkKey::Source));
    assert_eq!((pipeline.actors.transforms, pipeline.actors.producers), (4, 1));
    assert_eq!(
        (pipeline.on_failure.retries, pipeline.on_failure.dead_letter_topic.as_str()),
        (3, "bank-audit.dead-letter")
    );
    let engine = stampmill_engine::settings::Pace::default();
    assert_eq!(format!("{:?}", pipeline.pace), format!("{engine:?}"), "the schema and the engine agree");
}

#[test]
fn what_is_written_is_what_is_set() {
    let text = "
connections:
  a: { bootstrap.servers: 'a:1', compression.codec: zstd, fetch.min.bytes: 2, client.id: x }
  b: { bootstrap.servers: 'b:1' }
pipelines:
  p:
    source: { connection: a, topics: 'x, y', group: g, start: latest, properties: { client.id: z } }
    sink:
      connection: b
      topic: x
      partition: 7
      key: ~
      headers: { h: v }
      timestamp: now
      content_type: application/json
      properties: { queue.buffering.max.ms: 10 }
    commit_interval_ms: 250
    bytes_in_flight: 1GiB
";
    let settings = case("written", text).settings();
    let [pipeline] = settings.pipelines.as_slice() else { panic!("one pipeline") };
    let (source, sink) = (&pipeline.source, &pipeline.sinks[0]);
    assert_eq!((source.topics.as_slice(), source.start), (&["x".to_owned(), "y".to_owned()][..], Start::Latest));
    assert_eq!(list(&source.properties), ["bootstrap.servers=a:1", "client.id=z", "fetch.min.bytes=2"]);
    assert_eq!(list(&pipeline.producer), ["bootstrap.servers=b:1", "linger.ms=10"], "under one of a property's names");
    assert_eq!((sink.partition, sink.timestamp), (SinkPartition::Number(7), SinkTimestamp::Now));
    assert!(matches!(sink.key, SinkKey::Null));
    assert_eq!((sink.headers.len(), sink.headers[0].as_str()), (1, "h"));
    assert_eq!(sink.content_type.as_deref(), Some("application/json"));
    assert_eq!(pipeline.pace.commit_interval, Duration::from_millis(250));
    assert_eq!(pipeline.pace.bytes_in_flight, 1 << 30);
}

#[test]
fn a_profile_sets_what_is_not_set() {
    let text = VALID.replace("sink: { topic: out }", "sink: { topic: out }\n    profile: throughput");
    let settings = case("profile", &text).settings();
    let pipeline = &settings.pipelines[0];
    assert_eq!(pipeline.producer["linger.ms"], "50");
    assert_eq!((pipeline.source.properties["fetch.min.bytes"].as_str(), pipeline.pace.batch_records), ("65536", 1_000));

    let text = text.replace("topic: out }", "topic: out, properties: { linger.ms: 7 } }\n    batch_records: 3");
    let settings = case("profile-set", &text).settings();
    let pipeline = &settings.pipelines[0];
    assert_eq!((pipeline.producer["linger.ms"].as_str(), pipeline.pace.batch_records), ("7", 3));
}

#[test]
fn a_record_of_a_transaction_does_not_outstay_it() {
    let text = |linger: &str| {
        let sink = format!("sink: {{ topic: out, properties: {{ linger.ms: {linger} }} }}\n    delivery: exactly_once");
        VALID.replace("sink: { topic: out }", &sink)
    };
    let error = |name: &str, linger: &str| {
        let Case { folder: _folder, sources } = case(name, &text(linger));
        load(sources).err().map(|errors| errors.to_string())
    };
    assert!(error("linger-long", "10000").is_some_and(|text| text.contains("`linger.ms` must be below 10000")));
    assert_eq!(error("linger-short", "9999"), None);
}

#[test]
fn memory_is_shared_out_among_the_pipelines() {
    const MIB: usize = 1 << 20;
    let two = VALID.replace(
        "    sink: { topic: out }\n",
        "    sink: { topic: out }\n  other:\n    source: { topics: [in], group: h }\n    sink: { topic: out2 }\n",
    );
    let memory = |name: &str, text: &str| {
        let Case { folder: _folder, mut sources } = case(name, &format!("{text}{two}"));
        sources.available = Some(1000 * MIB);
        load(sources).map(|settings| settings.pipelines[1].memory)
    };
    let short = memory("memory-short", "memory: 256MiB\n").expect("it is enough");
    assert_eq!((short.bytes, short.max_partitions), ((256 * MIB - memory::BASE) / 2, None));
    let long = memory("memory-long", "memory: { max_partitions: 64 }\n").expect("it is enough");
    assert_eq!((long.bytes / MIB, long.max_partitions), ((600 - 48) / 2, Some(64)));
    let errors = memory("memory-little", "memory: { budget: 50MiB, max_partitions: 64 }\n").expect_err("too little");
    let text = errors.to_string();
    assert!(text.contains("`memory`: expected at least 91 MiB for 2 pipelines, got 50 MiB"), "{text}");
    let tables = "tables: { a: { topic: a, max_bytes: 100MiB }, b: { topic: b } }\n";
    let beside = memory("memory-tables", &format!("memory: 256MiB\n{tables}")).expect("it is enough");
    assert_eq!(beside.bytes, (256 * MIB - memory::BASE - 116 * MIB) / 2);
    let errors = memory("memory-large-tables", &format!("memory: 160MiB\n{tables}")).expect_err("too little");
    let expected = "`memory`: expected at least 165 MiB for 2 pipelines and 116 MiB of tables, their `max_bytes` together, got 160 MiB";
    assert!(errors.to_string().contains(expected), "{errors}");
}

#[test]
fn a_log_is_as_it_is_written() {
    let log = |step: &str| {
        let settings = variant("log", "topic: out }", &format!("topic: out }}\n    transforms: [ {{ log: {step} }} ]"));
        let settings = settings.with(&[("STAMPMILL__LOGGING__FORMAT", "json")]).settings();
        assert_eq!(settings.log_format, Format::Json);
        match settings.pipelines[0].transforms.logs() {
            [log] => log.options,
            other => panic!("one step, not {other:?}"),
        }
    };
    assert_eq!(log("x"), LogOptions::default(), "the schema and the core agree");
    let options = log("{ message: x, sample: 10, rate: 5, truncate: 1KiB, on_full: drop, ordered: true }");
    assert_eq!((options.sample, options.rate), (NonZeroU64::new(10), NonZeroU32::new(5)));
    assert_eq!((options.truncate, options.on_full, options.ordered), (Some(1024), OnFull::Drop, true));
    assert_eq!(case("format", VALID).settings().log_format, Format::Line);
}

#[test]
fn options_of_the_log_are_checked() {
    let transforms =
        "topic: out }\n    transforms: [ { log: { message: x, sample: 0, rate: many, on_full: wait, ordered: 1 } } ]";
    let text = VALID.replace("topic: out }", transforms) + "logging: { format: xml }\n";
    case("log-options", &text).refused(&[
        "`pipelines.bank-audit.transforms.0.log.sample`: expected a whole number from 1 to 1000000000",
        "`pipelines.bank-audit.transforms.0.log.rate`: expected a whole number from 1 to 1000000000",
        "`pipelines.bank-audit.transforms.0.log.on_full`: expected `block` or `drop`",
        "`pipelines.bank-audit.transforms.0.log.ordered`: expected `true` or `false`",
        "`logging.format`: expected `line` or `json`",
    ]);
}

#[test]
fn a_later_layer_wins() {
    let mut case = variant("layers", "topics: [in]", "topics: [in], start: latest");
    let second = case.folder.write("d.yaml", "pipelines: { bank-audit: { actors: { transforms: 2 }, window: 2 } }");
    case.sources.files.push(second);
    case.sources.environment = variables(&[("STAMPMILL__PIPELINES__BANK_AUDIT__ACTORS__TRANSFORMS", "3")]);
    case.sources.flags = vec![("pipelines.bank-audit.actors.producers".to_owned(), "5".to_owned())];
    let settings = case.settings();
    let pipeline = &settings.pipelines[0];
    assert_eq!((pipeline.source.start, pipeline.pace.window), (Start::Latest, 2));
    assert_eq!((pipeline.actors.transforms, pipeline.actors.producers), (3, 5));
}

#[test]
fn an_override_replaces_a_property_under_either_name() {
    let settings = variant("either", "topic: out", "topic: out, properties: { queue.buffering.max.ms: 10 }")
        .with(&[("STAMPMILL__CONNECTIONS__KAFKA__LINGER_MS", "20")])
        .settings();
    assert_eq!(list(&settings.pipelines[0].producer), ["bootstrap.servers=localhost:9092", "linger.ms=10"]);
}

#[test]
fn a_folder_is_all_its_files() {
    let mut case = case("folder", VALID);
    case.folder.write("a.yml", "pipelines: { other: { source: { topics: [o], group: o }, sink: { topic: oo } } }");
    case.folder.write("notes.txt", "no YAML: [");
    case.sources.files = vec![case.folder.0.clone()];
    let names: Vec<_> = case.settings().pipelines.into_iter().map(|pipeline| pipeline.name).collect();
    assert_eq!(names, ["bank-audit", "other"]);
}

#[test]
fn the_environment_sets_keys_with_dots_and_hyphens_as_written() {
    let settings = case("environment", VALID)
        .with(&[
            ("STAMPMILL__CONNECTIONS__KAFKA__BOOTSTRAP_SERVERS", "broker:1"),
            ("STAMPMILL__CONNECTIONS__KAFKA__SASL_PASSWORD", "0123"),
            ("STAMPMILL__CONNECTIONS__KAFKA__SASL_USERNAME", "${HOME}"),
            ("stampmill__pipelines__bank-audit__source__topics", "a,b"),
            ("STAMPMILL_SERVICE_HOST", "10.0.0.1"),
        ])
        .settings();
    let pipeline = &settings.pipelines[0];
    for properties in [&pipeline.source.properties, &pipeline.producer] {
        assert_eq!(properties["bootstrap.servers"], "broker:1");
        assert_eq!(properties["sasl.password"], "0123");
        assert_eq!(properties["sasl.username"], "${HOME}");
    }
    assert_eq!(pipeline.source.topics, ["a", "b"]);
}

#[test]
fn a_variable_that_sets_nothing_or_several_keys_is_refused() {
    case("variable", VALID)
        .with(&[("STAMPMILL__PIPELINES__BANK_AUDIT__ACTORS__TRANSFORM", "secret")])
        .refused(&["environment variable `STAMPMILL__PIPELINES__BANK_AUDIT__ACTORS__TRANSFORM` sets no key; \
         the nearest is `STAMPMILL__PIPELINES__BANK_AUDIT__ACTORS__TRANSFORMS`"]);
    let name = "STAMPMILL__PIPELINES__BANK_AUDIT__WINDOW";
    case("twice", VALID).with(&[(name, "1"), (&name.to_lowercase(), "2")]).refused(&[
        "`environment variable STAMPMILL__PIPELINES__BANK_AUDIT__WINDOW` and \
         `environment variable stampmill__pipelines__bank_audit__window` set the same key, `pipelines.bank-audit.window`",
    ]);
    variant("ambiguous", "topic: out", "topic: out, headers: { x-a: '1', x.a: '2' }")
        .with(&[("STAMPMILL__PIPELINES__BANK_AUDIT__SINK__HEADERS__X_A", "3")])
        .refused(&["may mean `pipelines.bank-audit.sink.headers.x-a`, `pipelines.bank-audit.sink.headers.x.a`"]);
}

#[test]
fn unknown_keys_name_the_nearest() {
    variant("unknown", "topic: out", "topik: out").refused(&[
        "c.yaml:8: `pipelines.bank-audit.sink.topik` is not a key; the nearest is `topic`",
        "c.yaml:8: `pipelines.bank-audit.sink.topic` is missing: the topic to write",
    ]);
    variant("top", "connections:", "conections:")
        .refused(&["`conections` is not a key; the nearest is `connections`", "`connections` is missing"]);
}

#[test]
fn an_empty_configuration_says_what_it_needs() {
    let missing = ["`connections` is missing: Kafka clusters by name", "`pipelines` is missing: pipelines by name"];
    case("empty", "# nothing").refused(&missing);
    case("empty-tables", "connections: {}\npipelines: {}").refused(&missing);
}

#[test]
fn what_is_missing_is_missed_where_it_belongs() {
    variant("no-source", "    source: { topics: [in], group: g }\n", "").refused(&[
        "c.yaml:7: `pipelines.bank-audit.source.topics` is missing: topics to read",
        "c.yaml:7: `pipelines.bank-audit.source.group` is missing: the consumer group",
    ]);
}

#[test]
fn what_is_no_table_misses_no_keys() {
    variant("no-table", "{ topic: out }", "out").refused(&[
        "c.yaml:8: `pipelines.bank-audit.sink`: expected a table (`name: value` lines; `{}` for an empty one), got a text",
    ]);
    variant("no-text", "topic: out", "topic: [out]")
        .refused(&["`pipelines.bank-audit.sink.topic`: expected a text, got a list"]);
}

#[test]
fn all_errors_come_at_once() {
    let text = "
connections:
  kafka:
    bootstrap.server: localhost:9092
    enable.auto.commit: true
pipelines:
  Bank:
    source: { topics: [], group: '', start: newest }
    transforms:
      - log: { message: '{{bad}}', level: loud }
      - envelop: x
      - envelope: { file: gone.hbs }
    sink: { topic: 'a b', partition: -1 }
    actors: { transforms: four }
    window: 0x10
    bytes_in_flight: 64MB
    delivery: exactly-once
    ordering: random
    on_failure: { then: drop }
    drain_timeout_ms:
";
    case("all", text).refused(&[
        "c.yaml:4: `connections.kafka.bootstrap.server` is no property of librdkafka; the nearest is `bootstrap.servers`",
        "`connections.kafka.bootstrap.servers` is missing",
        "c.yaml:5: `connections.kafka.enable.auto.commit` belongs to the engine: offsets are committed once",
        "`Bank` is not a name",
        "c.yaml:8: `pipelines.Bank.source.topics`: expected a list of topics, got none",
        "`pipelines.Bank.source.group`: expected a text that is not empty",
        "`pipelines.Bank.source.start`: expected `earliest` or `latest`",
        "c.yaml:10: `pipelines.Bank.transforms.0.log.message`: ",
        "`pipelines.Bank.transforms.0.log.level`: expected `error` or `warn` or `info` or `debug` or `trace`",
        "c.yaml:11: `pipelines.Bank.transforms.1.envelop` is not a key; the nearest is `envelope`",
        "`pipelines.Bank.transforms.1`: expected a step: one of `log`, `envelope`, ",
        "c.yaml:12: `pipelines.Bank.transforms.2.envelope.file`: template file `",
        "`a b` is not a topic's name",
        "`pipelines.Bank.sink.partition`: expected `key` or `source` or a number from 0 to 2147483647",
        "c.yaml:14: `pipelines.Bank.actors.transforms`: expected a whole number from 1 to 256 (TransformActors, each with \
         a thread of its own), got `four`",
        "`pipelines.Bank.window`: expected a whole number from 1 to 10000",
        "`pipelines.Bank.bytes_in_flight`: expected a size in bytes",
        "`pipelines.Bank.delivery`: expected `at_least_once` or `exactly_once`",
        "`pipelines.Bank.ordering`: expected `partition` or `key` or `none`",
        "`pipelines.Bank.on_failure.then`: expected `dead_letter` or `halt` or `skip`",
        "c.yaml:20: `pipelines.Bank.drain_timeout_ms`: expected a text, got nothing",
    ]);
}

#[test]
fn properties_are_checked_by_owner_side_name_and_value() {
    let refused = |name: &str, property: &str, error: &str| {
        variant(name, "localhost:9092", &format!("localhost:9092\n    {property}")).refused(&[error]);
    };
    for owned in ["group.id", "acks", "auto.offset.reset", "enable.idempotence", "delivery.timeout.ms", "partitioner"] {
        refused(
            "owned",
            &format!("{owned}: '1'"),
            &format!("c.yaml:5: `connections.kafka.{owned}` belongs to the engine: "),
        );
    }
    refused("plugin", "plugin.library.paths: '/evil.so'", "belongs to the engine: what is loaded into the program");
    refused("java", "key.deserializer: X", "is of the Java client; leave it out");
    refused("go", "go.batch.producer: true", "is of the Go client; leave it out");
    refused("near", "sasl.pasword: s3cret", "the nearest is `sasl.password`");
    refused(
        "value",
        "security.protocol: s3cret",
        "`connections.kafka.security.protocol`: librdkafka as built here does not take the value",
    );
    refused("alias", "linger.ms: 5\n    queue.buffering.max.ms: 5", "is `linger.ms` under another name");
    variant("side", "group: g", "group: g, properties: { linger.ms: 5 }")
        .refused(&["c.yaml:7: `pipelines.bank-audit.source.properties.linger.ms` concerns producers only"]);
    variant("sides", "topic: out", "topic: out, properties: { fetch.min.bytes: 5 }")
        .refused(&["`pipelines.bank-audit.sink.properties.fetch.min.bytes` concerns consumers only"]);
}

#[test]
fn topics_that_run_in_a_circle_are_refused() {
    variant("loop", "topic: out", "topic: in").refused(&["pipeline `bank-audit` reads `in` back (`in` at "]);
    variant("pattern", "[in]", r"['^ou.$']").refused(&["pipeline `bank-audit` reads `out` back (`^ou.$` at "]);
    variant("dead", "[in]", r"['^bank.*letter']").refused(&["reads `bank-audit.dead-letter` back"]);
    let second = "out }\n  second: { source: { topics: [out], group: h }, sink: { topic: end } }";
    variant("chain", "out }", second).refused(&["pipeline `second` reads `out` back"]);
    variant("pattern-fault", "[in]", "['^(']").refused(&["`^(` is not a pattern: "]);
    variant("again", "[in]", "[in, in]").refused(&["topic `in` is there twice"]);
}

#[test]
fn two_pipelines_share_no_topic_in_one_group() {
    let second = |topic: &str, group: &str| {
        format!("out }}\n  second: {{ source: {{ topics: ['{topic}'], group: {group} }}, sink: {{ topic: end }} }}")
    };
    variant("group", "out }", &second("in", "g")).refused(&["group `g` reads `in` for pipeline `bank-audit` too"]);
    variant("group-pattern", "out }", &second("^i", "g"))
        .refused(&["group `g` reads `^i` for pipeline `bank-audit` too"]);
    assert_eq!(variant("groups", "out }", &second("in", "h")).settings().pipelines.len(), 2);
    assert_eq!(variant("topics", "out }", &second("other", "g")).settings().pipelines.len(), 2);
}

#[test]
fn a_connection_is_named_where_there_are_several() {
    variant("several", "pipelines:", "  other: { bootstrap.servers: 'o:1' }\npipelines:").refused(&[
        "`pipelines.bank-audit.source.connection` is missing: there are several connections",
        "`pipelines.bank-audit.sink.connection` is missing",
    ]);
    variant("misnamed", "group: g", "group: g, connection: kafke").refused(&["the nearest is `kafka`"]);
}

#[test]
fn a_drain_ends_before_the_group_gives_up_on_the_member() {
    variant("drain", "group: g", "group: g, properties: { max.poll.interval.ms: 15000 }")
        .refused(&["20000 ms is not below `max.poll.interval.ms` (15000)"]);
}

#[test]
fn what_is_interpolated_stays_one_text_and_is_never_shown() {
    let interpolated = "localhost:9092\n    sasl.password: ${PASSWORD}\n    sasl.username: ${file:user}";
    let case = variant("interpolated", "localhost:9092", interpolated);
    case.folder.write("user", "name: [x]\n");
    let settings = case.with(&[("PASSWORD", "}\n  x: 1\n# ${HOME}")]).settings();
    let properties = &settings.pipelines[0].source.properties;
    assert_eq!(properties["sasl.password"], "}\n  x: 1\n# ${HOME}");
    assert_eq!(properties["sasl.username"], "name: [x]");

    let errors = variant("shown", "topic: out }", "topic: out, timestamp: '${SECRET}' }\n    window: ${SECRET}")
        .with(&[("SECRET", "s3cret")])
        .refused(&["`pipelines.bank-audit.window`: expected a whole number", "got what `${SECRET}` stands for"]);
    assert!(!errors.contains("s3cret"), "{errors}");
    let errors =
        variant("topic", "topic: out", "topic: '${SECRET}'").with(&[("SECRET", "s3c ret")]).refused(&["not a topic"]);
    assert!(!errors.contains("s3c ret"), "{errors}");
    let errors = variant("unset", "topic: out", "topic: '${NONE}'").refused(&["`NONE` is not set"]);
    assert!(!errors.contains("is missing"), "{errors}");
}

#[test]
fn templates_are_not_interpolated() {
    let transforms = "topic: out }\n    transforms: [ { log: 'costs ${NONE}' } ]";
    assert_eq!(variant("literal", "topic: out }", transforms).settings().pipelines.len(), 1);
}

#[test]
fn a_template_is_read_as_it_is_told() {
    let steps = "topic: out }\n    payload: { format: text, on_null: skip }\n    transforms: [ { envelope: { template: '<a>{{payload}}</a>', media_type: xml } }, { envelope: '[{{payload}}]' } ]";
    assert_eq!(variant("media", "topic: out }", steps).settings().pipelines.len(), 1);
    let fields = "topic: out }\n    payload: { format: bytes }\n    transforms: [ { envelope: '[{{payload.id}}]' } ]";
    variant("fields", "topic: out }", fields).refused(&["`payload` has no fields"]);
    let after =
        "topic: out }\n    transforms: [ { envelope: { template: x, media_type: text } }, { log: '{{payload.id}}' } ]";
    variant("after", "topic: out }", after).refused(&["`payload` has no fields"]);
    let commas = |how: &str| {
        let list = "[{{#each payload}}{{this}},{{/each}}]";
        format!("topic: out }}\n    transforms: [ {{ envelope: {{ template: '{list}', commas: {how} }} }} ]")
    };
    variant("strict", "topic: out }", &commas("strict"))
        .refused(&["or write `commas: fix`\n  = when line 1, column 2: `#each` has one item"]);
    assert_eq!(variant("fix", "topic: out }", &commas("fix")).settings().pipelines.len(), 1);
    let mask = "topic: out }\n    transforms: [ { log: { message: x, mask: [payload.a.*, card] } } ]";
    variant("mask", "topic: out }", mask).refused(&["or `payload.cards.*.number` (values that show"]);
}

#[test]
fn partials_stand_beside_the_file() {
    let steps = "topic: out }\n    transforms: [ { envelope: '[{{> who}}]' } ]";
    let missing = variant("no-partials", "topic: out }", steps);
    missing.refused(&["there is no partial `who`: expected a file `who.hbs` in the folder `templates`"]);
    let found = variant("partials", "topic: out }", steps);
    std::fs::create_dir(found.folder.0.join("templates")).expect("a folder can be made");
    found.folder.write("templates/who.hbs", "{{payload.who}}\n");
    found.folder.write("templates/README.md", "no partial");
    assert_eq!(found.settings().pipelines.len(), 1);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let mut case = case("gone", VALID);
    case.sources.files = vec![case.folder.0.join("gone.yaml")];
    case.refused(&["gone.yaml` cannot be read: "]);
}

fn list(properties: &Properties) -> Vec<String> {
    properties.iter().map(|(name, value)| format!("{name}={value}")).collect()
}

pub(super) fn variables(variables: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    variables.iter().map(|(name, value)| (name.into(), value.into())).collect()
}

// === impl Folder ===

impl Folder {
    pub(super) fn new(name: &str) -> Self {
        // Tests run side by side, and some ask for several under one name.
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("stampmill-config-{}-{name}-{next}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder can be made");
        Self(path)
    }

    pub(super) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("a file can be written");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

// === impl Case ===

impl Case {
    pub(super) fn with(mut self, environment: &[(&str, &str)]) -> Self {
        self.sources.environment = variables(environment);
        self
    }

    pub(super) fn settings(self) -> Settings {
        for file in self.sources.files.iter().filter(|file| file.is_file()) {
            let text = std::fs::read_to_string(file).expect("is readable");
            assert_eq!(json_schema::tests::check(&text), Ok(()), "what loads fits the schema: {text}");
        }
        load(self.sources).unwrap_or_else(|errors| panic!("{errors}"))
    }

    /// As many errors as `wanted`, each in one of them; the whole text.
    pub(super) fn refused(self, wanted: &[&str]) -> String {
        let errors = load(self.sources).expect_err("it was to be refused");
        let text = errors.to_string();
        for part in wanted {
            assert!(errors.0.iter().any(|error| error.to_string().contains(part)), "no `{part}` in\n{text}");
        }
        assert_eq!(errors.0.len(), wanted.len(), "{text}");
        text
    }
}

#[test]
fn steps_of_every_kind_are_read() {
    let steps = "topic: out }
    transforms:
      - filter: payload.amount > 0
      - filter: { unless: \"payload.test == true\" }
      - set:
          vars: { tier: \"{{payload.tier}}\", twice: { cel: payload.amount * 2 } }
          key: \"{{vars.tier}}\"
          headers: { kind: { cel: \"vars.tier + '-x'\" }, gone: ~ }
          timestamp: { cel: payload.time }
      - switch:
          - when: vars.twice > 10
            transforms: [ set: { vars: { large: \"yes\" } } ]
          - transforms: [ filter: payload.amount != 3 ]
      - split: { each: payload.items, limit: 5 }
      - mask: [payload.card]
      - dedupe: { key: payload.id, window: 10 }
      - throttle: 100
      - envelope: '{\"i\": {{vars.split.index}}, \"large\": {{vars.large}}, \"d\": {{payload}}}'";
    let settings = variant("steps", "topic: out }", steps).settings();
    let transforms = &settings.pipelines[0].transforms;
    let kinds = ["filter", "filter", "set", "switch", "split", "mask", "dedupe", "throttle", "envelope"];
    assert_eq!((transforms.kinds(), transforms.rates()), (&kinds[..], &[100][..]));
    assert_eq!(settings.pipelines[0].pace.batch_records, 100, "no batch waits for more than a second");
}

#[test]
fn what_is_wrong_in_a_step_is_told_with_its_place() {
    let steps = "topic: out }
    transforms:
      - filter: payload.amount
      - filter: { if: \"true\", unless: \"true\" }
      - filter: payloat.amount > 1
      - set: { vars: { \"a-b\": x }, key: [1] }
      - switch: [ { transforms: [] }, { when: \"true\" } ]
      - switch: []
      - split: items
      - envelope: '{{vars.twice}}'
      - dedupe: { window: 10 }
      - { log: x, filter: \"true\" }
      - {}";
    variant("wrong-steps", "topic: out }", steps).refused(&[
        "`pipelines.bank-audit.transforms.1.filter`: expected either `if` or `unless`, got both",
        "`pipelines.bank-audit.transforms.2.filter.if`: line 1, column 1: there is no variable `payloat`",
        "expected a name of letters, digits and `_`, which does not begin with a digit, got `a-b`",
        "`pipelines.bank-audit.transforms.3.set.key`: expected a template, `cel:` and an expression, or null, got a list",
        "`pipelines.bank-audit.transforms.4.switch.0.when`: expected a condition: only the last case may be without one, got none",
        "`pipelines.bank-audit.transforms.5.switch`: expected one case at the least, got none",
        "`pipelines.bank-audit.transforms.6.split.each`: expected `payload`, or a path such as `payload.items`",
        "`pipelines.bank-audit.transforms.7.envelope.template`: ",
        "`pipelines.bank-audit.transforms.8.dedupe.key` is missing: what must be new",
        "`pipelines.bank-audit.transforms.9`: expected one step in each item of the list, got `log` and `filter`",
        "`pipelines.bank-audit.transforms.10`: expected a step: one of `log`, `envelope`, ",
    ]);
}

#[test]
fn several_sinks_share_a_connection() {
    let sinks = "properties: { linger.ms: 7 } }
    sinks:
      - { topic: large, when: payload.amount > 1000, partition: source }
      - { topic: all, key: \"{{payload.id}}\" }";
    let settings = variant("sinks", "topic: out }", sinks).settings();
    let [large, all] = &settings.pipelines[0].sinks[..] else { panic!("two sinks") };
    assert_eq!(
        (large.topic.as_str(), large.name.as_str(), large.partition),
        ("large", "sinks[0]", SinkPartition::Source)
    );
    assert_eq!((all.topic.as_str(), all.name.as_str(), all.partition), ("all", "sinks[1]", SinkPartition::ByKey));
    assert!(matches!((&large.key, &all.key), (SinkKey::Source, SinkKey::Template)));
    assert_eq!(settings.pipelines[0].producer["linger.ms"], "7");

    let both = "topic: out }\n    sinks: [ { topic: other, when: payload } ]";
    variant("both-sinks", "topic: out }", both).refused(&[
        "`pipelines.bank-audit.sink.topic`: `sinks` say this, each for itself: move `topic` there, or leave `sinks` out",
    ]);
    variant("no-sinks", "topic: out }", "properties: {} }\n    sinks: []")
        .refused(&["expected one sink at the least, got none"]);
    variant("no-topic", "topic: out }", "partition: 0 }")
        .refused(&["`pipelines.bank-audit.sink.topic` is missing: the topic to write"]);
    let loops = "properties: {} }\n    sinks: [ { topic: out }, { topic: in } ]";
    variant("sinks-loop", "topic: out }", loops).refused(&["`in`"]);
}

#[test]
fn a_key_of_its_own_and_dedupe_need_the_order_of_partitions() {
    let steps = "topic: out }\n    ordering: key\n    transforms: [ dedupe: payload.id ]";
    variant("dedupe-order", "topic: out }", steps).refused(&["a `dedupe` step needs `ordering: partition`"]);
}
