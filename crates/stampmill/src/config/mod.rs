//! The configuration: defaults, files, environment and flags in layers, checked whole before anything starts.
//!
//! The way of a value: [`yaml`] reads it as written, [`layers`] and [`overrides`] put it over the default, [`fragments`] puts
//! it where it is named, [`section`] reads it under the [`schema`], [`pipeline`] makes a setting of it.

mod checks;
mod connection;
mod credentials;
mod effective;
pub(crate) mod error;
mod failures;
mod fragments;
mod interpolation;
pub(crate) mod json;
mod json_schema;
mod layers;
mod listeners;
pub(crate) mod memory;
mod numbers;
mod origin;
mod overrides;
mod owned;
mod parameters;
mod pipeline;
mod profile;
mod properties;
pub(crate) mod reading;
#[cfg(test)]
pub(crate) mod reference;
pub(crate) mod schema;
mod secrets;
pub(crate) mod section;
mod security;
mod show;
mod sinks;
mod steps;
mod tables;
#[cfg(test)]
mod tests;
mod topics;
mod traces;
pub(crate) mod yaml;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stampmill_core::template::Ambient;
use stampmill_engine::AMBIENT;
use stampmill_engine::logging::Format;
use stampmill_engine::settings::PipelineSettings;

use self::layers::Layer;
use self::overrides::Settable;
use self::reading::Reading;
use self::section::Section;
use self::topics::Traffic;

pub(crate) use self::effective::Effective;
pub(crate) use self::error::{ConfigError, ConfigErrors};
pub(crate) use self::json_schema::json_schema;
pub(crate) use self::listeners::{Admin, Listeners, Token};
pub(crate) use self::secrets::Secrets;
pub(crate) use self::tables::TableStore;
pub(crate) use self::traces::Traces;

/// Everything that is told from outside.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    /// Files and folders; if none, the first of [`DEFAULT_FILES`] that exists.
    pub(crate) files: Vec<PathBuf>,
    /// The text of a file to take where none is named and none of [`DEFAULT_FILES`] exists.
    pub(crate) fallback: Option<&'static str>,
    /// The process's environment, which is not read here, so that tests have one of their own.
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// Key and value of each `--set`, as `pipelines.NAME.sink.partition` and `source`.
    pub(crate) flags: Vec<(String, String)>,
    /// Bytes of memory that the process may take, if that is known.
    pub(crate) available: Option<usize>,
    /// The tables that were read before, by whoever read these sources.
    pub(crate) tables: TableStore,
}

/// A configuration in which nothing is wrong.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// In the order of their names; at least one.
    pub(crate) pipelines: Vec<PipelineSettings>,
    pub(crate) log_format: Format,
    pub(crate) listeners: Listeners,
    /// Whether to look for another configuration while it runs.
    pub(crate) watch: bool,
    pub(crate) traces: Option<Traces>,
    /// What a client would fail with: for whoever is to make one.
    pub(crate) refusals: Arc<ConfigErrors>,
    /// What must not be shown of it.
    pub(crate) secrets: Secrets,
    /// All of it, to compare another one with.
    pub(crate) effective: Effective,
}

pub(crate) const DEFAULT_FILES: [&str; 2] = ["config/stampmill.yaml", "/etc/stampmill/stampmill.yaml"];

const LOG_FORMATS: &[(&str, Format)] = &[("line", Format::Line), ("json", Format::Json)];

/// Reads and checks the whole configuration. Nothing is connected to.
///
/// # Errors
/// Everything that is wrong with it, at once.
pub(crate) fn load(sources: Sources) -> Result<Settings, ConfigErrors> {
    load_with(sources, AMBIENT)
}

/// As [`load`], with a clock and a randomness of the caller's for the templates.
///
/// # Errors
/// As for [`load`].
pub(crate) fn load_with(sources: Sources, ambient: Ambient) -> Result<Settings, ConfigErrors> {
    with_valid(sources, ambient, |reading, merged, settings| {
        let effective = effective::effective(reading, merged);
        Settings { effective, ..settings }
    })
}

/// The configuration that is in force, as YAML: each value with where it comes from, and none that is secret.
///
/// # Errors
/// As of [`load`].
pub(crate) fn show(sources: Sources) -> Result<String, ConfigErrors> {
    let available = sources.available;
    with_valid(sources, AMBIENT, |reading, merged, settings| show::document(reading, merged, &settings, available))
}

