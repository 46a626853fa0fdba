//! The page on templates: every example on it holds, and its table of helpers is that of the code.

use stampmill_core::input::{Document, Input, Sources};
use stampmill_core::json::{Found, Rules, scan};
use stampmill_core::record::{Batch, Offset};
use stampmill_core::template::{Ambient, Loops, Media, Options, Template, helper_reference};

const AMBIENT: Ambient = Ambient { now: || 0, random: || [0; 16] };
const TABLE: &str = "refused when the template is loaded; what is wrong for one record is a failure of that record. Numbers are computed as\ndecimals, exact to the digit. In a template write a number of more than 15 digits in quotes.\n\n";

fn page() -> String {
    std::fs::read_to_string(path()).expect("the page is there")
}

fn path() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/templates.md")
}

/// Language and text of the blocks of code, in order.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push((language.to_owned(), text.join("\n")));
        }
    }
    blocks
}

fn render(template: &Template, payload: &str) -> String {
    let mut batch = Batch::new("t".into(), 0);
    batch.push(Offset::new(0), None, None, Some(payload.as_bytes()));
    let mut sources = Sources::default();
    let plan = template.plan(&mut sources);
    let (reads, mut found) = (sources.payload.compile(), Found::default());
    scan(payload.as_bytes(), &Rules::default(), &reads, &mut found).expect("a document");
    let record = batch.record(0);
    let payload = Document { bytes: record.payload, found: &found, reads: &reads };
    let input = Input { record: &record, payload, vars: Document::unread() };
    let mut out = Vec::new();
    plan.render(&input, &mut Loops::default(), &mut out).expect("an output");
    String::from_utf8(out).expect("is UTF-8")
}

#[test]
fn every_example_holds() {
    let blocks = blocks(&page());
    let (mut rendered, mut refused) = (0, 0);
    for (place, (language, source)) in blocks.iter().enumerate() {
        let after = |step: usize| blocks.get(place + step).map(|(language, text)| (language.as_str(), text.as_str()));
        let template = Template::new(source, &Options::new(Media::Json, AMBIENT));
        match (language.as_str(), after(1), after(2)) {
            ("handlebars", Some(("json", payload)), Some(("output", expected))) => {
                let template = template.unwrap_or_else(|error| panic!("{error}"));
                assert_eq!(render(&template, payload), expected, "{source}");
                rendered += 1;
            }
            ("handlebars", Some(("refused", expected)), _) => {
                let error = template.expect_err(source).to_string();
                assert!(error.starts_with(expected), "{error}");
                refused += 1;
            }
            ("handlebars", ..) => panic!("an example without its end: {source}"),
            _ => {}
        }
    }
    assert!(rendered >= 3 && refused >= 5, "{rendered} rendered, {refused} refused");
}

/// `STAMPMILL_WRITE_REFERENCE=1` writes it anew.
#[test]
fn the_table_of_helpers_is_that_of_the_code() {
    let page = page();
    let (text, found) = page.split_once(TABLE).expect("the text before the table");
    if std::env::var_os("STAMPMILL_WRITE_REFERENCE").is_some() {
        std::fs::write(path(), format!("{text}{TABLE}{}", helper_reference())).expect("the page can be written");
        return;
    }
    assert_eq!(found, helper_reference());
}
