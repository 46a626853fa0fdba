//! Keys, values and headers on a terminal, where no byte of a record may move the cursor.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use stampmill_core::escape::escape_line;

/// In one line: a text as it is, anything else in base64.
pub(crate) fn line(bytes: Option<&[u8]>) -> String {
    match bytes {
        None => "(null)".to_owned(),
        Some(bytes) => std::str::from_utf8(bytes).map_or_else(|_| base64(bytes), escaped),
    }
}

/// As many lines as the text has.
pub(crate) fn lines(bytes: Option<&[u8]>) -> Vec<String> {
    let text = bytes.and_then(|bytes| std::str::from_utf8(bytes).ok());
    text.map_or_else(|| vec![line(bytes)], |text| text.split('\n').map(escaped).collect())
}

pub(crate) fn escaped(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    escape_line(text, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    format!("base64:{}", STANDARD.encode(bytes))
}

pub(crate) fn size(bytes: Option<&[u8]>) -> String {
    match bytes.map(<[u8]>::len) {
        None => "null".to_owned(),
        Some(1) => "1 byte".to_owned(),
        Some(count) => format!("{count} bytes"),
    }
}

/// At most so many characters, the last a `…` where some were left out.
pub(crate) fn cut(text: &str, width: Option<usize>) -> String {
    match width {
        Some(width) if text.chars().count() > width => {
            text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_shown_and_anything_else_is_in_base64() {
        assert_eq!(line(Some(b"a\x1b[2Jb\nc")), "a\\u001b[2Jb\\nc");
        assert_eq!(line(Some(b"\xff\x00")), "base64:/wA=");
        assert_eq!((line(None), line(Some(b""))), ("(null)".to_owned(), String::new()));
        assert_eq!(lines(Some(b"{\n  1\r\n}")), ["{", "  1\\r", "}"]);
        assert_eq!(lines(Some(b"\xff\n")), ["base64:/wo="]);
    }

    #[test]
    fn what_is_cut_shows_it() {
        assert_eq!((cut("é€", None), cut("é€", Some(2)), cut("é€x", Some(2))), ("é€".into(), "é€".into(), "é…".into()));
    }
}
