//! The records that go out: envelopes, dead letters, and stubs of dead letters that are too large.

use std::sync::Arc;
use std::time::SystemTime;

use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::OwnedHeaders;
use rdkafka::producer::{BaseProducer, ProducerContext};
use stampmill_core::fault::{Fault, FaultClass};
use stampmill_core::partitioner;
use stampmill_core::record::Record;
use stampmill_core::trace_context::TRACEPARENT;

use super::dead_letter::Size::{Stub, Whole};
use crate::kafka::ffi::{Live, Outgoing, SinkTopic, add_header};
use crate::messages::Work;
use crate::observe::Counters;
use crate::observe::failures::Failure;
use crate::outputs::{DeadLetter, OutputKey, OutputKind, OutputValue, Outputs, Send};
use crate::settings::{PipelineSettings, Sink, SinkPartition, SinkTimestamp, Then};

/// Where the records of a pipeline go.
pub(crate) struct Destination {
    pub(crate) pipeline: String,
    /// The source's.
    pub(crate) group: String,
    pub(crate) sinks: Vec<Sink>,
    pub(crate) dead_letter_topic: String,
    pub(crate) then: Then,
}

/// The topics that a pipeline writes to, as one producer knows them.
pub(crate) struct SinkTopics<C: ProducerContext + 'static> {
    /// In the order of the sinks.
    sinks: Vec<SinkTopic<C>>,
    /// None where nothing goes there: librdkafka asks the brokers about each that it knows, and some make it then.
    dead_letters: Option<SinkTopic<C>>,
}

/// How many partitions the topics have that are written to.
#[derive(Clone, Debug)]
pub(crate) struct Partitions {
    /// In the order of the sinks.
    pub(crate) sinks: Arc<[i32]>,
    /// 0 where there is no such topic: nothing goes there then.
    pub(crate) dead_letters: i32,
}

/// What goes out of a record beside its headers, before its partition is known.
pub(crate) struct Parts<'a> {
    pub(crate) key: Option<&'a [u8]>,
    /// `None` is a tombstone.
    pub(crate) payload: Option<&'a [u8]>,
    /// `None` leaves it to the moment of sending.
    pub(crate) timestamp: Option<i64>,
}

/// In which form a record goes out.
#[derive(Clone, Debug)]
pub(crate) enum Form {
    /// As the TransformActor left it.
    AsRendered,
    DeadLetter(DeadLetter),
    /// A dead letter without key, value and headers of the original, which are too large for its topic.
    Stub(DeadLetter),
}

/// A record that is refused for good.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    pub(crate) class: FaultClass,
    pub(crate) error: RDKafkaErrorCode,
    pub(crate) attempts: u32,
    /// When it was refused first, in milliseconds since 1970, if not just now.
    pub(crate) since: Option<i64>,
}

pub(crate) const CONTENT_TYPE: &str = "content-type";

/// A record that was dead already before it was sent keeps its reason.
pub(super) fn form_of(work: &Work, place: usize) -> Form {
    match work.outputs.list[place].dead_letter() {
        None => Form::AsRendered,
        Some(letter) => Form::DeadLetter(letter.clone()),
    }
}

/// What to send in place of a record that was refused for good; `None` where there is nothing smaller left.
pub(super) fn next_form(refused: &Form, refusal: Refusal, sink: &str) -> Option<Form> {
    match refused {
        Form::AsRendered => {
            let fault = Fault { class: refusal.class, reason: refusal.reason() };
            Some(Form::DeadLetter(DeadLetter::new(sink.to_owned(), fault, refusal.attempts, refusal.since)))
        }
        Form::DeadLetter(letter) => Some(Form::Stub(letter.clone())),
        Form::Stub(_) => None,
    }
}

