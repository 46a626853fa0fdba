//! A dead letter on its way out: the record as it came, and headers that say what happened.

use std::sync::LazyLock;

use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::OwnedHeaders;
use rdkafka::producer::ProducerContext;
use stampmill_core::record::Record;

use super::outgoing::{Destination, SinkTopics};
use crate::dead_letters::names;
use crate::kafka::ffi::{Outgoing, add_header};
use crate::messages::Work;
use crate::outputs::DeadLetter;

/// The machine and the process, for who looks for its log.
static INSTANCE: LazyLock<String> = LazyLock::new(|| {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let host = kernel.or_else(|| std::env::var("HOSTNAME").ok());
    format!("{}/{}", host.as_deref().map_or("unknown", str::trim), std::process::id())
});

/// How much of the original it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    Whole,
    /// Nothing: a note says where it is.
    Stub,
}

// === impl Destination ===

impl Destination {
    /// Key, value, headers and timestamp as they came, and headers that say what happened.
    pub(super) fn send_dead_letter<C: ProducerContext<DeliveryOpaque = usize>>(
        &self,
        topics: &SinkTopics<C>,
        partitions: i32,
        work: &Work,
        place: usize,
        (letter, size): (&DeadLetter, Size),
        opaque: usize,
    ) -> Result<(), RDKafkaErrorCode> {
        let (record, stub) = (work.record(place), size == Size::Stub);
        let mut headers = OwnedHeaders::new_with_capacity(record.headers.len() + names::OURS.len());
        if !stub {
            record.headers.iter().for_each(|(name, value)| add_header(&mut headers, name, value));
        }
        self.describe(&record, letter, stub, &mut |name, value| {
            add_header(&mut headers, name.as_bytes(), Some(value));
        });
        // Whoever sends nothing there makes no dead letters.
        let topic = topics.dead_letters().ok_or(RDKafkaErrorCode::UnknownTopic)?;
        topic.send(Outgoing {
            // As in the source, so that those of a partition stay in order.
            partition: record.partition % partitions.max(1),
            key: record.key.filter(|_| !stub),
            payload: record.payload.filter(|_| !stub),
            timestamp: record.timestamp,
            headers: Some(headers),
            opaque,
        })
    }

