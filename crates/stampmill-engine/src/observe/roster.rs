//! The actors of a pipeline, their restarts, and what caused the last one.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

/// Which kind of actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    Consumer,
    Transform,
    Producer,
}

/// Why an actor was restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RestartCause {
    Panic,
    /// It made no progress though it had work: another took its place.
    Hang,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActorState {
    Running,
    /// It has panicked, and waits for its restart.
    Restarting,
    /// Its restarts are used up.
    GaveUp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActorStatus {
    /// `ConsumerActor topic/0`, `TransformActor 2`.
    pub name: String,
    pub role: Role,
    pub state: ActorState,
    pub restarts: u64,
    pub last_cause: Option<String>,
    pub last_restart: Option<SystemTime>,
}

#[derive(Debug, Default)]
pub(crate) struct Roster(Mutex<BTreeMap<String, ActorStatus>>);

// === impl Role ===

impl Role {
    pub const ALL: [Self; 3] = [Self::Consumer, Self::Transform, Self::Producer];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Consumer => "consumer",
            Self::Transform => "transform",
            Self::Producer => "producer",
        }
    }
}

// === impl RestartCause ===

impl RestartCause {
    pub const ALL: [Self; 2] = [Self::Panic, Self::Hang];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Panic => "panic",
            Self::Hang => "hang",
        }
    }
}

// === impl ActorState ===

impl ActorState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Restarting => "restarting",
            Self::GaveUp => "gave_up",
        }
    }
}

// === impl Roster ===

impl Roster {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, ActorStatus>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn list(&self) -> Vec<ActorStatus> {
        self.lock().values().cloned().collect()
    }

    /// It runs from now on. What it has behind it stays on record: it may be the same one after a new beginning.
    pub(crate) fn enter(&self, name: &str, role: Role) {
        let mut actors = self.lock();
        let fresh = || {
            let (name, state) = (name.to_owned(), ActorState::Running);
            ActorStatus { name, role, state, restarts: 0, last_cause: None, last_restart: None }
        };
        actors.entry(name.to_owned()).or_insert_with(fresh).state = ActorState::Running;
    }

    pub(crate) fn leave(&self, name: &str) {
        self.lock().remove(name);
    }

    pub(crate) fn restarts(&self, name: &str, cause: &str) {
        self.change(name, |actor| {
            actor.state = ActorState::Restarting;
            actor.restarts += 1;
            actor.last_cause = Some(cause.to_owned());
            actor.last_restart = Some(SystemTime::now());
        });
    }

    pub(crate) fn is_in(&self, name: &str, state: ActorState) {
        self.change(name, |actor| actor.state = state);
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut ActorStatus)) {
        self.lock().get_mut(name).map(change);
    }
}
