//! Log lines on stderr: `[2026-11-23 14:09:11,123]  INFO {bank-audit} - message`, in UTC.

use std::io::Write;

use env_logger::fmt::Formatter;
use env_logger::{Builder, Env};
use log::Record;

/// Logs from now on what `RUST_LOG` asks for; without it, what `default` does.
pub(crate) fn init(default: &str) {
    Builder::from_env(Env::default().default_filter_or(default)).format(write_line).init();
}

fn write_line(buffer: &mut Formatter, record: &Record<'_>) -> std::io::Result<()> {
    let time = reshape(&buffer.timestamp_millis().to_string());
    writeln!(buffer, "[{time}] {:>5} {{{}}} - {}", record.level(), name(record.target()), record.args())
}

/// Our own modules go by the program's name; `RUST_LOG` still tells them apart.
fn name(target: &str) -> &str {
    match target.split("::").next() {
        Some("stampmill" | "stampmill_engine") => "stampmill",
        _ => target,
    }
}

/// `2026-11-23T14:09:11.123Z` as `2026-11-23 14:09:11,123`.
fn reshape(rfc3339: &str) -> String {
    rfc3339.trim_end_matches('Z').replace('T', " ").replace('.', ",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_modules_have_one_name() {
        assert_eq!(name("stampmill_engine::control::rebalance"), "stampmill");
        assert_eq!(name("stampmill::commands"), "stampmill");
        assert_eq!(name("bank-audit"), "bank-audit");
        assert_eq!(name("stampmilling"), "stampmilling");
    }

    #[test]
    fn a_time_has_a_space_and_a_comma() {
        assert_eq!(reshape("2026-11-23T14:09:11.123Z"), "2026-11-23 14:09:11,123");
    }
}
