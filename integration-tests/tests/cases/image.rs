//! The files of the image, alone in a root of their own, against a real broker.

use std::process::Command;

use integration_tests::broker::Broker;
use integration_tests::client::{Client, TestRecord};
use integration_tests::eventually::eventually;
use integration_tests::http::Listener;
use integration_tests::image::Root;
use integration_tests::layout::Plan;
use integration_tests::name_server::NameServer;
use integration_tests::program::{self, Program};
use integration_tests::scenario::{Scenario, setup};
use integration_tests::tls::Authority;

use crate::kafka::Kafka;

const EVENT: &str = r#"{ "id":"TXN011", "type":"withdraw", "accountId":"ACC456", "amount":1500 }"#;
const NAME: &str = "kafka.stampmill.test";
const BOOTSTRAP: &str = "STAMPMILL__CONNECTIONS__KAFKA__BOOTSTRAP_SERVERS";
const PROBES: &str = "STAMPMILL__PROBES__LISTEN";
const ADMIN: &str = "STAMPMILL__ADMIN__LISTEN";

/// A root, a broker with the topics of the configuration that the image holds, and where the probes are to listen.
fn prepare(name: &str, broker: &Broker, hosts: &str, resolver: &str) -> (Scenario, Root, String) {
    let client = broker.client();
    client.create_topic("bank-transactions", 1, &[]);
    client.create_topic("bank-audit", 1, &[]);
    let scenario = setup(name, &client);
    let root = Root::copy(&scenario.folder.join("root"), hosts, resolver).expect("a root");
    (scenario, root, Listener::free(None).address.to_string())
}

fn port(broker: &Broker) -> &str {
    broker.bootstrap.rsplit(':').next().expect("a port")
}

/// With the configuration of the image, and the broker's name from `/etc/hosts`: an event goes through, the health check
/// says so, and a stop commits it.
pub(crate) fn it_runs_alone(kafka: &Kafka) {
    let broker = kafka.own_broker();
    let (scenario, root, probes) = prepare("image", &broker, &format!("127.0.0.1 {NAME}\n"), "");
    let bootstrap = format!("{NAME}:{}", port(&broker));
    let environment = [(BOOTSTRAP, bootstrap.as_str()), (PROBES, probes.as_str()), (ADMIN, "off")];
    let healthcheck = || program::output(root.command(&environment, ["healthcheck"])).status.code();
    assert_eq!(healthcheck(), Some(1), "nothing runs yet");

    let mut program = start(&scenario, root.command(&environment, ["run"]));
    program.await_line("is ready");
    assert_eq!(program.user(), 65532);
    goes_through(&mut program, &scenario.client);
    eventually("the health check to pass", || (healthcheck() == Some(0)).then_some(()));
    assert_eq!(program.terminate(), 0);
    scenario.client.await_committed("bank-audit", "bank-transactions");
}

/// The name is known to a name server alone, which `/etc/resolv.conf` names.
pub(crate) fn it_asks_a_name_server(kafka: &Kafka) {
    let broker = kafka.own_broker();
    let names = NameServer::start(NAME).expect("a name server");
    let (scenario, root, _) = prepare("names", &broker, "", &format!("nameserver {}\n", names.address));
    let bootstrap = format!("{NAME}:{}", port(&broker));
    let mut program =
        start(&scenario, root.command(&[(BOOTSTRAP, &bootstrap), (PROBES, "off"), (ADMIN, "off")], ["run"]));
    program.await_line("is ready");
    goes_through(&mut program, &scenario.client);
    assert!(names.asked() > 0, "it was asked");
    assert_eq!(program.terminate(), 0);
}

/// A broker that none of the image's authorities has signed for is refused; one that is signed for by what is added to their
/// file is trusted, so that the file is found, and read to its end.
pub(crate) fn it_trusts_its_authorities_alone(kafka: &Kafka) {
    let authority = Authority::make("image").expect("an authority");
    let certificate = authority.server().expect("a certificate");
    let plan = Plan { certificate: Some(&certificate), ..Plan::of(kafka.own_version()) };
    let broker = Broker::start_cluster(&plan).expect("a broker").remove(0);
    let (scenario, root, _) = prepare("trust", &broker, "", "");
    let environment = [
        (BOOTSTRAP, broker.bootstrap.as_str()),
        ("STAMPMILL__CONNECTIONS__KAFKA__SECURITY_PROTOCOL", "ssl"),
        (PROBES, "off"),
        (ADMIN, "off"),
    ];
    let mut program = start(&scenario, root.command(&environment, ["run"]));
    program.await_line("certificate verify failed");
    assert!(!program.log().contains("is ready"), "{}", program.log());
    assert_eq!(program.terminate(), 0);

    root.trust(&authority.file()).expect("a bundle");
    let mut program = Program::start(root.command(&environment, ["run"]), scenario.folder.join("trusting.log"));
    program.await_line("is ready");
    goes_through(&mut program, &scenario.client);
    assert_eq!(program.terminate(), 0);
}

fn start(scenario: &Scenario, command: Command) -> Program {
    Program::start(command, scenario.folder.join("program.log"))
}

fn goes_through(program: &mut Program, client: &Client) {
    client.produce("bank-transactions", [TestRecord::value(0, EVENT)]);
    program.await_line("Kafka event received");
    let output = client.read_count("bank-audit", 1);
    let expected = r#"{"eventType": "transaction", "source": "bank-transactions", "data": {"id":"TXN011","type":"withdraw","accountId":"ACC456","amount":1500}}"#;
    assert_eq!(output[0].text(), expected);
}
