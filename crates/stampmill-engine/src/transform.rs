//! Logs and renders the records of a batch. Any TransformActor takes any batch.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use actix::{Actor, ActorContext, Addr, AsyncContext, Context, Handler, SpawnHandle, Supervised};
use fail::fail_point;
use stampmill_core::fault::{Fault, FaultClass};
use stampmill_core::record::{Batch, Record};
use stampmill_core::repeats::Repeats;
use stampmill_core::transform::{Failed, Log, LogSink, Scratch};

use crate::logging::{LineBuffers, LinesOfBatch, LogRoutes, log_level, second};
use crate::messages::{Close, Reload, Render, Rendered, Work};
use crate::observe::failures::Failure;
use crate::observe::{Counters, FailureKind};
use crate::outputs::{DeadLetter, Mark, Output, OutputKind, Outputs, now};
use crate::producer::ProducerActor;
use crate::rendering;
use crate::settings::{PipelineSettings, Then};
use crate::supervise::Pulse;
use crate::traces::{SpanPlace, Traced};

#[derive(Clone)]
pub(crate) struct TransformSpec {
    pub(crate) settings: Arc<PipelineSettings>,
    pub(crate) log: Arc<LogRoutes>,
    pub(crate) counters: Arc<Counters>,
    /// A lane always goes to the same one.
    pub(crate) producers: Arc<[Addr<ProducerActor>]>,
    pub(crate) pulse: Pulse,
}

pub(crate) struct TransformActor {
    spec: TransformSpec,
    /// The batch in hand. It outlives a panic, so that work goes on at the record that panicked, and none before it
    /// is logged or rendered twice.
    slot: Option<Slot>,
    scratch: Scratch,
    lines: RefCell<LineBuffers>,
    growth: Growth,
    telling: Option<SpawnHandle>,
    /// Lines of records that failed.
    failures: Repeats,
}

/// How many bytes the last batch had, and how many were made of it: the next is likely to be alike. What grows step by step
/// is copied at each.
#[derive(Clone, Copy)]
struct Growth {
    from: usize,
    to: usize,
}

/// What a record is worked on with.
struct Tools<'a> {
    settings: &'a PipelineSettings,
    log: &'a LogRoutes,
    lines: &'a RefCell<LineBuffers>,
    scratch: &'a mut Scratch,
}

struct Slot {
    render: Render,
    outputs: Outputs,
    /// The place of the record that comes next, and what there was before it.
    next: usize,
    before: Mark,
    /// How often the record that comes next was begun.
    attempts: u32,
    /// When the first of them had failed, in milliseconds since 1970.
    first_failed: Option<i64>,
}

const TELLING: Duration = Duration::from_secs(1);
const BETWEEN_FAILURES: Duration = Duration::from_secs(1);

// === impl TransformActor ===

impl TransformActor {
    pub(crate) fn new(spec: TransformSpec) -> Self {
        let lines = RefCell::new(LineBuffers::new(Arc::clone(&spec.log)));
        Self {
            spec,
            slot: None,
            scratch: Scratch::default(),
            lines,
            growth: Growth { from: 1, to: 1 },
            telling: None,
            failures: Repeats::new(BETWEEN_FAILURES),
        }
    }

