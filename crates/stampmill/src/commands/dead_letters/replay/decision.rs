//! What is to become of a dead letter.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use regex_lite::Regex;
use stampmill_core::fault::{Fault, FaultClass};
use stampmill_core::record::Batch;
use stampmill_core::transform::Failed;
use stampmill_engine::dead_letters::{Letter, LetterError, hops, with_hops};
use stampmill_engine::kafka::reader::{ReadError, TopicReader};
use stampmill_engine::kafka::writer::{TopicWriter, WriteError};
use stampmill_engine::offline::{Offline, Prepared};
use stampmill_engine::settings::{PipelineSettings, Sink};
use thiserror::Error;

use super::super::arguments::{Replay, Target};
use super::super::{DeadLettersError, LOOKING};

pub(super) enum Decision {
    /// As it came, and how often it will have been replayed then.
    ToSource(Batch, u32),
    ToSink(Box<Prepared>),
    /// The pipeline makes nothing of it.
    Nothing,
    Left(Left),
}

/// Why one is not sent.
#[derive(Debug, Error)]
pub(super) enum Left {
    #[error("not a dead letter of stampmill: {0}")]
    NotOurs(LetterError),
    #[error("{0}")]
    Hops(LetterError),
    #[error("it was replayed {hops} times, and `--max-hops` is {most}")]
    TooManyHops { hops: u32, most: u32 },
    #[error("it is a stub, and its original is no longer at {topic}/{partition} offset {offset}")]
    OriginalGone { topic: String, partition: i32, offset: i64 },
    #[error("its source `{0}` is no topic of this pipeline")]
    NotOfThisPipeline(String),
    #[error("its source {topic}/{partition} does not exist any more")]
    SourceGone { topic: String, partition: i32 },
    #[error("it still cannot be processed: {}: {}: {}", .0.step, .0.fault.class.as_str(), .0.fault.reason)]
    Fails(Failed),
}

pub(super) struct Decider<'a> {
    pipeline: &'a PipelineSettings,
    writer: &'a TopicWriter,
    target: Target,
    max_hops: u32,
    patterns: Vec<Regex>,
    offline: Offline,
    /// In the order of the sinks.
    sink_partitions: Vec<i32>,
    /// The originals of stubs are read from them; `None` where there is no such topic.
    sources: BTreeMap<String, Option<TopicReader>>,
}

// === impl Decider ===

impl<'a> Decider<'a> {
    pub(super) fn new(
        pipeline: &'a PipelineSettings,
        writer: &'a TopicWriter,
        replay: &Replay,
    ) -> Result<Self, DeadLettersError> {
        let partitions =
            |sink: &Sink| writer.partitions(&sink.topic).ok_or_else(|| DeadLettersError::NoSink(sink.topic.clone()));
        let sink_partitions = match replay.to {
            Target::Source => Vec::new(),
            Target::Pipeline => pipeline.sinks.iter().map(partitions).collect::<Result<_, _>>()?,
        };
        let patterns = pipeline.source.topics.iter().filter(|topic| topic.starts_with('^'));
        Ok(Self {
            pipeline,
            writer,
            target: replay.to,
            max_hops: replay.max_hops,
            // The configuration has been refused where one is none.
            patterns: patterns.filter_map(|pattern| Regex::new(pattern).ok()).collect(),
            offline: Offline::new(pipeline),
            sink_partitions,
            sources: BTreeMap::new(),
        })
    }

    pub(super) fn decide(&mut self, letter: &Letter<'_>) -> Result<Decision, DeadLettersError> {
        if !self.is_read_by_pipeline(letter.topic) {
            return Ok(Decision::Left(Left::NotOfThisPipeline(letter.topic.to_owned())));
        }
        let Some(original) = self.original(letter)? else {
            let Letter { partition, offset, .. } = *letter;
            return Ok(Decision::Left(Left::OriginalGone { topic: letter.topic.to_owned(), partition, offset }));
        };
        let hops = match hops(&original.record(0)) {
            Ok(hops) => hops,
            Err(error) => return Ok(Decision::Left(Left::Hops(error))),
        };
        if hops >= self.max_hops {
            return Ok(Decision::Left(Left::TooManyHops { hops, most: self.max_hops }));
        }
        Ok(match self.target {
            Target::Source => self.send_back(&original, hops + 1),
            Target::Pipeline => self.render(original),
        })
    }

    /// As the pipeline would.
    pub(super) fn send(&self, prepared: &Prepared, number: usize, in_flight: &mut usize) -> Result<(), WriteError> {
        self.offline.send(self.writer, &self.sink_partitions, prepared, number, in_flight)
    }

    /// A header says where it came from, and a header can be forged.
    fn is_read_by_pipeline(&self, topic: &str) -> bool {
        self.pipeline.source.topics.iter().any(|name| name == topic)
            || self.patterns.iter().any(|pattern| pattern.is_match(topic))
    }

    fn send_back(&self, original: &Batch, hops: u32) -> Decision {
        let record = original.record(0);
        let (topic, partition) = (record.topic, record.partition);
        if !self.writer.partitions(topic).is_some_and(|partitions| (0..partitions).contains(&partition)) {
            return Decision::Left(Left::SourceGone { topic: topic.to_owned(), partition });
        }
        Decision::ToSource(with_hops(&record, hops), hops)
    }

    fn render(&mut self, original: Batch) -> Decision {
        // What has made a transform panic before may do so again.
        match catch_unwind(AssertUnwindSafe(|| self.offline.render(original))) {
            Ok(Ok(Some(prepared))) => Decision::ToSink(Box::new(prepared)),
            Ok(Ok(None)) => Decision::Nothing,
            Ok(Err(failed)) => Decision::Left(Left::Fails(failed)),
            Err(_panic) => {
                self.offline = Offline::new(self.pipeline);
                let fault = Fault::new(FaultClass::Panic, "a transform panicked on this record");
                Decision::Left(Left::Fails(Failed { step: "transforms".into(), fault }))
            }
        }
    }

    fn original(&mut self, letter: &Letter<'_>) -> Result<Option<Batch>, DeadLettersError> {
        if letter.stub.is_none() {
            return Ok(Some(letter.original()));
        }
        let Some(reader) = self.source(letter.topic)? else {
            return Ok(None);
        };
        let found = match reader.one(letter.partition, letter.offset) {
            Err(ReadError::NoPartition { .. }) => None,
            found => found?,
        };
        // A topic of the same name may have been made anew.
        Ok(found.filter(|found| found.record(0).timestamp == letter.timestamp))
    }

    fn source(&mut self, topic: &str) -> Result<Option<&TopicReader>, DeadLettersError> {
        if !self.sources.contains_key(topic) {
            let opened = match TopicReader::open(&self.pipeline.source.properties, topic, LOOKING) {
                Err(ReadError::NoTopic(_)) => None,
                opened => Some(opened?),
            };
            self.sources.insert(topic.to_owned(), opened);
        }
        Ok(self.sources.get(topic).and_then(Option::as_ref))
    }
}

// === impl Left ===

impl Left {
    /// The kind, for the counts.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::NotOurs(_) => "not dead letters of stampmill",
            Self::Hops(_) => "with a broken count of hops",
            Self::TooManyHops { .. } => "replayed `--max-hops` times already",
            Self::OriginalGone { .. } => "stubs whose original is gone",
            Self::NotOfThisPipeline(_) => "from topics that the pipeline does not read",
            Self::SourceGone { .. } => "from partitions that do not exist any more",
            Self::Fails(_) => "that still cannot be processed",
        }
    }
}
