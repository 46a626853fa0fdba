//! Counts the delivery reports of each batch, so that one message goes upstream for a batch and none for a record.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix::Addr;
use fail::fail_point;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ProducerContext;
use stampmill_core::record::Epoch;

use super::ProducerActor;
use super::tracks::{Finished, Then, Track, Tracks};
use super::transaction::Transaction;
use crate::access::{Access, Client};
use crate::ack::Ack;
use crate::kafka::ffi::DeliveryReport;
use crate::messages::{ChargedBatch, Held, SentAgain, Undelivered, Work};
use crate::observe::Counters;
use crate::supervise::Watch;

/// The context of a librdkafka producer: what it has been given, and who waits for it.
pub(crate) struct Deliveries {
    producer: Addr<ProducerActor>,
    watch: Watch,
    access: Access,
    tracks: Mutex<Tracks>,
    /// What is delivered counts only once it is committed there.
    transaction: Option<Arc<Transaction>>,
}

/// Of a batch, or of records that are sent again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TrackKey(usize);

/// A batch that is with the brokers, as far as it goes.
pub(crate) struct Delivered {
    work: Arc<Work>,
    ack: Ack,
    held: Option<Held>,
}

/// The place of an output in its batch takes the lower bits of the number that travels with it.
pub(super) const PLACE_BITS: u32 = 32;
pub(crate) const MOST_OUTPUTS: usize = 1 << PLACE_BITS;
// It travels as a pointer does.
const _: () = assert!(usize::BITS == 2 * PLACE_BITS);

// === impl Deliveries ===

impl Deliveries {
    pub(crate) fn new(
        producer: Addr<ProducerActor>,
        watch: Watch,
        access: Access,
        transaction: Option<Arc<Transaction>>,
    ) -> Self {
        Self { producer, watch, access, tracks: Mutex::default(), transaction }
    }

    pub(crate) fn access(&self) -> &Access {
        &self.access
    }

    pub(crate) fn transaction(&self) -> Option<&Arc<Transaction>> {
        self.transaction.as_ref()
    }

    /// Awaits a whole batch that is about to be handed over.
    pub(super) fn open(&self, work: &Arc<Work>, ack: Ack) -> usize {
        let left = work.outputs.list.len() + 1;
        let then = Then::Settle { work: Arc::clone(work), ack, held: None };
        self.tracks().insert(Track { lane: work.lane, left, failed: Vec::new(), then })
    }

    /// Awaits so many outputs of a batch that are sent again.
    pub(crate) fn open_again(&self, lane: usize, epoch: Epoch, records: usize) -> TrackKey {
        let then = Then::Tell { epoch };
        TrackKey(self.tracks().insert(Track { lane, left: records, failed: Vec::new(), then }))
    }

    /// So many of them librdkafka did not take: there will be no report of these.
    pub(crate) fn cut_again(&self, TrackKey(key): TrackKey, unsent: usize) {
        self.with_track(key, |track| track.left -= unsent);
    }

    /// librdkafka took none of them: there is nobody to tell of anything.
    pub(crate) fn cancel_again(&self, TrackKey(key): TrackKey) {
        self.with_track(key, |track| {
            track.then = Then::Nothing;
            track.left = 0;
        });
    }

    fn tracks(&self) -> MutexGuard<'_, Tracks> {
        self.tracks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether anything of a lane is still to be reported, or to be told to the lane.
    pub(crate) fn is_out(&self, lane: usize) -> bool {
        self.tracks().is_out(lane)
    }

    /// The lane knows of what was refused.
    pub(crate) fn is_told(&self, TrackKey(key): TrackKey) {
        self.with_track(key, |track| track.left -= 1);
    }

    /// Changes a track; when nothing is left to come, tells whoever waits.
    pub(super) fn with_track(&self, key: usize, change: impl FnOnce(&mut Track)) {
        let finished = self.tracks().change(key, change, |finished| self.is_undelivered(finished));
        // Outside of the lock: to settle a batch may lock the transaction, and sends a message.
        if let Some(finished) = finished {
            self.finish(TrackKey(key), finished);
        }
    }

    /// In a transaction, whatever failed ends it, and the batch is sent again after that.
    fn is_undelivered(&self, finished: &Finished) -> bool {
        self.transaction.is_none() && matches!(finished.then, Then::Settle { .. }) && !finished.failed.is_empty()
    }

    fn finish(&self, track: TrackKey, finished: Finished) {
        let Finished { lane, then, failed } = finished;
        match (then, &self.transaction) {
            (Then::Settle { work, ack, held }, None) if failed.is_empty() => {
                Delivered { work, ack, held }.settle(&self.watch.counters);
            }
            (Then::Settle { work, ack, held }, None) => {
                self.producer.do_send(Undelivered { track, work, ack, held, failed });
            }
            (Then::Settle { work, ack, held }, Some(transaction)) if failed.is_empty() => {
                transaction.delivered(Delivered { work, ack, held });
            }
            (Then::Tell { epoch }, _) => self.producer.do_send(SentAgain { lane, epoch, failed }),
            (Then::Settle { .. }, Some(_)) | (Then::Nothing, _) => {}
        }
    }

