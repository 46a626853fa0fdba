//! Text as the content of a JSON string, and back.

/// The content of a JSON string without its quotes, escapes as they are; `None` for any other value.
pub fn string_content(value: &str) -> Option<&str> {
    value.strip_prefix('"')?.strip_suffix('"')
}

/// Appends text as the content of a JSON string. Only what must be escaped is.
pub fn escape(text: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        let short = match byte {
            b'"' => b'"',
            b'\\' => b'\\',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x08 => b'b',
            0x0c => b'f',
            0..0x20 => b'u',
            _ => continue,
        };
        out.extend_from_slice(&bytes[copied..at]);
        out.extend_from_slice(&[b'\\', short]);
        if short == b'u' {
            out.extend_from_slice(&[b'0', b'0', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
        copied = at + 1;
    }
    out.extend_from_slice(&bytes[copied..]);
}

/// The text that the content of a JSON string stands for. Half of a surrogate pair without the other stands for no
/// character, and becomes U+FFFD.
pub fn unescape(content: &str) -> String {
    let mut text = String::with_capacity(content.len());
    let mut rest = content;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let escaped = &rest[at + 1..];
        let (character, length) = match escaped.as_bytes().first() {
            Some(b'u') => unicode(escaped),
            Some(b'n') => ('\n', 1),
            Some(b'r') => ('\r', 1),
            Some(b't') => ('\t', 1),
            Some(b'b') => ('\u{8}', 1),
            Some(b'f') => ('\u{c}', 1),
            _ => (escaped.chars().next().unwrap_or('\\'), escaped.chars().next().map_or(0, char::len_utf8)),
        };
        text.push(character);
        rest = &escaped[length..];
    }
    text.push_str(rest);
    text
}

/// The character of `uXXXX`, or of `uXXXX\uXXXX`, and how many bytes it takes.
fn unicode(escaped: &str) -> (char, usize) {
    let unit = |at: usize| escaped.get(at..at + 4).and_then(|digits| u16::from_str_radix(digits, 16).ok());
    let first = unit(1).unwrap_or(0xfffd);
    let second = escaped.get(5..7).filter(|next| *next == "\\u").and_then(|_| unit(7));
    let pair = second
        .and_then(|second| char::decode_utf16([first, second]).next()?.ok().filter(|found| found.len_utf16() == 2));
    match (pair, char::from_u32(first.into())) {
        (Some(character), _) => (character, 11),
        (None, Some(character)) => (character, 5),
        (None, None) => (char::REPLACEMENT_CHARACTER, 5),
    }
}

/// Whether the content of a key, with its escapes, stands for `key`.
pub(super) fn key_equals(content: &str, key: &str) -> bool {
    if content.contains('\\') { unescape(content) == key } else { content == key }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_survives_the_way_there_and_back() {
        for text in ["", "plain", "\"quoted\\", "a\nb\r\t\u{8}\u{c}\u{0}\u{1f}", "é😀\u{2028}"] {
            let mut escaped = Vec::new();
            escape(text, &mut escaped);
            let escaped = String::from_utf8(escaped).expect("UTF-8 in, UTF-8 out");
            assert_eq!(unescape(&escaped), text);
            let parsed: String = serde_json::from_str(&format!("\"{escaped}\"")).expect("a JSON string");
            assert_eq!(parsed, text);
        }
    }

    #[test]
    fn unicode_escapes_are_read_in_pairs() {
        assert_eq!(unescape(r"\u00e9\ud83d\ude00\/"), "é😀/");
        assert_eq!(unescape(r"\ud83dx\ude00\ud83d\u0041"), "\u{fffd}x\u{fffd}\u{fffd}A");
    }
}
