//! Topics and patterns, and what pipelines of one file may not do to each other with them.

use config::{Value, ValueKind};
use regex_lite::Regex;

use super::connection::Connection;
use super::error::ConfigError;
use super::reading::{Reading, Text, place};
use super::section::Section;

/// What a source asks for.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) text: Text,
    /// Of a `^` pattern; librdkafka looks for it anywhere in a topic's name.
    pattern: Option<Regex>,
}

/// Where a pipeline reads and writes.
#[derive(Debug)]
pub(crate) struct Traffic<'a> {
    pub(crate) pipeline: &'a str,
    pub(crate) from: &'a Connection,
    pub(crate) group: &'a Text,
    pub(crate) reads: &'a [Subscription],
    pub(crate) to: &'a Connection,
    /// Sink and dead-letter topic.
    pub(crate) writes: &'a [Text],
}

/// The topics of a source: a list, or one text with commas between, in which a pattern stands alone.
pub(crate) fn subscriptions(source: &Section<'_>) -> Option<Vec<Subscription>> {
    let reading = source.reading;
    let value = source.value("topics")?;
    let texts = texts(reading, value, &source.path("topics"));
    if texts.is_empty() {
        reading.mismatch(source.at("topics"), "a list of topics", "none");
        return None;
    }
    let mut subscriptions: Vec<Subscription> = Vec::new();
    for text in texts {
        if subscriptions.iter().any(|other| other.text.text == text.text) {
            let topic = text.shown();
            reading.note(ConfigError::TopicTwice { at: text.at, topic });
        } else {
            subscriptions.extend(subscription(reading, text));
        }
    }
    Some(subscriptions)
}

/// Each by itself.
pub(crate) fn texts(reading: &Reading<'_>, value: &Value, path: &str) -> Vec<Text> {
    match &value.kind {
        ValueKind::Array(items) => items.iter().filter_map(|item| one(reading, item, path)).collect(),
        ValueKind::String(_) => several(reading, value, path),
        _ => Vec::new(),
    }
}

fn one(reading: &Reading<'_>, item: &Value, path: &str) -> Option<Text> {
    reading.text(item, place(Some(item), path))
}

fn several(reading: &Reading<'_>, value: &Value, path: &str) -> Vec<Text> {
    match one(reading, value, path) {
        Some(text) if text.text.starts_with('^') => vec![text],
        Some(text) => {
            text.text.split(',').map(|topic| Text { text: topic.trim().to_owned(), ..text.clone() }).collect()
        }
        None => Vec::new(),
    }
}

fn subscription(reading: &Reading<'_>, text: Text) -> Option<Subscription> {
    if !text.text.starts_with('^') {
        return Some(Subscription { text: topic(reading, text)?, pattern: None });
    }
    match Regex::new(&text.text) {
        Ok(pattern) => Some(Subscription { text, pattern: Some(pattern) }),
        Err(fault) => {
            let at = text.at.clone();
            reading.note(ConfigError::Pattern { at, pattern: text.shown(), fault: fault.to_string() });
            None
        }
    }
}

/// The topic, if a broker would take its name.
pub(crate) fn topic(reading: &Reading<'_>, text: Text) -> Option<Text> {
    let topic = text.text.as_str();
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if (1..=249).contains(&topic.len()) && topic.bytes().all(legal) && topic != "." && topic != ".." {
        return Some(text);
    }
    let topic = text.shown();
    reading.note(ConfigError::Topic { at: text.at, topic });
    None
}

/// Notes every topic that is written here and read here, and every topic that two pipelines read in one group.
pub(crate) fn check(reading: &Reading<'_>, traffic: &[Traffic<'_>]) {
    for writer in traffic {
        for reader in traffic.iter().filter(|reader| reader.from.same_cluster(writer.to)) {
            note_loops(reading, writer, reader);
        }
    }
    for (index, second) in traffic.iter().enumerate() {
        let earlier = traffic[..index].iter();
        for first in
            earlier.filter(|first| first.group.text == second.group.text && first.from.same_cluster(second.from))
        {
            note_shared_topics(reading, first, second);
        }
    }
}

fn note_loops(reading: &Reading<'_>, writer: &Traffic<'_>, reader: &Traffic<'_>) {
    for topic in writer.writes {
        if let Some(subscription) = reader.reads.iter().find(|subscription| subscription.takes(&topic.text)) {
            reading.note(ConfigError::Loop {
                at: topic.at.clone(),
                topic: topic.shown(),
                reader: reader.pipeline.to_owned(),
                pattern: format!("{} at {}", subscription.text.shown(), subscription.text.at.origin),
            });
        }
    }
}

fn note_shared_topics(reading: &Reading<'_>, first: &Traffic<'_>, second: &Traffic<'_>) {
    for subscription in second.reads {
        if first.reads.iter().any(|other| other.overlaps(subscription)) {
            reading.note(ConfigError::SharedGroup {
                at: subscription.text.at.clone(),
                group: second.group.shown(),
                topic: subscription.text.shown(),
                other: first.pipeline.to_owned(),
            });
        }
    }
}

// === impl Subscription ===

impl Subscription {
    fn takes(&self, topic: &str) -> bool {
        match &self.pattern {
            Some(pattern) => pattern.is_match(topic),
            None => self.text.text == topic,
        }
    }

    /// Two different patterns may overlap too; only the topics that exist can tell.
    fn overlaps(&self, other: &Subscription) -> bool {
        self.text.text == other.text.text
            || (other.pattern.is_none() && self.takes(&other.text.text))
            || (self.pattern.is_none() && other.takes(&self.text.text))
    }
}