    /// [`names::ERROR`] comes first: it is the border between the original's headers and these.
    fn describe(&self, record: &Record<'_>, letter: &DeadLetter, stub: bool, add: &mut dyn FnMut(&str, &[u8])) {
        let (reason, class) = (&letter.fault.reason, letter.fault.class.as_str());
        let (partition, offset) = (record.partition, record.offset.get());
        let mut text = |name: &str, value: &str| add(name, value.as_bytes());
        text(names::ERROR, reason);
        text(names::ERROR_CLASS, class);
        text(names::PIPELINE, &self.pipeline);
        text(names::TRANSFORM, &letter.step);
        text(names::GROUP, &self.group);
        text(names::INSTANCE, &INSTANCE);
        text(names::TOPIC, record.topic);
        text(names::PARTITION, &partition.to_string());
        text(names::OFFSET, &offset.to_string());
        text(names::ATTEMPTS, &letter.attempts.to_string());
        text(names::FIRST_TIME, &letter.first_time.to_string());
        text(names::LAST_TIME, &letter.last_time.to_string());
        if let Some(timestamp) = record.timestamp {
            text(names::TIMESTAMP, &timestamp.to_string());
        }
        if stub {
            text(names::STUB, &stub_note(record));
        }
        text(names::SPRING_TOPIC, record.topic);
        text(names::SPRING_GROUP, &self.group);
        text(names::SPRING_CLASS, &format!("stampmill.{class}"));
        text(names::SPRING_MESSAGE, reason);
        add(names::SPRING_PARTITION, &partition.to_be_bytes());
        add(names::SPRING_OFFSET, &offset.to_be_bytes());
        if let Some(timestamp) = record.timestamp {
            add(names::SPRING_TIMESTAMP, &timestamp.to_be_bytes());
        }
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

#[cfg(test)]
mod tests {
    use stampmill_core::fault::{Fault, FaultClass};
    use stampmill_core::record::{Batch, Offset};

    use super::*;
    use crate::dead_letters::Letter;
    use crate::settings::{Sink, SinkKey, SinkPartition, SinkTimestamp};

    fn destination() -> Destination {
        let sink = Sink {
            name: "sink".into(),
            topic: "out".into(),
            partition: SinkPartition::ByKey,
            key: SinkKey::Source,
            headers: Vec::new(),
            timestamp: SinkTimestamp::Source,
            content_type: None,
        };
        Destination {
            pipeline: "p".into(),
            group: "g".into(),
            sinks: vec![sink],
            dead_letter_topic: "dead".into(),
            then: crate::settings::Then::DeadLetter,
        }
    }

    fn dead(original: &Batch, stub: bool) -> Batch {
        let fault = Fault::new(FaultClass::NotJson, "no JSON");
        let letter = DeadLetter { step: "envelope[0]".into(), fault, attempts: 2, first_time: 10, last_time: 20 };
        let record = original.record(0);
        let mut batch = Batch::new("dead".into(), 0);
        batch.push(Offset::new(0), record.timestamp, record.key, record.payload);
        record.headers.iter().for_each(|(name, value)| batch.push_header(name, value));
        let mut add = |name: &str, value: &[u8]| batch.push_header(name.as_bytes(), Some(value));
        destination().describe(&record, &letter, stub, &mut add);
        batch
    }

    fn original() -> Batch {
        let mut batch = Batch::new("in".into(), 3);
        batch.push(Offset::new(1 << 40), Some(-5), Some(b"k"), Some(b"v"));
        batch.push_header(b"a", Some(b"1"));
        batch.push_header(b"a", None);
        batch
    }

    #[test]
    fn what_is_written_is_read_back() {
        let original = original();
        let dead = dead(&original, false);
        let letter = Letter::read(dead.record(0)).expect("a dead letter");
        assert_eq!((letter.reason, letter.class, letter.transform), ("no JSON", "not-json", "envelope[0]"));
        assert_eq!((letter.pipeline, letter.group, letter.attempts), ("p", Some("g"), Some(2)));
        assert_eq!((letter.first_time, letter.last_time, letter.stub), (Some(10), Some(20), None));
        let host = letter.instance.expect("an instance").rsplit_once('/');
        assert_eq!(host.map(|(_, process)| process.to_owned()), Some(std::process::id().to_string()));
        assert_eq!(format!("{:?}", letter.original()), format!("{original:?}"), "byte for byte");
    }

    #[test]
    fn a_stub_says_where_the_original_is() {
        let dead = dead(&original(), true);
        let letter = Letter::read(dead.record(0)).expect("a dead letter");
        assert!(letter.stub.is_some_and(|note| note.contains("in/3 offset 1099511627776")), "{:?}", letter.stub);
    }

    #[test]
    fn every_header_is_in_the_list_that_a_replay_takes_away() {
        let dead = dead(&original(), true);
        let written: Vec<_> = dead.record(0).headers.iter().map(|(name, _)| name.to_vec()).skip(2).collect();
        assert_eq!(written.len(), names::OURS.len());
        assert!(written.iter().all(|name| names::is_ours(name)));
    }

    #[test]
    fn numbers_for_spring_are_big_endian() {
        let dead = dead(&original(), false);
        let headers = dead.record(0).headers;
        assert_eq!(headers.last(names::SPRING_PARTITION), Some(Some(&[0, 0, 0, 3][..])));
        assert_eq!(headers.last(names::SPRING_OFFSET), Some(Some(&[0, 0, 1, 0, 0, 0, 0, 0][..])));
        assert_eq!(headers.last(names::SPRING_TIMESTAMP), Some(Some(&(-5i64).to_be_bytes()[..])));
    }
}
