//! Where reading starts: no record between assign and first commit is lost.

use integration_tests::acls;
use integration_tests::broker::Broker;
use integration_tests::client::TestRecord;
use integration_tests::eventually::eventually;
use integration_tests::in_flight::await_in_flight;
use integration_tests::layout::Plan;
use integration_tests::program::{self, Build};
use integration_tests::scenario::{Scenario, setup};
use integration_tests::verdict::Numbered;

use crate::kafka::Kafka;

/// With `start: latest`, what is in a new partition before anyone has noticed it is read all the same.
pub(crate) fn partitions_added_under_load(kafka: &Kafka) {
    let (before, after) = (Numbered { partitions: 2, records: 2_000 }, Numbered { partitions: 4, records: 5_000 });
    let mut scenario = setup("added", &kafka.client).with_topics(2);
    scenario.pipeline.start = "latest";
    let program = scenario.start("program").await_ready();
    kafka.client.produce(&scenario.input, before.all());
    kafka.client.add_partitions(&scenario.output, 4);
    kafka.client.add_partitions(&scenario.input, 4);
    // The first two partitions go on where they were, the others begin.
    let rest =
        after.all().filter(|record| record.partition >= 2 || !before.all().any(|sent| sent.value == record.value));
    kafka.client.produce(&scenario.input, rest);
    after.await_verdict(&scenario).assert_exact();
    assert_eq!(program.terminate(), 0);
    kafka.client.await_committed(&scenario.group, &scenario.input);
}

/// With `start: latest` and nothing committed but the start: what was in flight at the kill is read by the next.
pub(crate) fn killed_before_the_first_commit(kafka: &Kafka) {
    let numbered = Numbered { partitions: 2, records: 10_000 };
    let mut scenario = setup("first-commit", &kafka.client).with_topics(2).lingering();
    // What was there before the group has met the topic is not for it.
    kafka.client.produce(&scenario.input, (0..2).map(|partition| TestRecord::value(partition, "\"before\"")));
    scenario.pipeline.start = "latest";
    scenario.pipeline.source = "properties: { session.timeout.ms: 6000 }".into();
    scenario.pipeline.more = "commit_interval_ms: 600000".into();
    let first = scenario.start("first").await_ready();
    let load = numbered.load(&kafka.client, &scenario.input, 6);
    let in_flight = await_in_flight(&scenario, 1_000);
    first.kill();
    let committed = kafka.client.committed(&scenario.group, &scenario.input);
    assert!(committed.values().all(|offset| *offset == Some(1)), "only the start is committed: {committed:?}");
    load.finish();
    let second = scenario.start("second").await_ready();
    numbered.await_verdict_from(&scenario, 1).with_fault(in_flight).assert_survived();
    assert_eq!(second.terminate(), 0);
    kafka.client.await_committed(&scenario.group, &scenario.input);
}

/// A topic that comes to match a pattern while the program is down is read from its beginning, `latest` or not.
pub(crate) fn a_topic_that_comes_later(kafka: &Kafka) {
    let mut scenario = setup("later", &kafka.client).with_topics(1);
    scenario.pipeline.start = "latest";
    scenario.input = format!("^{}-in.*", scenario.id);
    let (first, second) = (format!("{}-in", scenario.id), format!("{}-in-2", scenario.id));
    let program = scenario.start("first").await_ready();
    kafka.client.produce(&first, [TestRecord::value(0, "1")]);
    kafka.client.read_count(&scenario.output, 1);
    assert_eq!(program.terminate(), 0);

    kafka.client.create_topic(&second, 1, &[]);
    kafka.client.produce(&second, [TestRecord::value(0, "2")]);
    let program = scenario.start("second").await_ready();
    let read = kafka.client.read_count(&scenario.output, 2);
    assert_eq!(read[1].text(), "{\"data\": 2}");
    assert_eq!(program.terminate(), 0);
}

/// A committed offset that the partition no longer has: halt says so and exits, `earliest` goes on.
pub(crate) fn an_offset_that_is_gone(kafka: &Kafka) {
    let mut scenario = setup("gone", &kafka.client).with_topics(1);
    kafka.client.produce(&scenario.input, (0..10).map(|number| TestRecord::value(0, number.to_string())));
    let program = scenario.start("first").await_ready();
    kafka.client.await_committed(&scenario.group, &scenario.input);
    assert_eq!(program.terminate(), 0);
    kafka.client.produce(&scenario.input, (10..30).map(|number| TestRecord::value(0, number.to_string())));
    kafka.client.delete_records(&scenario.input, 0, 25);

    let mut halted = scenario.start("halted");
    let line = halted.await_line("the committed offset 10 is outside of what the partition holds, 25 to 30");
    assert!(line.contains("on_offset_gap"), "{line}");
    assert_eq!(halted.exit_code(), 1);

    scenario.pipeline.source = "on_offset_gap: earliest".into();
    let mut program = scenario.start("earliest").await_ready();
    program.await_line("15 records were never read");
    let read = eventually("the rest", || {
        let read = kafka.client.read_to_end(&scenario.output);
        (read.len() == 15).then_some(read)
    });
    assert_eq!(read[10].text(), "{\"data\": 25}");
    assert_eq!(program.terminate(), 0);
}

