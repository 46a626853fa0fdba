//! A pipeline under load, and all that is known of its records at any moment.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::consumer::BaseConsumer;

use crate::chaos::outcome::Outcome;
use crate::chaos::routed;
use crate::chaos::run::{Delivery, Expects, PARTITIONS, Run, Shape};
use crate::chaos::stream::{Make, Stream};
use crate::chaos::watch::Watch;
use crate::eventually::{eventually, patience};
use crate::in_flight::InFlight;
use crate::judge::Odd;
use crate::program::{self, Program};
use crate::scenario::Scenario;
use crate::verdict::Verdict;

pub struct Flow {
    pub scenario: Scenario,
    pub streams: Vec<Stream>,
    pub watch: Watch,
    /// Of the second output, where there is one.
    also: Option<Watch>,
    /// Faults count what they hit; each call of [`Flow::hit`] is one.
    pub hits: u64,
    /// What the fault found wrong, or worth telling.
    pub faults: Vec<String>,
    pub notes: Vec<String>,
    /// Asks for the ends of the output, which must not take long.
    asker: BaseConsumer,
    in_flight: Vec<InFlight>,
    /// What was delivered of each partition at the last hit.
    marks: BTreeMap<i32, u64>,
    beyond: u64,
    programs: u32,
    /// What seems to be committed too early gets the time to turn out otherwise.
    excuses: bool,
    so_far: Arc<Mutex<Verdict>>,
}

const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

// === impl Flow ===

impl Flow {
    pub(crate) fn begin(scenario: Scenario, make: Make, odd: Odd, run: &Run) -> Self {
        let excuses = run.delivery == Delivery::ExactlyOnce && run.expects != Expects::Damage;
        let so_far = Arc::clone(&run.so_far);
        // Built before anything is sent: that may take minutes.
        program::executable(scenario.build);
        let stream = Stream::start(&scenario.client, &scenario.input, PARTITIONS, 0, make);
        let watch = Watch::start(&scenario.client, &scenario.output, odd);
        let has_also = run.shape == Shape::Routed;
        let also = has_also.then(|| Watch::start(&scenario.client, &routed::also(&scenario), odd));
        let (faults, notes, in_flight, asker) = (Vec::new(), Vec::new(), Vec::new(), scenario.client.consumer("ends"));
        let (streams, marks) = (vec![stream], BTreeMap::new());
        Self {
            scenario,
            streams,
            watch,
            also,
            hits: 0,
            faults,
            notes,
            asker,
            in_flight,
            marks,
            beyond: 0,
            programs: 0,
            excuses,
            so_far,
        }
    }

    /// The first stream: most have no other.
    pub fn stream(&self) -> &Stream {
        &self.streams[0]
    }

    /// Starts an instance of the program with a log of its own.
    pub fn program(&mut self) -> Program {
        self.program_with("")
    }

    /// As [`Flow::program`], with faults inside.
    pub fn program_with(&mut self, failpoints: &str) -> Program {
        self.start(failpoints).await_ready()
    }

    /// As [`Flow::program_with`], where it may end before it is ready.
    pub fn start(&mut self, failpoints: &str) -> Program {
        self.programs += 1;
        let mut command = self.scenario.command();
        if !failpoints.is_empty() {
            command.env("FAILPOINTS", failpoints);
        }
        Program::start(command, self.scenario.folder.join(format!("program-{}.log", self.programs)))
    }

    /// Waits until each partition has gone on by `progress` records since the last hit and has some in flight. What the
    /// caller does next, hits them.
    pub fn hit(&mut self, progress: u64) {
        self.aim(progress);
        self.hits += 1;
    }

    /// As [`Flow::hit`], where the fault counts its hits itself.
    pub fn aim(&mut self, progress: u64) {
        self.audit();
        let far = |flow: &Self, partition: &i32, sent: &u64| {
            *sent > 0 && flow.delivered(*partition) >= flow.marks.get(partition).copied().unwrap_or(0) + progress
        };
        eventually("each partition to go on", || {
            self.acknowledged().iter().all(|(partition, sent)| far(self, partition, sent)).then_some(())
        });
        let in_flight = eventually("records in flight in each partition", || {
            Some(self.in_flight()).filter(|in_flight| in_flight.least() > 0)
        });
        self.marks = in_flight.0.keys().map(|partition| (*partition, self.delivered(*partition))).collect();
        self.in_flight.push(in_flight);
    }

    /// These numbers of a partition need not be in any output.
    pub fn excuse(&self, partition: i32, numbers: &Range<u64>) {
        self.watches().for_each(|watch| watch.judge(|judge| judge.excuse(partition, numbers.clone())));
    }

    fn watches(&self) -> impl Iterator<Item = &Watch> {
        std::iter::once(&self.watch).chain(&self.also)
    }

    /// In all outputs.
    fn complete(&self, partition: i32) -> u64 {
        let complete = self.watches().map(|watch| watch.judge(|judge| judge.complete(partition)));
        complete.min().unwrap_or(0)
    }

    fn delivered(&self, partition: i32) -> u64 {
        self.watch.judge(|judge| judge.delivered(partition))
    }

    fn acknowledged(&self) -> BTreeMap<i32, u64> {
        self.streams.iter().flat_map(Stream::acknowledged).collect()
    }

