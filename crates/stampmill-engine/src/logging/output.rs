//! Where the whole program's log goes.

use std::io::{ErrorKind, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::line::Format;
use crate::supervise::pulse::waiting;

/// One writer under one lock, so that nothing stands within the line of another.
#[derive(Clone)]
pub struct LogOutput {
    format: Format,
    writer: Arc<Mutex<Box<dyn Write + Send>>>,
}

/// Between two tries where standard error does not block and is full.
const FULL_PAUSE: Duration = Duration::from_millis(1);

// === impl LogOutput ===

impl LogOutput {
    pub fn new(format: Format, writer: Box<dyn Write + Send>) -> Self {
        Self { format, writer: Arc::new(Mutex::new(writer)) }
    }

    pub fn format(&self) -> Format {
        self.format
    }

    /// Whole lines. A log that is gone is no reason to stop, and there is nobody to tell.
    pub(crate) fn write_lines(&self, lines: &[u8]) {
        if !lines.is_empty() {
            let _ = self.write_waiting(lines);
        }
    }

    /// An actor that waits for a log that is stuck is not frozen.
    fn write_waiting(&self, lines: &[u8]) -> std::io::Result<()> {
        waiting(|| write_whole(&mut **self.writer.lock().unwrap_or_else(PoisonError::into_inner), lines))
    }
}

/// For whoever logs the other lines.
impl Write for LogOutput {
    fn write(&mut self, lines: &[u8]) -> std::io::Result<usize> {
        self.write_all(lines).map(|()| lines.len())
    }

    fn write_all(&mut self, lines: &[u8]) -> std::io::Result<()> {
        self.write_waiting(lines)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner).flush()
    }
}

/// `write_all` gives up where standard error shares a terminal or a pipe with a program that made it non-blocking, and
/// would leave half a line there.
fn write_whole(writer: &mut dyn Write, mut bytes: &[u8]) -> std::io::Result<()> {
    while !bytes.is_empty() {
        match writer.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(FULL_PAUSE),
            Err(error) => return Err(error),
        }
    }
    writer.flush()
}