/// Records are deleted under a program that is far behind: it goes on behind the gap, and says how many it never read.
pub(crate) fn a_gap_while_it_runs(kafka: &Kafka) {
    let mut scenario = setup("running-gap", &kafka.client).with_topics(1);
    scenario.pipeline.source = "on_offset_gap: earliest".into();
    let send = |numbers: std::ops::Range<u32>| {
        kafka.client.produce(&scenario.input, numbers.map(|number| TestRecord::value(0, number.to_string())));
    };
    let mut program = scenario.start("program").await_ready();
    send(0..10);
    kafka.client.await_committed(&scenario.group, &scenario.input);
    program.pause();
    send(10..20_000);
    kafka.client.delete_records(&scenario.input, 0, 19_990);
    program.resume();
    program.await_line("records were never read");
    let read = kafka.client.read_until(&scenario.output, |record| record.text() == "{\"data\": 19999}");
    let numbers: Vec<u32> =
        read.iter().filter_map(|record| record.text()[9..].trim_end_matches('}').parse().ok()).collect();
    assert!(numbers.is_sorted(), "in order: {numbers:?}");
    let kept: Vec<u32> = numbers.iter().copied().filter(|number| *number < 10 || *number >= 19_990).collect();
    assert_eq!(kept, (0..10).chain(19_990..20_000).collect::<Vec<_>>(), "all that was there to be read, and once");
    kafka.client.await_committed(&scenario.group, &scenario.input);
    assert_eq!(program.terminate(), 0);
}

/// What a start would find is said, and nothing made.
pub(crate) fn checked_before(kafka: &Kafka) {
    let scenario = setup("checked", &kafka.client);
    let (code, text) = check_online(&scenario);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains(&format!("the source's topic `{}` does not exist", scenario.input)), "{text}");

    let scenario = scenario.with_topics(3);
    let (code, text) = check_online(&scenario);
    assert_eq!(code, Some(0), "{text}");
    for expected in [
        &format!("{} (3 partitions); {} (3 partitions, up to ", scenario.input, scenario.output),
        "dead letters (made at the start, with 3 partitions)",
        "allowed      to read and write these topics, and to join the group",
        "memory       3 partitions: ",
        "its clusters have what it needs",
    ] {
        assert!(text.contains(expected), "{expected} is missing in:\n{text}");
    }
    assert_eq!(kafka.client.partitions(&scenario.dead_letters), None);
}

/// Of brokers that have permissions: what is denied is said before a start, with what to grant.
pub(crate) fn permissions_are_checked_before(kafka: &Kafka) {
    let version = kafka.own_version();
    let plan = Plan { proxied: true, more: acls::PROPERTIES, ..Plan::of(version) };
    let broker = Broker::start_cluster(&plan).expect("a broker").remove(0);
    let mut scenario = setup("allowed", &broker.client()).with_topics(2);
    scenario.bootstrap = format!("127.0.0.1:{}", broker.proxy.as_ref().expect("a proxy").port);
    scenario.pipeline.connection = acls::CONNECTION.into();
    let (code, text) = check_online(&scenario);
    assert!(
        code == Some(0) && text.contains("allowed      to read and write these topics, and to join the group"),
        "{text}"
    );
    acls::deny_writes(version, &broker.bootstrap, &scenario.output).expect("the permission is taken");
    let (code, text) = check_online(&scenario);
    let denied = format!("do not let this user write `{}`: grant it WRITE there", scenario.output);
    assert!(code == Some(1) && text.contains(&denied), "{text}");
    acls::allow_writes(version, &broker.bootstrap, &scenario.output).expect("the permission is given");
    let (code, text) = check_online(&scenario);
    assert_eq!(code, Some(0), "{text}");
    acls::deny_group(version, &broker.bootstrap, &scenario.group).expect("the permission is taken");
    let (code, text) = check_online(&scenario);
    assert!(
        code == Some(1) && text.contains(&format!("do not let this user join the group `{}`", scenario.group)),
        "{text}"
    );
}

fn check_online(scenario: &Scenario) -> (Option<i32>, String) {
    let mut command = program::command(Build::Plain);
    command.args(["check", "--online", "--config"]).arg(scenario.config());
    let output = program::output(command);
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code(), text)
}
