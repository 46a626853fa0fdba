//! Who was let in, and is no longer, while records flow: not ready with the reason, and back by itself with nothing lost.

use integration_tests::chaos::stream::Stream;
use integration_tests::eventually::eventually;
use integration_tests::scenario::{Scenario, setup};
use integration_tests::secured::{Behind, Door, PASSWORD, Secured, USER};
use integration_tests::verdict::{await_verdict_of, record};

use super::{Probed, by_door};
use crate::kafka::Kafka;

const PARTITIONS: i32 = 2;
/// Connections are tried again soon, and partitions that do not move are missed soon.
const QUICK: &str = "reconnect.backoff.max.ms: 1000\n";

struct Flow {
    scenario: Scenario,
    stream: Stream,
    probed: Probed,
    before: usize,
}

impl Flow {
    fn start(mut scenario: Scenario) -> Self {
        scenario.pipeline.connection.push_str(QUICK);
        let stream = Stream::start(&scenario.client, &scenario.input, PARTITIONS, 0, record);
        let mut probed = Probed::start(&scenario);
        probed.await_ready();
        let mut flow = Self { scenario, stream, probed, before: 0 };
        flow.await_progress();
        flow
    }

    fn delivered(&self) -> usize {
        self.scenario.client.known_ends(&self.scenario.output).values().map(|end| *end as usize).sum()
    }

    /// Waits until records are delivered that were not before.
    fn await_progress(&mut self) {
        let before = self.delivered();
        self.before = eventually("records to be delivered", || {
            let now = self.delivered();
            (now > before + 100).then_some(now)
        });
    }

    /// Ready again, and records flow.
    fn await_back(&mut self) {
        self.probed.await_ready();
        self.await_progress();
    }

    /// Nothing was lost, and no secret told.
    fn finish(mut self, secrets: &[&str]) {
        let sent = self.stream.finish();
        await_verdict_of(&self.scenario, &sent, 0).assert_at_least_once();
        let log = self.probed.program.log();
        secrets.iter().for_each(|secret| assert!(!log.contains(secret), "a secret is in the log"));
        self.probed.assert_calm();
        assert_eq!(self.probed.program.terminate(), 0);
    }
}

/// The broker's certificate is over, of a stranger, for another host; and the broker no longer takes the program's.
pub(crate) fn certificates_go_wrong(kafka: &Kafka) {
    let secured = kafka.secured();
    let mut scenario = setup("certificates", &secured.client()).with_topics(PARTITIONS);
    scenario.bootstrap = format!("127.0.0.1:{}", secured.proxy().port);
    scenario.pipeline.connection = secured.mutual();
    let mut flow = Flow::start(scenario);
    for (behind, words) in [
        (Behind::Expired, &["certificate has expired"][..]),
        (Behind::Stranger, &["`ssl.ca.location` has to name who issued it"]),
        (Behind::Elsewhere, &["IP address mismatch"]),
        (Behind::Untrusting, &["certificate of this client"]),
    ] {
        secured.put_behind_proxy(behind);
        println!("{behind:?}: {}", flow.probed.await_reason(words));
        secured.put_behind_proxy(Behind::Good);
        flow.await_back();
    }
    flow.finish(&["PRIVATE KEY"]);
}

/// The password of a user is changed, and changed back. A connection has to say who it is every few seconds.
pub(crate) fn a_password_is_changed(kafka: &Kafka) {
    const MECHANISM: &str = "SCRAM-SHA-256";
    let secured = kafka.secured();
    let scenario = setup("changed", &secured.client()).with_topics(PARTITIONS);
    secured.client().create_topic(&scenario.dead_letters, 1, &[]);
    let user = format!("{}-user", scenario.id);
    secured.set_scram(MECHANISM, &user, PASSWORD).expect("the user is made");
    allow_all(&secured, &user, &scenario);
    let scenario = by_door(scenario, &secured, Door::Reauth, &secured.sasl(MECHANISM, &user, PASSWORD));
    let mut flow = Flow::start(scenario);
    secured.set_scram(MECHANISM, &user, "another-password").expect("the password is changed");
    println!("{}", flow.probed.await_reason(&["`sasl.password`"]));
    secured.set_scram(MECHANISM, &user, PASSWORD).expect("the password is changed back");
    flow.await_back();
    flow.finish(&[PASSWORD]);
}

/// The same for PLAIN, whose passwords a broker reads when it starts.
pub(crate) fn a_broker_comes_back_with_another_password(kafka: &Kafka) {
    const OTHER: &str = "another-password";
    let mut secured = kafka.own_secured();
    let scenario = setup("plain", &secured.client()).with_topics(PARTITIONS);
    let scenario = by_door(scenario, &secured, Door::Sasl, &secured.sasl("PLAIN", USER, PASSWORD));
    let mut flow = Flow::start(scenario);
    secured.set_plain(PASSWORD, OTHER).expect("the broker starts with another password");
    println!("{}", flow.probed.await_reason(&["`sasl.password`"]));
    secured.set_plain(OTHER, PASSWORD).expect("the broker starts with the old password");
    flow.await_back();
    flow.finish(&[PASSWORD]);
}

/// Permissions are taken one by one, and given back.
pub(crate) fn permissions_are_taken(kafka: &Kafka) {
    const MECHANISM: &str = "SCRAM-SHA-512";
    let secured = kafka.secured();
    let scenario = setup("taken", &secured.client()).with_topics(PARTITIONS);
    secured.client().create_topic(&scenario.dead_letters, 1, &[]);
    let user = format!("{}-user", scenario.id);
    secured.set_scram(MECHANISM, &user, PASSWORD).expect("the user is made");
    allow_all(&secured, &user, &scenario);
    let (input, output, group) = (scenario.input.clone(), scenario.output.clone(), scenario.group.clone());
    let scenario = by_door(scenario, &secured, Door::Sasl, &secured.sasl(MECHANISM, &user, PASSWORD));
    let mut flow = Flow::start(scenario);
    for (resource, operation) in
        [(["--topic", &output], "Write"), (["--topic", &input], "Read"), (["--group", &group], "Read")]
    {
        secured.revoke(&user, resource, &[operation]).expect("the permission is taken");
        println!("{operation}: {}", flow.probed.await_reason(&[resource[1]]));
        secured.allow(&user, resource, &[operation]).expect("the permission is given back");
        flow.await_back();
    }
    flow.finish(&[PASSWORD]);
}

fn allow_all(secured: &Secured, user: &str, scenario: &Scenario) {
    for (resource, operation) in [
        (["--topic", &scenario.input], "Read"),
        (["--topic", &scenario.output], "Write"),
        (["--topic", &scenario.dead_letters], "Write"),
        (["--group", &scenario.group], "Read"),
    ] {
        secured.allow(user, resource, &[operation]).expect("a permission");
    }
}
