//! What is shown: everything, with its origin, so that it loads again; and no secret.

use config::{Value, ValueKind};
use stampmill_engine::kafka::engine_properties::{self, EngineProperties};
use stampmill_engine::settings::{Delivery, PipelineSettings, Properties};

use super::super::properties::Property;
use super::super::tests::{Case, Folder, VALID, case, files, variant};
use super::super::{Settings, Sources, json_schema, load, owned, show, yaml};

const S3CRET: &str = "s3cret";

const RICH: &str = r##"
memory: 256MiB
connections:
  a:
    bootstrap.servers: ${BROKERS:-SASL_SSL://a:1}
    queue.buffering.max.ms: 7
    client.id: "no: name # $${x}"
  b: { bootstrap.servers: 'b:1' }
pipelines:
  first:
    source: { connection: a, topics: 'x, y', group: 'g#1', properties: { group.protocol: consumer } }
    transforms:
      - log: { message: "a\n  b\n\n- ${c}: {{payload}}\n", mask: [payload.card.number], truncate: 1KiB }
      - envelope:
          template: |
            {"a": {{payload}},

              "b": "# c"}
          commas: strict
      - log: "then"
    sink:
      connection: a
      topic: out
      key: ~
      headers: { x-a: 'null', "y: z": "{{key}}", é: '' }
      partition: 3
    delivery: exactly_once
    profile: throughput
    actors: { producers: 1 }
  second:
    source: { connection: b, topics: ["^z\\.[a-z]+$"], group: h, start: latest }
    transforms: []
    sink: { connection: b, topic: end, content_type: "true", headers: {} }
    batch_records: 9
logging: { format: json }
probes: { listen: off }
admin: { listen: "[::1]:9600", allowed_hosts: "a, b" }
"##;

fn shown(sources: Sources) -> String {
    show(sources).unwrap_or_else(|errors| panic!("{errors}"))
}

fn comes_from(text: &str, value: &str, origin: &str) {
    let is_it = |line: &str| line.trim().strip_prefix(value).is_some_and(|rest| rest == format!(" # {origin}"));
    assert!(text.lines().any(is_it), "no `{value} # {origin}` in\n{text}");
}

#[test]
fn each_value_has_its_origin() {
    let text = VALID.replace("localhost:9092", "${HOST}:9092").replace("out }", "out }\n    profile: latency");
    let Case { folder, mut sources } = case("origins", &text).with(&[
        ("HOST", "broker"),
        ("STAMPMILL__PIPELINES__BANK_AUDIT__ACTORS__TRANSFORMS", "2"),
        ("STAMPMILL__CONNECTIONS__KAFKA__RECONNECT_BACKOFF_MS", "50"),
    ]);
    sources.flags = vec![("pipelines.bank_audit.window".to_owned(), "5".to_owned())];
    let text = shown(sources);
    let line = |line: u8| format!("{}:{line}", folder.0.join("c.yaml").display());
    comes_from(&text, "bootstrap.servers: broker:9092", &format!("{}, ${{HOST}}", line(4)));
    comes_from(&text, "- in", &line(7));
    comes_from(&text, "topic: out", &line(8));
    comes_from(&text, "transforms: 2", "STAMPMILL__PIPELINES__BANK_AUDIT__ACTORS__TRANSFORMS");
    comes_from(&text, "reconnect.backoff.ms: 50", "STAMPMILL__CONNECTIONS__KAFKA__RECONNECT_BACKOFF_MS");
    comes_from(&text, "window: 5", "--set pipelines.bank_audit.window");
    comes_from(&text, "batch_records: 200", "profile: latency");
    comes_from(&text, "linger.ms: 0", "profile: latency");
    comes_from(&text, "connection: kafka", "default");
    comes_from(&text, "topic: bank-audit.dead-letter", "default");
    comes_from(&text, "transforms: []", "default");
    comes_from(&text, "headers: {}", "default");
    comes_from(&text, "format: line", "default");
    comes_from(&text, "session.timeout.ms: 30000", "engine");
    comes_from(&text, "# enable.idempotence: true", "engine");
    comes_from(&text, "# group.id: g", &line(7));
    comes_from(&text, "# fetch.max.bytes: what memory allows", "engine, at the start");
    assert!(text.contains("\n      # content_type: (left out)\n"), "{text}");
    assert_eq!(text.matches("reconnect.backoff.ms").count(), 3, "connection, source and sink have it:\n{text}");
}

#[test]
fn what_is_shown_loads_and_means_the_same() {
    let mut cases: Vec<Sources> =
        files().into_iter().map(|file| Sources { files: vec![file], ..Sources::default() }).collect();
    let rich = case("rich", RICH);
    cases.push(rich.sources.clone());
    let mut alike = 0;
    for sources in cases {
        let again = Folder::new("again");
        let first = shown(sources.clone());
        assert_eq!(json_schema::tests::check(&first), Ok(()), "{first}");
        let again = Sources { files: vec![again.write("again.yaml", &first)], ..Sources::default() };
        let second = shown(again.clone());
        assert_eq!(values(&second), values(&first), "{first}");
        // What was redacted has to be put in again before it means the same.
        let is_head = |line: &&str| line.starts_with("# ");
        if !first.lines().skip_while(is_head).any(|line| line.contains("(redacted)")) {
            assert_eq!(meaning(again), meaning(sources), "{first}");
            alike += 1;
        }
    }
    assert!(alike >= 4, "only {alike} were compared");
}

/// All values, without origins and comments.
fn values(text: &str) -> String {
    let table = yaml::parse(text, "shown", &yaml::CONFIGURATION).expect("is YAML");
    sorted(&Value::new(None, table)).to_string()
}

/// The config crate's tables have no order.
fn sorted(value: &Value) -> serde_json::Value {
    match &value.kind {
        ValueKind::Table(table) => table.iter().map(|(name, value)| (name.clone(), sorted(value))).collect(),
        ValueKind::Array(items) => items.iter().map(sorted).collect(),
        ValueKind::String(text) => text.as_str().into(),
        _ => serde_json::Value::Null,
    }
}

/// The settings with what the engine would set beside them.
fn meaning(sources: Sources) -> String {
    let Settings { mut pipelines, log_format, listeners, .. } =
        load(sources).unwrap_or_else(|errors| panic!("{errors}"));
    let fill = |properties: &mut Properties, engine: EngineProperties| {
        for (name, value) in engine.defaults {
            properties.entry(name.to_owned()).or_insert_with(|| value.to_owned());
        }
    };
    for pipeline in &mut pipelines {
        let (consumer, producer) = engine(pipeline);
        fill(&mut pipeline.source.properties, consumer);
        fill(&mut pipeline.producer, producer);
    }
    format!("{log_format:?} {listeners:?} {pipelines:#?}")
}

fn engine(pipeline: &PipelineSettings) -> (EngineProperties, EngineProperties) {
    let in_transactions = matches!(pipeline.delivery, Delivery::ExactlyOnce { .. });
    (engine_properties::of_consumer(&pipeline.source), engine_properties::of_producer(in_transactions))
}

#[test]
fn the_engine_and_the_program_agree_on_names_and_owners() {
    let pipeline = &case("agree", VALID).settings().pipelines[0];
    let producer = engine_properties::of_producer(true);
    let (consumer, _) = engine(pipeline);
    for EngineProperties { defaults, owned, at_start } in [consumer, producer] {
        for (name, _) in defaults.iter().chain(&at_start).filter(|(name, _)| *name != "transactional.id") {
            assert!(owned::reason(name).is_none(), "`{name}` may be set");
            assert_eq!(Property::find(name).map(Property::client_name), Some(*name), "as a setting would have it");
        }
        for (name, _) in owned {
            assert!(owned::reason(name).is_some(), "`{name}` may not be set");
        }
    }
}

/// A configuration with a secret at every place, in every way.
fn with_secrets(name: &str) -> Case {
    let text = r#"
connections:
  kafka:
    bootstrap.servers: SASL_SSL://user:s3cret@localhost:9092
    sasl.username: ${PLAIN}
    sasl.password: s3cret
    ssl.key.pem: ${file:key}
    ssl.certificate.pem: ${file:key}
    ssl.key.password: ${NONE:-s3cret}
    client.rack: ${file:key}
    client.dns.lookup: ${file:lookup}
    group.instance.id: ${THE_TOKEN}
    ssl.crl.location: "-----BEGIN PRIVATE KEY-----s3cret"
    socket.timeout.ms: ${file:timeout}
pipelines:
  bank-audit:
    source: { topics: '${DB_PASSWORD}', group: '${file:key}', properties: { sasl.oauthbearer.config: s3cret } }
    transforms:
      - log: { message: "see https://user:s3cret@host/{{payload}}", name: '${file:key}' }
    sink:
      topic: ${THE_SECRET}
      headers: { X-Api-Key: s3cret, link: "https://s3cret@host/" }
      content_type: ${file:key}
    on_failure: { topic: '${file:key}', retries: '${file:number}' }
admin: { token: s3cret }
"#;
    let case = case(name, text).with(&[
        ("PLAIN", S3CRET),
        ("THE_TOKEN", "token-s3cret"),
        ("DB_PASSWORD", "s3cret-1,s3cret-2"),
        ("THE_SECRET", "topic-s3cret"),
        ("STAMPMILL__CONNECTIONS__KAFKA__SSL_KEYSTORE_PASSWORD", S3CRET),
    ]);
    for (file, text) in [("key", "s3cret\n"), ("lookup", "use_all_dns_ips"), ("timeout", "1234"), ("number", "5")] {
        case.folder.write(file, text);
    }
    case
}

#[test]
fn no_secret_is_shown() {
    let Case { folder: _folder, mut sources } = with_secrets("secrets");
    sources.flags = vec![("connections.kafka.client.id".to_owned(), "https://a:s3cret@b".to_owned())];
    let text = shown(sources);
    assert!(!text.contains(S3CRET), "{text}");
    for value in [
        "bootstrap.servers: SASL_SSL://(redacted)@localhost:9092",
        "sasl.password: (redacted)",
        "ssl.keystore.password: (redacted)",
        "client.id: https://(redacted)@b",
        "message: \"see https://(redacted)@host/{{payload}}\"",
        "# socket.timeout.ms: (redacted)",
        "# client.dns.lookup: (redacted)",
        "- (redacted)",
        "X-Api-Key: (redacted)",
        "retries: 5",
    ] {
        assert!(text.lines().any(|line| line.trim().starts_with(value)), "no `{value}` in\n{text}");
    }
    assert!(text.contains(", ${NONE}\n") && text.contains(", ${file:key}\n"), "what was put in is named:\n{text}");
}

#[test]
fn what_was_redacted_can_be_put_in_again() {
    let secret = variant("redacted", "localhost:9092", "localhost:9092\n    sasl.password: ${file:password}");
    secret.folder.write("password", S3CRET);
    let text = shown(secret.sources.clone());
    let again = Folder::new("redacted-again");
    let again = Sources { files: vec![again.write("c.yaml", &text)], ..Sources::default() };
    let meant = meaning(secret.sources).replace(S3CRET, "(redacted)");
    assert_eq!(meaning(again), meant);
}
