//! Spans of the records that are traced: read, rendered, sent.
//!
//! A record is traced where its own `traceparent` says that it is sampled, or where it is one in so many that begin a trace
//! here. What goes out carries on its trace from the span of its sending. Spans are told when the record is settled, so one
//! that comes twice is told twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::time::{Duration, SystemTime};

pub use std::sync::mpsc::Receiver;

use stampmill_core::record::Record;
use stampmill_core::trace_context::{TRACEPARENT, TraceContext};

/// Where spans go; clones go to the same place.
#[derive(Clone, Debug)]
pub struct Tracer {
    spans: SyncSender<Vec<Span>>,
    /// Of records without a trace, one in so many begins one; 0 for none.
    one_in: u64,
    seen: Arc<AtomicU64>,
    left_out: Arc<AtomicU64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    Consume,
    Render,
    Produce,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    pub kind: SpanKind,
    pub trace: [u8; 16],
    pub id: [u8; 8],
    /// None for the first of a trace.
    pub parent: Option<[u8; 8]>,
    pub start: SystemTime,
    pub end: SystemTime,
    pub place: Arc<SpanPlace>,
    /// Why the record could not be processed.
    pub error: Option<String>,
}

/// The record that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpanPlace {
    pub pipeline: String,
    pub group: String,
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub sink: String,
}

/// The traced records of a batch, in the order of their places.
pub(crate) struct Traced {
    pub(crate) tracer: Tracer,
    pub(crate) records: Vec<Trace>,
}

pub(crate) struct Trace {
    /// In the batch.
    pub(crate) place: usize,
    pub(crate) header: String,
    context: TraceContext,
    parent: Option<[u8; 8]>,
    consume: [u8; 8],
    render: [u8; 8],
    began: SystemTime,
    rendered: SystemTime,
    about: Arc<SpanPlace>,
    error: Option<String>,
}

/// Batches' worth of spans that may wait. Beyond that they are left out and counted: no record waits for a trace.
const WAITING: usize = 1_000;

// === impl Tracer ===

impl Tracer {
    pub fn new(one_in: u64) -> (Self, Receiver<Vec<Span>>) {
        let (spans, receiver) = sync_channel(WAITING);
        (Self { spans, one_in, seen: Arc::default(), left_out: Arc::default() }, receiver)
    }

    /// How many spans were left out because nobody took those before them, also when the tracer is gone.
    pub fn counts(&self) -> impl Fn() -> u64 + Send + 'static {
        let left_out = Arc::clone(&self.left_out);
        move || left_out.load(Ordering::Relaxed)
    }

    /// Begins at the record's rendering.
    pub(crate) fn begin(&self, record: &Record<'_>, place: usize, about: impl FnOnce() -> SpanPlace) -> Option<Trace> {
        let carried = record.headers.last(TRACEPARENT).flatten().and_then(TraceContext::parse);
        let (trace, parent) = match carried {
            Some(TraceContext { trace, span, sampled: true }) => (trace, Some(span)),
            Some(_) => return None,
            None if self.begins_one() => (random()?, None),
            None => return None,
        };
        let (consume, render, produce) = (random()?, random()?, random()?);
        let context = TraceContext { trace, span: produce, sampled: true };
        let (header, now) = (context.header(), SystemTime::now());
        let about = Arc::new(about());
        Some(Trace { place, header, context, parent, consume, render, began: now, rendered: now, about, error: None })
    }

    fn begins_one(&self) -> bool {
        self.one_in > 0 && self.seen.fetch_add(1, Ordering::Relaxed).is_multiple_of(self.one_in)
    }

    /// Leaves them out where too many wait.
    pub fn tell(&self, spans: Vec<Span>) {
        let count = spans.len() as u64;
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = self.spans.try_send(spans) {
            self.left_out.fetch_add(count, Ordering::Relaxed);
        }
    }
}

/// Not all zeros, for those mean none; `None` where the system has no randomness.
fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).ok()?;
    bytes[N - 1] |= 1;
    Some(bytes)
}

// === impl Trace ===

impl Trace {
    pub(crate) fn rendered(mut self, error: Option<String>) -> Self {
        (self.rendered, self.error) = (SystemTime::now(), error);
        self
    }

