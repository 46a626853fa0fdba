//! Asks whether partitions that stand still have something to read: apart from the control thread, which waits for nobody.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::Sender;

use stampmill_core::record::CommitOffset;

use crate::kafka::PartitionId;
use crate::kafka::reader::{ReadError, TopicReader};
use crate::kafka::sample;
use crate::messages::Report;
use crate::settings::PipelineSettings;

/// A partition, and the next record that it would read.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) assignment: u64,
    pub(super) partition: PartitionId,
    pub(super) at: CommitOffset,
}

/// Answers each with a [`Report::Unread`]. One client a topic, for all its partitions.
pub(super) fn ask(
    questions: Vec<Question>,
    settings: Arc<PipelineSettings>,
    control: Sender<Report>,
) -> io::Result<std::thread::JoinHandle<()>> {
    let name = format!("watch {}", settings.name);
    std::thread::Builder::new().name(name).spawn(move || {
        let mut readers: HashMap<Arc<str>, TopicReader> = HashMap::new();
        for Question { assignment, partition, at } in questions {
            let found = find(&mut readers, &settings, &partition, at).map_err(|error| error.to_string());
            let unreachable = found.is_err();
            // The control thread is gone only when the pipeline has ended.
            let _ = control.send(Report::Unread { assignment, at, found });
            if unreachable {
                // The others would wait as long, and are asked about again.
                return;
            }
        }
    })
}

fn find(
    readers: &mut HashMap<Arc<str>, TopicReader>,
    settings: &PipelineSettings,
    partition: &PartitionId,
    at: CommitOffset,
) -> Result<bool, ReadError> {
    if !readers.contains_key(&partition.topic) {
        let reader = TopicReader::open(&settings.source.properties, &partition.topic, "stampmill-watch")?;
        readers.insert(Arc::clone(&partition.topic), reader);
    }
    match readers.get(&partition.topic) {
        Some(reader) => sample::has_record(reader, partition.partition, at),
        None => Err(ReadError::NoTopic(partition.topic.to_string())),
    }
}
