//! What was found, as the YAML of an `expect`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use saphyr::{Mapping, MarkedYaml, Scalar, ScalarStyle, Yaml, YamlData, YamlEmitter};
use stampmill_engine::offline::Sent;
use stampmill_engine::settings::{PipelineSettings, SinkTimestamp, Then};

use super::case::{Expect, Expected, ExpectedOutput, Payload};
use super::judge::compact;
use super::outcome::{Found, Outcome};
use super::show;
use crate::config::{json, yaml};

/// A block of lines, with as much in it as was expected before: what was not looked at stays so. `None` where YAML has
/// no form for it, such as a header's name that is no text.
pub(super) fn written(found: &Found, before: Option<&Expect>, pipeline: &PipelineSettings) -> Option<String> {
    let mut expect = Mapping::new();
    let outcome = before.map(|expect| &expect.outcome);
    match &found.outcome {
        Outcome::Outputs(outputs) => {
            let before = match outcome {
                Some(Expected::Outputs(outputs)) => outputs.as_slice(),
                _ => &[],
            };
            let items = outputs.iter().enumerate().map(|(index, sent)| output(sent, before.get(index), pipeline));
            put(&mut expect, "outputs", Yaml::Sequence(items.collect::<Option<_>>()?));
        }
        Outcome::Failure { then, failed } => {
            let before = match outcome {
                Some(Expected::Failure(before)) => Some(before),
                _ => None,
            };
            let mut failure = Mapping::new();
            put(&mut failure, "class", plain(failed.fault.class.as_str()));
            if before.is_none_or(|before| before.step.is_some()) {
                put(&mut failure, "step", text(&failed.step));
            }
            if before.is_none_or(|before| before.reason.is_some()) {
                put(&mut failure, "reason", text(&failed.fault.reason));
            }
            put(&mut expect, show::key_of(*then), Yaml::Mapping(failure));
        }
        Outcome::Nothing => put(&mut expect, show::key_of(Then::Skip), plain("true")),
    }
    if before.is_some_and(|expect| expect.log.is_some()) {
        put(&mut expect, "log", Yaml::Sequence(found.log.iter().map(|message| text(message)).collect()));
    }
    emitted(&Yaml::Mapping(expect))
}

fn output(sent: &Sent, before: Option<&ExpectedOutput>, pipeline: &PipelineSettings) -> Option<Yaml<'static>> {
    let (mut output, sink) = (Mapping::new(), &pipeline.sinks[sent.sink]);
    if before.map_or(pipeline.sinks.len() > 1, |before| before.topic.is_some()) {
        put(&mut output, "topic", text(&sink.topic));
    }
    match (before.map(|before| &before.payload), as_json(sent.payload.as_deref())) {
        (Some(Payload::Json(_)), Some(json)) => put(&mut output, "json", json),
        _ => put(&mut output, "payload", bytes(sent.payload.as_deref())),
    }
    let Some(before) = before else { return Some(Yaml::Mapping(output)) };
    if before.key.is_some() {
        put(&mut output, "key", bytes(sent.key.as_deref()));
    }
    if before.headers.is_some() {
        let headers = sent.headers.iter().map(|(name, value)| {
            let mut header = Mapping::new();
            header.insert(text(std::str::from_utf8(name).ok()?), bytes(value.as_deref()));
            Some(Yaml::Mapping(header))
        });
        put(&mut output, "headers", Yaml::Sequence(headers.collect::<Option<_>>()?));
    }
    if before.timestamp.is_some() {
        let timestamp = match (sink.timestamp, sent.timestamp) {
            (SinkTimestamp::Now, _) => "now".to_owned(),
            (SinkTimestamp::Source, None) => "null".to_owned(),
            (SinkTimestamp::Source, Some(millis)) => millis.to_string(),
        };
        put(&mut output, "timestamp", plain(&timestamp));
    }
    if before.partition.is_some() {
        put(&mut output, "partition", plain(&show::partition(sink.partition)));
    }
    Some(Yaml::Mapping(output))
}

fn put(mapping: &mut Mapping<'static>, key: &str, value: Yaml<'static>) {
    mapping.insert(plain(key), value);
}

/// Without quotes: for words and numbers.
fn plain(word: &str) -> Yaml<'static> {
    Yaml::Representation(word.to_owned().into(), ScalarStyle::Plain, None)
}

/// In single quotes, where JSON stays readable; lines as a block; what can stand in neither, with escapes.
fn text(text: &str) -> Yaml<'static> {
    let is_special = |character: char| {
        character.is_control() || matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
    };
    // A word stands alone, and where YAML has a meaning for it the emitter puts it in quotes.
    if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
        return Yaml::Value(Scalar::String(text.to_owned().into()));
    }
    if !text.chars().any(is_special) {
        return Yaml::Representation(text.replace('\'', "''").into(), ScalarStyle::SingleQuoted, None);
    }
    let are_lines = text.lines().all(|line| !line.chars().any(is_special)) && !text.contains('\r');
    if are_lines && !text.ends_with('\n') {
        return Yaml::Value(Scalar::String(text.to_owned().into()));
    }
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '"' | '\\' => escaped.extend(['\\', character]),
            '\n' => escaped.push_str("\\n"),
            other if is_special(other) => escaped.push_str(&format!("\\u{:04x}", u32::from(other))),
            other => escaped.push(other),
        }
    }
    Yaml::Representation(escaped.into(), ScalarStyle::DoubleQuoted, None)
}

fn bytes(bytes: Option<&[u8]>) -> Yaml<'static> {
    match bytes.map(|bytes| (std::str::from_utf8(bytes), bytes)) {
        None => plain("null"),
        Some((Ok(content), _)) => text(content),
        Some((Err(_), bytes)) => {
            let mut table = Mapping::new();
            put(&mut table, "base64", text(&STANDARD.encode(bytes)));
            Yaml::Mapping(table)
        }
    }
}

/// A document as YAML, if YAML gives the same document back: a key that is there twice it does not.
fn as_json(payload: Option<&[u8]>) -> Option<Yaml<'static>> {
    let compact = compact(payload?)?;
    let documents = yaml::scan(&compact).ok()?;
    let [document] = documents.as_slice() else { return None };
    let is_collection = matches!(document.data, YamlData::Mapping(_) | YamlData::Sequence(_));
    (is_collection && json::written(document).is_ok_and(|back| back == compact)).then(|| restyled(document))
}

fn restyled(node: &MarkedYaml<'_>) -> Yaml<'static> {
    match &node.data {
        YamlData::Mapping(entries) => {
            Yaml::Mapping(entries.iter().map(|(key, value)| (restyled_key(key), restyled(value))).collect())
        }
        YamlData::Sequence(items) => Yaml::Sequence(items.iter().map(restyled).collect()),
        YamlData::Representation(word, ScalarStyle::Plain, _) => plain(word),
        YamlData::Representation(content, _, _) => text(content),
        _ => unreachable!("JSON has neither tags nor aliases, and scalars are kept as written"),
    }
}

/// Without quotes where it needs none: a key is a text in any case.
fn restyled_key(key: &MarkedYaml<'_>) -> Yaml<'static> {
    match &key.data {
        YamlData::Representation(name, _, _) => Yaml::Value(Scalar::String(name.to_string().into())),
        _ => unreachable!("a key of JSON is a text"),
    }
}

fn emitted(yaml: &Yaml<'_>) -> Option<String> {
    let mut out = String::new();
    let mut emitter = YamlEmitter::new(&mut out);
    emitter.multiline(true);
    emitter.dump(yaml).ok()?;
    Some(out.strip_prefix("---\n")?.trim_end_matches('\n').to_owned())
}
