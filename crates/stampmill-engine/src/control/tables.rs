//! Tables that a pipeline's steps read: no record is read before each of them is.

use std::time::{Duration, Instant};

use super::Stop;
use super::look::{denied, partitions_of, unreachable};
use super::startup::StartError;
use crate::health::{Health, Trouble};
use crate::kafka::cluster::Admin;
use crate::settings::PipelineSettings;
use crate::tables::{TopicTable, read_by};

/// A table's topic, as the brokers have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSeen {
    pub table: String,
    pub topic: String,
    pub partitions: i32,
}

const BETWEEN_LOOKS: Duration = Duration::from_millis(50);
/// What a start may take before it is told: most tables are read by then.
const GRACE: Duration = Duration::from_secs(1);

/// Waits until each table is read to its end; `false` if it is stopped before. Who reads them says every ten seconds what
/// they wait for. With `fail_fast` the first thing that is missing is an error.
pub(super) fn await_ready(settings: &PipelineSettings, stop: &Stop, tell: impl Fn(Health)) -> Result<bool, StartError> {
    let (since, mut is_told) = (Instant::now(), false);
    while !stop.is_requested() {
        let unread: Vec<&TopicTable> =
            read_by(&settings.tables, &settings.transforms).filter(|table| !table.is_ready()).collect();
        if unread.is_empty() {
            if is_told {
                tell(Health::Starting);
            }
            return Ok(true);
        }
        let troubles = unread.iter().map(|table| trouble(table));
        match unread.iter().find(|table| table.has_failed()) {
            Some(failed) if settings.run.fail_fast => return Err(StartError::NotReady(trouble(failed).to_string())),
            _ if since.elapsed() >= GRACE => {
                tell(Health::NotReady(troubles.collect()));
                is_told = true;
            }
            _ => {}
        }
        std::thread::sleep(BETWEEN_LOOKS);
    }
    Ok(false)
}

fn trouble(table: &TopicTable) -> Trouble {
    Trouble::TableUnread { table: table.name().to_owned(), reason: table.waits_for() }
}

/// Asks the brokers for the topics of the tables that the steps read.
pub(super) fn look(settings: &PipelineSettings) -> Result<Vec<TableSeen>, StartError> {
    read_by(&settings.tables, &settings.transforms).map(look_at).collect()
}

fn look_at(table: &TopicTable) -> Result<TableSeen, StartError> {
    table.properties.await_credentials().map_err(StartError::NoCredentials)?;
    let admin = Admin::open(&table.properties).map_err(|error| StartError::NotReady(error.to_string()))?;
    let topics = admin.topics().map_err(|unanswered| unreachable(&table.properties, unanswered))?;
    let partitions = partitions_of(&topics, &table.topic, &format!("table `{}`", table.name()))?;
    // Where the brokers do not tell, they will when it is read.
    let may = if admin.is_embedded() { Ok(Vec::new()) } else { admin.permissions(&[&table.topic]) };
    match may.unwrap_or_default().iter().find(|topic| !topic.read) {
        Some(topic) => Err(denied("read", &topic.topic, "READ")),
        None => Ok(TableSeen { table: table.name().to_owned(), topic: table.topic.clone(), partitions }),
    }
}