    /// What is in the input and not in the output, at the least: what was sent is looked at first, and what is not read
    /// of the output yet counts as if none of it were a duplicate.
    fn in_flight(&self) -> InFlight {
        let mut left = BTreeMap::new();
        let sent: Vec<_> = self.streams.iter().map(|stream| (stream.first, stream.acknowledged())).collect();
        let behind = self.watch.behind(&self.scenario.client.ends_by(&self.asker, &self.scenario.output));
        for (first, sent) in sent {
            for (name, sent) in sent {
                let unread = behind.get(&(name - first)).copied().unwrap_or(0);
                left.insert(name, sent.saturating_sub(self.delivered(name) + unread));
            }
        }
        InFlight(left)
    }

    /// Counts partitions that have more committed than is delivered; right after a fault that shows most. What is
    /// committed is asked first: what is delivered only afterwards would not excuse it. Of a transaction the offsets can be
    /// seen before the outputs, whose marks are on their way: there it is early only if it stays so.
    pub fn audit(&mut self) {
        let committed = self.committed();
        self.watches().for_each(Watch::catch_up);
        let deadline = Instant::now() + patience();
        let mut early = self.early(&committed);
        while early > 0 && self.excuses && Instant::now() < deadline {
            std::thread::park_timeout(BETWEEN_LOOKS);
            early = self.early(&committed);
        }
        self.beyond += early;
    }

    /// Waits until more is committed than is delivered: of a program that does this, every kill loses records then.
    pub fn await_early(&self) {
        eventually("a commit of what is not delivered", || (self.early(&self.committed()) > 0).then_some(()));
    }

    /// What is committed of each stream's topic, with the stream's first partition.
    fn committed(&self) -> Vec<(i32, BTreeMap<i32, Option<i64>>)> {
        let Scenario { client, group, .. } = &self.scenario;
        self.streams.iter().map(|stream| (stream.first, client.committed(group, &stream.topic))).collect()
    }

    /// In how many partitions more is committed than is delivered now.
    fn early(&self, committed: &[(i32, BTreeMap<i32, Option<i64>>)]) -> u64 {
        let all = committed.iter().flat_map(|(first, committed)| {
            committed.iter().map(move |(partition, committed)| (first + partition, *committed))
        });
        let early = |(partition, committed): &(i32, Option<i64>)| {
            committed.is_some_and(|committed| committed as u64 > self.complete(*partition))
        };
        all.filter(early).count() as u64
    }

    /// Ends the load, waits for what is left, stops the programs and judges.
    pub fn finish(self, run: &Run, programs: Vec<Program>) -> Outcome {
        self.finish_with(run, programs, |_| ())
    }

    /// As [`Flow::finish`]; `look` looks at the rest, when all has come to rest.
    pub fn finish_with(mut self, run: &Run, programs: Vec<Program>, look: impl FnOnce(&mut Self)) -> Outcome {
        let sent: BTreeMap<i32, u64> = self.streams.iter_mut().flat_map(Stream::finish).collect();
        self.settle(&sent);
        for program in programs {
            let code = program.terminate();
            if code != 0 {
                self.faults.push(format!("the program ended with {code}"));
            }
        }
        self.audit();
        if !self.all_committed() {
            self.faults.push("after a clean stop not all was committed".into());
        }
        look(&mut self);
        self.outcome(run, &sent)
    }

    /// Waits until all has been delivered; if something never is, until all is committed or nothing moves any more.
    fn settle(&self, sent: &BTreeMap<i32, u64>) {
        let (mut progress, mut since) = (0, Instant::now());
        eventually_or_never(|| {
            let delivered = sent.keys().map(|partition| self.delivered(*partition)).sum();
            if delivered != progress {
                (progress, since) = (delivered, Instant::now());
            }
            let has_all = self.watches().all(|watch| watch.judge(|judge| judge.has_all(sent)));
            has_all || self.all_committed() || since.elapsed() > patience()
        });
        self.watches().for_each(Watch::catch_up);
    }

    fn all_committed(&self) -> bool {
        let Scenario { client, group, .. } = &self.scenario;
        self.streams.iter().all(|stream| {
            let (committed, ends) = (client.committed(group, &stream.topic), client.ends(&stream.topic));
            ends.iter().all(|(partition, (_, end))| *end == 0 || committed[partition] == Some(*end))
        })
    }

    fn judged(&self, sent: &BTreeMap<i32, u64>) -> Verdict {
        let least = self.in_flight.iter().fold(InFlight::default(), |least, in_flight| least.min(in_flight));
        Verdict {
            committed_beyond_delivered: self.beyond,
            in_flight_at_fault: least,
            hits: self.hits,
            ..self
                .watches()
                .map(|watch| watch.judge(|judge| judge.verdict(sent)))
                .reduce(Verdict::and)
                .unwrap_or_default()
        }
    }

    fn outcome(mut self, run: &Run, sent: &BTreeMap<i32, u64>) -> Outcome {
        let verdict = self.judged(sent);
        let Self { in_flight, faults, notes, .. } = &mut self;
        let (in_flight, faults, notes) = (std::mem::take(in_flight), std::mem::take(faults), std::mem::take(notes));
        let outcome = Outcome { repetitions: run.repetitions, verdict, in_flight, faults, notes };
        self.scenario.keep = !outcome.failures(run.expects, run.delivery).is_empty();
        outcome
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let verdict = self.judged(&self.acknowledged());
            *self.so_far.lock().unwrap_or_else(PoisonError::into_inner) = verdict;
        }
    }
}

/// Looks again and again, for as long as it takes.
fn eventually_or_never(mut look: impl FnMut() -> bool) {
    while !look() {
        std::thread::park_timeout(BETWEEN_LOOKS);
    }
}
