//! Texts as YAML scalars, which come back as they are.

use super::super::yaml;

/// What stands behind `name:`, and the lines below it, which are to be indented.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scalar {
    pub(super) head: String,
    pub(super) below: Vec<String>,
}

/// Several lines as a block, where a block can hold them.
pub(super) fn scalar(text: &str) -> Scalar {
    if !is_block(text) {
        return Scalar { head: line(text), below: Vec::new() };
    }
    let (head, lines) = match text.strip_suffix('\n') {
        Some(lines) => ("|", lines),
        None => ("|-", text),
    };
    Scalar { head: head.to_owned(), below: lines.split('\n').map(str::to_owned).collect() }
}

/// On one line, with quotes where it needs them.
pub(super) fn line(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    // Between single quotes everything is literal, but for them.
    if text.contains(['"', '\\']) && text.chars().all(is_printed) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    // A JSON text is a YAML text. JSON leaves some letters that YAML takes for line ends, or does not print.
    let quoted = serde_json::Value::from(text).to_string();
    let escape = |letter: char| match is_printed(letter) {
        true => letter.to_string(),
        false => format!("\\u{:04x}", u32::from(letter)),
    };
    quoted.chars().map(escape).collect()
}

/// Letters, digits and what means nothing in YAML where it stands.
fn is_plain(text: &str) -> bool {
    let means_nothing = |byte: u8| byte.is_ascii_alphanumeric() || b" !$%()*+,-./:;<=>?@^_~".contains(&byte);
    let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric() || b"/^($_".contains(&byte));
    first
        && text.bytes().all(means_nothing)
        && !text.contains(": ")
        && !text.ends_with([':', ' '])
        && !yaml::is_null(text)
}

/// At least two lines, of which the first tells the indentation, and one line end at the end or none.
fn is_block(text: &str) -> bool {
    let is_printed = |letter: char| letter == '\n' || is_printed(letter);
    text.contains('\n') && !text.starts_with([' ', '\n']) && !text.ends_with("\n\n") && text.chars().all(is_printed)
}

/// What is not has a number of four hexadecimal digits at the most.
fn is_printed(letter: char) -> bool {
    !letter.is_control() && !matches!(letter, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use config::ValueKind;

    use super::*;

    /// As it is read back from a file.
    fn read_back(text: &str) -> ValueKind {
        let Scalar { head, below } = scalar(text);
        let below: String = below.iter().map(|line| format!("    {line}\n")).collect();
        let name = line(text);
        let yaml = format!("a:\n  b: {head} # c\n{below}  {name}: c\n");
        let table = yaml::parse(&yaml, "f", &yaml::CONFIGURATION).unwrap_or_else(|error| panic!("{error}: {yaml}"));
        let ValueKind::Table(a) = &table["a"].kind else { panic!("no table: {yaml}") };
        assert!(a.contains_key(text), "{yaml}");
        a["b"].kind.clone()
    }

    #[test]
    fn texts_come_back_as_they_are() {
        for text in [
            "",
            " ",
            "a",
            " a",
            "a ",
            "a b",
            "a: b",
            "a:b",
            "a:",
            ":a",
            "a #b",
            "a#b",
            "#a",
            "- a",
            "-a",
            "--- a",
            "...",
            "null",
            "~",
            "true",
            "0123",
            "1.10",
            "?",
            "? a",
            "!a",
            "&a",
            "*a",
            "@a",
            "%a",
            "`a",
            "'a'",
            "\"a\"",
            "[a]",
            "{{payload}}",
            "a, b",
            "|",
            ">",
            "|-",
            "(redacted)",
            "^a\\.b",
            "C:\\x",
            "a\tb",
            "\ta",
            "é",
            "a\u{85}b",
            "a\u{2028}b",
            "\u{feff}a",
            "a\u{7f}\0b",
            "😀",
            "a\r\nb",
            "a\rb",
            "a\nb",
            "a\nb\n",
            "a\nb\n\n",
            "\na",
            "\n",
            "a\n",
            " a\nb",
            "a\n  b\n c",
            "a\n\n\nb",
            "a\n  \nb",
            "a\nb ",
            "a\n# b",
            "a\n---\nb",
            "a\n...\nb",
            "a\n\tb",
            "a\n- b: c\n",
            "{\n  \"a\": {{payload}}\n}",
            "$${a}",
            "a: |\n  b",
        ] {
            assert_eq!(read_back(text), ValueKind::String(text.to_owned()), "{text:?}");
        }
    }

    #[test]
    fn what_people_write_stays_readable() {
        let head = |text: &str| scalar(text).head;
        assert_eq!(head("localhost:9092,localhost:9093"), "localhost:9092,localhost:9093");
        assert_eq!(head("/run/secrets/x"), "/run/secrets/x");
        assert_eq!(head("id={{payload.id}}"), "\"id={{payload.id}}\"");
        assert_eq!(head(r#"{"it's": "a\b"}"#), r#"'{"it''s": "a\b"}'"#);
        let lines = Scalar { head: "|".to_owned(), below: vec!["{".to_owned(), String::new(), "}".to_owned()] };
        assert_eq!(scalar("{\n\n}\n"), lines);
    }
}
