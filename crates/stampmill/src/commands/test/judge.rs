//! Whether what was found is what was expected.

use stampmill_engine::offline::Sent;
use stampmill_engine::settings::{PipelineSettings, SinkPartition, SinkTimestamp};

use super::case::{Case, Expect, Expected, ExpectedFailure, ExpectedOutput, ExpectedTimestamp, Payload};
use super::outcome::{Found, Outcome};
use super::show;

/// Something that is not as expected, in texts for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// The key of the case file that it is about: `outputs.0.payload`.
    pub(super) key: String,
    pub(super) expected: String,
    pub(super) found: String,
}

/// What an output is compared with beside what is expected of it.
struct Context<'a> {
    pipeline: &'a PipelineSettings,
    /// Of the record that came in.
    partition: i32,
    differences: Vec<Difference>,
}

/// Everything that is not as expected; none is a case that passes.
pub(super) fn judge(pipeline: &PipelineSettings, case: &Case, expect: &Expect, found: &Found) -> Vec<Difference> {
    let mut context = Context { pipeline, partition: case.input.partition, differences: Vec::new() };
    context.outcome(&expect.outcome, &found.outcome);
    if let Some(log) = &expect.log
        && *log != found.log
    {
        context.differ("log", log.join("\n"), found.log.join("\n"));
    }
    context.differences
}

/// JSON without white space between its tokens, if it is JSON.
pub(super) fn compact(bytes: &[u8]) -> Option<String> {
    let mut out = Vec::new();
    stampmill_core::json::compact(bytes, &mut out).ok()?;
    String::from_utf8(out).ok()
}

/// Whether a record of that partition is sent as the rule says: a number is met by a copy of the source's, too.
fn keeps(rule: SinkPartition, sink: SinkPartition, partition: i32) -> bool {
    rule == sink || (sink == SinkPartition::Source && rule == SinkPartition::Number(partition))
}

// === impl Context ===

impl Context<'_> {
    fn differ(&mut self, key: &str, expected: String, found: String) {
        self.differences.push(Difference { key: key.to_owned(), expected, found });
    }

    fn outcome(&mut self, expected: &Expected, found: &Outcome) {
        match (expected, found) {
            (Expected::Outputs(expected), Outcome::Outputs(found)) if expected.len() == found.len() => {
                for (index, (expected, found)) in expected.iter().zip(found).enumerate() {
                    self.output(&format!("outputs.{index}"), expected, found);
                }
            }
            (Expected::Failure(expected), Outcome::Failure { then, failed }) if expected.then == *then => {
                if !is_met(expected, failed) {
                    let key = show::key_of(*then);
                    self.differ(key, show::expected_failure(expected), show::failure(expected, failed));
                }
            }
            (Expected::Nothing, Outcome::Nothing) => {}
            (expected, found) => self.differ("expect", show::expected(expected), show::found(found)),
        }
    }

    fn output(&mut self, key: &str, expected: &ExpectedOutput, found: &Sent) {
        let sink = &self.pipeline.sinks[found.sink];
        if let Some(expected) = expected.topic.as_ref().filter(|topic| **topic != sink.topic) {
            self.differ(&format!("{key}.topic"), expected.clone(), sink.topic.clone());
        }
        self.payload(key, &expected.payload, found.payload.as_deref());
        if let Some(expected) = &expected.key
            && *expected != found.key
        {
            self.differ(&format!("{key}.key"), show::bytes(expected.as_deref()), show::bytes(found.key.as_deref()));
        }
        if let Some(expected) = &expected.headers
            && *expected != found.headers
        {
            self.differ(&format!("{key}.headers"), show::headers(expected), show::headers(&found.headers));
        }
        let timestamp = match sink.timestamp {
            SinkTimestamp::Source => ExpectedTimestamp::Of(found.timestamp),
            SinkTimestamp::Now => ExpectedTimestamp::Now,
        };
        let partition = sink.partition;
        if let Some(expected) = expected.timestamp.filter(|expected| *expected != timestamp) {
            self.differ(&format!("{key}.timestamp"), show::timestamp(expected), show::timestamp(timestamp));
        }
        if let Some(expected) = expected.partition.filter(|rule| !keeps(*rule, partition, self.partition)) {
            self.differ(&format!("{key}.partition"), show::partition(expected), show::partition(partition));
        }
    }

    fn payload(&mut self, key: &str, expected: &Payload, found: Option<&[u8]>) {
        match expected {
            Payload::Exact(expected) if expected.as_deref() == found => {}
            Payload::Exact(expected) => {
                self.differ(&format!("{key}.payload"), show::bytes(expected.as_deref()), show::bytes(found));
            }
            Payload::Json(expected) => {
                let json = found.and_then(compact);
                if json.as_ref() != Some(expected) {
                    let found = json.map_or_else(|| show::bytes(found), |json| show::json(&json));
                    self.differ(&format!("{key}.json"), show::json(expected), found);
                }
            }
        }
    }
}

fn is_met(expected: &ExpectedFailure, failed: &stampmill_core::transform::Failed) -> bool {
    let ExpectedFailure { class, step, reason, .. } = expected;
    failed.fault.class.as_str() == class
        && step.as_ref().is_none_or(|step| *step == failed.step)
        && reason.as_ref().is_none_or(|reason| failed.fault.reason.contains(reason.as_str()))
}
