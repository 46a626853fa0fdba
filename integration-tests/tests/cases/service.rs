//! Seen and steered over HTTP, on real brokers.

use integration_tests::chaos::stream::Stream;
use integration_tests::client::TestRecord;
use integration_tests::eventually::eventually;
use integration_tests::http::Listener;
use integration_tests::program::Program;
use integration_tests::scenario::{Scenario, setup};
use integration_tests::verdict::{await_verdict_of, record};

use crate::kafka::Kafka;

const TOKEN: &str = "a-token-that-nobody-must-see";
const PASSWORD: &str = "a-password-that-nobody-must-see";
/// Stands before the C library: the time of day is a week ahead for one second, then a week behind for the next, and so on.
/// What measures durations goes on as it was.
const JUMPING_CLOCK: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
static int (*real)(clockid_t, struct timespec *);
int clock_gettime(clockid_t clock, struct timespec *at) {
    struct timespec steady;
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, at);
    if (clock != CLOCK_REALTIME || result) return result;
    real(CLOCK_MONOTONIC, &steady);
    at->tv_sec += steady.tv_sec % 2 ? 604800 : -604800;
    return 0;
}
"#;

/// A program with both listeners: its pages, and its probes.
fn start(scenario: &Scenario, name: &str) -> (Program, Listener, Listener) {
    let (admin, probes) = (Listener::free(Some(TOKEN)), Listener::free(None));
    let mut command = scenario.command();
    for setting in [
        format!("admin.listen={}", admin.address),
        format!("admin.token={TOKEN}"),
        format!("probes.listen={}", probes.address),
    ] {
        command.arg("--set").arg(setting);
    }
    let program = Program::start(command, scenario.folder.join(format!("{name}.log"))).await_ready();
    (program, admin, probes)
}

fn numbers(partitions: i32, from: u32, to: u32) -> impl Iterator<Item = TestRecord> {
    (from..to).flat_map(move |number| (0..partitions).map(move |of| TestRecord::value(of, number.to_string())))
}

/// A partition is paused, sent back, and goes on, in transactions and without: what comes again is what was asked for.
pub(crate) fn a_partition_is_sent_back(kafka: &Kafka) {
    for delivery in ["at_least_once", "exactly_once"] {
        let mut scenario = setup("steered", &kafka.client).with_topics(2);
        scenario.pipeline.more = format!("delivery: {delivery}");
        // Nobody asks for it here, but everything might tell it.
        scenario.write("secret", PASSWORD);
        scenario.pipeline.connection = "client.rack: ${file:secret}".into();
        kafka.client.produce(&scenario.input, numbers(2, 0, 200));
        let (program, admin, probes) = start(&scenario, "program");
        let place = format!("\"topic\": \"{}\", \"partition\": 0", scenario.input);
        let post = |what: &str, body: String| {
            let answer = admin.post(&format!("/api/pipelines/under-test/{what}"), &body).expect("an answer");
            assert_eq!(answer.status, 200, "{delivery}: {what}: {}", answer.body);
        };
        assert_eq!(kafka.client.read_count(&scenario.output, 400).len(), 400);

        post("pause", format!("{{ {place} }}"));
        kafka.client.produce(&scenario.input, numbers(2, 200, 210));
        assert_eq!(kafka.client.read_count(&scenario.output, 410).len(), 410, "the other goes on");
        post("seek", format!("{{ {place}, \"to\": {{ \"offset\": 150 }} }}"));
        let committed = kafka.client.committed(&scenario.group, &scenario.input);
        assert_eq!(committed[&0], Some(150), "{delivery}: the new place is committed before anything is read there");
        post("resume", format!("{{ {place} }}"));
        let read = kafka.client.read_count(&scenario.output, 470);
        let of_first: Vec<String> = read.iter().filter(|record| record.partition == 0).map(TestRecord::text).collect();
        let expected: Vec<String> = (0..200).chain(150..210).map(|number| format!("{{\"data\": {number}}}")).collect();
        assert_eq!(of_first, expected, "{delivery}");
        kafka.client.await_committed(&scenario.group, &scenario.input);
        post("drain", "{}".into());

        assert_eq!(probes.get("/readyz").expect("an answer").status, 200, "a pause is no fault");
        let pipelines = admin.get("/api/pipelines").expect("an answer");
        assert_eq!(pipelines.json()["pipelines"][0]["counts"]["records_out"], 470);
        let metrics = probes.get("/metrics").expect("an answer");
        assert!(metrics.body.contains("stampmill_records_out_total{pipeline=\"under-test\"} 470"), "{}", metrics.body);
        let log = program.log();
        assert_eq!(program.terminate(), 0);
        for shown in [&log, &pipelines.body, &metrics.body] {
            assert!(!shown.contains(TOKEN) && !shown.contains(PASSWORD));
        }
        assert_eq!(log.matches("stampmill::audit").count(), 4, "{log}");
    }
}

