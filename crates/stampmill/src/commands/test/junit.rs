//! The results as JUnit XML, which continuous integration shows.

use std::path::Path;
use std::time::Duration;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::Verdict;
use super::case::CaseFile;
use super::report::{Colours, failure};
use crate::commands::bytes::escaped;

/// The results of one file.
pub(super) struct Suite<'a> {
    pub(super) file: &'a CaseFile<'a>,
    pub(super) verdicts: &'a [Verdict],
    /// Of each case.
    pub(super) times: &'a [Duration],
}

pub(super) fn write(path: &Path, suites: &[Suite<'_>]) -> std::io::Result<()> {
    std::fs::write(path, xml(suites)?)
}

pub(super) fn xml(suites: &[Suite<'_>]) -> std::io::Result<Vec<u8>> {
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let (tests, failures, time) = suites
        .iter()
        .map(Suite::counts)
        .fold((0, 0, Duration::ZERO), |sum, counts| (sum.0 + counts.0, sum.1 + counts.1, sum.2 + counts.2));
    writer
        .create_element("testsuites")
        .with_attribute(("tests", tests.to_string().as_str()))
        .with_attribute(("failures", failures.to_string().as_str()))
        .with_attribute(("time", seconds(time).as_str()))
        .write_inner_content(|writer| suites.iter().try_for_each(|suite| suite.write(writer)))?;
    let mut bytes = writer.into_inner();
    bytes.push(b'\n');
    Ok(bytes)
}

fn seconds(time: Duration) -> String {
    format!("{:.6}", time.as_secs_f64())
}

/// XML 1.0 has no character for most controls, and none for U+FFFE and U+FFFF. The controls are escaped already.
fn text(text: &str) -> String {
    text.chars()
        .map(|character| if matches!(character, '\u{fffe}' | '\u{ffff}') { '\u{fffd}' } else { character })
        .collect()
}

// === impl Suite ===

impl Suite<'_> {
    /// Cases, those that failed, and how long all took.
    fn counts(&self) -> (usize, usize, Duration) {
        let failed = self.verdicts.iter().filter(|verdict| matches!(verdict, Verdict::Failed(_))).count();
        (self.verdicts.len(), failed, self.times.iter().sum())
    }

    fn write(&self, writer: &mut Writer<Vec<u8>>) -> std::io::Result<()> {
        let (tests, failures, time) = self.counts();
        let name = text(&escaped(&self.file.path.display().to_string()));
        writer
            .create_element("testsuite")
            .with_attribute(("name", name.as_str()))
            .with_attribute(("tests", tests.to_string().as_str()))
            .with_attribute(("failures", failures.to_string().as_str()))
            .with_attribute(("time", seconds(time).as_str()))
            .write_inner_content(|writer| self.write_cases(&name, writer))?;
        Ok(())
    }

    fn write_cases(&self, suite: &str, writer: &mut Writer<Vec<u8>>) -> std::io::Result<()> {
        for ((case, verdict), time) in self.file.cases.iter().zip(self.verdicts).zip(self.times) {
            let name = text(&escaped(&case.name));
            let element = writer
                .create_element("testcase")
                .with_attribute(("classname", suite))
                .with_attribute(("name", name.as_str()))
                .with_attribute(("time", seconds(*time).as_str()));
            match verdict {
                Verdict::Passed | Verdict::Updated => element.write_empty()?,
                Verdict::Failed(differences) => {
                    let keys: Vec<&str> = differences.iter().map(|difference| difference.key.as_str()).collect();
                    let message = text(&format!("{}: not as expected", keys.join(", ")));
                    let lines = text(&format!("{}\n{}", case.at, failure(differences, Colours::NONE).join("\n")));
                    element.write_inner_content(|writer| {
                        let failure = writer.create_element("failure").with_attribute(("message", message.as_str()));
                        failure.write_text_content(BytesText::new(&lines))?;
                        Ok(())
                    })?
                }
            };
        }
        Ok(())
    }
}
