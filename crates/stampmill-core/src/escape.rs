//! Text in a log and in XML, where no record may end what it stands in.

use std::io::Write as _;

/// Appends text with every character escaped that could end the line, start another, or move the cursor: controls
/// (C0, DEL, C1) and the two separators of Unicode. As `\n`, `\r`, `\t` and `\u001b`, so that JSON stays JSON.
pub fn escape_line(text: &str, out: &mut Vec<u8>) {
    // Nearly every line is without, and this is much faster than looking at each character.
    if !text.bytes().fold(false, |found, byte| found | may_begin_line_escape(byte)) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    escape(text, out, needs_line_escape, |character, out| match character {
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        // Writing to a `Vec` cannot fail.
        other => drop(write!(out, "\\u{:04x}", u32::from(other))),
    });
}

/// Appends text for the content of an XML element, or of an attribute in quotes of either kind. What XML 1.0 has no
/// character for becomes U+FFFD.
pub fn escape_xml(text: &str, out: &mut Vec<u8>) {
    escape(text, out, needs_xml_escape, |character, out| match character {
        '&' => out.extend_from_slice(b"&amp;"),
        '<' => out.extend_from_slice(b"&lt;"),
        '>' => out.extend_from_slice(b"&gt;"),
        '"' => out.extend_from_slice(b"&quot;"),
        '\'' => out.extend_from_slice(b"&apos;"),
        // An attribute would have a space of them.
        '\t' | '\n' | '\r' => drop(write!(out, "&#{};", u32::from(character))),
        _ => out.extend_from_slice("\u{fffd}".as_bytes()),
    });
}

fn escape(text: &str, out: &mut Vec<u8>, needs: fn(char) -> bool, write: fn(char, &mut Vec<u8>)) {
    let mut copied = 0;
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.by_ref().find(|(_, character)| needs(*character)) {
        out.extend_from_slice(&text.as_bytes()[copied..at]);
        write(character, out);
        copied = at + character.len_utf8();
    }
    out.extend_from_slice(&text.as_bytes()[copied..]);
}

fn needs_line_escape(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

/// A control, or the first byte of one of those that take several.
fn may_begin_line_escape(byte: u8) -> bool {
    byte < 0x20 || matches!(byte, 0x7f | 0xc2 | 0xe2)
}

fn needs_xml_escape(character: char) -> bool {
    matches!(character, '&' | '<' | '>' | '"' | '\'' | '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(escape: fn(&str, &mut Vec<u8>), text: &str) -> String {
        let mut out = Vec::new();
        escape(text, &mut out);
        String::from_utf8(out).expect("UTF-8 in, UTF-8 out")
    }

    #[test]
    fn nothing_of_a_record_can_forge_a_line() {
        let text = "a\nb\r\t\u{1b}[31m\u{0}\u{7f}\u{85}\u{9b}é\u{2028}\u{2029}\"\\";
        assert_eq!(escaped(escape_line, text), r#"a\nb\r\t\u001b[31m\u0000\u007f\u0085\u009bé\u2028\u2029"\"#);
    }

    #[test]
    fn nothing_of_a_record_can_end_an_element_or_an_attribute() {
        let text = "<a b=\"c\" d='e'>&é\n\u{0}\u{ffff}";
        assert_eq!(escaped(escape_xml, text), "&lt;a b=&quot;c&quot; d=&apos;e&apos;&gt;&amp;é&#10;\u{fffd}\u{fffd}");
    }
}
