use super::*;

fn schema(text: &str) -> Schema {
    compiled(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn compiled(text: &str) -> Result<Schema, SchemaError> {
    with_files(text, &[])
}

fn with_files(text: &str, files: &'static [(&str, &str)]) -> Result<Schema, SchemaError> {
    let fetch = |uri: &str| {
        let found = files.iter().find(|(name, _)| *name == uri);
        found.map(|(_, text)| (*text).to_owned()).ok_or_else(|| "is not there".to_owned())
    };
    Schema::new(&Source { name: "`s.json`", text, base: "file:///etc/s.json", fetch: Arc::new(fetch) })
}

fn refused(text: &str) -> String {
    compiled(text).expect_err(text).to_string()
}

fn fault(schema: &Schema, payload: &str) -> Option<Fault> {
    schema.check(payload.as_bytes(), &mut Tree::default()).err()
}

fn reason(schema: &Schema, payload: &str) -> String {
    let fault = fault(schema, payload).unwrap_or_else(|| panic!("{payload} is taken"));
    assert_eq!(fault.class, FaultClass::Invalid);
    fault.reason.strip_prefix("the payload does not meet the schema: ").expect("it begins so").to_owned()
}

fn takes(text: &str, payload: &str) -> bool {
    fault(&schema(text), payload).is_none()
}

#[test]
fn every_violation_is_told_with_its_place() {
    let deposit = schema(
        r#"{"type": "object", "required": ["id", "amount"], "additionalProperties": false, "properties": {
            "id": {"type": "string", "pattern": "^TXN[0-9]+$"}, "amount": {"type": "number", "exclusiveMinimum": 0, "multipleOf": 0.01},
            "a/b~": {"type": "array", "uniqueItems": true, "items": {"enum": ["x", 2.50]}}, "kind": {"const": "deposit"}}}"#,
    );
    assert_eq!(fault(&deposit, r#"{ "id":"TXN1" , "amount": 12345678901234567890.12, "a\/b~":["x",2.5] }"#), None);
    let told = reason(&deposit, r#"{"id":"12","amount":-1.005,"a/b~":["y",2.5,25e-1],"more":1,"kind":null}"#);
    let mut found: Vec<&str> = told.split("; ").collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            "at `/amount`: it is no multiple of 0.01",
            "at `/amount`: it is not greater than 0",
            "at `/a~1b~0/0`: it is not one of \"x\" or 2.5",
            "at `/a~1b~0`: it has non-unique elements",
            "at `/id`: it does not match \"^TXN[0-9]+$\"",
            "at `/kind`: it is not \"deposit\"",
            "at the top: Additional properties are not allowed ('more' was unexpected)",
        ]
    );
    assert_eq!(reason(&deposit, "{}").matches("is a required property").count(), 2);
}

#[test]
fn no_value_of_the_payload_is_told() {
    let all = schema(
        r#"{"properties": {"a": {"type": "integer"}, "b": {"maxLength": 2}, "c": {"anyOf": [{"type": "null"}, {"minimum": 5}]},
            "d": {"not": {"type": "string"}}, "e": {"contains": {"type": "null"}}, "f": {"unevaluatedItems": false},
            "g": {"oneOf": [true, true]}, "h": false, "i": {"dependentRequired": {"s3cret": ["x"]}}, "j": {"minItems": 3},
            "k": {"format": "email"}, "l": {"const": 1}, "m": {"enum": [1]}}}"#,
    );
    let value = "\"s3cret\"";
    let members = ["a", "b", "d", "g", "h", "l", "m"].map(|name| format!("\"{name}\":{value}")).join(",");
    let payload = format!(r#"{{{members},"c":4.123,"e":[{value}],"f":[{value}],"j":[{value}]}}"#);
    let reason = reason(&all, &payload);
    assert_eq!(reason.split("; ").count(), 11, "{reason}");
    assert!(!reason.contains("s3cret") && !reason.contains("4.123"), "{reason}");
    assert!(
        reason.contains(
            "at `/c`: it meets none of `anyOf`: (1) at `/c`: it is not of type \"null\", (2) at `/c`: it is less than 5"
        ),
        "{reason}"
    );
}