/// Counts a dead letter that was sent. Of those that were dead before, the TransformActor has told.
pub(super) fn count_if_dead(counters: &Counters, work: &Work, place: usize, form: &Form) {
    match (&work.outputs.list[place].kind, form) {
        (OutputKind::Send(_) | OutputKind::Skipped, Form::AsRendered) => return,
        (OutputKind::DeadLetter(_), _) => {}
        (_, Form::DeadLetter(letter) | Form::Stub(letter)) => {
            let record = work.record(place);
            let (topic, partition, offset) = (record.topic, record.partition, record.offset.get());
            log::warn!("{topic}/{partition} offset {offset} went to the dead letters: {}", letter.fault.reason);
            counters.failures.add(Failure {
                at: SystemTime::now(),
                topic: topic.to_owned(),
                partition,
                offset,
                step: letter.step.clone(),
                class: letter.fault.class.as_str().to_owned(),
                reason: letter.fault.reason.clone(),
                more: 0,
            });
        }
    }
    Counters::add(&counters.dead_letters, 1);
}

// === impl Refusal ===

impl Refusal {
    pub(super) fn reason(self) -> String {
        format!("the sink's topic does not take the record: {}", self.error)
    }

    pub(super) fn log_skipped(self, work: &Work, place: usize) {
        let record = work.record(place);
        let (topic, partition, offset) = (record.topic, record.partition, record.offset.get());
        log::error!("{topic}/{partition} offset {offset} is skipped: {}", self.reason());
    }
}

// === impl SinkTopics ===

impl<C: ProducerContext<DeliveryOpaque = usize> + 'static> SinkTopics<C> {
    /// `None` if a name cannot be one of a topic.
    pub(crate) fn open(producer: &Arc<Live<BaseProducer<C>>>, destination: &Destination) -> Option<Self> {
        let dead_letters = match destination.then {
            Then::DeadLetter => Some(SinkTopic::open(producer, &destination.dead_letter_topic)?),
            Then::Halt | Then::Skip => None,
        };
        let sinks = destination.sinks.iter().map(|sink| SinkTopic::open(producer, &sink.topic));
        Some(Self { sinks: sinks.collect::<Option<_>>()?, dead_letters })
    }

    pub(super) fn dead_letters(&self) -> Option<&SinkTopic<C>> {
        self.dead_letters.as_ref()
    }
}

// === impl Destination ===

impl Destination {
    pub(crate) fn of(settings: &PipelineSettings) -> Self {
        Self {
            pipeline: settings.name.clone(),
            group: settings.source.group.clone(),
            sinks: settings.sinks.clone(),
            dead_letter_topic: settings.on_failure.dead_letter_topic.clone(),
            then: settings.on_failure.then,
        }
    }

    /// Hands a record of a batch to librdkafka, which never blocks. `opaque` comes back with the delivery report.
    pub(crate) fn send<C: ProducerContext<DeliveryOpaque = usize>>(
        &self,
        topics: &SinkTopics<C>,
        partitions: &Partitions,
        work: &Work,
        place: usize,
        form: &Form,
        opaque: usize,
    ) -> Result<(), RDKafkaErrorCode> {
        match (form, &work.outputs.list[place].kind) {
            (Form::AsRendered, OutputKind::Send(send)) => {
                self.send_output(&topics.sinks[send.sink], partitions.sinks[send.sink], work, place, send, opaque)
            }
            (Form::AsRendered, OutputKind::Skipped) => unreachable!("what is skipped is settled without being sent"),
            (Form::AsRendered, OutputKind::DeadLetter(letter)) => {
                self.send_dead_letter(topics, partitions.dead_letters, work, place, (letter, Whole), opaque)
            }
            (Form::DeadLetter(letter), _) => {
                self.send_dead_letter(topics, partitions.dead_letters, work, place, (letter, Whole), opaque)
            }
            (Form::Stub(letter), _) => {
                self.send_dead_letter(topics, partitions.dead_letters, work, place, (letter, Stub), opaque)
            }
        }
    }

    fn send_output<C: ProducerContext<DeliveryOpaque = usize>>(
        &self,
        topic: &SinkTopic<C>,
        partitions: i32,
        work: &Work,
        place: usize,
        send: &Send,
        opaque: usize,
    ) -> Result<(), RDKafkaErrorCode> {
        let record = changed(work.record(place), send);
        let Parts { key, payload, timestamp } = self.parts(work, &record, send);
        let partition = partition(&self.sinks[send.sink], partitions, work, &record, key);
        let headers = self.owned_headers(work, place, &record, send);
        topic.send(Outgoing { partition, key, payload, timestamp, headers, opaque })
    }

