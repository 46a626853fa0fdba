//! A pipeline without its actors: renders single records, and sends them as the pipeline would.

use std::sync::Arc;
use std::time::Instant;

use rdkafka::error::RDKafkaErrorCode;
use stampmill_core::record::{Batch, Epoch};
use stampmill_core::transform::{Failed, LogSink, Scratch};

use crate::credits::Credits;
use crate::kafka::writer::{TopicWriter, WriteError};
use crate::messages::{ChargedBatch, Work};
use crate::outputs::{Output, OutputValue, Outputs};
use crate::producer::outgoing::{Destination, Form, Partitions, Parts, SinkTopics};
use crate::rendering::render;
use crate::settings::PipelineSettings;

pub struct Offline {
    settings: PipelineSettings,
    destination: Destination,
    scratch: Scratch,
    rendered: u64,
}

/// A record that was rendered.
pub struct Prepared {
    work: Work,
}

/// What the sink's topic would get of a record. `None` is Kafka's null.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    pub key: Option<Vec<u8>>,
    /// `None` for a tombstone.
    pub payload: Option<Vec<u8>>,
    /// Milliseconds since 1970; `None` where the record has none, or gets that of the moment of sending.
    pub timestamp: Option<i64>,
    pub headers: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

// === impl Offline ===

impl Offline {
    pub fn new(settings: &PipelineSettings) -> Self {
        let settings = settings.clone();
        let destination = Destination::of(&settings);
        Self { settings, destination, scratch: Scratch::default(), rendered: 0 }
    }

    /// Takes the one record of `batch` through the pipeline's steps, which write no line. `None` where nothing goes out.
    ///
    /// # Errors
    /// The record cannot be processed.
    pub fn render(&mut self, batch: Batch) -> Result<Option<Prepared>, Failed> {
        self.render_with_log(batch, LogSink { enabled: &|_, _| false, write: &|_, _, _, _| {} })
    }

    /// As [`Offline::render`], with the lines of the log steps going to `log`.
    ///
    /// # Errors
    /// The record cannot be processed.
    pub fn render_with_log(&mut self, batch: Batch, log: LogSink<'_>) -> Result<Option<Prepared>, Failed> {
        let mut outputs = Outputs::with_capacity(1, 0);
        let output = render(&self.settings, &batch.record(0), &mut self.scratch, log, &mut outputs)?;
        if let Output::Skipped = output {
            return Ok(None);
        }
        outputs.records.push(output);
        // Every record is a batch of its own, so those without a key go round.
        let number = self.rendered;
        self.rendered += 1;
        let charge = Credits::new(0).charge(0);
        let work = Work {
            lane: 0,
            epoch: Epoch(0),
            number,
            batch: Arc::new(ChargedBatch { batch, charge, since: Instant::now() }),
            outputs,
        };
        Ok(Some(Prepared { work }))
    }

    /// What [`Offline::send`] sends, but for the partition, which depends on how many the sink's topic has.
    pub fn sent(&self, prepared: &Prepared) -> Sent {
        let work = &prepared.work;
        let record = work.batch.batch.record(0);
        let Some(Output::Send { key, value, headers }) = work.outputs.records.first() else {
            unreachable!("what is skipped or cannot be processed is not prepared")
        };
        let Parts { key, payload, timestamp } = self.destination.parts(work, &record, key, value);
        let headers = self.destination.headers(work, 0, &record, headers);
        Sent {
            key: key.map(<[u8]>::to_vec),
            payload: payload.map(<[u8]>::to_vec),
            timestamp,
            headers: headers.map(|(name, value)| (name.to_vec(), value.map(<[u8]>::to_vec))).collect(),
        }
    }

    /// Sends it to the sink's topic, which has so many partitions. `number` comes back if it is not delivered.
    ///
    /// # Errors
    /// librdkafka does not take it.
    pub fn send(
        &self,
        writer: &TopicWriter,
        sink_partitions: i32,
        prepared: &Prepared,
        number: usize,
    ) -> Result<(), WriteError> {
        // What cannot be processed is not prepared, so nothing of this is a dead letter.
        let partitions = Partitions { sink: sink_partitions, dead_letters: 0 };
        writer.queue(|producer| {
            let topics = SinkTopics::open(producer, &self.destination).ok_or(RDKafkaErrorCode::InvalidTopic)?;
            self.destination.send(&topics, partitions, &prepared.work, 0, &Form::AsRendered, number)
        })
    }
}

// === impl Prepared ===

impl Prepared {
    /// What goes out; `None` for a tombstone.
    pub fn value(&self) -> Option<&[u8]> {
        match self.work.outputs.records.first() {
            Some(Output::Send { value: OutputValue::Rendered(range), .. }) => {
                Some(&self.work.outputs.bytes[range.clone()])
            }
            _ => None,
        }
    }
}
