//! Another configuration takes the place of the one that runs, as far as a running program can change: the pipelines'
//! steps. All of it is found valid before anything is changed, or nothing is.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use stampmill_core::transform::Transforms;
use stampmill_engine::Steer;

use crate::config::{ConfigErrors, Effective, Settings, Sources, load};

pub(crate) struct Reloader {
    sources: Sources,
    steers: Vec<Steer>,
    /// What the pipelines run by; locked for as long as a reload takes, so that there is one at a time.
    effective: Mutex<Effective>,
    /// 1 at the start, and one more with each reload that changed something.
    generation: AtomicU64,
    /// What the sources came to when they were looked at last; errors as texts.
    seen: Mutex<Result<Effective, Vec<String>>>,
}

/// Which pipelines have other steps now, and which go on as they were.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Reloaded {
    pub(crate) changed: Vec<String>,
    pub(crate) unchanged: Vec<String>,
    /// Connections whose files hold other passwords, certificates or keys now.
    pub(crate) credentials: Vec<String>,
}

/// Why the old configuration goes on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReloadError {
    #[error("the configuration is not valid, and the one before runs on")]
    Invalid(ConfigErrors),
    #[error("only `transforms` can change while it runs, and the configuration before runs on; a restart takes over {}", quoted(.0))]
    NeedsRestart(Vec<String>),
    #[error("pipeline `{pipeline}` cannot take its new steps, and the configuration before runs on: {source}")]
    Steps { pipeline: String, source: stampmill_engine::ReloadError },
}

// === impl Reloader ===

impl Reloader {
    /// `effective` is what `sources` held when the pipelines were started.
    pub(crate) fn new(sources: Sources, effective: Effective, steers: Vec<Steer>) -> Self {
        let seen = Mutex::new(Ok(effective.clone()));
        Self { sources, steers, effective: Mutex::new(effective), generation: AtomicU64::new(1), seen }
    }

