//! What steps keep beyond a record, and is asked in the order of the records: the keys that a partition met, and the rates of
//! this instance.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use stampmill_core::dedupe::Window;
use stampmill_core::throttle::Bucket;

use crate::messages::Work;
use crate::observe::Counters;
use crate::outputs::OutputKind;

/// Of a source partition, as long as it is ours: it outlives restarts and aborts. Windows follow the offsets, so that what is
/// sent again is no duplicate.
#[derive(Default)]
pub(crate) struct Windows(Mutex<Met>);

#[derive(Default)]
struct Met {
    /// Of which steps the windows are.
    steps: u64,
    windows: Vec<Option<Window>>,
}

/// Of a pipeline in this instance.
pub(crate) struct Throttles {
    start: Instant,
    buckets: Mutex<(u64, Vec<Bucket>)>,
}

// === impl Windows ===

impl Windows {
    /// Leaves out what has a key that was met before. To be asked once for each batch, in order.
    pub(crate) fn leave_out(&self, work: &mut Work, counters: &Counters) {
        let transforms = &work.settings.transforms;
        if work.outputs.guards.is_empty() {
            return;
        }
        let mut met = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if met.steps < transforms.id() {
            *met = Met { steps: transforms.id(), windows: Vec::new() };
        }
        // A worker still had the steps of before: what those took for keys is not comparable.
        if met.steps != transforms.id() {
            return;
        }
        for guard in &work.outputs.guards {
            if met.windows.len() <= guard.window {
                met.windows.resize_with(guard.window + 1, || None);
            }
            let size = transforms.window(guard.window);
            let window = met.windows[guard.window].get_or_insert_with(|| Window::new(size));
            let at = (work.batch.batch.offset(guard.record), guard.part);
            if window.is_duplicate(guard.key, at) {
                counters.filtered.add(guard.step.clone(), 1);
                let duplicate = &mut work.outputs.list[guard.outputs.clone()];
                duplicate.iter_mut().for_each(|output| output.kind = OutputKind::Skipped);
            }
        }
    }
}

// === impl Throttles ===

impl Throttles {
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), buckets: Mutex::default() }
    }

    /// How long a batch has to wait, if it has to; otherwise it has been counted.
    pub(crate) fn take(&self, work: &Work) -> Option<Duration> {
        let transforms = &work.settings.transforms;
        if work.outputs.throttled.iter().all(|count| *count == 0) {
            return None;
        }
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.0 != transforms.id() || buckets.1.is_empty() {
            *buckets = (transforms.id(), transforms.rates().iter().map(|rate| Bucket::new(*rate)).collect());
        }
        let now = self.start.elapsed();
        let met = || buckets.1.iter().zip(&work.outputs.throttled).enumerate().filter(|(_, (_, count))| **count > 0);
        let longest = met().filter_map(|(_, (bucket, _))| bucket.wait(now)).max();
        if longest.is_none() {
            let counts: Vec<(usize, usize)> = met().map(|(number, (_, count))| (number, *count)).collect();
            counts.into_iter().for_each(|(number, count)| buckets.1[number].take(count, now));
        }
        longest
    }
}