    /// Works through the batch in hand, from the first record that is not done.
    fn work(&mut self) {
        let Some(slot) = &mut self.slot else { return };
        let batch = Arc::clone(&slot.render.batch);
        let (lines, began) = (LinesOfBatch::begin(&self.lines), Instant::now());
        let TransformSpec { settings, log, .. } = &self.spec;
        let mut tools = Tools { settings, log, lines: &self.lines, scratch: &mut self.scratch };
        while slot.next < batch.batch.len() {
            slot.attempts += 1;
            if slot.attempts == 2 {
                slot.first_failed = Some(now());
            }
            let place = slot.next;
            let record = batch.batch.record(place);
            let trace =
                settings.tracer.as_ref().and_then(|tracer| tracer.begin(&record, place, || about(settings, &record)));
            slot.do_next(&record, &mut tools);
            if let Some((trace, tracer)) = trace.zip(settings.tracer.as_ref()) {
                let traced = Traced { tracer: tracer.clone(), records: Vec::new() };
                let trace = trace.rendered(slot.outputs.failure());
                slot.outputs.traced.get_or_insert(traced).records.push(trace);
            }
            (slot.next, slot.before) = (place + 1, slot.outputs.mark());
            (slot.attempts, slot.first_failed) = (0, None);
            self.spec.pulse.made();
        }
        drop(lines);
        if let Some(mut slot) = self.slot.take() {
            slot.outputs.lines = self.lines.borrow_mut().take_ordered();
            self.growth = Growth { from: batch.batch.bytes().max(1), to: slot.outputs.bytes.len() };
            self.spec.counters.timings.render.observe(began.elapsed().as_secs_f64());
            self.pass_on(slot);
        }
    }

    fn pass_on(&mut self, Slot { render: Render { batch, ack }, mut outputs, .. }: Slot) {
        tell_failures(&self.spec, &mut self.failures, &batch.batch, &outputs);
        outputs.filtered.drain().for_each(|(step, count)| self.spec.counters.filtered.add(step, count));
        outputs.charge = Some(batch.charge.again(outputs.bytes_out() + outputs.lines.bytes()));
        let producer = &self.spec.producers[ack.lane() % self.spec.producers.len()];
        let settings = Arc::clone(&self.spec.settings);
        let work = Work { lane: ack.lane(), epoch: ack.epoch(), number: ack.turn(), batch, outputs, settings };
        producer.do_send(Rendered { work: Box::new(work), ack });
    }
}

fn about(settings: &PipelineSettings, record: &Record<'_>) -> SpanPlace {
    SpanPlace {
        pipeline: settings.name.clone(),
        group: settings.source.group.clone(),
        topic: record.topic.to_owned(),
        partition: record.partition,
        offset: record.offset.get(),
        sink: settings.sinks.iter().map(|sink| sink.topic.as_str()).collect::<Vec<_>>().join(","),
    }
}

/// One line for a batch, and not for each: a poisoned topic must not flood the log.
fn tell_failures(spec: &TransformSpec, repeats: &mut Repeats, batch: &Batch, outputs: &Outputs) {
    let TransformSpec { settings, counters, .. } = spec;
    let pipeline = &settings.name;
    let becomes = match settings.on_failure.then {
        Then::DeadLetter => "goes to the dead letters",
        Then::Halt => "halts its partition",
        Then::Skip => "is skipped",
    };
    let dead = outputs.list.iter().filter_map(|output| Some((output.record, output.dead_letter()?)));
    let dead: Vec<_> = dead.collect();
    let kind = |letter: &DeadLetter| FailureKind { step: letter.step.clone(), class: letter.fault.class.as_str() };
    for same in dead.chunk_by(|(_, one), (_, next)| one.step == next.step && one.fault.class == next.fault.class) {
        counters.failed_at.add(kind(same[0].1), same.len() as u64);
    }
    if let [(place, letter), more @ ..] = &dead[..] {
        let (record, more) = (batch.record(*place), more.len());
        counters.failures.add(Failure {
            at: SystemTime::now(),
            topic: record.topic.to_owned(),
            partition: record.partition,
            offset: record.offset.get(),
            step: letter.step.clone(),
            class: letter.fault.class.as_str().to_owned(),
            reason: letter.fault.reason.clone(),
            more: more as u64,
        });
        let Some(left_out) = repeats.admit(1 + more as u64, Instant::now()) else { return };
        log::warn!(
            "{pipeline}: {}/{} offset {} {becomes}: {}: {}{}{left_out}",
            record.topic,
            record.partition,
            record.offset.get(),
            letter.step,
            letter.fault.reason,
            if more > 0 { format!("; and {more} more of its batch") } else { String::new() }
        );
    }
}