/// Series of a partition go with it.
pub(crate) fn metrics_follow_the_assignment(kafka: &Kafka) {
    let scenario = setup("watched", &kafka.client).with_topics(4);
    kafka.client.produce(&scenario.input, numbers(4, 0, 50));
    let (first, _, probes) = start(&scenario, "first");
    let lags = || {
        let body = probes.get("/metrics").expect("an answer").body;
        body.lines().filter(|line| line.starts_with("stampmill_partition_lag_records{")).count()
    };
    eventually("a series for each partition", || (lags() == 4).then_some(()));
    let (second, ..) = start(&scenario, "second");
    eventually("those that are left", || (lags() == 2).then_some(()));
    assert_eq!(second.terminate(), 0);
    eventually("all again", || (lags() == 4).then_some(()));
    assert_eq!(first.terminate(), 0);
}

/// The program's own command, run by a shell that does something first.
fn by_shell(scenario: &Scenario, script: &str, listeners: [(&str, &Listener); 2]) -> std::process::Command {
    let (inner, mut command) = (scenario.command(), std::process::Command::new("sh"));
    command.arg("-c").arg(script).arg(inner.get_program()).args(inner.get_args());
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    for (name, listener) in listeners {
        command.args(["--set", &format!("{name}.listen={}", listener.address)]);
    }
    command.current_dir(&scenario.folder);
    command
}

/// Its log goes to a disk that is full, a line for each record.
pub(crate) fn a_full_disk_holds_no_record_up(kafka: &Kafka) {
    let mut scenario = setup("full-disk", &kafka.client).with_topics(2);
    scenario.pipeline.transforms = format!("- log: '{{{{payload}}}}'\n{}", scenario.pipeline.transforms);
    kafka.client.produce(&scenario.input, numbers(2, 0, 1_000));
    let (admin, probes) = (Listener::free(Some(TOKEN)), Listener::free(None));
    let listeners = [("admin", &admin), ("probes", &probes)];
    let command = by_shell(&scenario, "exec \"$0\" \"$@\" 2>/dev/full", listeners);
    let program = Program::start(command, scenario.folder.join("program.log"));
    assert_eq!(kafka.client.read_count(&scenario.output, 2_000).len(), 2_000);
    eventually("it to be ready", || probes.get("/readyz").ok().filter(|answer| answer.status == 200));
    kafka.client.await_committed(&scenario.group, &scenario.input);
    assert_eq!(program.terminate(), 0);
}

/// Records, commits and probes go on, whatever the time of day.
pub(crate) fn a_clock_that_jumps_holds_no_record_up(kafka: &Kafka) {
    for delivery in ["at_least_once", "exactly_once"] {
        let mut scenario = setup("clock", &kafka.client).with_topics(2);
        scenario.pipeline.more = format!("delivery: {delivery}");
        let (source, library) = (scenario.write("clock.c", JUMPING_CLOCK), scenario.folder.join("clock.so"));
        let compiled =
            std::process::Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source).status();
        assert!(compiled.is_ok_and(|status| status.success()), "a C compiler, as the build needs it");
        let (admin, probes) = (Listener::free(Some(TOKEN)), Listener::free(None));
        let mut command = by_shell(&scenario, "exec \"$0\" \"$@\"", [("admin", &admin), ("probes", &probes)]);
        command.env("LD_PRELOAD", &library);
        let program = Program::start(command, scenario.folder.join("program.log")).await_ready();
        let mut stream = Stream::start(&kafka.client, &scenario.input, 2, 0, record);
        eventually("six seconds of records", || {
            let delivered: i64 = kafka.client.known_ends(&scenario.output).values().sum();
            (delivered > 6_000).then_some(())
        });
        assert_eq!(probes.get("/readyz").expect("an answer").status, 200);
        assert_eq!(probes.get("/metrics").expect("an answer").status, 200);
        assert_eq!(admin.get("/api/pipelines").expect("an answer").status, 200);
        let sent = stream.finish();
        let verdict = await_verdict_of(&scenario, &sent, 0);
        assert_eq!((verdict.lost, verdict.duplicated, verdict.reordered), (0, 0, 0), "{delivery}: {verdict}");
        kafka.client.await_committed(&scenario.group, &scenario.input);
        let mut days = std::collections::BTreeSet::new();
        eventually("the clock to jump", || {
            let now = admin.get("/api/pipelines").expect("an answer").json()["now"].to_string();
            days.insert(now.get(1..11).map(str::to_owned));
            (days.len() > 1).then_some(())
        });
        assert_eq!(program.terminate(), 0);
    }
}

/// Requests beyond what the program may have open are refused or wait; the records go on.
pub(crate) fn few_files_hold_no_record_up(kafka: &Kafka) {
    let scenario = setup("few-files", &kafka.client).with_topics(2);
    let (admin, probes) = (Listener::free(Some(TOKEN)), Listener::free(None));
    let listeners = [("admin", &admin), ("probes", &probes)];
    // The shell's own limit goes on to what it becomes.
    let command = by_shell(&scenario, "ulimit -n 64; exec \"$0\" \"$@\"", listeners);
    let program = Program::start(command, scenario.folder.join("program.log")).await_ready();
    let held: Vec<_> = (0..100).filter_map(|_| std::net::TcpStream::connect(admin.address).ok()).collect();
    kafka.client.produce(&scenario.input, numbers(2, 0, 1_000));
    assert_eq!(kafka.client.read_count(&scenario.output, 2_000).len(), 2_000);
    drop(held);
    eventually("the probes to answer", || probes.get("/readyz").ok().filter(|answer| answer.status == 200));
    kafka.client.await_committed(&scenario.group, &scenario.input);
    assert_eq!(program.terminate(), 0);
}
