//! The way of a line from a worker to the log.

use std::cell::RefCell;
use std::io::{PipeReader, Read, Write};
use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, Once};

use log::{Metadata, Record as LogRecord};
use stampmill_core::log_options::{LogOptions, OnFull};
use stampmill_core::record::{Batch, Offset};
use stampmill_core::template::{Media, Options, Template};
use stampmill_core::transform::{Flow, Level, Log, Reading, Step, Transforms};

use super::*;
use crate::AMBIENT;

/// What was written so far.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

/// Lets every line pass, as `RUST_LOG=trace` would.
struct Everything;

fn log_everything() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Everything).expect("no other test has a logger");
        log::set_max_level(log::LevelFilter::Trace);
    });
}

fn step(level: Level, options: LogOptions) -> Log {
    let message = Template::new("unused", &Options::new(Media::Text, AMBIENT)).expect("a template");
    Log { level, target: "steps".into(), message, options }
}

fn routes(step: &Log, output: LogOutput) -> Arc<LogRoutes> {
    let transforms =
        Transforms::new(Flow { steps: vec![Step::Log(step.clone())], outlets: Vec::new() }, Reading::default());
    Arc::new(LogRoutes::open("p", &transforms, output).expect("a thread"))
}

fn add(lines: &mut LineBuffers, step: &Log, message: &str) {
    let mut batch = Batch::new("topic".into(), 2);
    batch.push(Offset::new(7), None, None, None);
    lines.add(step, &batch.record(0), message);
}

/// The messages of whole lines.
fn messages(text: &str) -> Vec<&str> {
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines()
        .map(|line| {
            let (head, message) = line.split_once("} - ").unwrap_or_else(|| panic!("torn: {line:?}"));
            let (time, name) = head.split_at_checked(33).unwrap_or_else(|| panic!("torn: {line:?}"));
            assert!(time.starts_with("[2") && ["steps", "other"].contains(&name), "{line:?}");
            message
        })
        .collect()
}

/// In small bites and with a turn for the writers after each, until the pipe is closed.
fn read_slowly(mut pipe: PipeReader) -> String {
    let (mut text, mut bite) = (Vec::new(), [0; 777]);
    loop {
        match pipe.read(&mut bite).expect("the pipe can be read") {
            0 => return String::from_utf8(text).expect("whole characters"),
            count => text.extend_from_slice(&bite[..count]),
        }
        std::thread::yield_now();
    }
}

#[test]
fn four_workers_and_the_rest_of_the_program_tear_no_line_of_a_slow_pipe() {
    const LINES: usize = 4_000;
    let (pipe, writer) = std::io::pipe().expect("a pipe");
    let output = LogOutput::new(Format::Line, Box::new(writer));
    let step = step(Level::Info, LogOptions::default());
    let routes = routes(&step, output.clone());
    let reader = std::thread::spawn(move || read_slowly(pipe));
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let (step, routes) = (&step, Arc::clone(&routes));
            scope.spawn(move || {
                let mut lines = LineBuffers::new(routes);
                for number in 0..LINES {
                    add(&mut lines, step, &format!("{worker} {number} é{}", "x".repeat(number % 200)));
                    if number % 100 == 99 {
                        lines.write();
                    }
                }
            });
        }
        let mut output = output.clone();
        scope.spawn(move || {
            for number in 0..LINES {
                let message = format!("4 {number} é{}", "x".repeat(number % 200));
                let line = Line { level: log::Level::Info, name: "other", message: &message, source: None };
                let mut bytes = Vec::new();
                line.append(Format::Line, &Time::now(), &mut bytes);
                output.write_all(&bytes).expect("the pipe takes it");
            }
        });
    });
    drop((routes, output));
    let text = reader.join().expect("no panic");
    let mut next = [0; 5];
    for message in messages(&text) {
        let [worker, number, rest] = message.split(' ').collect::<Vec<_>>()[..] else { panic!("torn: {message}") };
        let worker: usize = worker.parse().expect("a worker");
        let number: usize = number.parse().expect("a number");
        assert_eq!(number, next[worker], "the lines of a worker are in order");
        assert_eq!(rest, format!("é{}", "x".repeat(number % 200)));
        next[worker] += 1;
    }
    assert_eq!(next, [LINES; 5]);
}

