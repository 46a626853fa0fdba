//! Sends spans to a collector, as OTLP in JSON over HTTP.
//!
//! By hand, for that is one request with one object: the OpenTelemetry crates would bring an HTTP stack of their own.
//! (OpenTelemetry Protocol 1.x, "OTLP/HTTP", JSON: ids in hex, 64-bit numbers as texts. Names of attributes by the semantic
//! conventions for messaging.)

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use stampmill_core::repeats::Repeats;
use stampmill_core::trace_context::digits;
use stampmill_engine::traces::{Receiver, Span, SpanKind, Tracer};
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};

use crate::config::Traces;

/// Ends when it is told to, with what is left sent.
pub(crate) struct Exporter {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

struct Collector {
    settings: Traces,
    agent: ureq::Agent,
    tracer_left_out: Box<dyn Fn() -> u64 + Send>,
    lost: u64,
    complaints: Repeats,
}

/// Spans in a request, at about the most, and how long the first of them waits.
const MOST: usize = 1_500;
const LINGER: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(50);
/// For a collector to answer. Meanwhile spans wait, and are left out when too many do.
const ANSWER: Duration = Duration::from_secs(5);
const BETWEEN_COMPLAINTS: Duration = Duration::from_secs(60);

// === impl Exporter ===

impl Exporter {
    pub(crate) fn start(settings: Traces) -> std::io::Result<(Tracer, Self)> {
        let (tracer, spans) = Tracer::new(settings.one_in);
        let counted = tracer.counts();
        let tls = TlsConfig::builder().provider(TlsProvider::NativeTls).root_certs(RootCerts::PlatformVerifier).build();
        let config = ureq::Agent::config_builder().timeout_global(Some(ANSWER)).tls_config(tls).build();
        let (agent, tracer_left_out) = (ureq::Agent::new_with_config(config), Box::new(counted));
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let collector =
            Collector { settings, agent, tracer_left_out, lost: 0, complaints: Repeats::new(BETWEEN_COMPLAINTS) };
        let thread =
            std::thread::Builder::new().name("traces".into()).spawn(move || collector.run(&spans, &stopped))?;
        Ok((tracer, Self { stop, thread }))
    }

