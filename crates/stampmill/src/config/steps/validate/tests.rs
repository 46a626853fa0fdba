use std::collections::BTreeSet;

use crate::config::effective::Difference;
use crate::config::tests::{Case, variant};
use crate::config::{load, show};

/// The smallest configuration with that step, and a few schemas beside it.
fn case(name: &str, step: &str) -> Case {
    let case = variant(name, "topic: out }", &format!("topic: out }}\n    transforms:\n      - validate: {step}"));
    std::fs::create_dir_all(case.folder.0.join("schemas")).expect("a folder can be made");
    for (file, text) in [
        ("s.json", r##"{"properties": {"a": {"$ref": "schemas/money.json#/$defs/cents"}}}"##),
        ("schemas/money.json", r##"{"$defs": {"cents": {"multipleOf": 0.01}}}"##),
        ("id.json", r##"{"$id": "https://bank.example/v1/id.json", "$ref": "schemas/money.json#/$defs/cents"}"##),
        ("up.json", r#"{"$id": "https://bank.example/v1/up.json", "$ref": "%2e%2e/s.json"}"#),
        ("remote.json", r#"{"$ref": "https://example.org/a.json"}"#),
        ("gone.json", r#"{"$ref": "nowhere.json"}"#),
        ("broken.json", "{\"type\":\n"),
        ("type.json", r#"{"properties": {"a": {"type": "numbre"}}}"#),
        ("pattern.json", r#"{"properties": {"a": {"pattern": "("}}}"#),
        ("digits.json", r#"{"maximum": 12345678901234567890.12}"#),
    ] {
        case.folder.write(file, text);
    }
    case
}

fn steps(case: Case) -> String {
    let settings = case.settings();
    assert_eq!(settings.pipelines[0].transforms.kinds(), ["validate"]);
    format!("{:?}", settings.pipelines[0].transforms)
}

#[test]
fn a_schema_comes_from_a_file_or_stands_there() {
    for (name, step) in [("short", "s.json"), ("long", "{ file: ./s.json }"), ("id", "id.json")] {
        assert!(steps(case(name, step)).contains("schemas/money.json"), "{name}");
    }
    let table = "
          schema:
            type: object
            required: [a, \"1\"]
            properties: { a: { maximum: 1.50, const: \"2\", enum: [true, null, yes] }, b: { $ref: schemas/money.json } }";
    let text = r#"{"type":"object","required":["a","1"],"properties":{"a":{"maximum":1.50,"const":"2","enum":[true,null,"yes"]},"b":{"$ref":"schemas/money.json"}}}"#;
    assert!(steps(case("table", table)).contains(&format!("{text:?}")));
    assert!(steps(case("text", &format!("{{ schema: '{text}' }}"))).contains(&format!("{text:?}")));
    assert!(steps(case("false", "{ schema: false }")).contains("\"false\""));
}

#[test]
fn what_is_no_schema_is_refused_with_its_place() {
    for (name, step, expected) in [
        ("nowhere", "none.json", "schema file `"),
        ("broken", "broken.json", "broken.json` is no JSON: EOF while parsing a value at line 2 column 0"),
        ("type", "type.json", "type.json` is no JSON Schema: at `/properties/a/type`: it meets none of `anyOf`"),
        (
            "pattern",
            "pattern.json",
            "pattern.json` is no JSON Schema: at `/properties/a/pattern`: it is no regular expression",
        ),
        ("digits", "digits.json", "the number `12345678901234567890.12` has more digits than a schema keeps"),
        (
            "remote",
            "remote.json",
            "remote.json`: `$ref` to `https://example.org/a.json`: nothing is fetched: what is meant must be in the schema, or in a file beside it",
        ),
        ("up", "up.json", ": nothing is fetched: "),
        ("gone", "gone.json", "nowhere.json`: No such file or directory"),
    ] {
        let place = "c.yaml:10: `pipelines.bank-audit.transforms.0.validate.file`: ";
        let errors = case(name, step).refused(&[expected]);
        assert!(errors.contains(place), "{errors}");
    }
    case("schema", "{ schema: { type: numbre } }").refused(&[
        "c.yaml:10: `pipelines.bank-audit.transforms.0.validate.schema`: the schema is no JSON Schema: at `/type`: ",
    ]);
    case("hex", "{ schema: { maximum: 0x1F } }").refused(&["c.yaml:10: not YAML: `0x1F` is no text to YAML"]);
    case("both", "{ file: s.json, schema: true }")
        .refused(&["transforms.0.validate`: expected either `file` or `schema`, got both"]);
    case("neither", "{}").refused(&["transforms.0.validate`: expected either `file` or `schema`, got neither"]);
    case("null", "{ schema: ~ }")
        .refused(&["`pipelines.bank-audit.transforms.0.validate.schema`: expected a text, got nothing"]);
    case("format", "s.json\n    payload: { format: text }")
        .refused(&["transforms.0.validate`: expected a payload that is JSON, got one that is text or bytes"]);
    let behind = "s.json\n      - envelope: { template: x, media_type: text }\n      - validate: s.json";
    case("behind", behind).refused(&["transforms.2.validate`: expected a payload that is JSON"]);
}

#[test]
fn all_its_files_are_followed() {
    for (file, from, to) in
        [("s.json", "\"a\"", "\"b\""), ("schemas/money.json", "0.01", "0.001"), ("c.yaml", "s.json", "id.json")]
    {
        let case = case("followed", "s.json");
        let loaded = || load(case.sources.clone()).unwrap_or_else(|errors| panic!("{errors}")).effective;
        let (before, text) = (loaded(), std::fs::read_to_string(case.folder.0.join(file)).expect("is there"));
        assert_eq!(before.difference(&loaded()), Difference::default());
        case.folder.write(file, &text.replacen(from, to, 1));
        let pipelines = BTreeSet::from(["bank-audit".to_owned()]);
        assert_eq!(before.difference(&loaded()), Difference { pipelines, fixed: BTreeSet::new() }, "{file}");
    }
    let case = case("followed-schema", "{ schema: { minimum: 5 } }");
    let loaded = || load(case.sources.clone()).unwrap_or_else(|errors| panic!("{errors}")).effective;
    let before = loaded();
    let text = std::fs::read_to_string(case.folder.0.join("c.yaml")).expect("is there");
    case.folder.write("c.yaml", &text.replace("minimum: 5", "minimum: 5.0"));
    assert_eq!(before.difference(&loaded()).pipelines.len(), 1);
}

#[test]
fn what_is_shown_loads_from_anywhere() {
    let of_file = case("shown", "s.json");
    let shown = show(of_file.sources.clone()).unwrap_or_else(|errors| panic!("{errors}"));
    assert!(shown.contains(&format!("file: {}", of_file.folder.0.join("s.json").display())), "{shown}");
    let written = case("shown-schema", "{ schema: { const: \"${x}\" } }");
    let shown = show(written.sources.clone()).unwrap_or_else(|errors| panic!("{errors}"));
    assert!(shown.contains(r#"schema: '{"const":"${x}"}'"#), "{shown}");
}
