//! The schema takes what loads, refuses what is surely wrong, and is the one that is shipped.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use boon::{Compiler, SchemaIndex, Schemas};
use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::Value;

use super::super::tests::files;
use super::json_schema;

static COMPILED: LazyLock<(Schemas, SchemaIndex)> = LazyLock::new(|| {
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    let schema = serde_json::from_str(&json_schema()).expect("is JSON");
    compiler.add_resource("stampmill.schema.json", schema).expect("has a name");
    let index = compiler.compile("stampmill.schema.json", &mut schemas).expect("is a schema of 2020-12");
    (schemas, index)
});

/// What the schema says against a file.
pub(in super::super) fn check(text: &str) -> Result<(), String> {
    let documents = Yaml::load_from_str(text).expect("is YAML");
    let value = documents.first().map_or(Value::Null, json);
    let (schemas, index) = &*COMPILED;
    schemas.validate(&value, *index).map_err(|error| error.to_string())
}

/// As an editor reads it, for which `0123` is a number and `yes` a text.
fn json(yaml: &Yaml<'_>) -> Value {
    match yaml {
        Yaml::Value(Scalar::String(text)) => text.as_ref().into(),
        Yaml::Value(Scalar::Integer(number)) => (*number).into(),
        Yaml::Value(Scalar::FloatingPoint(number)) => number.into_inner().into(),
        Yaml::Value(Scalar::Boolean(truth)) => (*truth).into(),
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Sequence(items) => items.iter().map(json).collect(),
        Yaml::Mapping(entries) => {
            entries.iter().map(|(name, value)| (name.as_str().expect("a text").to_owned(), json(value))).collect()
        }
        other => panic!("not expected in a test: {other:?}"),
    }
}

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/stampmill.schema.json")
}

#[test]
fn the_shipped_schema_is_up_to_date() {
    let wanted = json_schema();
    if std::env::var_os("STAMPMILL_WRITE_REFERENCE").is_some() {
        std::fs::write(shipped(), &wanted).expect("the schema can be written");
    }
    let found = std::fs::read_to_string(shipped()).expect("the schema is there");
    assert_eq!(found, wanted, "run the test again with STAMPMILL_WRITE_REFERENCE=1 in the environment");
}

#[test]
fn every_file_of_the_repository_fits_and_names_the_schema() {
    for file in files() {
        let text = std::fs::read_to_string(&file).expect("is readable");
        assert_eq!(check(&text), Ok(()), "{}", file.display());
        let first = text.lines().next().unwrap_or_default();
        let path = first.strip_prefix("# yaml-language-server: $schema=").expect("an editor finds the schema");
        let schema = file.parent().expect("has a folder").join(path);
        assert_eq!(schema.canonicalize().expect("is there"), shipped().canonicalize().expect("is there"));
    }
}

#[test]
fn what_loads_fits() {
    for text in [
        "",
        "# nothing",
        "memory: 268435456",
        "probes: { listen: off }",
        "reload: { watch: true }",
        "admin: { listen: '[::1]:9600', token: a, allowed_hosts: [a, '${B}'] }",
        "admin: { listen: '${HOST}:9600', token: '${file:token}', allowed_hosts: 'a, b' }",
        "memory: { budget: 256 MiB, max_partitions: '64' }",
        "connections: { a: { bootstrap.servers: 'a:1', debug: '', log.connection.close: false, linger.ms: 5 } }",
        "connections: { a: { fetch.min.bytes: '${BYTES}' } }",
        "pipelines: { p: { window: 0032, commit_interval_ms: '${MS:-1000}', bytes_in_flight: '${BYTES}' } }",
        "pipelines: { p: { unordered_output: true, ordering: none, delivery: '${DELIVERY}' } }",
        "pipelines: { p: { unordered_output: 'true', profile: latency } }",
        "pipelines: { p: { source: { topics: 'a, b', group: 5 } } }",
        "pipelines: { p: { source: { topics: ['^a.*', '${TOPIC}', 7], group: true } } }",
        "pipelines: { p: { sink: { topic: 7, partition: 3, key: ~ } } }",
        "pipelines: { p: { sink: { topic: 'a-${B}', partition: key, key: '{{key}}', headers: { 'A b': 1 } } } }",
        "pipelines: { p: { transforms: [ log: x, log: { message: 1, ordered: false, mask: [payload.a.*] }, envelope: y ] } }",
    ] {
        assert_eq!(check(text), Ok(()), "{text}");
    }
}

#[test]
fn what_is_surely_wrong_does_not_fit() {
    for text in [
        "conections: {}",
        "- a",
        "connections:",
        "connections: { Kafka: { bootstrap.servers: x } }",
        "connections: { a: { bootstrap.server: x } }",
        "connections: { a: { bootstrap.servers: [x] } }",
        "connections: { a: { group.id: x } }",
        "connections: { a: { metadata.broker.list: x } }",
        "connections: { a: { client.id: ~ } }",
        "memory: 256MB",
        "memory: { max_partitions: 0 }",
        "probes: { listen: 9601 a }",
        "probes: { token: a }",
        "admin: { token: '' }",
        "admin: { allowed_hosts: { a: b } }",
        "logging: { format: xml }",
        "pipelines: { p_1: {} }",
        "pipelines: { p: { source: { topic: x } } }",
        "pipelines: { p: { source: { topics: [] } } }",
        "pipelines: { p: { source: { topics: ['a b'] } } }",
        "pipelines: { p: { source: { topics: [a, a] } } }",
        "pipelines: { p: { source: { group: '' } } }",
        "pipelines: { p: { source: { start: newest } } }",
        "pipelines: { p: { source: { properties: { linger.ms: 5 } } } }",
        "pipelines: { p: { sink: { properties: { fetch.min.bytes: 5 } } } }",
        "pipelines: { p: { sink: { partition: -1 } } }",
        "pipelines: { p: { sink: { partition: any } } }",
        "pipelines: { p: { sink: out } }",
        "pipelines: { p: { sink: { topic: 'a/b' } } }",
        "pipelines: { p: { sink: { headers: { a: ~ } } } }",
        "pipelines: { p: { window: 0 } }",
        "pipelines: { p: { window: 10001 } }",
        "pipelines: { p: { window: many } }",
        "pipelines: { p: { window: 1.5 } }",
        "pipelines: { p: { window: true } }",
        "pipelines: { p: { bytes_in_flight: 0 } }",
        "pipelines: { p: { unordered_output: yes } }",
        "pipelines: { p: { drain_timeout_ms: } }",
        "pipelines: { p: { transforms: { log: x } } }",
        "pipelines: { p: { transforms: [ { log: x, envelope: y } ] } }",
        "pipelines: { p: { transforms: [ {} ] } }",
        "pipelines: { p: { transforms: [ envelop: x ] } }",
        "pipelines: { p: { transforms: [ log: { message: x, level: loud } ] } }",
        "pipelines: { p: { transforms: [ log: { message: x, mask: [card] } ] } }",
        "pipelines: { p: { transforms: [ log: [x] ] } }",
    ] {
        assert!(check(text).is_err(), "{text}");
    }
}
