//! A record's trace goes on in what is made of it.

use integration_tests::client::TestRecord;
use integration_tests::collector::Collector;
use integration_tests::eventually::eventually;
use integration_tests::program::Program;
use integration_tests::scenario::setup;

use crate::kafka::Kafka;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SENDER: &str = "00f067aa0ba902b7";

pub(crate) fn a_trace_is_carried_on(kafka: &Kafka) {
    let collector = Collector::start().expect("a collector");
    let scenario = setup("traces", &kafka.client).with_topics(1);
    let with = |value: &str, header: &str| TestRecord {
        headers: vec![("other".into(), Some(b"stays".to_vec())), ("traceparent".into(), Some(header.into()))],
        ..TestRecord::value(0, value)
    };
    let plain = TestRecord::value(0, "3");
    let (sampled, not_sampled) = (format!("00-{TRACE}-{SENDER}-01"), format!("00-{TRACE}-{SENDER}-00"));
    kafka.client.produce(&scenario.input, [with("1", &sampled), with("2", &not_sampled), plain, with("{", &sampled)]);
    let mut command = scenario.command();
    command.arg("--set").arg(format!("traces.endpoint={}", collector.endpoint));
    let program = Program::start(command, scenario.folder.join("program.log")).await_ready();

    let out = kafka.client.read_count(&scenario.output, 3);
    let header = out[0].header("traceparent").expect("a trace");
    let (trace, span) = (header[3..35].to_owned(), header[36..52].to_owned());
    assert_eq!((trace.as_str(), out[0].header("other").as_deref()), (TRACE, Some("stays")));
    assert_ne!(span, SENDER, "what was sent hangs below its sending");
    assert_eq!(out[0].headers.iter().filter(|(name, _)| name == "traceparent").count(), 1);
    assert_eq!(out[1].header("traceparent"), Some(not_sampled), "what is not sampled is passed on as it came");
    assert_eq!(out[2].header("traceparent"), None);
    let dead = kafka.client.read_count(&scenario.dead_letters, 1);
    assert_eq!(dead[0].header("traceparent"), Some(sampled), "a dead letter keeps the original");

    let spans = eventually("the spans of two records", || Some(collector.spans()).filter(|spans| spans.len() >= 6));
    assert_eq!(spans.len(), 6, "{spans:?}");
    assert!(spans.iter().all(|span| span["traceId"] == TRACE));
    let named =
        |kind: &str| spans.iter().filter(move |span| span["name"].as_str().is_some_and(|name| name.starts_with(kind)));
    let poll = named("poll").next().expect("a span of the reading");
    assert_eq!(poll["parentSpanId"], SENDER);
    assert!(named("send").any(|send| send["spanId"] == *span && send["parentSpanId"] == poll["spanId"]));
    assert_eq!(named("render").filter(|span| span["status"]["code"] == 2).count(), 1, "the one that failed");
    assert_eq!(program.terminate(), 0);
}

/// Nobody takes the spans: the records go on, and the log says so once.
pub(crate) fn a_collector_that_is_away_holds_nothing_up(kafka: &Kafka) {
    let scenario = setup("untraced", &kafka.client).with_topics(1);
    kafka.client.produce(&scenario.input, (0..2_000).map(|number| TestRecord::value(0, number.to_string())));
    let mut command = scenario.command();
    command.args(["--set", "traces.endpoint=http://127.0.0.1:1/v1/traces", "--set", "traces.one_in=1"]);
    let mut program = Program::start(command, scenario.folder.join("program.log")).await_ready();
    assert_eq!(kafka.client.read_count(&scenario.output, 2_000).len(), 2_000);
    program.await_line("does not take spans");
    kafka.client.await_committed(&scenario.group, &scenario.input);
    assert_eq!(program.terminate(), 0);
}
