//! Brokers that are not there.

use integration_tests::broker::Broker;
use integration_tests::chaos::stream::Stream;
use integration_tests::client::Client;
use integration_tests::in_flight::{InFlight, await_uncommitted};
use integration_tests::layout::Plan;
use integration_tests::scenario::setup;
use integration_tests::tls::Authority;
use integration_tests::verdict::{Numbered, await_verdict_of, record};

use crate::kafka::Kafka;

pub(crate) fn not_there_at_start(kafka: &Kafka) {
    let mut broker = kafka.own_broker();
    let client = Client::new(&broker.bootstrap);
    let scenario = setup("absent", &client).with_topics(2);
    let numbered = Numbered { partitions: 2, records: 100 };
    client.produce(&scenario.input, numbered.all());
    broker.kill();
    let mut program = scenario.start("program");
    let line = program.await_line("the brokers cannot be reached");
    assert!(line.contains(&client.bootstrap), "{line}");
    assert!(program.is_running());
    broker.run().expect("the broker starts again");
    broker.await_ready(1).expect("the broker answers");
    program.await_line("is ready");
    numbered.await_verdict(&scenario).assert_exact();
    assert_eq!(program.terminate(), 0);
}

/// With the brokers' certificate, and with another, which is refused by name.
pub(crate) fn over_tls(kafka: &Kafka) {
    let certificate = Authority::make("test").and_then(|authority| authority.server()).expect("a certificate");
    let plan = Plan { certificate: Some(&certificate), ..Plan::of(kafka.own_version()) };
    let broker = Broker::start_cluster(&plan).expect("a broker").remove(0);
    let client = broker.client();
    let mut scenario = setup("tls", &client).with_topics(2);
    let numbered = Numbered { partitions: 2, records: 1_000 };
    client.produce(&scenario.input, numbered.all());
    let program = scenario.start("program").await_ready();
    numbered.await_verdict(&scenario).assert_exact();
    assert_eq!(program.terminate(), 0);

    let other = Authority::make("other").expect("another authority");
    scenario.client.certificate = Some(other.file());
    let mut program = scenario.start("mistrusting");
    program.await_line("certificate verify failed");
    program.await_line("the brokers keep this client out");
    assert!(program.is_running(), "it waits");
    assert_eq!(program.terminate(), 0);
}

pub(crate) fn gone_and_back(kafka: &Kafka) {
    let mut broker = kafka.own_broker();
    let client = Client::new(&broker.bootstrap);
    let scenario = setup("outage", &client).with_topics(3).lingering();
    let program = scenario.start("program").await_ready();
    let mut stream = Stream::start(&client, &scenario.input, 3, 0, record);
    let in_flight = await_uncommitted(&scenario, 5_000);
    broker.kill();
    broker.run().expect("the broker starts again");
    broker.await_ready(1).expect("the broker answers");
    let sent = stream.finish();
    let verdict = await_verdict_of(&scenario, &sent, 0).with_fault(in_flight);
    verdict.assert_survived();
    client.await_committed(&scenario.group, &scenario.input);
    assert_eq!(program.terminate(), 0);
}

/// Each of three brokers is killed in turn, and is back before the next: leaders and the coordinator move.
pub(crate) fn each_of_three_killed(kafka: &Kafka) {
    let mut brokers = kafka.own_cluster();
    let addresses: Vec<&str> = brokers.iter().map(|broker| broker.bootstrap.as_str()).collect();
    let client = Client::new(&addresses.join(","));
    let scenario = setup("three", &client).with_topics(6).lingering();
    let program = scenario.start("program").await_ready();
    // For as long as it takes, which nobody knows before.
    let mut stream = Stream::start(&client, &scenario.input, 6, 0, record);
    let mut in_flight = InFlight::default();
    for broker in &mut brokers {
        in_flight = await_uncommitted(&scenario, 2_000).min(&in_flight);
        broker.kill();
        broker.run().expect("the broker starts again");
        broker.await_ready(3).expect("the broker answers");
    }
    let sent = stream.finish();
    await_verdict_of(&scenario, &sent, 0).with_fault(in_flight).assert_survived();
    client.await_committed(&scenario.group, &scenario.input);
    assert_eq!(program.terminate(), 0);
}