impl Actor for TransformActor {
    type Context = Context<Self>;

    /// What a rate has left out is told even when no more records come.
    fn started(&mut self, context: &mut Context<Self>) {
        if let Some(telling) = self.telling.take() {
            context.cancel_future(telling);
        }
        if self.spec.log.steps_with_rate().next().is_some() {
            let tell = |actor: &mut Self, _: &mut Context<Self>| actor.lines.borrow_mut().tell_left_out();
            self.telling = Some(context.run_interval(TELLING, tell));
        }
    }
}

impl Supervised for TransformActor {
    /// Goes on with the batch in hand before any other. Should that panic again, this is called again.
    fn restarting(&mut self, context: &mut Context<Self>) {
        self.started(context);
        self.scratch = Scratch::default();
        self.work();
    }
}

impl Handler<Render> for TransformActor {
    type Result = ();

    fn handle(&mut self, render: Render, _: &mut Context<Self>) {
        // Nobody waits for it: its partition was fenced or rewound while it lay in the mailbox.
        if render.ack.is_stale() {
            return;
        }
        let batch = &render.batch.batch;
        let outputs = Outputs::with_capacity(batch.len(), self.growth.expected(batch.bytes()));
        self.slot = Some(Slot { render, outputs, next: 0, before: Mark::default(), attempts: 0, first_failed: None });
        self.work();
    }
}

impl Handler<Reload> for TransformActor {
    type Result = ();

    /// The batches before it have gone by the old steps.
    fn handle(&mut self, reload: Reload, context: &mut Context<Self>) {
        self.lines = RefCell::new(LineBuffers::new(Arc::clone(&reload.log)));
        (self.spec.settings, self.spec.log) = (reload.settings, reload.log);
        self.scratch = Scratch::default();
        self.started(context);
    }
}

impl Handler<Close> for TransformActor {
    type Result = ();

    fn handle(&mut self, _: Close, context: &mut Context<Self>) {
        context.stop();
    }
}

// === impl Growth ===

impl Growth {
    /// With some to spare.
    fn expected(self, bytes: usize) -> usize {
        bytes.saturating_mul(self.to) / self.from / 16 * 17
    }
}

// === impl Slot ===

impl Slot {
    /// What an attempt before that panicked has left is forgotten.
    fn do_next(&mut self, record: &Record<'_>, tools: &mut Tools<'_>) {
        self.outputs.go_back(self.before);
        if self.attempts > tools.settings.on_failure.retries + 1 {
            let reason = format!("a transform panicked {} times on this record", self.attempts - 1);
            let fault = Fault { class: FaultClass::Panic, reason };
            return self.dead_letter(Failed { step: "transforms".into(), fault }, self.attempts - 1);
        }
        fail_point!("transform::before");
        fail_point!("transform::marked", record.headers.last("stampmill-test-panic").is_some(), |_| unreachable!());
        if let Err(failed) = self.render(record, tools) {
            self.outputs.go_back(self.before);
            self.dead_letter(failed, self.attempts);
        }
        fail_point!("transform::after");
    }

    fn dead_letter(&mut self, failed: Failed, attempts: u32) {
        let letter = DeadLetter::new(failed.step, failed.fault, attempts, self.first_failed);
        self.outputs.list.push(Output { record: self.next, kind: OutputKind::DeadLetter(Box::new(letter)) });
    }

    fn render(&mut self, record: &Record<'_>, tools: &mut Tools<'_>) -> Result<(), Failed> {
        let Tools { settings, log, lines, scratch } = tools;
        let enabled = |place: usize, step: &Log| {
            log::log_enabled!(target: &step.target, log_level(step.level)) && log.limits(place).admit(second)
        };
        let write = |_: usize, step: &Log, record: &Record<'_>, line: &str| lines.borrow_mut().add(step, record, line);
        let log = LogSink { enabled: &enabled, write: &write };
        rendering::render(settings, (self.next, record), scratch, log, &mut self.outputs)
    }
}