    /// To be called when the pipelines have ended.
    pub(crate) fn finish(self) {
        self.stop.store(true, Ordering::Release);
        if self.thread.join().is_err() {
            log::error!("the thread that sends spans had panicked");
        }
    }
}

// === impl Collector ===

impl Collector {
    fn run(mut self, spans: &Receiver<Vec<Span>>, stopped: &AtomicBool) {
        let (mut batch, mut due) = (Vec::new(), Instant::now());
        loop {
            // Asked first: what was told before the stop is here then.
            let is_last = stopped.load(Ordering::Acquire);
            match spans.recv_timeout(LOOK) {
                Ok(more) if batch.is_empty() => (batch, due) = (more, Instant::now() + LINGER),
                Ok(more) => batch.extend(more),
                Err(RecvTimeoutError::Timeout) if !is_last => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
            if batch.len() >= MOST || (!batch.is_empty() && Instant::now() >= due) {
                self.send(&std::mem::take(&mut batch));
            }
        }
        if !batch.is_empty() {
            self.send(&batch);
        }
    }

    fn send(&mut self, batch: &[Span]) {
        let body = request(&self.settings.service, batch).to_string();
        let sent = self.agent.post(&self.settings.endpoint).header("content-type", "application/json").send(&body);
        if let Err(error) = sent {
            self.lost += batch.len() as u64;
            self.complain(&error.to_string());
        }
    }

    fn complain(&mut self, error: &str) {
        if self.complaints.admit(1, Instant::now()).is_some() {
            let (endpoint, lost, left_out) = (&self.settings.endpoint, self.lost, (self.tracer_left_out)());
            log::warn!(
                "traces: `{endpoint}` does not take spans: {error}; {lost} are lost so far, and {left_out} were left out \
                 before; records are not held up"
            );
        }
    }
}

fn request(service: &str, spans: &[Span]) -> Value {
    let spans: Vec<Value> = spans.iter().map(span).collect();
    let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    json!({ "resourceSpans": [{
        "resource": { "attributes": [text("service.name", service), text("service.version", version)] },
        "scopeSpans": [{ "scope": { "name": name, "version": version }, "spans": spans }],
    }] })
}

fn span(span: &Span) -> Value {
    let place = &span.place;
    // As OTLP numbers them: 1 internal, 4 producer, 5 consumer.
    let (name, kind, operation, topic) = match span.kind {
        SpanKind::Consume => (format!("poll {}", place.topic), 5, "poll", &place.topic),
        SpanKind::Render => (format!("render {}", place.pipeline), 1, "process", &place.topic),
        SpanKind::Produce => (format!("send {}", place.sink), 4, "send", &place.sink),
    };
    let mut attributes = vec![
        text("messaging.system", "kafka"),
        text("messaging.operation.name", operation),
        text("messaging.destination.name", topic),
        text("messaging.consumer.group.name", &place.group),
        text("stampmill.pipeline", &place.pipeline),
        text("stampmill.source.topic", &place.topic),
        number("stampmill.source.partition", place.partition.into()),
        number("stampmill.source.offset", place.offset),
    ];
    if span.kind == SpanKind::Consume {
        attributes.push(text("messaging.destination.partition.id", &place.partition.to_string()));
        attributes.push(number("messaging.kafka.offset", place.offset));
    }
    // 2 is an error, 0 is nothing said.
    let status = span.error.as_ref().map_or(json!({}), |error| json!({ "code": 2, "message": error }));
    let mut object = json!({
        "traceId": digits(&span.trace),
        "spanId": digits(&span.id),
        "name": name,
        "kind": kind,
        "startTimeUnixNano": nanoseconds(span.start),
        "endTimeUnixNano": nanoseconds(span.end),
        "attributes": attributes,
        "status": status,
    });
    if let Some(parent) = span.parent {
        object["parentSpanId"] = digits(&parent).into();
    }
    object
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

fn number(key: &str, value: i64) -> Value {
    json!({ "key": key, "value": { "intValue": value.to_string() } })
}

fn nanoseconds(at: SystemTime) -> String {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().to_string()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use stampmill_engine::traces::SpanPlace;

    use super::*;

    fn spans() -> Vec<Span> {
        let (pipeline, group, topic, sink) = ("p\"".into(), "g".into(), "in".into(), "out".into());
        let place = Arc::new(SpanPlace { pipeline, group, topic, partition: 3, offset: i64::MAX, sink });
        let start = UNIX_EPOCH + Duration::from_millis(1_500);
        let span = Span {
            kind: SpanKind::Consume,
            trace: [1; 16],
            id: [2; 8],
            parent: None,
            start,
            end: start,
            place,
            error: None,
        };
        let produce =
            Span { kind: SpanKind::Produce, parent: Some([2; 8]), id: [3; 8], error: Some("e".into()), ..span.clone() };
        vec![span, produce]
    }

    #[test]
    fn a_request_is_as_otlp_has_it() {
        let request = request("mill", &spans());
        let of_resource = &request["resourceSpans"][0];
        assert_eq!(of_resource["resource"]["attributes"][0], text("service.name", "mill"));
        let spans = &of_resource["scopeSpans"][0]["spans"];
        assert_eq!((&spans[0]["traceId"], &spans[0]["parentSpanId"]), (&"01".repeat(16).into(), &Value::Null));
        assert_eq!((&spans[0]["name"], &spans[0]["kind"]), (&"poll in".into(), &5.into()));
        assert_eq!(spans[0]["startTimeUnixNano"], "1500000000");
        assert_eq!((&spans[1]["parentSpanId"], &spans[1]["status"]["code"]), (&"02".repeat(8).into(), &2.into()));
        let offset = number("messaging.kafka.offset", i64::MAX);
        assert!(spans[0]["attributes"].as_array().is_some_and(|attributes| attributes.contains(&offset)));
    }

    /// One connection, whose request is taken and answered.
    fn take_one(listener: &TcpListener, status: &str) -> String {
        let (mut connection, _) = listener.accept().expect("a connection");
        let (mut request, mut piece) = (Vec::new(), [0; 4096]);
        loop {
            let read = connection.read(&mut piece).expect("a request");
            request.extend_from_slice(&piece[..read]);
            let text = String::from_utf8_lossy(&request).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.to_lowercase().split_once("content-length: ").map(|(_, rest)| rest.to_owned());
            let length = length.and_then(|rest| rest.lines().next()?.parse::<usize>().ok()).expect("a length");
            if body.len() >= length {
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}");
                connection.write_all(answer.as_bytes()).expect("an answer");
                return text;
            }
        }
    }

    #[test]
    fn a_collector_that_refuses_spans_gets_the_next_ones_too() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let endpoint = format!("http://{}/v1/traces", listener.local_addr().expect("an address"));
        let settings = Traces { endpoint, one_in: 0, service: "mill".into() };
        let (tracer, exporter) = Exporter::start(settings).expect("a thread");
        for status in ["503 Service Unavailable", "200 OK"] {
            tracer.tell(spans());
            let request = take_one(&listener, status);
            assert!(
                request.starts_with("POST /v1/traces HTTP/1.1\r\n") && request.contains("\"poll in\""),
                "{request}"
            );
        }
        // A tracer that lives on holds nothing up.
        exporter.finish();
    }
}
