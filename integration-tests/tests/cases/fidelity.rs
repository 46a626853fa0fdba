//! What a record keeps on its way, and what the sink may change.

use integration_tests::client::TestRecord;
use integration_tests::scenario::setup;

use crate::kafka::Kafka;

pub(crate) fn records_pass_as_they_are(kafka: &Kafka) {
    let mut scenario = setup("fidelity", &kafka.client).with_topics(2);
    scenario.pipeline.transforms = "[]".into();
    let headers = vec![
        ("a".into(), Some(b"1".to_vec())),
        ("a".into(), Some(vec![0, 0xff])),
        ("a".into(), None),
        ("empty".into(), Some(Vec::new())),
    ];
    let sent = vec![
        TestRecord {
            key: Some(b"k".to_vec()),
            timestamp: Some(1_700_000_000_001),
            headers,
            ..TestRecord::value(1, vec![0, 0xfe])
        },
        TestRecord { key: Some(Vec::new()), offset: 1, timestamp: Some(1_700_000_000_002), ..TestRecord::value(1, "") },
        TestRecord { partition: 1, offset: 2, timestamp: Some(1_700_000_000_003), ..TestRecord::default() },
    ];
    kafka.client.produce(&scenario.input, sent.clone());
    let config = std::fs::read_to_string(scenario.config())
        .expect("the configuration")
        .replace("transforms:\n      []", "transforms: []");
    let mut command = integration_tests::program::command(scenario.build);
    command.arg("run").arg("--config").arg(scenario.write("copy.yaml", &config));
    let program = integration_tests::program::Program::start(command, scenario.folder.join("copy.log"));
    assert_eq!(kafka.client.read_count(&scenario.output, 3), sent);
    assert_eq!(program.terminate(), 0);
}

pub(crate) fn the_sink_can_change_them(kafka: &Kafka) {
    let mut scenario = setup("changed", &kafka.client).with_topics(3);
    scenario.pipeline.sink = "key: '{{payload.id}}'
headers: { origin: '{{topic}}/{{partition}}@{{offset}}', a: new }
timestamp: now
content_type: application/json"
        .into();
    let headers = vec![("a".into(), Some(b"old".to_vec())), ("b".into(), Some(b"kept".to_vec()))];
    kafka.client.produce(
        &scenario.input,
        [TestRecord { headers, timestamp: Some(1), ..TestRecord::value(2, "{\"id\":\"foobar\"}") }],
    );
    let program = scenario.start("program").await_ready();
    let read = kafka.client.read_count(&scenario.output, 1);
    let record = &read[0];
    assert_eq!(record.key.as_deref(), Some(&b"foobar"[..]));
    // murmur2("foobar") is -790332482, which the Java client takes to partition (-790332482 & 0x7fffffff) % 3.
    assert_eq!(record.partition, (-790_332_482i32 & 0x7fff_ffff) % 3);
    let text = |name: &str| record.header(name).unwrap_or_default();
    assert_eq!((text("a"), text("b"), text("content-type")), ("new".into(), "kept".into(), "application/json".into()));
    assert_eq!(text("origin"), format!("{}/2@0", scenario.input));
    assert_eq!(record.headers.iter().filter(|(name, _)| name == "a").count(), 1);
    assert!(record.timestamp.is_some_and(|timestamp| timestamp > 1_700_000_000_000));
    assert_eq!(program.terminate(), 0);
}
