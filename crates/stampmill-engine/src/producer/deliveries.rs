//! Counts the delivery reports of each batch, so that one message goes upstream for a batch and none for a record.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use actix::Addr;
use fail::fail_point;
use rdkafka::client::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ProducerContext;
use stampmill_core::record::Epoch;

use super::ProducerActor;
use crate::ack::Ack;
use crate::messages::{SentAlone, Undelivered, Work};
use crate::observe::Counters;

/// The context of a librdkafka producer: what it has been given, and who waits for it.
pub(crate) struct Deliveries {
    producer: Addr<ProducerActor>,
    counters: Arc<Counters>,
    tracks: Mutex<Tracks>,
}

/// Each track has a key, which travels through librdkafka with the record, beside the record's place in its batch.
#[derive(Default)]
struct Tracks {
    slots: Vec<Option<Track>>,
    free: Vec<usize>,
}

/// Records handed to librdkafka, or about to be, that are reported together.
struct Track {
    /// Reports still to come, and one more while the batch is being handed over.
    left: usize,
    failed: Vec<(usize, RDKafkaErrorCode)>,
    then: Then,
}

enum Then {
    Settle {
        work: Arc<Work>,
        ack: Ack,
    },
    Tell {
        lane: usize,
        epoch: Epoch,
    },
    /// Given up before it was complete; the slot waits for the reports of what went out.
    Nothing,
}

/// A batch on its way into librdkafka. Dropping it before [`Handover::complete`] gives the batch up: its ack is
/// dropped, and what was handed over already will be sent twice.
pub(crate) struct Handover {
    deliveries: Arc<Deliveries>,
    track: usize,
    pub(crate) work: Arc<Work>,
    /// The next record to hand over.
    pub(crate) next: usize,
}

/// The place of a record in its batch takes the lower bits of the number that travels with it.
const PLACE_BITS: u32 = 20;
pub(crate) const MOST_RECORDS: usize = 1 << PLACE_BITS;

// === impl Deliveries ===

impl Deliveries {
    pub(crate) fn new(producer: Addr<ProducerActor>, counters: Arc<Counters>) -> Self {
        Self { producer, counters, tracks: Mutex::default() }
    }

    pub(crate) fn open(self: &Arc<Self>, work: Arc<Work>, ack: Ack) -> Handover {
        let left = work.batch.batch.len() + 1;
        let track =
            self.insert(Track { left, failed: Vec::new(), then: Then::Settle { work: Arc::clone(&work), ack } });
        Handover { deliveries: Arc::clone(self), track, work, next: 0 }
    }

    /// Awaits one record alone, and returns the number to send it with.
    pub(crate) fn open_alone(&self, lane: usize, epoch: Epoch) -> usize {
        self.insert(Track { left: 1, failed: Vec::new(), then: Then::Tell { lane, epoch } }) << PLACE_BITS
    }

    /// A record opened with [`Deliveries::open_alone`] that librdkafka did not take: there will be no report.
    pub(crate) fn cancel_alone(&self, opaque: usize) {
        self.with_track(opaque >> PLACE_BITS, |track| {
            track.left -= 1;
            track.then = Then::Nothing;
        });
    }

    fn insert(&self, track: Track) -> usize {
        let mut tracks = self.tracks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(free) = tracks.free.pop() {
            tracks.slots[free] = Some(track);
            return free;
        }
        tracks.slots.push(Some(track));
        tracks.slots.len() - 1
    }

    /// Changes a track; when nothing is left to come, frees its slot and tells whoever waits.
    fn with_track(&self, key: usize, change: impl FnOnce(&mut Track)) {
        let mut guard = self.tracks.lock().unwrap_or_else(PoisonError::into_inner);
        let tracks = &mut *guard;
        let Some(track) = tracks.slots.get_mut(key).and_then(Option::as_mut) else {
            return;
        };
        change(track);
        if track.left > 0 {
            return;
        }
        let finished = tracks.slots[key].take();
        tracks.free.push(key);
        drop(guard);
        if let Some(track) = finished {
            self.finish(track);
        }
    }

    fn finish(&self, track: Track) {
        match track.then {
            Then::Settle { work, ack } if track.failed.is_empty() => {
                self.counters.count_delivered(&work);
                ack.delivered();
            }
            Then::Settle { work, ack } => self.producer.do_send(Undelivered { work, ack, failed: track.failed }),
            Then::Tell { lane, epoch } => {
                let result = track.failed.first().map_or(Ok(()), |(_, error)| Err(*error));
                self.producer.do_send(SentAlone { lane, epoch, result });
            }
            Then::Nothing => {}
        }
    }

    fn report(&self, key: usize, place: usize, result: Result<(), RDKafkaErrorCode>) {
        self.with_track(key, |track| {
            track.left -= 1;
            if let Err(error) = result {
                track.failed.push((place, error));
            }
        });
    }

    /// Gives a track up, of which `unsent` records were never handed over.
    fn abandon(&self, key: usize, unsent: usize) {
        let mut given_up = Then::Nothing;
        self.with_track(key, |track| {
            track.left -= unsent;
            given_up = std::mem::replace(&mut track.then, Then::Nothing);
        });
        // Outside of the lock: dropping an ack sends a message.
        drop(given_up);
    }
}

impl ClientContext for Deliveries {
    fn error(&self, error: KafkaError, reason: &str) {
        crate::kafka::log_client_error("producer", &error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    /// Called on the poll thread. A panic that got out of here would take with it the reports that came in the same
    /// event, and their batches would never settle.
    fn delivery(&self, report: &DeliveryResult<'_>, opaque: usize) {
        let (key, place) = (opaque >> PLACE_BITS, opaque & (MOST_RECORDS - 1));
        let counted = catch_unwind(AssertUnwindSafe(|| {
            fail_point!("delivery::report");
            let result = report.as_ref().map(|_| ()).map_err(|(error, _)| error_code(error));
            self.report(key, place, result);
        }));
        if counted.is_err() {
            log::error!("a delivery report panicked: its batch is sent again");
            self.abandon(key, 1);
        }
    }
}

fn error_code(error: &KafkaError) -> RDKafkaErrorCode {
    error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail)
}

// === impl Handover ===

impl Handover {
    /// The next record has no output: it counts as reported.
    pub(crate) fn skip(&mut self) {
        self.deliveries.report(self.track, self.next, Ok(()));
        self.next += 1;
    }

    /// The number to send the next record with.
    pub(crate) fn opaque(&self) -> usize {
        self.track << PLACE_BITS | self.next
    }

    /// Every record is with librdkafka now.
    pub(crate) fn complete(self) {
        debug_assert_eq!(self.next, self.work.batch.batch.len());
        // `drop` gives up what was not handed over, which is nothing but the one that kept the track open.
    }
}

impl Drop for Handover {
    fn drop(&mut self) {
        let unsent = self.work.batch.batch.len() - self.next;
        if unsent == 0 {
            self.deliveries.with_track(self.track, |track| track.left -= 1);
        } else {
            self.deliveries.abandon(self.track, unsent + 1);
        }
    }
}
