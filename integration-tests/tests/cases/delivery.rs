//! Nothing lost, nothing out of order.

use integration_tests::chaos::stream::Stream;
use integration_tests::client::{Client, TestRecord};
use integration_tests::in_flight::await_in_flight;
use integration_tests::scenario::setup;
use integration_tests::verdict::{Numbered, await_verdict_of, record};

use crate::kafka::Kafka;

pub(crate) fn in_order_and_complete(kafka: &Kafka) {
    let numbered = Numbered { partitions: 6, records: 33_334 };
    let mut scenario = setup("order", &kafka.client).with_topics(6);
    scenario.pipeline.more = "actors: { transforms: 4, producers: 1 }".into();
    let load = numbered.load(&kafka.client, &scenario.input, 3);
    let program = scenario.start("program").await_ready();
    load.finish();
    let verdict = numbered.await_verdict(&scenario);
    verdict.assert_exact();
    assert_eq!(program.terminate(), 0);
    kafka.client.await_committed(&scenario.group, &scenario.input);
}

pub(crate) fn from_one_cluster_to_another(kafka: &Kafka) {
    let other = kafka.own_broker();
    let client = Client::new(&other.bootstrap);
    let mut scenario = setup("clusters", &kafka.client);
    scenario.sink_bootstrap = Some(other.bootstrap.clone());
    kafka.client.create_topic(&scenario.input, 2, &[]);
    client.create_topic(&scenario.output, 2, &[]);
    let numbered = Numbered { partitions: 2, records: 500 };
    kafka.client.produce(&scenario.input, numbered.all());
    let program = scenario.start("program").await_ready();

    let read = client.read_count(&scenario.output, 1000);
    let verdict = numbered.judge(&read);
    verdict.assert_exact();
    assert_eq!(program.terminate(), 0);
    kafka.client.await_committed(&scenario.group, &scenario.input);
}

pub(crate) fn resumes_where_it_stopped(kafka: &Kafka) {
    let scenario = setup("resume", &kafka.client).with_topics(3).lingering();
    let mut stream = Stream::start(&kafka.client, &scenario.input, 3, 0, record);
    let first = scenario.start("first").await_ready();
    let in_flight = await_in_flight(&scenario, 2_000);
    assert_eq!(first.terminate(), 0);
    let second = scenario.start("second").await_ready();
    let sent = stream.finish();
    let verdict = await_verdict_of(&scenario, &sent, 0).with_fault(in_flight);
    verdict.assert_survived();
    assert_eq!(verdict.duplicated, 0, "a clean stop commits all that it has sent: {verdict}");
    assert_eq!(second.terminate(), 0);
    kafka.client.await_committed(&scenario.group, &scenario.input);
}

/// Two pipelines in a file; one reads two topics by a pattern.
pub(crate) fn several_topics_and_pipelines(kafka: &Kafka) {
    let scenario = setup("several", &kafka.client).with_topics(1);
    let (id, bootstrap) = (&scenario.id, &kafka.client.bootstrap);
    for topic in ["a", "b", "patterned", "plain"] {
        kafka.client.create_topic(&format!("{id}-{topic}"), 1, &[]);
    }
    let config = scenario.write(
        "several.yaml",
        &format!(
            "connections: {{ kafka: {{ bootstrap.servers: \"{bootstrap}\" }} }}
pipelines:
  by-pattern:
    source: {{ topics: ['^{id}-[ab]$'], group: {id}-1, start: earliest }}
    transforms: [ envelope: '{{\"from\": {{{{topic}}}}, \"data\": {{{{payload}}}}}}' ]
    sink: {{ topic: {id}-patterned }}
  by-name:
    source: {{ topics: ['{id}-in'], group: {id}-2, start: earliest }}
    sink: {{ topic: {id}-plain }}
"
        ),
    );
    let mut command = integration_tests::program::command(scenario.build);
    command.arg("run").arg("--config").arg(config);
    let program = integration_tests::program::Program::start(command, scenario.folder.join("several.log"));
    for (topic, value) in [("a", "1"), ("b", "2"), ("in", "not { JSON")] {
        kafka.client.produce(&format!("{id}-{topic}"), [TestRecord::value(0, value)]);
    }
    let mut patterned: Vec<String> =
        kafka.client.read_count(&format!("{id}-patterned"), 2).iter().map(TestRecord::text).collect();
    patterned.sort();
    assert_eq!(
        patterned,
        [format!("{{\"from\": \"{id}-a\", \"data\": 1}}"), format!("{{\"from\": \"{id}-b\", \"data\": 2}}")]
    );
    // Without a transform that looks into it, a payload passes as it is.
    assert_eq!(kafka.client.read_count(&format!("{id}-plain"), 1)[0].text(), "not { JSON");
    assert_eq!(program.terminate(), 0);
}