    /// Takes reports as they come, in which those of a batch stand together: each such run is counted at once.
    pub(crate) fn take_reports(&self, reports: &[DeliveryReport]) {
        reports.chunk_by(|one, next| key_of(one) == key_of(next)).for_each(|run| self.take_run(run));
    }

    /// A panic that got out of here would take with it the reports that came with these, and their batches would never
    /// settle.
    fn take_run(&self, run: &[DeliveryReport]) {
        let Some(key) = run.first().map(key_of) else { return };
        let counted = catch_unwind(AssertUnwindSafe(|| {
            for _ in run {
                fail_point!("delivery::report");
            }
            self.count(key, run);
        }));
        if let Err(panic) = &counted {
            log::error!("a delivery report panicked: its batch is sent again");
            self.lose(key, run);
            self.watch.panicked_beside(&**panic);
        }
        if let Some(transaction) = &self.transaction {
            transaction.reported(run.len(), counted.is_ok());
        }
    }

    fn count(&self, key: usize, run: &[DeliveryReport]) {
        let failed = || run.iter().filter_map(|report| Some((place_of(report), report.error?)));
        if let Some(transaction) = &self.transaction {
            for (place, error) in failed() {
                if let Some(work) = self.work_of(key) {
                    transaction.refused(&work, place, error);
                }
            }
        }
        Counters::add(&self.watch.counters.refused, failed().count());
        self.with_track(key, |track| {
            track.left -= run.len();
            track.failed.extend(failed());
        });
    }

    pub(super) fn is_refused(&self, key: usize) -> bool {
        self.tracks().get(key).is_some_and(|track| !track.failed.is_empty())
    }

    /// Whoever hands over a batch in a transaction locks that first and the tracks then: so the transaction is never
    /// asked for under the lock of the tracks.
    fn work_of(&self, key: usize) -> Option<Arc<Work>> {
        match &self.tracks().get(key)?.then {
            Then::Settle { work, .. } => Some(Arc::clone(work)),
            Then::Tell { .. } | Then::Nothing => None,
        }
    }

    /// Reports were lost: it is not known whether their records were delivered, so that they have to be sent again.
    fn lose(&self, key: usize, run: &[DeliveryReport]) {
        let mut given_up = Then::Nothing;
        self.with_track(key, |track| {
            track.left -= run.len();
            match track.then {
                Then::Tell { .. } => {
                    track.failed.extend(run.iter().map(|report| (place_of(report), RDKafkaErrorCode::Fail)));
                }
                Then::Settle { .. } | Then::Nothing => given_up = std::mem::replace(&mut track.then, Then::Nothing),
            }
        });
        // Outside of the lock: dropping an ack sends a message.
        drop(given_up);
    }

    /// Gives a track up, of which `unsent` records were never handed over.
    pub(super) fn abandon(&self, key: usize, unsent: usize) {
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
        self.access.note(Client::Producer, error_code(&error), reason);
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        crate::kafka::log_line(level as i32, facility, line);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    /// Called for what is still in flight when a producer is dropped; until then, [`Deliveries::take_reports`] is.
    fn delivery(&self, report: &DeliveryResult<'_>, opaque: usize) {
        let error = report.as_ref().err().map(|(error, _)| error_code(error));
        self.take_run(&[DeliveryReport { opaque, error }]);
    }
}

fn key_of(report: &DeliveryReport) -> usize {
    report.opaque >> PLACE_BITS
}

fn place_of(report: &DeliveryReport) -> usize {
    report.opaque & (MOST_OUTPUTS - 1)
}

fn error_code(error: &KafkaError) -> RDKafkaErrorCode {
    error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail)
}

/// By the clock of whoever set the timestamp, which may be ahead of ours.
fn seconds_since(timestamp: i64) -> Option<f64> {
    let at = Duration::from_millis(u64::try_from(timestamp).ok()?);
    Some(SystemTime::now().duration_since(UNIX_EPOCH + at).unwrap_or_default().as_secs_f64())
}

// === impl TrackKey ===

impl TrackKey {
    /// The number to send the record at that place of its batch with.
    pub(crate) fn opaque(self, place: usize) -> usize {
        self.0 << PLACE_BITS | place
    }
}

// === impl Delivered ===

impl Delivered {
    pub(crate) fn settle(self, counters: &Counters) {
        let Self { work, ack, held } = self;
        let ChargedBatch { batch, since, .. } = &*work.batch;
        counters.timings.settle.observe(since.elapsed().as_secs_f64());
        if let Some(seconds) = batch.record(0).timestamp.and_then(seconds_since) {
            counters.timings.delivery.observe(seconds);
        }
        if let Some(traced) = &work.outputs.traced {
            traced.settled(since.elapsed());
        }
        match held {
            None => {
                Counters::add(&counters.records_out, batch.len());
                Counters::add(&counters.bytes_out, work.outputs.bytes.len());
                ack.delivered();
            }
            Some(held) => {
                let before = (0..batch.len()).take_while(|place| batch.record(*place).offset < held.at);
                Counters::add(&counters.records_out, before.count());
                ack.held(held);
            }
        }
    }
}
