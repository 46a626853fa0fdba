//! A case file, read under its schema by the configuration's own means. What is wrong is noted and reading goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use config::Value;
use stampmill_engine::settings::PipelineSettings;

use super::case::{Case, CaseFile, Input};
use super::clock::AMBIENT;
use super::expect::expect;
use super::schema::{CASE, FILE};
use super::tables::{self, Given};
use super::values::{bytes, headers, moment, payload, refuse};
use crate::config::error::{ConfigError, remedy};
use crate::config::reading::{Reading, join, place};
use crate::config::section::Section;
use crate::config::{Settings, yaml};

/// Whether a case may be without `expect`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expectations {
    Required,
    /// They are to be written.
    Optional,
}

/// Reads a file; all that is wrong with it is added to `errors`.
pub(super) fn read<'a>(
    path: &Path,
    settings: &'a Settings,
    expectations: Expectations,
    errors: &mut Vec<ConfigError>,
) -> Option<CaseFile<'a>> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(path, text, settings, expectations, errors),
        Err(source) => {
            errors.push(ConfigError::Read { path: path.to_owned(), source });
            None
        }
    }
}

pub(super) fn parse<'a>(
    path: &Path,
    text: String,
    settings: &'a Settings,
    expectations: Expectations,
    errors: &mut Vec<ConfigError>,
) -> Option<CaseFile<'a>> {
    let name = path.display().to_string();
    let table = yaml::parse(&text, &name, &yaml::CASES).map_err(|error| errors.push(error)).ok()?;
    let root = Value::new(Some(&format!("{name}:1")), table);
    let environment = BTreeMap::new();
    let reading = Reading::new(&environment, Vec::new(), AMBIENT);
    let root = Section::open(&reading, FILE, Some(&root), "");
    let pipeline = pipeline(&root, settings);
    let tables = tables::given(&root, pipeline).unwrap_or_default();
    let cases = cases(&root, pipeline, &tables, expectations);
    let mut found = reading.errors.take();
    let is_fine = found.is_empty();
    errors.append(&mut found);
    match (is_fine, pipeline, cases) {
        (true, Some(pipeline), Some(cases)) => Some(CaseFile { path: path.to_owned(), text, pipeline, cases }),
        (true, ..) => unreachable!("what could not be read of `{name}` has been noted"),
        (false, ..) => None,
    }
}

/// The one that is named, or else the only one.
fn pipeline<'a>(root: &Section<'_>, settings: &'a Settings) -> Option<&'a PipelineSettings> {
    let pipelines = &settings.pipelines;
    if !root.is_there("pipeline") {
        if let [only] = pipelines.as_slice() {
            return Some(only);
        }
        let doc = "there are several pipelines; name the one that the cases are about";
        root.reading.note(ConfigError::Missing { at: root.at("pipeline"), doc });
        return None;
    }
    let name = root.verbatim("pipeline")?;
    pipelines.iter().find(|pipeline| pipeline.name == name).or_else(|| {
        let known = remedy(name, pipelines.iter().map(|pipeline| pipeline.name.as_str()));
        let expected = format!("a pipeline of the configuration; {known}");
        refuse(root.reading, root.at("pipeline"), &expected, &format!("`{name}`"))
    })
}

fn cases(
    root: &Section<'_>,
    pipeline: Option<&PipelineSettings>,
    tables: &Given,
    expectations: Expectations,
) -> Option<Vec<Case>> {
    let (_, items) = root.items("cases")?;
    if items.is_empty() && root.is_there("cases") {
        return refuse(root.reading, root.at("cases"), "at least one case", "none");
    }
    let mut names = BTreeSet::new();
    let mut cases = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let path = join("cases", &index.to_string());
        let case = case(root.reading, item, &path, (pipeline, tables), expectations);
        if let Some(case) = &case
            && !names.insert(case.name.clone())
        {
            let fault = format!("another case of the file is called `{}`, too; give each a name of its own", case.name);
            root.reading.note(ConfigError::Together { at: place(Some(item), &path), fault });
        }
        cases.push(case);
    }
    cases.into_iter().collect()
}

fn case(
    reading: &Reading<'_>,
    item: &Value,
    path: &str,
    (pipeline, tables): (Option<&PipelineSettings>, &Given),
    expectations: Expectations,
) -> Option<Case> {
    let section = Section::open(reading, CASE, Some(item), path);
    // Everything is read before the first `?`, so that all faults are noted.
    let name = section.verbatim("name").map(str::to_owned);
    let now = section.is_there("now").then(|| moment(&section, "now"));
    let before = before(&section, pipeline);
    let input = section.value("input").and_then(|_| {
        let path = section.path("input");
        input(&section.table("input", &path), pipeline, before.as_ref().map_or(0, Vec::len))
    });
    let tables = pipeline.and_then(|pipeline| tables::of_case(&section, &place(Some(item), path), pipeline, tables));
    let is_written = expectations == Expectations::Required || section.is_there("expect");
    let expect = is_written.then(|| section.value("expect").and_then(|_| expect(&section)));
    Some(Case {
        name: name?,
        at: place(Some(item), path).origin,
        now: now.unwrap_or(Some(jiff::Timestamp::UNIX_EPOCH))?,
        before: before?,
        tables: tables?,
        input: input?,
        expect: match expect {
            Some(read) => Some(read?),
            None => None,
        },
    })
}

fn before(case: &Section<'_>, pipeline: Option<&PipelineSettings>) -> Option<Vec<Input>> {
    let (keys, items) = case.items("before")?;
    let path = case.path("before");
    let read = |(place, item): (usize, &Value)| {
        let path = join(&path, &place.to_string());
        input(&Section::open(case.reading, keys, Some(item), &path), pipeline, place)
    };
    // All are read before the first fault ends it.
    let inputs: Vec<Option<Input>> = items.iter().enumerate().map(read).collect();
    inputs.into_iter().collect()
}

/// A record with so many before it.
fn input(input: &Section<'_>, pipeline: Option<&PipelineSettings>, place: usize) -> Option<Input> {
    let topic = topic(input, pipeline);
    let partition = input.number("partition").unwrap_or(0);
    let offset = if input.is_there("offset") { input.number("offset")? } else { u64::try_from(place).ok()? };
    let timestamp = moment(input, "timestamp").map(jiff::Timestamp::as_millisecond);
    let key = bytes(input, "key").flatten();
    let headers = headers(input, "headers").unwrap_or_default();
    let payload = payload(input);
    Some(Input {
        topic: topic?,
        // The schema bounds both.
        partition: i32::try_from(partition).ok()?,
        offset: i64::try_from(offset).ok()?,
        timestamp,
        key,
        headers,
        payload: payload?.bytes(),
    })
}

/// The one that is named, or the first that the pipeline names.
fn topic(input: &Section<'_>, pipeline: Option<&PipelineSettings>) -> Option<String> {
    if input.is_there("topic") {
        return input.verbatim("topic").map(str::to_owned);
    }
    let topics = &pipeline?.source.topics;
    let named = topics.iter().find(|topic| !topic.starts_with('^')).cloned();
    if named.is_none() {
        let doc = "the pipeline reads only patterns; name the topic that the record comes from";
        input.reading.note(ConfigError::Missing { at: input.at("topic"), doc });
    }
    named
}
