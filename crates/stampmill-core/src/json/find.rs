//! Looks into a document that [`super::compact`] has made, and so may trust it.

use super::text::key_equals;

/// The source text of the value at a path of keys and array places, within a compact document. Where a key stands
/// twice the last one counts, as in every JSON parser that keeps one.
pub fn find<'a>(document: &'a str, path: &[String]) -> Option<&'a str> {
    let mut value = document;
    for step in path {
        value = match value.as_bytes().first()? {
            b'{' => member(value, step)?,
            b'[' => element(value, array_place(step)?)?,
            _ => return None,
        };
    }
    Some(value)
}

/// `0`, or digits that do not begin with a zero: `+1` and `01` are keys, which no array has.
fn array_place(step: &str) -> Option<usize> {
    let is_plain = step == "0" || step.starts_with(|digit: char| matches!(digit, '1'..='9'));
    if is_plain { step.parse().ok() } else { None }
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
