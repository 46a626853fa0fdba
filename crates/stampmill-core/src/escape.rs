//! One record is one line of the log, whatever is in it.

use std::fmt::Write as _;

/// Appends text with every character escaped that could end the line, start another, or move the cursor: controls
/// (C0, DEL, C1) and the two separators of Unicode. As `\n`, `\r`, `\t` and `\u001b`, so that JSON stays JSON.
pub fn escape_line(text: &str, out: &mut String) {
    let mut copied = 0;
    for (at, character) in text.char_indices().filter(|(_, character)| must_be_escaped(*character)) {
        out.push_str(&text[copied..at]);
        match character {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Writing to a `String` cannot fail.
            other => drop(write!(out, "\\u{:04x}", u32::from(other))),
        }
        copied = at + character.len_utf8();
    }
    out.push_str(&text[copied..]);
}

fn must_be_escaped(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_record_can_forge_a_line() {
        let mut line = String::new();
        escape_line("a\nb\r\t\u{1b}[31m\u{0}\u{7f}\u{85}\u{9b}é\u{2028}\u{2029}\"\\", &mut line);
        assert_eq!(line, r#"a\nb\r\t\u001b[31m\u0000\u007f\u0085\u009bé\u2028\u2029"\"#);
    }
}
