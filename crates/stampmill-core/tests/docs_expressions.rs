//! The page on expressions: every example on it holds, and there is one for each function.

use std::sync::Arc;

use stampmill_core::cel::{Expression, Options, function_names};
use stampmill_core::input::{Document, Input, Sources};
use stampmill_core::json::{Found, Rules, scan};
use stampmill_core::record::{Batch, Offset};

const VARS: &[u8] = br#"{"limit": 1000.00}"#;

/// Language and lines of the blocks of code, in order.
fn blocks(page: &str) -> Vec<(&str, Vec<&str>)> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            blocks.push((language, lines.by_ref().take_while(|line| *line != "```").collect()));
        }
    }
    blocks
}

/// The value as JSON, `refused: …` or `fails: …`.
fn outcome(source: &str, payload: &str) -> String {
    let options = Options { vars: Arc::new(["limit".to_owned()].into()), ..Options::default() };
    let expression = match Expression::new(source, &options) {
        Ok(expression) => expression,
        Err(error) => return format!("refused: {}", error.message),
    };
    let mut batch = Batch::new("orders".into(), 0);
    batch.push(Offset::new(0), Some(0), Some(b"ACC456"), Some(payload.as_bytes()));
    batch.push_header(b"trace", Some(b"t-1"));
    let record = batch.record(0);
    let mut sources = Sources::default();
    let plan = expression.plan(&mut sources);
    let (reads, vars_reads) = (sources.payload.compile(), sources.vars.compile());
    let (mut found, mut vars_found) = (Found::default(), Found::default());
    scan(payload.as_bytes(), &Rules::default(), &reads, &mut found).expect("a document");
    scan(VARS, &Rules::default(), &vars_reads, &mut vars_found).expect("a document");
    let payload = Document { bytes: record.payload, found: &found, reads: &reads };
    let vars = Document { bytes: Some(VARS), found: &vars_found, reads: &vars_reads };
    let mut out = Vec::new();
    match plan.write_json(&Input { record: &record, payload, vars }, &mut out) {
        Ok(()) => String::from_utf8(out).expect("UTF-8"),
        Err(fault) => {
            let (_, reason) = fault.reason.split_once(": ").expect("a place");
            format!("fails: {reason}")
        }
    }
}

#[test]
fn every_example_holds() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/expressions.md");
    let page = std::fs::read_to_string(path).expect("the page is there");
    let blocks = blocks(&page);
    let payload = blocks.iter().find(|(language, _)| *language == "json").expect("a payload").1.join("\n");
    let examples: Vec<&str> =
        blocks.iter().filter(|(language, _)| *language == "cel").flat_map(|(_, lines)| lines).copied().collect();
    for example in &examples {
        let (source, expected) = example.rsplit_once(" // ").unwrap_or_else(|| panic!("no outcome: {example}"));
        let found = outcome(source, &payload);
        match expected.starts_with("refused: ") || expected.starts_with("fails: ") {
            true => {
                assert!(found.contains(expected.split_once(": ").map_or("", |(_, reason)| reason)), "{source}: {found}")
            }
            false => assert_eq!(found, expected, "{source}"),
        }
        let kind = expected.split(": ").next().filter(|kind| matches!(*kind, "refused" | "fails"));
        assert!(kind.is_none_or(|kind| found.starts_with(kind)), "{source}: {found}");
    }
    for name in function_names() {
        let call = format!("{name}(");
        assert!(examples.iter().any(|example| example.contains(&call)), "no example of `{name}`");
    }
}
