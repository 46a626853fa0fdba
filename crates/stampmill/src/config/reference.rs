//! `docs/src/reference.md`, made from the schema; the test here keeps it true.

use std::fmt::Write;
use std::path::Path;

use super::schema::{Default, Key, Kind, ROOT};

#[test]
fn the_reference_is_up_to_date() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/reference.md");
    let wanted = reference();
    if std::env::var_os("STAMPMILL_WRITE_REFERENCE").is_some() {
        std::fs::write(&file, &wanted).expect("the reference can be written");
    }
    let found = std::fs::read_to_string(&file).expect("the reference is there");
    assert_eq!(found, wanted, "run the test again with STAMPMILL_WRITE_REFERENCE=1 in the environment");
}

const HEAD: &str = "# Configuration reference

Keys are written one under the other in YAML; `NAME` is a name of your choice. A key that is not listed is refused.
Files are layered in the order in which they are named, then come `STAMPMILL__…` variables, then `--set` flags.

A variable names a key with `__` between its levels, as in `STAMPMILL__PIPELINES__BANK_AUDIT__ACTORS__TRANSFORMS=2`; case
does not count, and `_`, `-` and `.` are alike. Lists other than `topics` are set in files only.

In files, `${NAME}`, `${NAME:-default}` and `${file:path}` stand for a variable and for the text of a file (paths are
relative to the configuration file), and `$${` for the text `${`. In templates `${` is literal text.

";

fn reference() -> String {
    format!("{HEAD}{}", table(ROOT))
}

/// The keys as a table of Markdown.
pub(crate) fn table(keys: &[Key]) -> String {
    let mut out = "| key | value | default | meaning |\n|---|---|---|---|\n".to_owned();
    list(&mut out, "", keys);
    out
}

fn list(out: &mut String, path: &str, keys: &[Key]) {
    for key in keys {
        let path = format!("{path}{}", key.name);
        let default = match key.default {
            Default::Required => "required".to_owned(),
            Default::Value(text) => format!("`{text}`"),
            Default::Absent => "–".to_owned(),
        };
        writeln!(out, "| `{path}` | {} | {default} | {} |", value(&key.kind), key.doc).expect("a text takes a line");
        list_below(out, &path, &key.kind);
    }
}

fn list_below(out: &mut String, path: &str, kind: &Kind) {
    match kind {
        Kind::Table(keys) | Kind::Short(keys) => list(out, &format!("{path}."), keys),
        Kind::Steps(keys) | Kind::List(keys) => list(out, &format!("{path}[]."), keys),
        Kind::Entries(entry) => list_below(out, &format!("{path}.NAME"), entry),
        _ => {}
    }
}

fn value(kind: &Kind) -> String {
    match kind {
        Kind::Text => "text".to_owned(),
        Kind::Secret => "text, never shown".to_owned(),
        Kind::Address => "`address:port`, or `off`".to_owned(),
        Kind::Hosts => "list of names".to_owned(),
        Kind::Topic => "topic".to_owned(),
        Kind::Number { min, max } => format!("{min} to {max}"),
        Kind::Size => "bytes, or `64KiB`, `64MiB`, `1GiB`".to_owned(),
        Kind::Choice(choices) => words(choices),
        Kind::WordOrNumber(words_too) => format!("{}, or a number", words(words_too)),
        Kind::WordOrNull(words_too) => format!("{}, or null", words(words_too)),
        Kind::Template => "template".to_owned(),
        Kind::TemplateOrNull => "template or null".to_owned(),
        Kind::Topics => "list of topics".to_owned(),
        Kind::Paths => "list of paths".to_owned(),
        Kind::Path => "path".to_owned(),
        Kind::Expression => "expression".to_owned(),
        Kind::Schema => "JSON Schema".to_owned(),
        Kind::Assigned => "template, `cel:` and an expression, or null".to_owned(),
        Kind::Table(_) => "table".to_owned(),
        Kind::Entries(entry) => format!("a {} for each name", value(entry)),
        Kind::Properties(_) => "table of librdkafka properties".to_owned(),
        Kind::StepsWithin => "list, as `transforms`".to_owned(),
        Kind::SinksWithin => "list, as `sinks`".to_owned(),
        Kind::Steps(_) | Kind::List(_) => "list".to_owned(),
        Kind::Other(words) => (*words).to_owned(),
        Kind::Short(keys) => match keys.first() {
            Some(first) => format!("table, or the {} alone", first.name),
            None => "table".to_owned(),
        },
    }
}

fn words(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
