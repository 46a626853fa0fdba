//! The TransformActors of a pipeline, each in its place.

use std::sync::{Arc, PoisonError, RwLock};

use actix::Addr;

use crate::messages::Render;
use crate::transform::TransformActor;

/// One that hangs cannot be ended: another takes its place, and only this knows.
#[derive(Clone)]
pub(crate) struct Pool(Arc<RwLock<Vec<Addr<TransformActor>>>>);

// === impl Pool ===

impl Pool {
    pub(crate) fn new(workers: Vec<Addr<TransformActor>>) -> Self {
        Self(Arc::new(RwLock::new(workers)))
    }

    /// Sends to the worker of that turn.
    pub(crate) fn send(&self, turn: usize, render: Render) {
        let workers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        workers[turn % workers.len()].do_send(render);
    }

    pub(crate) fn replace(&self, place: usize, worker: Addr<TransformActor>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner)[place] = worker;
    }

    pub(crate) fn all(&self) -> Vec<Addr<TransformActor>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
