use super::*;
use crate::fault::{Fault, FaultClass};
use crate::json::compact;
use crate::record::{Batch, Offset, Record};

fn batch(payload: &str) -> Batch {
    let mut batch = Batch::new("bank-transactions".into(), 3);
    batch.push(Offset::new(42), Some(1_700_000_000_000), Some(b"ACC\"1"), Some(payload.as_bytes()));
    batch.push_header(b"trace", Some(b"first"));
    batch.push_header(b"trace", Some("é\n".as_bytes()));
    batch.push_header(b"binary", Some(&[0xff]));
    batch.push_header(b"null", None);
    batch
}

fn rendered(template: &Template, payload: &str) -> Result<String, Fault> {
    let batch = batch(payload);
    let record: Record<'_> = batch.record(0);
    let mut document = Vec::new();
    let read = compact(payload.as_bytes(), &mut document).map_err(Fault::from);
    let payload = read.as_ref().map(|()| std::str::from_utf8(&document).expect("compact JSON is UTF-8"));
    let mut out = b"kept".to_vec();
    let done = template.render(&Input { record: &record, payload }, &mut out);
    let out = String::from_utf8(out).expect("the output is UTF-8");
    assert!(done.is_ok() || out == "kept", "a fault leaves nothing behind");
    done.map(|()| out["kept".len()..].to_owned())
}

fn json(source: &str, payload: &str) -> String {
    let template = Template::json(source, Missing::Lenient).unwrap_or_else(|error| panic!("{error}"));
    rendered(&template, payload).unwrap_or_else(|fault| panic!("{fault}"))
}

fn text(source: &str, payload: &str) -> String {
    let template = Template::text(source, Missing::Lenient).unwrap_or_else(|error| panic!("{error}"));
    rendered(&template, payload).unwrap_or_else(|fault| panic!("{fault}"))
}

fn refused(source: &str) -> String {
    Template::json(source, Missing::Lenient).expect_err(source).to_string()
}

#[test]
fn the_tutorials_envelope() {
    let template = r#"{"eventType": "transaction", "source": "bank-transactions", "data": {{payload}}}"#;
    let event = r#"{ "id":"TXN011", "type":"withdraw", "accountId":"ACC456", "amount":1500 }"#;
    assert_eq!(
        json(template, event),
        r#"{"eventType": "transaction", "source": "bank-transactions", "data": {"id":"TXN011","type":"withdraw","accountId":"ACC456","amount":1500}}"#
    );
    assert_eq!(
        text("Kafka event received, data = {{payload}}", event),
        r#"Kafka event received, data = {"id":"TXN011","type":"withdraw","accountId":"ACC456","amount":1500}"#
    );
}

#[test]
fn values_keep_every_digit_and_escape() {
    let payload = r#"{"a": 1234567890123456789.123456789, "b": 1500.00, "c": 1e400, "d": "caf\u00e9 \/", "z": 1, "y": [ 2 , 1 ], "z": 3}"#;
    assert_eq!(
        json("{{payload}}", payload),
        payload.replace(": ", ":").replace(", ", ",").replace("[ 2 ,1 ]", "[2,1]")
    );
    assert_eq!(
        json(
            r#"[{{payload.a}}, {{payload.b}}, {{payload.c}}, {{payload.d}}, {{payload.z}}, {{payload.y.1}}]"#,
            payload
        ),
        r#"[1234567890123456789.123456789, 1500.00, 1e400, "caf\u00e9 \/", 3, 1]"#
    );
}

#[test]
fn an_expression_in_quotes_becomes_content() {
    let payload = r#"{"s": "a\"b\u00e9", "n": 1.50, "o": {"k": "v\n"}, "t": true, "null": null}"#;
    assert_eq!(
        json(
            r#"{"{{payload.s}}": "<{{payload.n}}|{{payload.o}}|{{payload.t}}|{{payload.null}}|{{payload.none}}>"}"#,
            payload
        ),
        r#"{"a\"b\u00e9": "<1.50|{\"k\":\"v\\n\"}|true||>"}"#
    );
}

