//! How far long work is, on standard error: a bar that stays in place on a terminal, a line every few seconds elsewhere.
//! What a command prints for others to read goes to standard output and is never mixed with it.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

pub(crate) struct Progress {
    /// A word for what is done, such as `replayed`.
    what: &'static str,
    done: u64,
    total: u64,
    unit: &'static str,
    /// In place of the rate, where that of what is counted says nothing.
    note: Option<String>,
    started: Instant,
    shown: Instant,
    in_place: bool,
}

const IN_PLACE_EVERY: Duration = Duration::from_millis(200);
const A_LINE_EVERY: Duration = Duration::from_secs(5);
const BAR: usize = 20;

// === impl Progress ===

impl Progress {
    /// Nothing shows before the work has taken as long as lies between two looks.
    pub(crate) fn start(what: &'static str, total: u64) -> Self {
        let now = Instant::now();
        let in_place = stderr().is_terminal();
        Self { what, done: 0, total, unit: "", note: None, started: now, shown: now, in_place }
    }

    pub(crate) fn of_seconds(what: &'static str, long: Duration) -> Self {
        let mut progress = Self::start(what, long.as_secs());
        progress.unit = " s";
        progress
    }

    /// There is more to do than was known.
    pub(crate) fn extend(&mut self, more: u64) {
        self.total += more;
    }

    pub(crate) fn advance(&mut self, by: u64) {
        self.done += by;
        self.show();
    }

    /// So far, with a note.
    pub(crate) fn tell(&mut self, done: u64, note: String) {
        (self.done, self.note) = (done, Some(note));
        self.show();
    }

    /// To be called before anything else is written that may go to the same terminal.
    pub(crate) fn hide(&self) {
        if self.in_place {
            write("\r\x1b[K");
        }
    }

    fn show(&mut self) {
        let every = if self.in_place { IN_PLACE_EVERY } else { A_LINE_EVERY };
        if self.shown.elapsed() < every {
            return;
        }
        self.shown = Instant::now();
        let text = self.text(self.started.elapsed());
        if self.in_place {
            // The cursor waits at the line's begin, so that a line of the log stands on its own.
            write(&format!("{text}\x1b[K\r"));
        } else {
            write(&format!("{text}\n"));
        }
    }

    /// At most 79 columns, for numbers and notes of a usual length.
    fn text(&self, elapsed: Duration) -> String {
        let Self { what, done, total, unit, .. } = *self;
        let seconds = elapsed.as_secs_f64();
        let bar = if self.in_place { format!("{}  ", bar(BAR, done, total)) } else { String::new() };
        let rate = self.note.clone().unwrap_or_else(|| format!("{:.0}/s", done as f64 / seconds));
        let left = left(elapsed, done, total).map_or_else(String::new, |left| format!("  {left} left"));
        format!("{what} {done} of {total}{unit}  {bar}{:>3} %  {rate}{left}", percent(done, total))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.hide();
    }
}

fn write(text: &str) {
    // A screen that is gone is no reason to stop.
    let mut screen = stderr().lock();
    let _ = screen.write_all(text.as_bytes()).and_then(|()| screen.flush());
}

/// `[#####.....]`, with so many of both.
pub(crate) fn bar(width: usize, done: u64, total: u64) -> String {
    let full = percent(done, total) as usize * width / 100;
    format!("[{:.<width$}]", "#".repeat(full))
}

/// Rounded down, so that 100 means all.
fn percent(done: u64, total: u64) -> u64 {
    (u128::from(done.min(total)) * 100).checked_div(total.into()).map_or(100, |percent| percent as u64)
}

/// How long it takes on, if it goes on as it has; nothing before the first, and after the last.
pub(crate) fn left(elapsed: Duration, done: u64, total: u64) -> Option<String> {
    let left = total.saturating_sub(done);
    (done > 0 && left > 0).then(|| rough(elapsed.as_secs_f64() * left as f64 / done as f64))
}

/// A time for people: seconds, minutes or hours.
fn rough(seconds: f64) -> String {
    match seconds {
        ..90.0 => format!("{seconds:.0} s"),
        ..5400.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(in_place: bool, done: u64, note: Option<&str>) -> String {
        let mut progress = Progress::start("replayed", 1000);
        (progress.in_place, progress.done, progress.note) = (in_place, done, note.map(str::to_owned));
        progress.text(Duration::from_secs(10))
    }

    #[test]
    fn a_bar_on_a_terminal_and_a_line_elsewhere() {
        assert_eq!(text(false, 250, None), "replayed 250 of 1000   25 %  25/s  30 s left");
        assert_eq!(text(true, 250, None), "replayed 250 of 1000  [#####...............]   25 %  25/s  30 s left");
        assert_eq!(text(false, 0, None), "replayed 0 of 1000    0 %  0/s");
        assert_eq!(text(false, 1000, None), "replayed 1000 of 1000  100 %  100/s");
        assert_eq!(text(false, 500, Some("7 records/s")), "replayed 500 of 1000   50 %  7 records/s  10 s left");
    }

    #[test]
    fn all_is_100_percent_and_less_is_less() {
        assert_eq!((percent(999, 1000), percent(1000, 1000), percent(2000, 1000), percent(0, 0)), (99, 100, 100, 100));
        assert_eq!(percent(u64::MAX - 1, u64::MAX), 99);
        assert_eq!(bar(4, 0, 10), "[....]");
        assert_eq!(bar(4, 10, 10), "[####]");
    }

    #[test]
    fn times_are_rough() {
        assert_eq!([rough(0.4), rough(89.0), rough(90.0), rough(5400.0)], ["0 s", "89 s", "2 min", "1.5 h"]);
    }
}