#[test]
fn a_log_that_is_stuck_holds_nobody_up_where_lines_may_be_dropped() {
    const LINES: u64 = 8_000;
    log_everything();
    let (pipe, writer) = std::io::pipe().expect("a pipe");
    let step = step(Level::Info, LogOptions { on_full: OnFull::Drop, ..LogOptions::default() });
    let routes = routes(&step, LogOutput::new(Format::Line, Box::new(writer)));
    let mut lines = LineBuffers::new(Arc::clone(&routes));
    // Nobody reads yet: more than the pipe and the queue hold would wait here for ever.
    (0..LINES).for_each(|number| add(&mut lines, &step, &format!("{number} {}", "x".repeat(1_000))));
    let reader = std::thread::spawn(move || read_slowly(pipe));
    drop((lines, routes));
    let text = reader.join().expect("no panic").replace("{p}", "{other}");
    let (told, kept): (Vec<_>, Vec<_>) = messages(&text).into_iter().partition(|line| line.contains("were left out"));
    let dropped: u64 =
        told.iter().map(|line| line.split(' ').nth(1).expect("a count").parse::<u64>().expect("it")).sum();
    assert!(dropped > 0 && !kept.is_empty(), "{} and {dropped}", kept.len());
    assert_eq!(kept.len() as u64 + dropped, LINES);
}

#[test]
fn lines_wait_for_the_end_of_the_batch_unless_they_are_many_or_a_warning() {
    let written = Written::default();
    let info = step(Level::Info, LogOptions::default());
    let mut lines = LineBuffers::new(routes(&info, written.output()));
    add(&mut lines, &info, "one");
    assert_eq!(written.text(), "");
    add(&mut lines, &step(Level::Warn, LogOptions::default()), "two");
    assert_eq!(messages(&written.text()), ["one", "two"]);
    add(&mut lines, &info, &"x".repeat(64 << 10));
    assert_eq!(messages(&written.text()).len(), 3);
    add(&mut lines, &info, "four");
    assert_eq!(messages(&written.text()).len(), 3);
    lines.write();
    assert_eq!(messages(&written.text())[3], "four");
    add(&mut lines, &info, "five");
    drop(lines);
    assert_eq!(messages(&written.text())[4], "five");
}

#[test]
fn a_panic_loses_no_line() {
    let written = Written::default();
    let step = step(Level::Info, LogOptions::default());
    let lines = RefCell::new(LineBuffers::new(routes(&step, written.output())));
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _batch = LinesOfBatch::begin(&lines);
        add(&mut lines.borrow_mut(), &step, "before");
        panic!("planted");
    }));
    assert!(panicked.is_err());
    assert_eq!(messages(&written.text()), ["before"], "before anybody starts the actor again");
}

#[test]
fn ordered_lines_are_handed_on() {
    let written = Written::default();
    let ordered = step(Level::Warn, LogOptions { ordered: true, ..LogOptions::default() });
    let routes = routes(&ordered, written.output());
    let mut lines = LineBuffers::new(Arc::clone(&routes));
    add(&mut lines, &ordered, "one");
    lines.write();
    assert_eq!(written.text(), "");
    let taken = lines.take_ordered();
    assert_eq!((taken.block.count, lines.take_ordered().bytes()), (1, 0));
    routes.write_shared(&taken);
    assert_eq!(messages(&written.text()), ["one"]);
}

#[test]
fn what_a_rate_leaves_out_is_told_with_the_name_of_the_step() {
    log_everything();
    let written = Written::default();
    let step = step(Level::Info, LogOptions { rate: NonZeroU32::new(2), ..LogOptions::default() });
    let routes = routes(&step, written.output());
    let mut lines = LineBuffers::new(Arc::clone(&routes));
    let admitted = (0..5).filter(|_| routes.limits(0).admit(|| 1)).count();
    assert_eq!(admitted, 2);
    lines.tell_left_out();
    drop(lines);
    let text = written.text();
    assert_eq!(messages(&text), ["p: log[0] left out 3 lines (`rate: 2`)"], "once, and at the end at the latest");
    assert!(text.contains("]  WARN {steps} - "), "{text}");
}

#[test]
fn nothing_in_a_line_makes_two_of_it() {
    let written = Written::default();
    let step = step(Level::Warn, LogOptions::default());
    add(&mut LineBuffers::new(routes(&step, written.output())), &step, "a\nb\r\u{85}\u{2028}");
    assert_eq!(messages(&written.text()), ["a\\nb\\r\\u0085\\u2028"]);
}

// === impl Written ===

impl Written {
    fn output(&self) -> LogOutput {
        LogOutput::new(Format::Line, Box::new(self.clone()))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no panic").clone()).expect("text")
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

// === impl Everything ===

impl log::Log for Everything {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, _: &LogRecord<'_>) {}

    fn flush(&self) {}
}
