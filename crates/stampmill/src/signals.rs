//! SIGINT, SIGTERM and SIGHUP, remembered until somebody looks.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use actix_rt::signal::unix::{SignalKind, signal};

/// The signals that came, oldest first, as their numbers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signals(Rc<RefCell<Vec<i32>>>);

/// Whether a SIGHUP came since somebody looked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hangup(Rc<Cell<bool>>);

// === impl Hangup ===

impl Hangup {
    /// From now on it no longer ends the process. To be called within an actix system.
    pub(crate) fn listen() -> std::io::Result<Self> {
        let came = Self::default();
        let (mut stream, twin) = (signal(SignalKind::hangup())?, came.clone());
        actix_rt::spawn(async move {
            while stream.recv().await.is_some() {
                twin.0.set(true);
            }
        });
        Ok(came)
    }

    pub(crate) fn take(&self) -> bool {
        self.0.take()
    }
}

// === impl Signals ===

impl Signals {
    /// From now on the two no longer end the process. To be called within an actix system.
    pub(crate) fn listen() -> std::io::Result<Self> {
        let came = Self::default();
        for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
            let mut stream = signal(kind)?;
            let came = came.clone();
            actix_rt::spawn(async move {
                while stream.recv().await.is_some() {
                    came.0.borrow_mut().push(kind.as_raw_value());
                }
            });
        }
        Ok(came)
    }

    pub(crate) fn first(&self) -> Option<i32> {
        self.0.borrow().first().copied()
    }

    pub(crate) fn beyond_the_first(&self) -> Option<i32> {
        self.0.borrow().get(1).copied()
    }
}
