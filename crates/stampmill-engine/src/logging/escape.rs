//! Text as the content of a JSON string on one line of whatever reads it: controls (C0, DEL, C1) and the two separators
//! of Unicode are escaped.

/// A control, or the first byte of one of those that take several.
fn is_suspicious(byte: u8) -> bool {
    byte < 0x20 || matches!(byte, 0x7f | 0xc2 | 0xe2)
}

/// As the content of a JSON string.
pub(crate) fn escape_json(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if !is_suspicious(byte) && !matches!(byte, b'"' | b'\\') {
            continue;
        }
        let (code, length) = match (byte, &bytes[at + 1..]) {
            (b'"' | b'\\' | ..0x20 | 0x7f, _) => (u32::from(byte), 1),
            (0xc2, &[second @ 0x80..0xa0, ..]) => (u32::from(second), 2),
            (0xe2, &[0x80, third @ (0xa8 | 0xa9), ..]) => (0x2000 + u32::from(third) - 0x80, 3),
            _ => continue,
        };
        out.extend_from_slice(&bytes[copied..at]);
        push_escape(code, out);
        copied = at + length;
    }
    out.extend_from_slice(&bytes[copied..]);
}

fn push_escape(code: u32, out: &mut Vec<u8>) {
    match code {
        0x22 => out.extend_from_slice(b"\\\""),
        0x5c => out.extend_from_slice(b"\\\\"),
        0x0a => out.extend_from_slice(b"\\n"),
        0x0d => out.extend_from_slice(b"\\r"),
        0x09 => out.extend_from_slice(b"\\t"),
        other => out.extend_from_slice(format!("\\u{other:04x}").as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NASTY: &str = "a\nb\r\t\u{1b}[31m\u{0}\u{7f}\u{85}\u{9b}\u{a0}é€\u{2028}\u{2029}\u{202a}😀\"\\";

    #[test]
    fn quotes_and_what_moves_a_cursor_are_escaped() {
        let mut out = Vec::new();
        escape_json(NASTY, &mut out);
        assert_eq!(
            String::from_utf8(out).expect("it is still text"),
            "a\\nb\\r\\t\\u001b[31m\\u0000\\u007f\\u0085\\u009b\u{a0}é€\\u2028\\u2029\u{202a}😀\\\"\\\\"
        );
    }
}