    fn spans(&self, read: SystemTime, settled: SystemTime) -> [Span; 3] {
        let span = |kind, id, parent, start: SystemTime, end: SystemTime, error: Option<&String>| Span {
            kind,
            trace: self.context.trace,
            id,
            parent,
            start,
            // The clock may have been set back meanwhile.
            end: end.max(start),
            place: Arc::clone(&self.about),
            error: error.cloned(),
        };
        let (error, of_consume) = (self.error.as_ref(), Some(self.consume));
        [
            span(SpanKind::Consume, self.consume, self.parent, read, self.began, None),
            span(SpanKind::Render, self.render, of_consume, self.began, self.rendered, error),
            span(SpanKind::Produce, self.context.span, of_consume, self.rendered, settled, error),
        ]
    }
}

// === impl Traced ===

impl Traced {
    pub(crate) fn header(&self, place: usize) -> Option<&str> {
        let found = self.records.binary_search_by_key(&place, |trace| trace.place).ok()?;
        Some(&self.records[found].header)
    }

    /// Its batch was read so long ago, and is settled now.
    pub(crate) fn settled(&self, since_read: Duration) {
        let now = SystemTime::now();
        let read = now.checked_sub(since_read).unwrap_or(now);
        self.tracer.tell(self.records.iter().flat_map(|trace| trace.spans(read, now)).collect());
    }
}

#[cfg(test)]
mod tests {
    use stampmill_core::record::{Batch, Offset};

    use super::*;

    const CARRIED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn place() -> SpanPlace {
        let text = String::new;
        SpanPlace { pipeline: text(), group: text(), topic: text(), partition: 0, offset: 0, sink: text() }
    }

    fn batch(header: Option<&str>) -> Batch {
        let mut batch = Batch::new(Arc::from("t"), 0);
        batch.push(Offset::new(0), None, None, Some(b"1"));
        header.into_iter().for_each(|value| batch.push_header(TRACEPARENT.as_bytes(), Some(value.as_bytes())));
        batch
    }

    #[test]
    fn a_trace_is_carried_on_and_its_spans_hang_together() {
        let (tracer, spans) = Tracer::new(0);
        let batch = batch(Some(CARRIED));
        let trace = tracer.begin(&batch.record(0), 0, place).expect("is sampled").rendered(None);
        let carried = TraceContext::parse(CARRIED.as_bytes()).expect("is one");
        let out = TraceContext::parse(trace.header.as_bytes()).expect("is one");
        assert_eq!((out.trace, out.sampled), (carried.trace, true));
        Traced { tracer, records: vec![trace] }.settled(Duration::from_millis(5));
        let spans = spans.recv().expect("three spans");
        let kinds: Vec<_> = spans.iter().map(|span| span.kind).collect();
        assert_eq!(kinds, [SpanKind::Consume, SpanKind::Render, SpanKind::Produce]);
        assert_eq!(spans[0].parent, Some(carried.span));
        assert!(spans[1..].iter().all(|span| span.parent == Some(spans[0].id) && span.trace == carried.trace));
        assert_eq!(spans[2].id, out.span, "who reads it goes on from its sending");
        assert!(spans.iter().all(|span| span.start <= span.end));
    }

    #[test]
    fn only_what_is_sampled_is_traced() {
        let (tracer, _spans) = Tracer::new(0);
        for header in [None, Some("nonsense"), Some(&*CARRIED.replace("-01", "-00"))] {
            assert!(tracer.begin(&batch(header).record(0), 0, place).is_none(), "{header:?}");
        }
        let (tracer, _spans) = Tracer::new(3);
        let plain = batch(None);
        let begun = (0..9).filter(|_| tracer.begin(&plain.record(0), 0, place).is_some()).count();
        assert_eq!(begun, 3);
    }

    #[test]
    fn spans_that_nobody_takes_are_counted() {
        let (tracer, spans) = Tracer::new(0);
        drop(spans);
        let trace = tracer.begin(&batch(Some(CARRIED)).record(0), 0, place).expect("is sampled");
        let traced = Traced { tracer, records: vec![trace] };
        traced.settled(Duration::ZERO);
        assert_eq!(traced.tracer.counts()(), 3);
    }
}
