//! A YAML value as JSON text: keys in their order, and every number as it is written.

use saphyr::{MarkedYaml, Scalar, ScalarStyle, YamlData};

use super::yaml::{Refusal, line, name};

/// Without white space. A scalar without quotes is a number, `true`, `false` or `null` where JSON has it so, and a text
/// where YAML takes it for one.
///
/// # Errors
/// What JSON has no form for, such as `0x1F`, a tag, or a key that is a list.
pub(crate) fn written(node: &MarkedYaml<'_>) -> Result<String, Refusal> {
    match &node.data {
        YamlData::Mapping(entries) => {
            let members = entries.iter().map(|(key, value)| Ok(format!("{}:{}", string(&name(key)?), written(value)?)));
            Ok(format!("{{{}}}", members.collect::<Result<Vec<_>, _>>()?.join(",")))
        }
        YamlData::Sequence(items) => {
            Ok(format!("[{}]", items.iter().map(written).collect::<Result<Vec<_>, _>>()?.join(",")))
        }
        YamlData::Representation(text, ScalarStyle::Plain, None) => plain(text, line(node)),
        YamlData::Representation(text, _, None) => Ok(string(text)),
        _ => Err(Refusal::new(line(node), "a tag, or an alias without its anchor, which JSON has no form for")),
    }
}

fn plain(text: &str, line: usize) -> Result<String, Refusal> {
    if text.is_empty() {
        return Ok("null".to_owned());
    }
    if is_json(text) {
        return Ok(text.to_owned());
    }
    match Scalar::parse_from_cow(text.into()) {
        Scalar::String(_) => Ok(string(text)),
        _ => {
            let fault =
                format!("`{text}` is no text to YAML, and JSON writes it otherwise; for a text put it in quotes");
            Err(Refusal::new(line, fault))
        }
    }
}

/// Whether JSON has it without quotes.
fn is_json(text: &str) -> bool {
    matches!(text, "true" | "false" | "null") || is_number(text)
}

fn is_number(text: &str) -> bool {
    let starts = text.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    // The value is not looked at: it may be larger than any type of ours.
    starts && stampmill_core::json::compact(text.as_bytes(), &mut Vec::new()).is_ok()
}

fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::super::yaml::scan;
    use super::*;

    fn json(yaml: &str) -> Result<String, Refusal> {
        let documents = scan(yaml).unwrap_or_else(|error| panic!("{yaml}: {error}"));
        written(&documents[0])
    }

    #[test]
    fn keys_stay_in_order_and_numbers_as_they_are_written() {
        let yaml = "z: 1.50\na: [ -0, 1E400, 123456789012345678901234567890, 5 ]\nm: { t: true, n: null, e: }\n";
        let expected = r#"{"z":1.50,"a":[-0,1E400,123456789012345678901234567890,5],"m":{"t":true,"n":null,"e":null}}"#;
        assert_eq!(json(yaml).expect("JSON has it all"), expected);
    }

    #[test]
    fn texts_are_texts() {
        let yaml = "[ \"1\", 'true', yes, TXN011, 2026-11-23, \"a\\u00e9\\n\\\"\\\\\", ~x ]";
        let expected = r#"["1","true","yes","TXN011","2026-11-23","aé\n\"\\","~x"]"#;
        assert_eq!(json(yaml).expect("JSON has it all"), expected);
        assert_eq!(json("1: |\n  a\n  b\n").expect("JSON has it all"), r#"{"1":"a\nb\n"}"#);
    }

    #[test]
    fn json_pasted_into_yaml_comes_out_as_it_was() {
        let pasted = r#"{"id":"TXN011","amount":1500.00,"tags":["a",{"b":[]}],"empty":{},"none":null}"#;
        assert_eq!(json(pasted).expect("JSON is YAML"), pasted);
    }

    #[test]
    fn what_json_has_no_form_for_is_refused_with_its_line() {
        for (yaml, line) in
            [("a: 1\nb: 0x1F", 2), ("[.5]", 1), ("[+1]", 1), ("[ok,\n .inf]", 2), ("[~]", 1), ("[True]", 1)]
        {
            let refusal = json(yaml).expect_err(yaml);
            assert!(format!("{refusal:?}").contains(&format!("line: {line},")), "{yaml}: {refusal:?}");
        }
        assert!(json("? [a]\n: 1").is_err());
        assert!(json("[!mine x]").is_err());
    }
}
