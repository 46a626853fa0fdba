//! Log lines on stderr: `[2026-11-23 14:09:11,123]  INFO {bank-audit} - message`, in UTC.

use std::io::Write;

use env_logger::fmt::Formatter;
use env_logger::{Builder, Env};
use log::Record;

/// Logs from now on what `RUST_LOG` asks for; without it, `info` and above.
pub(crate) fn init() {
    Builder::from_env(Env::default().default_filter_or("info")).format(write_line).init();
}

fn write_line(buffer: &mut Formatter, record: &Record<'_>) -> std::io::Result<()> {
    let time = reshape(&buffer.timestamp_millis().to_string());
    writeln!(buffer, "[{time}] {:>5} {{{}}} - {}", record.level(), record.target(), record.args())
}

/// `2026-11-23T14:09:11.123Z` as `2026-11-23 14:09:11,123`.
fn reshape(rfc3339: &str) -> String {
    rfc3339.trim_end_matches('Z').replace('T', " ").replace('.', ",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_space_and_a_comma() {
        assert_eq!(reshape("2026-11-23T14:09:11.123Z"), "2026-11-23 14:09:11,123");
    }
}