    pub(crate) fn parts<'a>(&self, work: &'a Work, record: &Record<'a>, send: &Send) -> Parts<'a> {
        let bytes = &work.outputs.bytes;
        Parts {
            key: match &send.key {
                OutputKey::Source => record.key,
                OutputKey::Null => None,
                OutputKey::Rendered(range) => Some(&bytes[range.clone()]),
            },
            payload: match &send.value {
                OutputValue::Tombstone => None,
                OutputValue::Rendered(range) => Some(&bytes[range.clone()]),
            },
            timestamp: match self.sinks[send.sink].timestamp {
                SinkTimestamp::Source => record.timestamp,
                SinkTimestamp::Now => None,
            },
        }
    }

    fn owned_headers(&self, work: &Work, place: usize, record: &Record<'_>, send: &Send) -> Option<OwnedHeaders> {
        let sink = &self.sinks[send.sink];
        let traced = usize::from(work.outputs.traced.is_some());
        let own = sink.headers.len() + usize::from(sink.content_type.is_some()) + traced;
        if record.headers.is_empty() && own == 0 {
            return None;
        }
        let mut headers = OwnedHeaders::new_with_capacity(record.headers.len() + own);
        self.headers(work, place, record, send).for_each(|(name, value)| add_header(&mut headers, name, value));
        Some(headers)
    }

    /// The input's headers but for those that the sink writes, and then the sink's. A trace goes on from here, unless a
    /// template of the sink says otherwise.
    pub(crate) fn headers<'a>(
        &'a self,
        work: &'a Work,
        place: usize,
        record: &Record<'a>,
        send: &Send,
    ) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> {
        let (sink, Outputs { bytes, headers, traced, list, .. }) = (&self.sinks[send.sink], &work.outputs);
        let trace = traced.as_ref().and_then(|traced| traced.header(list[place].record));
        let trace = trace.filter(|_| !sink.writes_header(TRACEPARENT.as_bytes()));
        let goes_on = move |name: &[u8]| trace.is_some() && name == TRACEPARENT.as_bytes();
        let passed = record.headers.iter().filter(move |(name, _)| !sink.writes_header(name) && !goes_on(name));
        let rendered = sink.headers.iter().zip(&headers[send.headers.clone()]);
        let rendered = rendered.map(|(name, range)| (name.as_bytes(), Some(&bytes[range.clone()])));
        let content_type = sink.content_type.iter().map(|of| (CONTENT_TYPE.as_bytes(), Some(of.as_bytes())));
        let trace = trace.map(|header| (TRACEPARENT.as_bytes(), Some(header.as_bytes())));
        passed.chain(rendered).chain(content_type).chain(trace)
    }
}

/// The record with what steps have set of it.
pub(crate) fn changed<'a>(record: Record<'a>, send: &'a Send) -> Record<'a> {
    match &send.changed {
        None => record,
        Some(changed) => Record {
            timestamp: changed.timestamp.unwrap_or(record.timestamp),
            headers: record.headers.changed(&changed.headers),
            ..record
        },
    }
}

fn partition(sink: &Sink, partitions: i32, work: &Work, record: &Record<'_>, key: Option<&[u8]>) -> i32 {
    match sink.partition {
        SinkPartition::Source => record.partition,
        SinkPartition::Number(number) => number,
        SinkPartition::ByKey => match key {
            Some(key) => partitioner::by_key(key, partitions),
            None => partitioner::sticky(record.partition, work.number, partitions),
        },
    }
}

// === impl Sink ===

impl Sink {
    fn writes_header(&self, name: &[u8]) -> bool {
        let content_type = self.content_type.is_some() && name == CONTENT_TYPE.as_bytes();
        content_type || self.headers.iter().any(|own| own.as_bytes() == name)
    }
}
