//! What a user has to be allowed: exactly this.

use integration_tests::client::TestRecord;
use integration_tests::scenario::setup;
use integration_tests::secured::{Door, PASSWORD};
use integration_tests::verdict::Numbered;

use super::{Probed, by_door};
use crate::kafka::Kafka;

const MECHANISM: &str = "SCRAM-SHA-512";

/// The list of `docs/src/security.md`, for each guarantee: with it everything works, dead letters included.
pub(crate) fn these_are_enough(kafka: &Kafka) {
    let secured = kafka.secured();
    for delivery in ["at_least_once", "exactly_once"] {
        let mut scenario = setup("allowed", &secured.client()).with_topics(2);
        scenario.pipeline.more = format!("delivery: {delivery}");
        let user = format!("{}-user", scenario.id);
        secured.set_scram(MECHANISM, &user, PASSWORD).expect("the user is made");
        let allow = |resource, operations: &[&str]| secured.allow(&user, resource, operations).expect("a permission");
        allow(["--topic", &scenario.input], &["Read"]);
        allow(["--topic", &scenario.output], &["Write"]);
        // It makes the topic itself.
        allow(["--topic", &scenario.dead_letters], &["Create", "Write"]);
        allow(["--group", &scenario.group], &["Read"]);
        if delivery == "exactly_once" {
            let prefix = format!("stampmill-{}-", scenario.group);
            secured.allow_prefixed(&user, ["--transactional-id", &prefix], &["Write"]).expect("a permission");
        }
        let scenario = by_door(scenario, &secured, Door::Sasl, &secured.sasl(MECHANISM, &user, PASSWORD));
        let numbered = Numbered { partitions: 2, records: 200 };
        scenario.client.produce(&scenario.input, numbered.all());
        let mut probed = Probed::start(&scenario);
        // It may not read the sink's configuration, and that is said as what it is.
        probed.program.await_line("cannot be read (TopicAuthorizationFailed");
        probed.await_ready();
        numbered.await_verdict(&scenario).assert_exact();
        scenario.client.produce(&scenario.input, [TestRecord::value(0, "no json")]);
        scenario.client.read_count(&scenario.dead_letters, 1);
        scenario.client.await_committed(&scenario.group, &scenario.input);
        assert_eq!(probed.program.terminate(), 0, "{delivery}");
    }
}