#[test]
fn what_goes_beyond_the_room_is_counted() {
    let numbers = schema(r#"{"items": {"type": "string"}}"#);
    let of = |count: usize| reason(&numbers, &format!("[{}]", vec!["1"; count].join(",")));
    assert!(of(50).ends_with("at `/49`: it is not of type \"string\""));
    let many = of(1000);
    let (told, left_out) = many.rsplit_once("; and ").expect("some are left out");
    let left_out: usize = left_out.strip_suffix(" more").and_then(|count| count.parse().ok()).expect("a count");
    assert_eq!(told.split("; ").count() + left_out, 1000);
    assert!(many.len() < 4200, "{}", many.len());
    let more = of(VALUES + 1);
    assert!(more.starts_with("at `/0`: it is not of type \"string\"; and maybe more") && more.len() < 200, "{more}");
    let long = format!(r#"{{"{}": 1}}"#, "é".repeat(3000));
    assert!(reason(&schema(r#"{"additionalProperties": false}"#), &long).len() < 600);
}

#[test]
fn numbers_are_compared_to_the_last_digit() {
    for (schema, payload, expected) in [
        (r#"{"multipleOf": 0.01}"#, "12345678901234567890.12", true),
        (r#"{"multipleOf": 0.01}"#, "12345678901234567890.123", false),
        (r#"{"multipleOf": 0.01}"#, "0.07", true),
        (r#"{"maximum": 12345678901234567890}"#, "12345678901234567890.12", false),
        (r#"{"maximum": 12345678901234567890}"#, "12345678901234567890.00", true),
        (r#"{"exclusiveMaximum": 1}"#, "0.99999999999999999999999", true),
        (r#"{"minimum": 0}"#, "-1e-400", false),
        (r#"{"maximum": 1e300}"#, "1e400", false),
        (r#"{"exclusiveMinimum": 0}"#, "1e-400", true),
        (r#"{"const": 0.1}"#, "0.10000000000000000001", false),
        (r#"{"const": [0.1]}"#, "[1e-1]", true),
        (r#"{"enum": [{"a": 9007199254740993}]}"#, r#"{"a": 9007199254740992.0}"#, false),
        (r#"{"enum": [9007199254740993, "x"]}"#, "9007199254740993.0", true),
        (r#"{"type": "integer"}"#, "12345678901234567890.12", false),
        (r#"{"type": "integer"}"#, "12345678901234567890.00", true),
        (r#"{"type": "integer"}"#, "1e400", true),
        (r#"{"uniqueItems": true}"#, "[0.1, 0.10000000000000000001]", true),
        (r#"{"uniqueItems": true}"#, r#"[{"a": 1, "b": [2]}, {"b": [2.0], "a": 10e-1}]"#, false),
        (r#"{"uniqueItems": true}"#, r#"[1, "1", true, null, [1], {"1": 1}, [], {}, false]"#, true),
        (
            r#"{"properties": {"a": {"type": "integer", "minimum": 1, "maximum": 3}}, "required": ["a"]}"#,
            r#"{"a": 3.00000000000000000001}"#,
            false,
        ),
    ] {
        assert_eq!(takes(schema, payload), expected, "{payload} by {schema}");
    }
}

#[test]
fn a_schema_is_read_by_its_draft() {
    let draft_7 = |rest: &str| format!(r#"{{"$schema": "http://json-schema.org/draft-07/schema#", {rest}}}"#);
    let by_array = r#""items": [{"type": "string"}, {"type": "number"}], "additionalItems": false"#;
    assert!(takes(&draft_7(by_array), r#"["a", 1]"#));
    assert!(!takes(&draft_7(by_array), r#"[1, 1]"#));
    assert_eq!(reason(&schema(&draft_7(by_array)), r#"["a", 1, 2]"#), "at the top: it has more than 2 items");
    // In 2020-12 an array under `items` is refused, and `prefixItems` counts, which draft 7 does not know.
    assert!(refused(&format!("{{{by_array}}}")).starts_with("`s.json` is no JSON Schema: at `/items`: "));
    let prefix = r#""prefixItems": [{"type": "string"}], "items": false"#;
    assert!(takes(&format!("{{{prefix}}}"), r#"["a"]"#));
    assert!(!takes(&format!("{{{prefix}}}"), r#"[1]"#));
    assert!(takes(&draft_7(r#""prefixItems": [{"type": "string"}]"#), r#"[1]"#));
    // Draft 7 asserts formats, 2020-12 does not.
    assert!(!takes(&draft_7(r#""format": "date""#), r#""no date""#));
    assert!(takes(r#"{"format": "date"}"#, r#""no date""#));
    // In draft 7 nothing counts beside `$ref`.
    let beside = r##""$ref": "#/definitions/a", "minimum": 5, "definitions": {"a": {"type": "number"}}"##;
    assert!(takes(&draft_7(beside), "1"));
    assert!(!takes(&format!("{{{beside}}}"), "1"));
}

#[test]
fn what_is_no_schema_is_refused_with_the_reason() {
    for (text, expected) in [
        ("{", "`s.json` is no JSON: EOF while parsing an object at line 1 column 1"),
        ("{\"a\":\n 01}", "`s.json` is no JSON: "),
        ("5", "`s.json` is no JSON Schema: at the top: it is not of types \"boolean\", \"object\""),
        (
            r#"{"type": "objekt"}"#,
            "`s.json` is no JSON Schema: at `/type`: it meets none of `anyOf`: (1) at `/type`: it is not one of ",
        ),
        (
            r#"{"properties": {"a": {"minimum": "x"}}, "required": "a"}"#,
            "at `/properties/a/minimum`: it is not of type \"number\"",
        ),
        (r#"{"properties": {"a": {"minimum": "x"}}, "required": "a"}"#, "at `/required`: it is not of type \"array\""),
        (
            r#"{"properties": {"a": {"pattern": "("}}}"#,
            "at `/properties/a/pattern`: it is no regular expression that is taken here",
        ),
        (r#"{"pattern": "(?=a)b"}"#, "at `/pattern`: it is no regular expression that is taken here"),
        (r#"{"pattern": "(a)\\1"}"#, "at `/pattern`: it is no regular expression that is taken here"),
        (r#"{"patternProperties": {"[": {}}}"#, "at `/patternProperties/[`: it is no regular expression"),
        (
            r#"{"minimum": 0, "maximum": 12345678901234567890.12}"#,
            "`s.json`: the number `12345678901234567890.12` has more digits than a schema keeps (it would count as `1.2345678901234567e+19`)",
        ),
        (r#"{"type": "string", "type": "number"}"#, "`s.json`: at the top: the key `type` is there twice"),
        (r#"{"properties": {"a": [], "a": 1}}"#, "`s.json`: at `/properties`: the key `a` is there twice"),
        (r#"{"multipleOf": 0}"#, "at `/multipleOf`: "),
        (
            r#"{"$schema": "http://json-schema.org/draft-04/schema#", "maximum": 1, "exclusiveMaximum": true}"#,
            "which is not taken",
        ),
        (
            r#"{"$schema": "https://example.org/mine"}"#,
            "`s.json`: `$schema` is `https://example.org/mine`, which is no draft that is known here",
        ),
        (r#"{"$schema": 5}"#, "`s.json` is no JSON Schema: at `/$schema`"),
    ] {
        let found = refused(text);
        assert!(found.contains(expected), "{text}: {found}");
    }
}

#[test]
fn references_stay_within_what_is_given() {
    const FILES: &[(&str, &str)] = &[
        (
            "file:///etc/common.json",
            r##"{"$defs": {"money": {"$ref": "#/$defs/cents"}, "cents": {"multipleOf": 0.01}}}"##,
        ),
        ("file:///etc/long.json", r#"{"minimum": 0.12345678901234567890123}"#),
        ("https://bank.example/schemas/common.json", r#"{"type": "null"}"#),
    ];
    let with = |text: &str| with_files(text, FILES);
    let money = with(r##"{"$ref": "common.json#/$defs/money"}"##).expect("it is there");
    assert_eq!(fault(&money, "1.25"), None);
    assert_eq!(reason(&money, "1.255"), "at the top: it is no multiple of 0.01");
    let by_id =
        with(r##"{"$id": "https://bank.example/schemas/a.json", "$ref": "common.json"}"##).expect("it is there");
    assert!(fault(&by_id, "1").is_some());
    let within =
        with(r##"{"$ref": "urn:x:a", "$defs": {"a": {"$id": "urn:x:a", "type": "string"}}}"##).expect("within");
    assert!(fault(&within, "1").is_some());
    let refused = |text: &str| with(text).expect_err(text).to_string();
    assert_eq!(
        refused(r#"{"$ref": "https://example.org/a.json"}"#),
        "`s.json`: `$ref` to `https://example.org/a.json`: is not there"
    );
    assert_eq!(refused(r##"{"$ref": "#/$defs/none"}"##), "`s.json`: `$ref` to `#/$defs/none`, which is not there");
    assert!(refused(r#"{"$ref": "long.json"}"#).contains("the number `0.12345678901234567890123` has more digits"));
}

#[test]
fn a_payload_that_is_not_clear_is_refused() {
    let any = schema("true");
    let twice = r#"{"a": [1, {"b": 1, "\u0062": 2}]}"#;
    assert_eq!(
        reason(&any, twice),
        "at `/a/1`: the key `b` is there twice, and readers differ in which of them counts"
    );
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(fault(&any, &nested(128)), None);
    assert_eq!(fault(&any, &nested(129)).map(|fault| fault.class), Some(FaultClass::TooDeep));
    let endless = schema(r##"{"items": {"$ref": "#"}, "type": "array"}"##);
    assert_eq!(fault(&endless, &nested(128)), None);
}

#[test]
fn a_schema_that_refers_to_itself_comes_to_an_end() {
    for text in [
        r##"{"$ref": "#"}"##,
        r##"{"propertyNames": {"$ref": "#/$defs/a"}, "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}"##,
        r##"{"$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}]}}, "$ref": "#/$defs/a"}"##,
    ] {
        assert_eq!(fault(&schema(text), r#"{"a": {"": 1}}"#), None, "{text}");
    }
}

#[test]
fn the_page_shows_what_is_told() {
    const PAGE: &str = include_str!("../../../../docs/src/transforms.md");
    let schema = schema(
        r#"{"type": "object", "required": ["id", "amount"], "properties": {"id": {"type": "string", "pattern": "^TXN[0-9]+$"},
            "amount": {"type": "number", "exclusiveMinimum": 0, "multipleOf": 0.01}}}"#,
    );
    let told = fault(&schema, r#"{"amount": 1.005}"#).expect("it is wrong").reason;
    assert!(PAGE.contains(&format!("schema/tests.rs\n{told}\n```")), "{told}");
}