#[test]
fn the_rest_of_a_record_can_be_named() {
    let template = r#"[{{topic}}, {{partition}}, {{offset}}, {{timestamp}}, {{key}}, {{headers.trace}}, {{headers.null}}, {{headers.none}}]"#;
    assert_eq!(json(template, "{}"), r#"["bank-transactions", 3, 42, 1700000000000, "ACC\"1", "é\n", null, null]"#);
    assert_eq!(json(r#""{{key}} {{headers.trace}} {{offset}}""#, "{}"), r#""ACC\"1 é\n 42""#);
    assert_eq!(
        text("{{key}} {{headers.[trace]}} {{payload.s}} {{{payload.n}}}", r#"{"s":"a\"b\n","n":1.0}"#),
        "ACC\"1 é\n a\"b\n 1.0"
    );
}

#[test]
fn a_log_line_stays_one_line() {
    let template = Template::text("id\t{{payload.id}} {{key}}", Missing::Lenient).expect("a text");
    let mut batch = Batch::new("t".into(), 0);
    batch.push(Offset::new(0), None, Some(b"k\r\n[forged]"), Some(b"{}"));
    let record = batch.record(0);
    let mut line = String::new();
    let input = Input { record: &record, payload: Ok("{\"id\":\"a\\nb\\u001b\u{85}\"}") };
    template.render_line(&input, &mut line).expect("a line");
    assert_eq!(line, "id\ta\\nb\\u001b\\u0085 k\\r\\n[forged]");
    let strict = Template::text("{{key}} {{payload.none}}", Missing::Strict).expect("a text");
    let before = line.clone();
    assert!(strict.render_line(&input, &mut line).is_err());
    assert_eq!(line, before, "a fault leaves nothing behind");
}

#[test]
fn what_is_missing_is_a_fault_under_strict() {
    let strict = Template::json(r#"{"id": {{payload.id}}}"#, Missing::Strict).expect("a template");
    assert_eq!(rendered(&strict, r#"{"id":null}"#).as_deref(), Ok(r#"{"id": null}"#), "null is there");
    let fault = rendered(&strict, "{}").expect_err("no id");
    assert_eq!(
        (fault.class, fault.reason.as_str()),
        (FaultClass::MissingField, "the record has no `payload.id`, and `missing: strict` asks for it")
    );
}

#[test]
fn bytes_that_are_no_text_are_a_fault() {
    let template = Template::json("[{{headers.binary}}]", Missing::Lenient).expect("a template");
    assert_eq!(rendered(&template, "{}").map_err(|fault| fault.class), Err(FaultClass::InvalidUtf8));
    let template = Template::json("[{{payload}}]", Missing::Lenient).expect("a template");
    assert_eq!(rendered(&template, "oops").map_err(|fault| fault.class), Err(FaultClass::NotJson));
}

#[test]
fn what_cannot_be_proven_is_refused() {
    for source in [
        r#"{"a": 1{{payload}}}"#,
        "{{payload}}{{key}}",
        r#"{"a": {{payload}}"#,
        r#"{ {{payload}}: 1}"#,
        r#"{"a": "{{payload}}}"#,
        r#"{"a": "\u00{{payload}}41"}"#,
        r#"{"a": {{payload}},}"#,
        "",
        "text",
        "{{#if payload}}1{{/if}}",
        "[{{upper payload}}]",
        "[{{> partial}}]",
        "[{{payload}",
    ] {
        refused(source);
    }
}

#[test]
fn a_refusal_shows_the_place_and_the_way_out() {
    assert_eq!(
        refused("{\n  \"a\": 1,\n  \"b\": {{paylod.x}}\n}"),
        "line 3, column 8: there is no variable `paylod`: did you mean `payload`?\n  |\n3 |   \"b\": {{paylod.x}}\n  |        ^"
    );
    assert_eq!(
        refused("{\"id\": {{payload.id}}, {{key}}: 1}"),
        "line 1, column 24: the output would not be JSON: expected a key in quotes, and found `n`: an expression stands in \
         place of a whole value, as in `\"data\": {{payload}}`, or within quotes, as in `\"id\": \"{{payload.id}}\"`\n  |\n\
         1 | {\"id\": {{payload.id}}, {{key}}: 1}\n  |                        ^"
    );
    assert!(refused("[{{len}}]").contains("expected one of `payload`"), "no name is near");
    assert!(refused("[{{payload.id]").contains("expected a whole tag such as `{{payload.id}}`"));
    assert!(refused("[{{id}}]").contains("a field of the payload is `payload.id`"));
    assert!(refused("[{{key.id}}]").contains("`key` has no fields"));
    assert!(refused("[{{#each payload}}1{{/each}}]").contains("the block `#each` is not supported"));
}

#[test]
fn the_caret_stands_below_the_fault() {
    let cases = [
        ("{\"a\":{{payload}}} x", "x"),
        ("{{!-- {{x}} {{y}} --}} {{paylod}}", "{{paylod"),
        ("[\"\\\\{{key}}\", {{paylod}}]", "{{paylod"),
        ("[\"\\{{key}}\", {{paylod}}]", "{{paylod"),
        ("[\"C:\\\\{{key}}\"]", "{{key"),
        ("[1,\n  {{! c }}\n  2]x", "x"),
        ("[ {{~key~}}  x , {{key}}]", "x"),
        ("[\"é\",\r\n \"é{{key}}\" oops]", "oops"),
    ];
    for (source, at) in cases {
        let error = Template::json(source, Missing::Lenient).expect_err(source);
        let caret: String = error.source_line.chars().skip(error.column - 1).collect();
        assert!(caret.starts_with(at), "{source}\n{error}");
    }
}

#[test]
fn a_path_is_what_was_written() {
    let payload = r#"{"a": 1, "this": 2, "a.this.b": 3, "": 4, "this2": 5}"#;
    assert_eq!(json("[{{this.payload.a}}, {{./payload.a}}, {{ payload/[a] }}]", payload), "[1, 1, 1]");
    assert_eq!(json("[{{payload.[a.this.b]}}, {{payload.[]}}, {{payload.this2}}]", payload), "[3, 4, 5]");
    for source in ["{{payload.this}}", "{{payload.[this]}}", "{{payload.this.a}}", "{{this.this.payload}}"] {
        assert!(refused(source).contains("Handlebars leaves it out"), "{source}");
    }
}

#[test]
fn an_escape_before_an_expression_does_not_hide_a_quote() {
    assert_eq!(
        json(r#"["\"", {{payload.a}}, "\\", {{payload.a}}, "\\\{{payload.a}}"]"#, r#"{"a":"x"}"#),
        r#"["\"", "x", "\\", "x", "\\x"]"#
    );
    assert!(refused(r#"["\\{{payload.a}}"]"#).contains("takes one of the backslashes"));
}

#[test]
fn white_space_control_and_comments() {
    assert_eq!(json("[ {{~payload.a~}} , {{!-- a }} comment --}} {{payload.b}}]", r#"{"a":1,"b":2}"#), "[1, 2]");
    assert_eq!(json(r#"["\{{payload}}"]"#, "{}"), r#"["{{payload}}"]"#, "an escaped tag is text");
}
