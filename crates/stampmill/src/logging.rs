//! The program's log on standard error. What is not a line of a log step comes by the `log` crate, in the same form and
//! under the same lock.

mod filter;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::PanicHookInfo;

use log::Record;
use stampmill_engine::logging::{Format, Line, LogOutput, Time};

pub(crate) use self::filter::{FilterError, LogFilter};

/// What the listeners say of themselves is told in our own words.
pub(crate) const DEFAULT: &str = "info,actix_server=warn";
/// The logger of what people have told the program to do.
pub(crate) const AUDIT: &str = "stampmill::audit";

/// The log as it was set up.
pub(crate) struct Logging {
    pub(crate) output: LogOutput,
    pub(crate) filter: LogFilter,
}

/// Logs from now on what `RUST_LOG` asks for; without it, what `default` does.
pub(crate) fn init(default: &str, format: Format) -> Logging {
    let output = LogOutput::new(format, Box::new(std::io::stderr()));
    let text = std::env::var("RUST_LOG").unwrap_or_else(|_| default.to_owned());
    let filter = LogFilter::lenient(&text, output.clone());
    // There can be no other: this is the program's, and it is called once.
    if log::set_boxed_logger(Box::new(filter.clone())).is_ok() {
        filter.limit();
    }
    if format == Format::Json {
        std::panic::set_hook(Box::new(log_panic));
    }
    Logging { output, filter }
}

/// The usual message would be lines of another form.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let trace = Backtrace::capture();
    match trace.status() {
        BacktraceStatus::Captured => log::error!("{panic}\n{trace}"),
        _ => log::error!("{panic}"),
    }
}

fn line(format: Format, record: &Record<'_>) -> Vec<u8> {
    let message = record.args().to_string();
    let line = Line { level: record.level(), name: name(record.target()), message: &message, source: None };
    let mut bytes = Vec::new();
    line.append(format, &Time::now(), &mut bytes);
    bytes
}

/// Our own modules go by the program's name; `RUST_LOG` still tells them apart.
fn name(target: &str) -> &str {
    match target.split("::").next() {
        _ if target == AUDIT => AUDIT,
        Some("stampmill" | "stampmill_engine") => "stampmill",
        _ => target,
    }
}

#[cfg(test)]
mod tests {
    use log::Level;
    use stampmill_engine::logging::Source;

    use super::*;

    fn logged(format: Format, message: &str) -> String {
        let record = Record::builder();
        let args = format_args!("{message}");
        let line = line(format, &{ record }.level(Level::Warn).target("stampmill::commands").args(args).build());
        String::from_utf8(line).expect("a line is text")
    }

    #[test]
    fn our_own_modules_have_one_name() {
        assert_eq!(name("stampmill_engine::control::rebalance"), "stampmill");
        assert_eq!(name("stampmill::commands"), "stampmill");
        assert_eq!(name("bank-audit"), "bank-audit");
        assert_eq!(name("stampmilling"), "stampmilling");
        assert_eq!(name(AUDIT), AUDIT, "what people do is to be found");
    }

    #[test]
    fn a_message_is_one_line_in_either_form() {
        let message = "one\ntwo \u{9b} \"three\"";
        let line = logged(Format::Line, message);
        assert!(
            line.starts_with('[') && line.ends_with("]  WARN {stampmill} - one\\ntwo \\u009b \"three\"\n"),
            "{line}"
        );
        let json = logged(Format::Json, message);
        assert_eq!(json.lines().count(), 1);
        let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(
            (&json["level"], &json["name"], &json["message"]),
            (&"WARN".into(), &"stampmill".into(), &message.into())
        );
        assert!(json["time"].as_str().is_some_and(|time| time.len() == 24 && time.ends_with('Z')), "{json}");
    }

    #[test]
    fn a_line_of_a_step_is_json_whatever_is_in_it() {
        let nasty: String = (0..0x2100).filter_map(char::from_u32).chain("\\\"😀".chars()).collect();
        let source = Source { pipeline: "p\"", topic: &nasty, partition: 3, offset: i64::MAX };
        let line = Line { level: Level::Info, name: &nasty, message: &nasty, source: Some(source) };
        let mut bytes = Vec::new();
        line.append(Format::Json, &Time::now(), &mut bytes);
        let text = String::from_utf8(bytes).expect("a line is text");
        let controls = text.chars().filter(|character| character.is_control()).count();
        assert_eq!((controls, text.ends_with("}\n")), (1, true), "nothing but the line's end");
        let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(
            (&json["name"], &json["message"], &json["topic"]),
            (&nasty.as_str().into(), &json["name"], &json["name"])
        );
        assert_eq!(
            (&json["pipeline"], &json["partition"], &json["offset"]),
            (&"p\"".into(), &3.into(), &i64::MAX.into())
        );
    }
}
