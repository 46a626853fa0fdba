//! Looks into a document that [`super::compact`] has made, and so may trust it.

use super::reads::array_place;
use super::text::key_equals;

/// The source text of the value at a path of keys and array places, within a compact document. Where a key stands
/// twice the last one counts, as in every JSON parser that keeps one.
pub fn find<'a>(document: &'a str, path: &[String]) -> Option<&'a str> {
    let mut value = document;
    for step in path {
        value = match value.as_bytes().first()? {
            b'{' => member(value, step)?,
            b'[' => element(value, array_place(step)? as usize)?,
            _ => return None,
        };
    }
    Some(value)
}

/// The values in a compact array or object, in order; none in another value.
pub fn elements(document: &str) -> impl Iterator<Item = &str> {
    let bytes = document.as_bytes();
    let is_object = bytes.first() == Some(&b'{');
    let mut at = if matches!(bytes.first(), Some(b'{' | b'[')) { 1 } else { bytes.len() };
    std::iter::from_fn(move || {
        if at + 1 >= bytes.len() {
            return None;
        }
        let start = if is_object { end_of_value(bytes, at) + 1 } else { at };
        let end = end_of_value(bytes, start);
        at = end + 1;
        document.get(start..end)
    })
}

fn member<'a>(object: &'a str, key: &str) -> Option<&'a str> {
    let bytes = object.as_bytes();
    let (mut at, mut found) = (1, None);
    while bytes.get(at) == Some(&b'"') {
        let key_end = end_of_value(bytes, at);
        let value_start = key_end + 1;
        let value_end = end_of_value(bytes, value_start);
        if key_equals(&object[at + 1..key_end - 1], key) {
            found = Some(&object[value_start..value_end]);
        }
        at = value_end + 1;
    }
    found
}

fn element(array: &str, place: usize) -> Option<&str> {
    let bytes = array.as_bytes();
    let mut at = 1;
    for _ in 0..place {
        if at >= bytes.len() - 1 {
            return None;
        }
        at = end_of_value(bytes, at) + 1;
    }
    (at < bytes.len() - 1).then(|| &array[at..end_of_value(bytes, at)])
}

/// Where the value ends that starts at `at`. The document is valid, so brackets outside of strings match.
fn end_of_value(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = end_of_string(bytes, at),
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' if depth == 0 => return at,
            b'}' | b']' => {
                depth -= 1;
                at += 1;
            }
            b',' | b':' if depth == 0 => return at,
            _ => at += 1,
        }
        if depth == 0 && matches!(bytes[at - 1], b'"' | b'}' | b']') {
            return at;
        }
    }
    at
}

fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str =
        r#"{"id":"TXN\"1","list":[1,{"n":-0.50},[],"x"],"caf\u00e9":true,"twice":1,"twice":[2],"":null}"#;

    fn at(path: &[&str]) -> Option<&'static str> {
        let path: Vec<String> = path.iter().map(|step| (*step).to_owned()).collect();
        find(DOCUMENT, &path)
    }

    #[test]
    fn values_are_found_as_they_stand() {
        assert_eq!(at(&[]), Some(DOCUMENT));
        assert_eq!(at(&["id"]), Some(r#""TXN\"1""#));
        assert_eq!(at(&["list"]), Some(r#"[1,{"n":-0.50},[],"x"]"#));
        assert_eq!(at(&["list", "0"]), Some("1"));
        assert_eq!(at(&["list", "1", "n"]), Some("-0.50"));
        assert_eq!(at(&["list", "2"]), Some("[]"));
        assert_eq!(at(&["list", "3"]), Some(r#""x""#));
        assert_eq!(at(&["café"]), Some("true"));
        assert_eq!(at(&["twice"]), Some("[2]"), "the last one counts");
        assert_eq!(at(&[""]), Some("null"));
    }

    #[test]
    fn elements_come_in_order() {
        let of = |document: &'static str| elements(document).collect::<Vec<_>>();
        assert_eq!(of(r#"[1,"a,]",[2,3],{"b":[]}]"#), ["1", r#""a,]""#, "[2,3]", r#"{"b":[]}"#]);
        assert_eq!(of(r#"{"a":1,"b,":"c"}"#), ["1", r#""c""#]);
        assert!(of("[]").is_empty() && of("{}").is_empty() && of("12").is_empty() && of("").is_empty());
    }

    #[test]
    fn what_is_not_there_is_none() {
        for path in [
            &["no"][..],
            &["list", "4"],
            &["list", "x"],
            &["list", "+1"],
            &["list", "01"],
            &["list", "2", "0"],
            &["id", "0"],
            &["twice", "0", "0"],
        ] {
            assert_eq!(at(path), None, "{path:?}");
        }
    }
}