/// What is made of a configuration in which nothing is wrong.
fn with_valid<T>(
    sources: Sources,
    ambient: Ambient,
    make: impl FnOnce(&Reading<'_>, &config::Value, Settings) -> T,
) -> Result<T, ConfigErrors> {
    let mut errors = Vec::new();
    let environment = overrides::environment(sources.environment, &mut errors);

    let written = written(sources.files, sources.fallback, &mut errors);
    // A file that cannot be read would make every key and name that it holds look unknown or missing.
    if !errors.is_empty() {
        return Err(ConfigErrors(errors));
    }

    let files = layers::merge(written.clone()).map_err(ConfigError::from)?;
    let settable = Settable::new(&files);
    let from_environment = overrides::from_environment(&environment, &settable, &mut errors);
    let from_flags = overrides::from_flags(&sources.flags, &settable, &mut errors);
    let layers = [layers::defaults(&files)].into_iter().chain(written).chain([from_environment, from_flags]);
    let mut merged = layers::merge(layers).map_err(ConfigError::from)?;
    fragments::put_in(&mut merged, &mut errors);

    let reading = Reading::new(&environment, errors, ambient);
    let settings = read(&reading, &merged, sources.available, &sources.tables);
    let is_valid = reading.errors.borrow().is_empty();
    let made = is_valid.then(|| make(&reading, &merged, settings));
    // It may read a file again, which may be gone by then.
    match (made, reading.errors.into_inner()) {
        (Some(made), errors) if errors.is_empty() => Ok(made),
        (_, errors) => Err(ConfigErrors(errors)),
    }
}

/// Where the first file is; `None` where none is named and none of [`DEFAULT_FILES`] exists.
pub(crate) fn folder_of_first(named: &[PathBuf]) -> Option<PathBuf> {
    match named.first() {
        Some(folder) if folder.is_dir() => Some(folder.clone()),
        Some(file) => file.parent().map(Path::to_owned),
        None => default_file()?.parent().map(Path::to_owned),
    }
}

fn default_file() -> Option<&'static Path> {
    DEFAULT_FILES.iter().map(Path::new).find(|file| file.exists())
}

/// A layer for each file, in order.
fn written(named: Vec<PathBuf>, fallback: Option<&str>, errors: &mut Vec<ConfigError>) -> Vec<Layer> {
    let files = match (default_file(), fallback) {
        _ if !named.is_empty() => yaml::find(&named, errors),
        (Some(file), _) => vec![file.to_owned()],
        (None, Some(text)) => {
            return layer(yaml::parse(text, "built-in stampmill.yaml", &yaml::CONFIGURATION), errors)
                .into_iter()
                .collect();
        }
        (None, None) => {
            errors.push(ConfigError::NoFile { tried: DEFAULT_FILES.map(PathBuf::from).to_vec() });
            return Vec::new();
        }
    };
    files.iter().filter_map(|file| layer(yaml::read(file), errors)).collect()
}

fn layer(
    table: Result<config::Map<String, config::Value>, ConfigError>,
    errors: &mut Vec<ConfigError>,
) -> Option<Layer> {
    table.map(Layer).map_err(|error| errors.push(error)).ok()
}

fn read(reading: &Reading<'_>, merged: &config::Value, available: Option<usize>, store: &TableStore) -> Settings {
    let root = Section::open(reading, schema::ROOT, Some(merged), "");
    let connections = connection::connections(reading, root.value("connections"));
    let tables = tables::tables(reading, root.value("tables"), &connections, store);
    let pipelines = pipeline::pipelines(reading, root.value("pipelines"), &connections, &tables);
    let traffic: Vec<Traffic<'_>> = pipelines.iter().map(pipeline::Pipeline::traffic).collect();
    topics::check(reading, &traffic);
    drop(traffic);
    let log_format = root.table("logging", "logging").choice("format", LOG_FORMATS).unwrap_or_default();
    let listeners = listeners::listeners(&root).unwrap_or_default();
    let watch = root.table("reload", "reload").choice("watch", &[("true", true), ("false", false)]).unwrap_or_default();
    let traces = traces::traces(&root);
    let holders = memory::Holders { pipelines: pipelines.len(), tables: tables.max_bytes() };
    let memory = memory::memory(&root, holders, available).unwrap_or_default();
    let pipelines = pipelines.into_iter().map(|pipeline| PipelineSettings { memory, ..pipeline.settings });
    let (secrets, effective) = (reading.secrets.borrow().clone(), Effective::default());
    let (pipelines, refusals) = (pipelines.collect(), Arc::new(ConfigErrors(reading.refusals.take())));
    Settings { pipelines, log_format, listeners, watch, traces, refusals, secrets, effective }
}