    pub(crate) fn steers(&self) -> &[Steer] {
        &self.steers
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// Reads the same sources again. Blocks while it does; what came of it is logged.
    ///
    /// # Errors
    /// Nothing has changed.
    pub(crate) fn reload(&self) -> Result<Reloaded, ReloadError> {
        let outcome = self.try_reload();
        match &outcome {
            Ok(Reloaded { changed, credentials, .. }) => match (&changed[..], &credentials[..]) {
                ([], []) => log::info!("reloaded: nothing has changed"),
                (changed, []) => log::info!("reloaded: other steps for {}", quoted(changed)),
                ([], credentials) => log::info!("reloaded: other credentials for {}", quoted(credentials)),
                (changed, credentials) => {
                    log::info!(
                        "reloaded: other steps for {}, other credentials for {}",
                        quoted(changed),
                        quoted(credentials)
                    );
                }
            },
            Err(error) => {
                log::error!("not reloaded: {error}");
                if let ReloadError::Invalid(errors) = error {
                    errors.each().for_each(|error| log::error!("not reloaded: {error}"));
                }
            }
        }
        outcome
    }

    /// Reloads if the sources are others than when they were looked at last, so that what is wrong is told once; `None` if
    /// they are not.
    pub(crate) fn reload_if_changed(&self) -> Option<Result<Reloaded, ReloadError>> {
        let now =
            load(self.sources.clone()).map(|settings| settings.effective).map_err(|errors| errors.each().collect());
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        (*seen != now).then(|| {
            let outcome = self.reload();
            // A table is read to its end in time, and then it is taken.
            if !outcome.as_ref().is_err_and(ReloadError::passes_in_time) {
                *seen = now;
            }
            outcome
        })
    }

    fn try_reload(&self) -> Result<Reloaded, ReloadError> {
        let mut running = self.effective.lock().unwrap_or_else(PoisonError::into_inner);
        let Settings { pipelines, effective, .. } = load(self.sources.clone()).map_err(ReloadError::Invalid)?;
        let difference = running.difference(&effective);
        if !difference.fixed.is_empty() {
            return Err(ReloadError::NeedsRestart(difference.fixed.into_iter().collect()));
        }
        let (mut reloaded, mut new) = (Reloaded::default(), Vec::new());
        for steer in &self.steers {
            let name = steer.name();
            match pipelines.iter().find(|pipeline| pipeline.name == name && difference.pipelines.contains(&name)) {
                Some(pipeline) => {
                    new.push((steer, Arc::clone(&pipeline.transforms)));
                    reloaded.changed.push(name);
                }
                None => reloaded.unchanged.push(name),
            }
        }
        change_all(&new)?;
        reloaded.credentials = self.look_at_credentials();
        *running = effective;
        self.generation.fetch_add(u64::from(!reloaded.changed.is_empty()), Ordering::Relaxed);
        Ok(reloaded)
    }
}

impl Reloader {
    /// They are looked at every second anyway.
    fn look_at_credentials(&self) -> Vec<String> {
        let settings: Vec<_> = self.steers.iter().map(Steer::settings).collect();
        let mut all: Vec<_> = settings.iter().flat_map(|settings| settings.credentials()).collect();
        all.sort_by_key(|credentials| Arc::as_ptr(credentials));
        all.dedup_by_key(|credentials| Arc::as_ptr(credentials));
        let changed = all.into_iter().filter(|credentials| !credentials.look_now().is_empty());
        let names: BTreeSet<String> = changed.map(|found| found.settings().connection.clone()).collect();
        names.into_iter().collect()
    }
}

/// Where one cannot change, those before it change back.
fn change_all(new: &[(&Steer, Arc<Transforms>)]) -> Result<(), ReloadError> {
    let mut old = Vec::new();
    for (steer, transforms) in new {
        let before = Arc::clone(&steer.settings().transforms);
        if let Err(source) = steer.reload(Arc::clone(transforms)) {
            change_back(old);
            return Err(ReloadError::Steps { pipeline: steer.name(), source });
        }
        old.push((*steer, before));
    }
    Ok(())
}

fn change_back(old: Vec<(&Steer, Arc<Transforms>)>) {
    for (steer, transforms) in old {
        if let Err(error) = steer.reload(transforms) {
            log::error!("pipeline `{}` keeps its new steps, for it cannot take the old ones: {error}", steer.name());
        }
    }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

// === impl ReloadError ===

impl ReloadError {
    fn passes_in_time(&self) -> bool {
        matches!(self, Self::Steps { source: stampmill_engine::ReloadError::TableUnread { .. }, .. })
    }

    /// What is wrong, one by one: errors of the configuration, or keys.
    pub(crate) fn each(&self) -> Vec<String> {
        match self {
            Self::Invalid(errors) => errors.each().collect(),
            Self::NeedsRestart(keys) => keys.clone(),
            Self::Steps { .. } => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "
connections: { kafka: { bootstrap.servers: 'localhost:9092' } }
pipelines: { p: { source: { topics: [in], group: g }, sink: { topic: out } } }
";

    #[test]
    fn what_is_watched_is_read_again_only_when_it_changes() {
        let file = std::env::temp_dir().join(format!("stampmill-reload-{}.yaml", std::process::id()));
        let write = |text: &str| std::fs::write(&file, text).expect("a file can be written");
        write(VALID);
        let sources = Sources { files: vec![file.clone()], ..Sources::default() };
        let settings = load(sources.clone()).unwrap_or_else(|errors| panic!("{errors}"));
        let reloader = Reloader::new(sources, settings.effective, Vec::new());
        let looks = || {
            [(); 3].map(|()| reloader.reload_if_changed().map(|outcome| outcome.map_err(|error| error.each().len())))
        };
        assert_eq!(looks(), [None, None, None]);
        write(&VALID.replace("group", "grupp"));
        assert_eq!(looks(), [Some(Err(2)), None, None], "what is wrong is told once");
        write(&VALID.replace("out", "elsewhere"));
        assert_eq!(looks(), [Some(Err(1)), None, None], "and what needs a restart");
        write(VALID);
        assert_eq!(looks(), [Some(Ok(Reloaded::default())), None, None]);
        std::fs::remove_file(&file).expect("the file can be removed");
    }
}
