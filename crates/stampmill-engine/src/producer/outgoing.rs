//! The records that go out: envelopes, dead letters, and stubs of dead letters that are too large.

use std::ops::Range;
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
use crate::outputs::{DeadLetter, Output, OutputKey, OutputValue, Outputs};
use crate::settings::{PipelineSettings, Sink, SinkPartition, SinkTimestamp, Then};

/// Where the records of a pipeline go.
pub(crate) struct Destination {
    pub(crate) pipeline: String,
    /// The source's.
    pub(crate) group: String,
    pub(crate) sink: Sink,
    pub(crate) dead_letter_topic: String,
    pub(crate) then: Then,
}

/// The topics that a pipeline writes to, as one producer knows them.
pub(crate) struct SinkTopics<C: ProducerContext + 'static> {
    sink: SinkTopic<C>,
    /// None where nothing goes there: librdkafka asks the brokers about each that it knows, and some make it then.
    dead_letters: Option<SinkTopic<C>>,
}

/// How many partitions the topics have that are written to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Partitions {
    pub(crate) sink: i32,
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
    match &work.outputs.records[place] {
        Output::Send { .. } | Output::Skipped => Form::AsRendered,
        Output::DeadLetter(letter) => Form::DeadLetter((**letter).clone()),
    }
}

/// What to send in place of a record that was refused for good; `None` where there is nothing smaller left.
pub(super) fn next_form(refused: &Form, refusal: Refusal) -> Option<Form> {
    match refused {
        Form::AsRendered => {
            let fault = Fault { class: refusal.class, reason: refusal.reason() };
            Some(Form::DeadLetter(DeadLetter::new("sink".into(), fault, refusal.attempts, refusal.since)))
        }
        Form::DeadLetter(letter) => Some(Form::Stub(letter.clone())),
        Form::Stub(_) => None,
    }
}

/// Counts a dead letter that was sent. Of those that were dead before, the TransformActor has told.
pub(super) fn count_if_dead(counters: &Counters, work: &Work, place: usize, form: &Form) {
    match (&work.outputs.records[place], form) {
        (Output::Send { .. } | Output::Skipped, Form::AsRendered) => return,
        (Output::DeadLetter(_), _) => {}
        (_, Form::DeadLetter(letter) | Form::Stub(letter)) => {
            let record = work.batch.batch.record(place);
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
        let record = work.batch.batch.record(place);
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
        Some(Self { sink: SinkTopic::open(producer, &destination.sink.topic)?, dead_letters })
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
            sink: settings.sink.clone(),
            dead_letter_topic: settings.on_failure.dead_letter_topic.clone(),
            then: settings.on_failure.then,
        }
    }

    /// Hands a record of a batch to librdkafka, which never blocks. `opaque` comes back with the delivery report.
    pub(crate) fn send<C: ProducerContext<DeliveryOpaque = usize>>(
        &self,
        topics: &SinkTopics<C>,
        partitions: Partitions,
        work: &Work,
        place: usize,
        form: &Form,
        opaque: usize,
    ) -> Result<(), RDKafkaErrorCode> {
        match (form, &work.outputs.records[place]) {
            (Form::AsRendered, Output::Send { key, value, headers }) => {
                self.send_output(&topics.sink, partitions.sink, work, place, (key, value, headers), opaque)
            }
            (Form::AsRendered, Output::Skipped) => unreachable!("what is skipped is settled without being sent"),
            (Form::AsRendered, Output::DeadLetter(letter)) => {
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
        (key, value, headers): (&OutputKey, &OutputValue, &Range<usize>),
        opaque: usize,
    ) -> Result<(), RDKafkaErrorCode> {
        let record = work.batch.batch.record(place);
        let Parts { key, payload, timestamp } = self.parts(work, &record, key, value);
        let partition = self.partition(partitions, work, &record, key);
        let headers = self.owned_headers(work, place, &record, headers);
        topic.send(Outgoing { partition, key, payload, timestamp, headers, opaque })
    }

    pub(crate) fn parts<'a>(
        &self,
        work: &'a Work,
        record: &Record<'a>,
        key: &OutputKey,
        value: &OutputValue,
    ) -> Parts<'a> {
        let bytes = &work.outputs.bytes;
        Parts {
            key: match key {
                OutputKey::Source => record.key,
                OutputKey::Null => None,
                OutputKey::Rendered(range) => Some(&bytes[range.clone()]),
            },
            payload: match value {
                OutputValue::Tombstone => None,
                OutputValue::Rendered(range) => Some(&bytes[range.clone()]),
            },
            timestamp: match self.sink.timestamp {
                SinkTimestamp::Source => record.timestamp,
                SinkTimestamp::Now => None,
            },
        }
    }

    fn partition(&self, partitions: i32, work: &Work, record: &Record<'_>, key: Option<&[u8]>) -> i32 {
        match self.sink.partition {
            SinkPartition::Source => record.partition,
            SinkPartition::Number(number) => number,
            SinkPartition::ByKey => match key {
                Some(key) => partitioner::by_key(key, partitions),
                None => partitioner::sticky(record.partition, work.number, partitions),
            },
        }
    }

    fn owned_headers(
        &self,
        work: &Work,
        place: usize,
        record: &Record<'_>,
        rendered: &Range<usize>,
    ) -> Option<OwnedHeaders> {
        let traced = usize::from(work.outputs.traced.is_some());
        let own = self.sink.headers.len() + usize::from(self.sink.content_type.is_some()) + traced;
        if record.headers.is_empty() && own == 0 {
            return None;
        }
        let mut headers = OwnedHeaders::new_with_capacity(record.headers.len() + own);
        self.headers(work, place, record, rendered).for_each(|(name, value)| add_header(&mut headers, name, value));
        Some(headers)
    }

    /// The input's headers but for those that the sink writes, and then the sink's. A trace goes on from here, unless a
    /// template of the sink says otherwise.
    pub(crate) fn headers<'a>(
        &'a self,
        work: &'a Work,
        place: usize,
        record: &Record<'a>,
        rendered: &Range<usize>,
    ) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> {
        let Outputs { bytes, headers, traced, .. } = &work.outputs;
        let trace = traced.as_ref().and_then(|traced| traced.header(place));
        let trace = trace.filter(|_| !self.writes_header(TRACEPARENT.as_bytes()));
        let goes_on = move |name: &[u8]| trace.is_some() && name == TRACEPARENT.as_bytes();
        let passed = record.headers.iter().filter(move |(name, _)| !self.writes_header(name) && !goes_on(name));
        let rendered = self.sink.headers.iter().zip(&headers[rendered.clone()]);
        let rendered = rendered.map(|(name, range)| (name.as_bytes(), Some(&bytes[range.clone()])));
        let content_type = self.sink.content_type.iter().map(|of| (CONTENT_TYPE.as_bytes(), Some(of.as_bytes())));
        let trace = trace.map(|header| (TRACEPARENT.as_bytes(), Some(header.as_bytes())));
        passed.chain(rendered).chain(content_type).chain(trace)
    }

    fn writes_header(&self, name: &[u8]) -> bool {
        let content_type = self.sink.content_type.is_some() && name == CONTENT_TYPE.as_bytes();
        content_type || self.sink.headers.iter().any(|own| own.as_bytes() == name)
    }
}
