//! Tables from a file and from a compacted topic, that change while records come.

use std::process::Command;

use integration_tests::client::{Client, TestRecord};
use integration_tests::eventually::eventually;
use integration_tests::http::Listener;
use integration_tests::program::{self, Build, Program};
use integration_tests::scenario::{Scenario, setup};
use integration_tests::secured::{Door, PASSWORD};

use crate::kafka::Kafka;

/// A pipeline that looks up in both kinds of tables.
struct Lookup {
    scenario: Scenario,
    admin: Listener,
    probes: Listener,
}

const MECHANISM: &str = "SCRAM-SHA-512";
const TOKEN: &str = "a-token-of-the-test";
const STEPS: &str = "- lookup: { table: accounts, key: payload.account, into: account }
- lookup: { table: rates, key: payload.currency, into: fx, missing: null }
- envelope: '{\"id\": {{payload.id}}, \"name\": {{vars.account.name}}, \"rate\": {{vars.fx.rate}}}'";
const ACCOUNTS: &str = "id,name\r\nA,\"Ann, A\"\r\nB,Bob\r\n";
const PARTITIONS: i32 = 3;

// === impl Lookup ===

impl Lookup {
    /// The topic of the table is not made.
    fn prepared(name: &str, client: &Client) -> Self {
        let mut scenario = setup(name, client).with_topics(1);
        scenario.pipeline.transforms = STEPS.to_owned();
        scenario.write("accounts.csv", ACCOUNTS);
        let (admin, probes) = (Listener::free(Some(TOKEN)), Listener::free(None));
        Self { scenario, admin, probes }
    }

    fn rates(&self) -> String {
        format!("{}-rates", self.scenario.id)
    }

    fn with_rates(self) -> Self {
        let compacted = [("cleanup.policy", "compact")];
        self.scenario.client.create_topic(&self.rates(), PARTITIONS, &compacted);
        self
    }

    fn set_rate(&self, currency: &str, rate: Option<&str>) {
        self.scenario.client.produce(&self.rates(), [row(currency, rate)]);
    }

    fn send(&self, id: usize, account: &str, currency: &str) {
        let payload = format!(r#"{{"id":{id},"account":"{account}","currency":"{currency}"}}"#);
        self.scenario.client.produce(&self.scenario.input, [TestRecord::value(0, payload)]);
    }

    /// A command with both files of the configuration.
    fn command(&self, arguments: &[&str]) -> Command {
        let tables = format!(
            "tables:\n  accounts: {{ file: accounts.csv, key: id }}\n  rates: {{ topic: {}, max_bytes: 64MiB }}\n",
            self.rates()
        );
        let tables = self.scenario.write("tables.yaml", &tables);
        let mut command = program::command(Build::Plain);
        command.args(arguments).arg("--config").arg(self.scenario.config()).arg("--config").arg(tables);
        command.current_dir(&self.scenario.folder);
        command
    }

    fn start(&self, name: &str) -> Program {
        let mut command = self.command(&["run"]);
        for setting in [
            format!("admin.listen={}", self.admin.address),
            format!("admin.token={TOKEN}"),
            format!("probes.listen={}", self.probes.address),
        ] {
            command.arg("--set").arg(setting);
        }
        Program::start(command, self.scenario.folder.join(format!("{name}.log")))
    }

    /// Exit code, and what it says on both outputs.
    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = program::output(self.command(arguments));
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&said).into_owned())
    }

    fn outputs(&self, count: usize) -> Vec<String> {
        self.scenario.client.read_count(&self.scenario.output, count).iter().map(TestRecord::text).collect()
    }

    /// Sends records until one comes out that is like `wanted`, but for its number; how many were sent in all.
    fn send_until(&self, sent: usize, (account, currency): (&str, &str), wanted: &str) -> usize {
        let mut sent = sent;
        eventually(wanted, || {
            self.send(sent, account, currency);
            sent += 1;
            self.outputs(sent).last().filter(|text| text.contains(wanted)).map(|_| sent)
        })
    }

    fn metrics(&self) -> String {
        self.probes.get("/metrics").expect("an answer").body
    }

    /// Status and body, once anybody answers.
    fn readiness(&self) -> (u16, String) {
        let answer = eventually("an answer", || self.probes.get("/readyz").ok());
        (answer.status, answer.body)
    }
}

