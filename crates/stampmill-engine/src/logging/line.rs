//! A line of the log, in one of its two forms.

use std::io::Write as _;

use log::Level;
use stampmill_core::escape::escape_line;

use super::escape::escape_json;
use super::time::Time;

/// How the program's log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// `[2026-11-23 14:09:11,123]  INFO {bank-audit} - message`.
    #[default]
    Line,
    /// An object for each line.
    Json,
}

#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    pub level: Level,
    pub name: &'a str,
    pub message: &'a str,
    /// What a line of a log step is about.
    pub source: Option<Source<'a>>,
}

#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    pub pipeline: &'a str,
    pub topic: &'a str,
    pub partition: i32,
    pub offset: i64,
}

// === impl Line ===

impl Line<'_> {
    /// Appends the line and its end. Nothing in it can make a second line of it.
    pub fn append(&self, format: Format, time: &Time, out: &mut Vec<u8>) {
        match format {
            Format::Line => self.append_text(time, out),
            Format::Json => self.append_json(time, out),
        }
        out.push(b'\n');
    }

    fn append_text(&self, time: &Time, out: &mut Vec<u8>) {
        out.push(b'[');
        out.extend_from_slice(&time.spaced());
        out.extend_from_slice(match self.level {
            Level::Error => b"] ERROR {",
            Level::Warn => b"]  WARN {",
            Level::Info => b"]  INFO {",
            Level::Debug => b"] DEBUG {",
            Level::Trace => b"] TRACE {",
        });
        escape_line(self.name, out);
        out.extend_from_slice(b"} - ");
        escape_line(self.message, out);
    }

    fn append_json(&self, time: &Time, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"time\":\"");
        out.extend_from_slice(time.rfc3339());
        out.extend_from_slice(b"\",\"level\":\"");
        out.extend_from_slice(self.level.as_str().as_bytes());
        string("name", self.name, out);
        string("message", self.message, out);
        match self.source {
            None => out.extend_from_slice(b"\"}"),
            Some(Source { pipeline, topic, partition, offset }) => {
                string("pipeline", pipeline, out);
                string("topic", topic, out);
                // Writing to a `Vec` cannot fail.
                let _ = write!(out, "\",\"partition\":{partition},\"offset\":{offset}}}");
            }
        }
    }
}

/// Ends the string before, and leaves its own open.
fn string(key: &str, value: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\",\"");
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b"\":\"");
    escape_json(value, out);
}
