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
use crate::producer::outgoing::{Destination, Form, Partitions, SinkTopics};
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
        let log = LogSink { enabled: &|_, _| false, write: &|_, _, _, _| {} };
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
