//! A pipeline without its actors: renders single records, and sends them as the pipeline would.

use std::sync::Arc;
use std::time::Instant;

use rdkafka::error::RDKafkaErrorCode;
use stampmill_core::record::{Batch, Epoch};
use stampmill_core::transform::{Failed, LogSink, Scratch};

use crate::credits::Credits;
use crate::kafka::writer::{TopicWriter, WriteError};
use crate::messages::{ChargedBatch, Work};
use crate::observe::Counters;
use crate::ordered::Windows;
use crate::outputs::{OutputValue, Outputs};
use crate::producer::outgoing::{Destination, Form, Partitions, Parts, SinkTopics, changed};
use crate::rendering::render;
use crate::settings::PipelineSettings;

pub struct Offline {
    settings: Arc<PipelineSettings>,
    destination: Destination,
    scratch: Scratch,
    rendered: u64,
    /// As if all records were of one partition.
    windows: Windows,
}

/// A record that was rendered.
pub struct Prepared {
    work: Work,
}

/// What a sink's topic would get of a record. `None` is Kafka's null.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// The sink's place among those of the pipeline.
    pub sink: usize,
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
        let settings = Arc::new(settings.clone());
        let destination = Destination::of(&settings);
        Self { settings, destination, scratch: Scratch::default(), rendered: 0, windows: Windows::default() }
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
        render(&self.settings, (0, &batch.record(0)), &mut self.scratch, log, &mut outputs)?;
        if outputs.sends().next().is_none() {
            return Ok(None);
        }
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
            settings: Arc::clone(&self.settings),
        };
        Ok(Some(Prepared { work }))
    }

    /// What is left of it when its turn comes behind those that were asked for before: `dedupe` steps take out what they have
    /// met. `None` where nothing is.
    pub fn in_turn(&self, mut prepared: Prepared) -> Option<Prepared> {
        self.windows.leave_out(&mut prepared.work, &Counters::default());
        let is_left = prepared.work.outputs.sends().next().is_some();
        is_left.then_some(prepared)
    }

    /// What [`Offline::send`] sends, in order, but for the partitions, which depend on how many the topics have.
    pub fn sent(&self, prepared: &Prepared) -> Vec<Sent> {
        let work = &prepared.work;
        let sends = work.outputs.sends();
        let sent = sends.map(|(place, send)| {
            let record = changed(work.record(place), send);
            let Parts { key, payload, timestamp } = self.destination.parts(work, &record, send);
            let headers = self.destination.headers(work, place, &record, send);
            Sent {
                sink: send.sink,
                key: key.map(<[u8]>::to_vec),
                payload: payload.map(<[u8]>::to_vec),
                timestamp,
                headers: headers.map(|(name, value)| (name.to_vec(), value.map(<[u8]>::to_vec))).collect(),
            }
        });
        sent.collect()
    }

    /// Sends it to the topics of the sinks, which have so many partitions, and counts in `in_flight` how many records that
    /// makes. For each that is not delivered `number` comes back.
    ///
    /// # Errors
    /// librdkafka does not take one of them.
    pub fn send(
        &self,
        writer: &TopicWriter,
        sink_partitions: &[i32],
        prepared: &Prepared,
        number: usize,
        in_flight: &mut usize,
    ) -> Result<(), WriteError> {
        // What cannot be processed is not prepared, so nothing of this is a dead letter.
        let partitions = Partitions { sinks: sink_partitions.into(), dead_letters: 0 };
        for (place, _) in prepared.work.outputs.sends() {
            writer.queue(|producer| {
                let topics = SinkTopics::open(producer, &self.destination).ok_or(RDKafkaErrorCode::InvalidTopic)?;
                self.destination.send(&topics, &partitions, &prepared.work, place, &Form::AsRendered, number)
            })?;
            *in_flight += 1;
        }
        Ok(())
    }
}

// === impl Prepared ===

impl Prepared {
    /// What goes out, in order: the place of its sink among those of the pipeline, and the payload, `None` for a tombstone.
    pub fn sends(&self) -> impl Iterator<Item = (usize, Option<&[u8]>)> {
        let outputs = &self.work.outputs;
        outputs.sends().map(|(_, send)| match &send.value {
            OutputValue::Tombstone => (send.sink, None),
            OutputValue::Rendered(range) => (send.sink, Some(&outputs.bytes[range.clone()])),
        })
    }
}