/// In the partition of its first letter.
fn row(key: &str, value: Option<&str>) -> TestRecord {
    let partition = i32::from(key.as_bytes()[0]) % PARTITIONS;
    let value = value.map(|value| value.as_bytes().to_vec());
    TestRecord { partition, key: Some(key.as_bytes().to_vec()), value, ..TestRecord::default() }
}

pub(crate) fn rows_come_with_records_and_change(kafka: &Kafka) {
    for delivery in ["at_least_once", "exactly_once"] {
        let mut lookup = Lookup::prepared("lookup", &kafka.client).with_rates();
        lookup.scenario.pipeline.more = format!("delivery: {delivery}");
        let rates =
            [("USD", Some("{\"rate\": 9}")), ("USD", Some("{\"rate\": 1.0830 }")), ("CHF", Some("{}")), ("CHF", None)];
        rates.iter().for_each(|(currency, rate)| lookup.set_rate(currency, *rate));
        lookup.send(0, "A", "USD");
        lookup.send(1, "B", "CHF");
        lookup.send(2, "C", "USD");
        let program = lookup.start("program").await_ready();
        let expected = [r#"{"id": 0, "name": "Ann, A", "rate": 1.0830}"#, r#"{"id": 1, "name": "Bob", "rate": null}"#];
        assert_eq!(lookup.outputs(2), expected, "{delivery}");
        let dead = &kafka.client.read_count(&lookup.scenario.dead_letters, 1)[0];
        assert_eq!(dead.header("stampmill-error-class").as_deref(), Some("no-row"));
        assert_eq!(dead.header("stampmill-transform").as_deref(), Some("lookup[0]"));
        assert_eq!(dead.header("stampmill-error").as_deref(), Some("`accounts` has no row `C`"));
        let metrics = lookup.metrics();
        for series in [
            "stampmill_table_rows{table=\"accounts\"} 2",
            "stampmill_table_rows{table=\"rates\"} 1",
            "stampmill_table_ready{table=\"rates\"} 1",
        ] {
            assert!(metrics.contains(series), "{series} in {metrics}");
        }
        let shown = lookup.admin.get("/api/pipelines/under-test").expect("an answer").json();
        assert_eq!(
            (shown["tables"][0]["rows"].as_u64(), shown["tables"][1]["rows"].as_u64()),
            (Some(1), Some(2)),
            "{shown}"
        );

        // --- the topic changes ---
        lookup.set_rate("CHF", Some("{\"rate\":0.950}"));
        let sent = lookup.send_until(2, ("B", "CHF"), "\"rate\": 0.950");
        lookup.set_rate("CHF", Some("no JSON"));
        let sent = lookup.send_until(sent, ("B", "CHF"), "\"rate\": null");
        assert!(lookup.metrics().contains("stampmill_table_refused_records_total{table=\"rates\"} 1"));
        let log = program.log();
        assert!(log.contains(&format!("the record of {}/", lookup.rates())), "{log}");

        // --- the file changes ---
        lookup.scenario.write("accounts.csv", "id,name\nB,Bea\nC,Cem\n");
        let reloaded = lookup.admin.post("/api/reload", "{}").expect("an answer");
        assert_eq!((reloaded.status, reloaded.json()["changed"][0].as_str()), (200, Some("under-test")));
        let sent = lookup.send_until(sent, ("C", "USD"), "\"name\": \"Cem\", \"rate\": 1.0830");
        lookup.scenario.write("accounts.csv", "id,name\nB,Bea,9\n");
        let refused = lookup.admin.post("/api/reload", "{}").expect("an answer");
        assert!(refused.status >= 400 && refused.body.contains("line 2 of"), "{}: {}", refused.status, refused.body);
        lookup.send_until(sent, ("C", "USD"), "\"name\": \"Cem\"");
        kafka.client.await_committed(&lookup.scenario.group, &lookup.scenario.input);
        assert_eq!(lookup.readiness().0, 200);
        assert_eq!(program.terminate(), 0);
    }
}

/// What is in the input is not read before: not while the topic is missing, and not while it is being read.
pub(crate) fn nothing_is_read_before_its_end(kafka: &Kafka) {
    const ROWS: usize = 200_000;
    let lookup = Lookup::prepared("lookup-late", &kafka.client);
    lookup.send(0, "A", "LAST");
    let mut program = lookup.start("program");
    program.await_line(&format!("table `rates`: waiting: the brokers know no topic `{}`", lookup.rates()));
    eventually("the reason", || {
        lookup.readiness().1.contains("the table `rates` is not read to its end").then_some(())
    });
    assert_eq!(lookup.readiness().0, 503);
    let (code, said) = lookup.run(&["check", "--online"]);
    assert!(code == Some(1) && said.contains("the table `rates`'s topic"), "{said}");
    assert_eq!(kafka.client.committed(&lookup.scenario.group, &lookup.scenario.input)[&0], None, "nobody has joined");

    // Elsewhere, and copied in at once: it must not be read before the last of it is there.
    let lookup = lookup.with_rates();
    let first = program.await_line("read `");
    assert!(first.contains("0 rows"), "{first}");
    program.await_line("is ready");
    assert_eq!(lookup.outputs(1), [r#"{"id": 0, "name": "Ann, A", "rate": null}"#]);
    assert_eq!(program.terminate(), 0);

    let rows = (0..ROWS).map(|number| row(&format!("K{number}"), Some("{\"rate\":1}")));
    kafka.client.produce(&lookup.rates(), rows.chain([row("LAST", Some("{\"rate\":2}"))]));
    for id in 1..=50 {
        lookup.send(id, "B", "LAST");
    }
    let program = lookup.start("second").await_ready();
    let outputs = lookup.outputs(51);
    assert!(outputs[1..].iter().all(|text| text.contains("\"rate\": 2")), "{outputs:?}");
    assert!(lookup.metrics().contains(&format!("stampmill_table_rows{{table=\"rates\"}} {}", ROWS + 1)));
    let (code, said) = lookup.run(&["check", "--online"]);
    let found = format!("table rates: {} ({PARTITIONS} partitions)", lookup.rates());
    assert!(code == Some(0) && said.contains(&found), "{said}");
    assert!(said.contains(&format!("tables       accounts (2 rows), rates (topic {})", lookup.rates())), "{said}");
    assert_eq!(program.terminate(), 0);
}

/// Rows stay while the brokers are away, and what comes afterwards is seen; in partitions that are new, too.
pub(crate) fn brokers_go_and_partitions_come(kafka: &Kafka) {
    let mut broker = kafka.own_broker();
    let client = Client::new(&broker.bootstrap);
    let lookup = Lookup::prepared("lookup-outage", &client).with_rates();
    lookup.set_rate("USD", Some("{\"rate\":1}"));
    lookup.send(0, "A", "USD");
    broker.kill();
    let mut program = lookup.start("program");
    program.await_line("table `rates`: waiting: the brokers `");
    broker.run().expect("the broker starts again");
    broker.await_ready(1).expect("the broker answers");
    program.await_line("is ready");
    assert_eq!(lookup.outputs(1), [r#"{"id": 0, "name": "Ann, A", "rate": 1}"#]);

    broker.kill();
    program.await_line("table `rates`: waiting: the brokers: ");
    assert!(lookup.metrics().contains("stampmill_table_ready{table=\"rates\"} 1"), "what was read stays");
    broker.run().expect("the broker starts again");
    broker.await_ready(1).expect("the broker answers");
    let sent = lookup.send_until(1, ("A", "USD"), "\"rate\": 1}");
    lookup.set_rate("USD", Some("{\"rate\":2}"));
    let sent = lookup.send_until(sent, ("A", "USD"), "\"rate\": 2}");

    client.add_partitions(&lookup.rates(), PARTITIONS as usize + 1);
    client.produce(&lookup.rates(), [TestRecord { partition: PARTITIONS, ..row("NEW", Some("{\"rate\":3}")) }]);
    lookup.send_until(sent, ("A", "NEW"), "\"rate\": 3}");
    assert_eq!(program.log().matches("read `").count(), 1, "from its beginning once: {}", program.log());
    assert_eq!(program.terminate(), 0);
}

/// Commands that run the steps have the rows, too.
pub(crate) fn people_see_the_same_rows(kafka: &Kafka) {
    let lookup = Lookup::prepared("lookup-people", &kafka.client).with_rates();
    lookup.set_rate("USD", Some("{\"rate\":1.50}"));
    lookup.send(0, "A", "USD");
    lookup.send(1, "C", "USD");
    let program = lookup.start("program").await_ready();
    assert_eq!(lookup.outputs(1).len(), 1);
    kafka.client.read_count(&lookup.scenario.dead_letters, 1);
    assert_eq!(program.terminate(), 0);

    let (code, said) = lookup.run(&["tap", "--from", "beginning", "--count", "2"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(r#"after    {"id": 0, "name": "Ann, A", "rate": 1.50}"#), "{said}");
    assert!(said.contains("fault    lookup[0]: no-row: `accounts` has no row `C`"), "{said}");

    lookup.scenario.write("accounts.csv", "id,name\nC,Cem\n");
    let (code, said) = lookup.run(&["dead-letters", "replay", "--to", "pipeline", "--execute"]);
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(lookup.outputs(2)[1], r#"{"id": 1, "name": "Cem", "rate": 1.50}"#);
}

/// A table's topic is read without a group, so that nothing has to be allowed for one.
pub(crate) fn to_read_the_topic_is_enough(kafka: &Kafka) {
    let secured = kafka.secured();
    let mut lookup = Lookup::prepared("lookup-allowed", &secured.client()).with_rates();
    let user = format!("{}-user", lookup.scenario.id);
    secured.set_scram(MECHANISM, &user, PASSWORD).expect("the user is made");
    let allow = |resource, operations: &[&str]| secured.allow(&user, resource, operations).expect("a permission");
    allow(["--topic", &lookup.scenario.input], &["Read"]);
    allow(["--topic", &lookup.scenario.output], &["Write"]);
    allow(["--topic", &lookup.scenario.dead_letters], &["Create", "Write"]);
    allow(["--group", &lookup.scenario.group], &["Read"]);
    lookup.scenario.bootstrap = secured.address(Door::Sasl).to_string();
    lookup.scenario.pipeline.connection = secured.sasl(MECHANISM, &user, PASSWORD);
    lookup.set_rate("USD", Some("{\"rate\":1}"));
    lookup.send(0, "A", "USD");
    let mut program = lookup.start("program");
    // A topic that is not shown to the user is as good as none.
    program.await_line("table `rates`: waiting: the brokers know no topic");
    allow(["--topic", &lookup.rates()], &["Read"]);
    let program = program.await_ready();
    assert_eq!(lookup.outputs(1), [r#"{"id": 0, "name": "Ann, A", "rate": 1}"#]);
    let complaints = program.log().lines().filter(|line| line.contains("table `rates`: waiting: the brokers:")).count();
    assert_eq!(complaints, 0, "{}", program.log());
    assert_eq!(program.terminate(), 0);
}
