//! Finds out whether brokers that kept a client out still do. librdkafka tells when one is refused, and not when it is taken
//! again: so the brokers are asked, apart from the control thread, by clients that are made for that.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{Control, look};
use crate::messages::Report;

#[derive(Default)]
pub(super) struct Inspection {
    asking: Option<JoinHandle<()>>,
    /// When to ask again.
    due: Option<Instant>,
    pause: Duration,
}

const SHORTEST: Duration = Duration::from_secs(1);
/// As long as librdkafka waits at the most before it connects again.
const LONGEST: Duration = Duration::from_secs(10);

impl Control {
    /// As long as a client is kept out, the brokers are asked again and again, more and more rarely.
    pub(super) fn inspect_if_due(&mut self, now: Instant) {
        if self.access.denied().is_none() {
            self.inspection = Inspection::default();
            return;
        }
        let Inspection { asking, due, pause } = &mut self.inspection;
        if asking.as_ref().is_some_and(|thread| !thread.is_finished()) || due.is_some_and(|due| now < due) {
            return;
        }
        *pause = (*pause * 2).clamp(SHORTEST, LONGEST);
        *due = Some(now + *pause);
        let (settings, control) = (Arc::clone(&self.settings), self.topology.reports());
        let ask = move || {
            let denied = look::kept_out(&settings);
            // The control thread is gone only when the pipeline has ended.
            let _ = control.send(Report::Inspected { denied });
        };
        match std::thread::Builder::new().name(format!("access {}", self.settings.name)).spawn(ask) {
            Ok(thread) => *asking = Some(thread),
            Err(error) => self.complain(&format!("whether the brokers let it in cannot be found out: {error}")),
        }
    }

    pub(super) fn take_inspection(&mut self, denied: Option<String>) {
        if let Some(reason) = &denied {
            self.complain(reason);
        }
        self.access.found(denied);
        self.tell_health();
    }
}
