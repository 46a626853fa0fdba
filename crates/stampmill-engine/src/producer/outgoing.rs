//! The records that go out: envelopes, dead letters, and stubs of dead letters that are too large.

use std::fmt::Write as _;
use std::ops::Range;

use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::OwnedHeaders;
use rdkafka::producer::BaseRecord;
use stampmill_core::partitioner;
use stampmill_core::record::Record;

use crate::kafka::ffi::add_header;
use crate::kafka::producer::SinkProducer;
use crate::messages::Work;
use crate::outputs::{DeadLetter, Output, OutputKey, OutputValue};
use crate::settings::{Sink, SinkPartition, SinkTimestamp};

/// Where the records of a pipeline go.
pub(crate) struct Destination {
    pub(crate) pipeline: String,
    pub(crate) sink: Sink,
    pub(crate) dead_letter_topic: String,
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

pub(crate) const CONTENT_TYPE: &str = "content-type";

// === impl Destination ===

impl Destination {
    /// Hands a record of a batch to librdkafka, which never blocks. `opaque` comes back with the delivery report.
    pub(crate) fn send(
        &self,
        producer: &SinkProducer,
        partitions: i32,
        work: &Work,
        place: usize,
        form: &Form,
        opaque: usize,
    ) -> Result<(), RDKafkaErrorCode> {
        match (form, &work.outputs.records[place]) {
            (Form::AsRendered, Output::Send { key, value, headers }) => {
                self.send_output(producer, partitions, work, place, (key, value, headers), opaque)
            }
            (Form::AsRendered, Output::Skipped) => unreachable!("what is skipped is settled without being sent"),
            (Form::AsRendered, Output::DeadLetter(letter)) => {
                self.send_dead_letter(producer, work, place, letter, false, opaque)
            }
            (Form::DeadLetter(letter), _) => self.send_dead_letter(producer, work, place, letter, false, opaque),
            (Form::Stub(letter), _) => self.send_dead_letter(producer, work, place, letter, true, opaque),
        }
    }

    fn send_output(
        &self,
        producer: &SinkProducer,
        partitions: i32,
        work: &Work,
        place: usize,
        (key, value, headers): (&OutputKey, &OutputValue, &Range<usize>),
        opaque: usize,
    ) -> Result<(), RDKafkaErrorCode> {
        let record = work.batch.batch.record(place);
        let bytes = &work.outputs.bytes;
        let key = match key {
            OutputKey::Source => record.key,
            OutputKey::Null => None,
            OutputKey::Rendered(range) => Some(&bytes[range.clone()]),
        };
        let mut out = BaseRecord::<[u8], [u8], usize>::with_opaque_to(&self.sink.topic, opaque);
        out.partition = Some(self.partition(partitions, work, &record, key));
        out.key = key;
        out.payload = match value {
            OutputValue::Tombstone => None,
            OutputValue::Rendered(range) => Some(&bytes[range.clone()]),
        };
        out.timestamp = match self.sink.timestamp {
            SinkTimestamp::Source => record.timestamp,
            SinkTimestamp::Now => None,
        };
        out.headers = self.headers(work, &record, headers);
        send(producer, out)
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

    /// The input's headers but for those that the sink writes, and then the sink's.
    fn headers(&self, work: &Work, record: &Record<'_>, rendered: &Range<usize>) -> Option<OwnedHeaders> {
        let own = self.sink.headers.len() + usize::from(self.sink.content_type.is_some());
        if record.headers.is_empty() && own == 0 {
            return None;
        }
        let mut headers = OwnedHeaders::new_with_capacity(record.headers.len() + own);
        for (name, value) in record.headers.iter().filter(|(name, _)| !self.writes_header(name)) {
            add_header(&mut headers, name, value);
        }
        for (name, range) in self.sink.headers.iter().zip(&work.outputs.headers[rendered.clone()]) {
            add_header(&mut headers, name.as_bytes(), Some(&work.outputs.bytes[range.clone()]));
        }
        if let Some(content_type) = &self.sink.content_type {
            add_header(&mut headers, CONTENT_TYPE.as_bytes(), Some(content_type.as_bytes()));
        }
        Some(headers)
    }

    fn writes_header(&self, name: &[u8]) -> bool {
        let content_type = self.sink.content_type.is_some() && name == CONTENT_TYPE.as_bytes();
        content_type || self.sink.headers.iter().any(|own| own.as_bytes() == name)
    }

    /// Key, value, headers and timestamp as they came, and headers that say what happened.
    fn send_dead_letter(
        &self,
        producer: &SinkProducer,
        work: &Work,
        place: usize,
        letter: &DeadLetter,
        stub: bool,
        opaque: usize,
    ) -> Result<(), RDKafkaErrorCode> {
        let record = work.batch.batch.record(place);
        let mut headers = OwnedHeaders::new_with_capacity(record.headers.len() + 10);
        if !stub {
            record.headers.iter().for_each(|(name, value)| add_header(&mut headers, name, value));
        }
        let mut number = String::new();
        let mut add = |name: &str, value: &str| add_header(&mut headers, name.as_bytes(), Some(value.as_bytes()));
        add("stampmill-error", &letter.fault.reason);
        add("stampmill-error-class", letter.fault.class.as_str());
        add("stampmill-pipeline", &self.pipeline);
        add("stampmill-transform", &letter.step);
        add("stampmill-topic", record.topic);
        add("stampmill-partition", format_into(&mut number, record.partition));
        add("stampmill-offset", format_into(&mut number, record.offset.get()));
        add("stampmill-attempts", format_into(&mut number, letter.attempts));
        if let Some(timestamp) = record.timestamp {
            add("stampmill-timestamp", format_into(&mut number, timestamp));
        }
        if stub {
            add("stampmill-stub", &stub_note(&record));
        }
        let mut out = BaseRecord::<[u8], [u8], usize>::with_opaque_to(&self.dead_letter_topic, opaque);
        out.key = record.key.filter(|_| !stub);
        out.payload = record.payload.filter(|_| !stub);
        out.timestamp = record.timestamp;
        out.headers = Some(headers);
        send(producer, out)
    }
}

fn stub_note(record: &Record<'_>) -> String {
    let size = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
    format!(
        "the original is too large for this topic: a key of {} bytes and a value of {} bytes, to be read at {}/{} offset {}",
        size(record.key),
        size(record.payload),
        record.topic,
        record.partition,
        record.offset.get()
    )
}

fn format_into(text: &mut String, number: impl std::fmt::Display) -> &str {
    text.clear();
    // Writing to a `String` cannot fail.
    let _ = write!(text, "{number}");
    text
}

fn send(producer: &SinkProducer, record: BaseRecord<'_, [u8], [u8], usize>) -> Result<(), RDKafkaErrorCode> {
    producer.send(record).map_err(|(error, _)| error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail))
}
