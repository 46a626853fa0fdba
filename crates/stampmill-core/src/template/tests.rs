use std::sync::Arc;

use super::*;
use crate::fault::{Fault, FaultClass};
use crate::json::{Found, Rules, scan};
use crate::record::{Batch, Offset, Record};

fn ambient() -> Ambient {
    Ambient { now: || 1_700_000_000_123_000_000, random: || [7; 16] }
}

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
    let mut sources = Sources::default();
    let plan = template.plan(&mut sources);
    let (reads, mut found) = (sources.payload.compile(), Found::default());
    if plan.reads_payload() {
        scan(payload.as_bytes(), &Rules::default(), &reads, &mut found).map_err(Fault::from)?;
    }
    let mut out = b"kept".to_vec();
    let payload = Document { bytes: record.payload, found: &found, reads: &reads };
    let input = Input { record: &record, payload, vars: Document::unread() };
    let done = plan.render(&input, &mut Loops::default(), &mut out);
    let out = String::from_utf8(out).expect("the output is UTF-8");
    assert!(done.is_ok() || out == "kept", "a fault leaves nothing behind");
    done.map(|()| out["kept".len()..].to_owned())
}

fn template(source: &str, options: &Options) -> Template {
    Template::new(source, options).unwrap_or_else(|error| panic!("{error}"))
}

fn with(options: &Options, source: &str, payload: &str) -> String {
    rendered(&template(source, options), payload).unwrap_or_else(|fault| panic!("{fault}"))
}

fn json(source: &str, payload: &str) -> String {
    with(&Options::new(Media::Json, ambient()), source, payload)
}

fn text(source: &str, payload: &str) -> String {
    with(&Options::new(Media::Text, ambient()), source, payload)
}

fn strict(media: Media) -> Options {
    Options { missing: Missing::Strict, ..Options::new(media, ambient()) }
}

fn refused(source: &str) -> String {
    Template::new(source, &Options::new(Media::Json, ambient())).expect_err(source).to_string()
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
fn what_is_missing_is_a_fault_under_strict() {
    let strict_template = template(r#"{"id": {{payload.id}}}"#, &strict(Media::Json));
    assert_eq!(rendered(&strict_template, r#"{"id":null}"#).as_deref(), Ok(r#"{"id": null}"#), "null is there");
    let fault = rendered(&strict_template, "{}").expect_err("no id");
    assert_eq!(
        (fault.class, fault.reason.as_str()),
        (
            FaultClass::MissingField,
            "the record has no `payload.id` (template line 1, column 8), and `missing: strict` asks for it"
        )
    );
}

#[test]
fn bytes_that_are_no_text_are_a_fault() {
    let binary = template("[{{headers.binary}}]", &Options::new(Media::Json, ambient()));
    assert_eq!(rendered(&binary, "{}").map_err(|fault| fault.class), Err(FaultClass::InvalidUtf8));
    let payload = template("[{{payload}}]", &Options::new(Media::Json, ambient()));
    assert_eq!(rendered(&payload, "oops").map_err(|fault| fault.class), Err(FaultClass::NotJson));
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
        "[{{uppr payload}}]",
        "[{{> partial}}]",
        "[{{payload}",
        "[\"a\nb\"]",
        "[\"a\tb\"]",
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
        "line 1, column 24: the output would not be JSON: expected a key in quotes: write `\"{{…}}\"`, or a value behind its \
         key and `:`, and found an expression\n  |\n\
         1 | {\"id\": {{payload.id}}, {{key}}: 1}\n  |                        ^"
    );
    assert!(refused("[{{len}}]").contains("expected one of `payload`"), "no name is near");
    assert!(refused("[{{payload.id]").contains("expected a whole tag such as `{{payload.id}}`"));
    assert!(refused("[{{id}}]").contains("a field of the payload is `payload.id`"));
    assert!(refused("[{{key.id}}]").contains("`key` has no fields"));
    assert!(refused("[{{#eahc payload}}1{{/eahc}}]").contains("did you mean `#each`?"));
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
        let error = Template::new(source, &Options::new(Media::Json, ambient())).expect_err(source);
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

const ITEMS: &str = r#"{"items": [{"id": 1.50, "ok": true}, {"id": "b\"", "ok": false}, {"id": null, "tags": ["x", "y"]}], "none": [],
    "person": {"name": "Ada", "zip": 0}, "zero": 0, "members": {"a": 1, "b": {"c": 2}}}"#;

#[test]
fn both_branches_are_rendered() {
    let source = r#"{"p": {{#if payload.person}}"{{payload.person.name}}"{{else}}0{{/if}}{{#unless payload.gone}}, "u": 1{{/unless}}}"#;
    assert_eq!(json(source, ITEMS), r#"{"p": "Ada", "u": 1}"#);
    assert_eq!(json(source, r#"{"gone": 1}"#), r#"{"p": 0}"#);
    let chain = "[{{#if payload.a}}1{{else if payload.b}}2{{else}}3{{/if}}]";
    for (payload, expected) in [(r#"{"a": 1}"#, "[1]"), (r#"{"b": [1]}"#, "[2]"), (r#"{"b": [ ]}"#, "[3]")] {
        assert_eq!(json(chain, payload), expected);
    }
    assert_eq!(text("{{#if payload.zero includeZero=true}}z{{/if}}{{#if payload.zero}}n{{/if}}", ITEMS), "z");
}

#[test]
fn items_are_gone_through() {
    let source = r#"[{{#each payload.items}}{"n": {{@index}}, "id": {{id}}, "s": "{{this.id}}"}{{#unless @last}},{{/unless}}{{/each}}]"#;
    assert_eq!(
        json(source, ITEMS),
        r#"[{"n": 0, "id": 1.50, "s": "1.50"},{"n": 1, "id": "b\"", "s": "b\""},{"n": 2, "id": null, "s": ""}]"#
    );
    assert_eq!(json(source, "{}"), "[]");
    assert_eq!(text("{{#each payload.none}}x{{else}}nothing{{/each}}", ITEMS), "nothing");
    let members = "{ {{#each payload.members}}{{#unless @first}}, {{/unless}}\"{{@key}}\": {{this}}{{/each}} }";
    assert_eq!(json(members, ITEMS), r#"{ "a": 1, "b": {"c":2} }"#);
    let nested = "{{#each payload.items as |item i|}}{{i}}{{#each item.tags}}{{this}}{{@index}}{{@../index}}{{../id}}{{@root.topic}}{{/each}};{{/each}}";
    assert_eq!(text(nested, ITEMS), "0;1;2x02bank-transactionsy12bank-transactions;");
}

/// A comma too many, behind one item after the other, of which every other list is right.
#[test]
fn the_proof_follows_each_item_of_a_list() {
    for (items, way) in [
        ("{{#if @last}}{{#if @first}}1,{{else}}1{{/if}}{{else}}1,{{/if}}", "has one item"),
        ("{{#if @last}}1{{else}}{{#if @first}}1,,{{else}}1,{{/if}}{{/if}}", "has several items"),
        ("{{#if @last}}1{{else}}{{#if @first}}1,{{else}}1,,{{/if}}{{/if}}", "has more than two items"),
        ("{{#if @last}}{{#if @first}}1{{else}}1,{{/if}}{{else}}1,{{/if}}", "comes to its last item"),
    ] {
        let error = refused(&format!("[{{{{#each payload.items}}}}{items}{{{{/each}}}}]"));
        assert!(error.contains(way), "{error}");
    }
    let right = "[{{#each payload.items}}{{#if @last}}1{{else}}{{#if @first}}1,{{else}}1,{{/if}}{{/if}}{{/each}}]";
    assert_eq!(json(right, ITEMS), "[1,1,1]");
}

#[test]
fn a_value_may_be_a_field_and_an_item_at_once() {
    let source = "{{#each payload.items}}{{id}},{{/each}}{{payload.items.1.id}} {{payload.items.0.ok}} {{payload.items.2.tags.1}}";
    assert_eq!(text(source, ITEMS), "1.50,b\",,b\" true y");
}

#[test]
fn with_is_about_what_it_names() {
    let source = "{{#with payload.person}}{{name}} {{zip}} {{@root.topic}} {{../payload.zero}}{{else}}nobody{{/with}}";
    assert_eq!(text(source, ITEMS), "Ada 0 bank-transactions 0");
    assert_eq!(text(source, "{}"), "nobody");
    assert_eq!(text("{{#with payload.person as |p|}}{{p.name}}{{/with}}", ITEMS), "Ada");
}

#[test]
fn of_two_values_under_one_key_the_last_counts() {
    let payload = r#"{"a": {"x": 1, "list": [1]}, "a": {"y": 2}, "l": [{"v": 1, "v": 2}], "l": [{"v": 3}]}"#;
    assert_eq!(
        text(
            "{{payload.a.x}}|{{payload.a.y}}|{{#each payload.a.list}}i{{/each}}|{{#each payload.l}}{{v}}{{/each}}",
            payload
        ),
        "|2||3"
    );
}

#[test]
fn commas_are_refused_or_put_right() {
    let source = "[{{#each payload.items}}{{#if ok}}{{id}},{{/if}}{{/each}}]";
    let error = refused(source);
    assert!(error.contains("or write `commas: fix`"), "{error}");
    assert!(error.contains("= when line 1, column 2: `#each` has one item"), "{error}");
    let fix = Options { commas: Commas::Fix, ..Options::new(Media::Json, ambient()) };
    assert_eq!(with(&fix, source, ITEMS), "[1.50]");
    assert_eq!(with(&fix, "[{{#each payload.items}}{{id}}{{/each}}]", ITEMS), "[1.50,\"b\\\"\",null]");
    let members = r#"{ {{#if payload.a}}"a": 1{{/if}}, {{#if payload.b}}"b": 2,{{/if}} }"#;
    for (payload, expected) in [("{}", "{ ,  }"), (r#"{"a":1}"#, r#"{ "a": 1  }"#), (r#"{"b":1}"#, r#"{ "b": 2 }"#)] {
        let out = with(&fix, members, payload);
        assert_eq!(out.replace(' ', ""), expected.replace([' '], "").replace("{,}", "{}"));
    }
}

#[test]
fn a_condition_that_is_asked_again_has_the_same_answer() {
    let source = r#"{ {{#if payload.a}}"a": 1{{/if}}{{#if payload.b}}{{#if payload.a}},{{/if}}"b": 2{{/if}} }"#;
    assert_eq!(json(source, r#"{"a":1,"b":1}"#), r#"{ "a": 1,"b": 2 }"#);
    assert_eq!(json(source, r#"{"b":1}"#), r#"{ "b": 2 }"#);
    let brackets = "{{#if payload.a}}[{{/if}}1{{#if payload.a}}]{{/if}}";
    assert_eq!((json(brackets, "{}"), json(brackets, r#"{"a":1}"#)), ("1".into(), "[1]".into()));
}

#[test]
fn a_condition_with_zero_is_another() {
    let again = "{{#if payload.a}} {{/if}}";
    let source = format!("{{{{#if payload.a includeZero=true}}}}[{{{{/if}}}}1{{{{#if payload.a}}}}]{{{{/if}}}}{again}");
    assert!(refused(&source).contains("found the end") || refused(&source).contains("the end of the document"));
}

#[test]
fn null_is_nothing_within_quotes() {
    assert_eq!(json(r#"["{{payload}}", {{payload}}, "{{payload.a}}"]"#, "null"), r#"["", null, ""]"#);
    assert_eq!(text("{{payload}}|{{payload.a}}", "null"), "null|", "a tombstone shows in a log");
}

#[test]
fn partials_stand_where_they_are_used() {
    let partials =
        [("who", "\"{{payload.person.name}} {{greeting}}\"\n"), ("name", "{{name}}"), ("loop", "{{> loop}}")];
    let partials = partials.map(|(name, text)| (name.to_owned(), text.to_owned()));
    let options = Options { partials: Arc::new(partials.into()), ..Options::new(Media::Json, ambient()) };
    assert_eq!(with(&options, r#"{"who": {{> who greeting="hi"}}}"#, ITEMS), r#"{"who": "Ada hi"}"#);
    assert_eq!(with(&options, r#"["{{> name payload.person}}"]"#, ITEMS), r#"["Ada"]"#);
    let error = |source: &str| Template::new(source, &options).expect_err(source).to_string();
    assert!(error("[{{> whom}}]").contains("there is no partial `whom`: did you mean `who`?"));
    assert!(error("[{{> loop}}]").contains("in the partial `loop`, line 1, column 1: expected at most 32"));
    assert!(error("{{> who}}").contains("in the partial `who`, line 1, column 26: there is no variable `greeting`"));
}

#[test]
fn what_is_masked_does_not_show() {
    let masks =
        vec![vec!["card".into(), "number".into()], vec!["items".into(), "*".into(), "pin".into()], vec!["all".into()]];
    let options = Options { masks, ..Options::new(Media::Text, ambient()) };
    let payload = r#"{"card": {"number": "4111", "x": 1, "number": 4222}, "items": [{"pin": 1}, {"pin": [2]}], "all": {"in": 3}}"#;
    assert_eq!(
        with(&options, "{{payload}} {{payload.card.number}} {{payload.all.in}} {{payload.card.x}}", payload),
        r#"{"card":{"number":"***","x":1,"number":"***"},"items":[{"pin":"***"},{"pin":"***"}],"all":"***"} *** *** 1"#
    );
}

#[test]
fn xml_and_text_payloads() {
    let payload = r#"{"a": "<b c=\"d\">&'", "n": 1.0}"#;
    assert_eq!(
        with(&Options::new(Media::Xml, ambient()), "<e a=\"{{payload.n}}\">{{payload.a}}</e>", payload),
        "<e a=\"1.0\">&lt;b c=&quot;d&quot;&gt;&amp;&apos;</e>"
    );
    let plain = Options { payload: PayloadFormat::Text, ..Options::new(Media::Json, ambient()) };
    assert_eq!(with(&plain, r#"{"text": {{payload}}}"#, "a\n\"b"), r#"{"text": "a\n\"b"}"#);
    assert!(
        Template::new("[{{payload.id}}]", &plain)
            .expect_err("no fields")
            .to_string()
            .contains("`payload` has no fields")
    );
    let bytes = Options { payload: PayloadFormat::Bytes, ..Options::new(Media::Json, ambient()) };
    assert_eq!(with(&bytes, r#"["{{payload}}"]"#, "a\n"), r#"["YQo="]"#);
}

#[test]
fn what_one_record_may_take_is_limited() {
    let limits = Limits { output_bytes: 10, steps: 1000 };
    let options = Options { limits, ..Options::new(Media::Text, ambient()) };
    let fault =
        rendered(&template("{{payload.a}}{{payload.a}}", &options), r#"{"a": "123456"}"#).expect_err("12 bytes");
    assert_eq!((fault.class, fault.reason.contains("10 bytes")), (FaultClass::Limit, true));
    let many = format!("[{}1]", "1,".repeat(600));
    let nothing = template("{{#each payload}}{{/each}}", &options);
    assert_eq!(rendered(&nothing, &many).map_err(|fault| fault.class), Ok(String::new()));
    let fault = rendered(&template("{{#each payload}}{{#each this}}{{/each}}{{/each}}", &options), &many);
    assert_eq!(fault.map_err(|fault| fault.class), Err(FaultClass::Limit));
}

#[test]
fn each_helpers_example_holds() {
    for helper in helpers::all() {
        let (source, payload, expected) = helper.example;
        assert_eq!(text(source, payload), expected, "{source}");
    }
}

#[test]
fn what_a_helper_gives_is_put_in_its_place() {
    let source = r#"{"t": {{upper payload.s}}, "in": "<{{concat payload.s "\""}}>", "n": {{add payload.n 1}}, "l": {{split payload.s "b"}}, "b": {{gt payload.n 1}}, "none": {{lookup payload.l 9}}}"#;
    assert_eq!(
        json(source, r#"{"s": "a\"b", "n": 1500.00, "l": [ 1 ]}"#),
        r#"{"t": "A\"B", "in": "<a\"b\">", "n": 1501.00, "l": ["a\"",""], "b": true, "none": null}"#
    );
    let fault = rendered(&template("{{add payload.a 1}}", &Options::new(Media::Text, ambient())), r#"{"a": "x"}"#)
        .expect_err("no number");
    assert_eq!(
        (fault.class, fault.reason.as_str()),
        (FaultClass::Helper, "template line 1, column 1: `add` expects numbers, and found the text `x`")
    );
}

#[test]
fn helpers_are_checked_when_the_template_is_loaded() {
    assert!(refused("[{{uper payload.a}}]").contains("there is no helper `uper`: did you mean `upper`?"));
    assert!(refused("[{{upper}}]").contains("`upper` is a helper and wants arguments: `{{upper text}}`"));
    assert!(refused("[{{upper payload.a payload.b}}]").contains("expected `{{upper text}}`, and found 2 arguments"));
    assert!(refused("[{{matches payload.a \"(\"}}]").contains("no regular expression"));
    assert!(refused("[{{now \"%Y\" \"Mars\"}}]").contains("there is no time zone `Mars`"));
    assert!(refused("[{{add payload.a 0.12345678901234567}}]").contains("write it in quotes"));
    assert!(refused("[{{#each payload}}{{length}}{{/each}}]").contains("for a field of that name"));
    assert!(refused("[{{#each payload}}{{log}}{{/each}}]").contains("`{{this.log}}`"));
    assert!(refused("[{{default payload.a sep=1}}]").contains("takes no `sep=`"));
}

#[test]
fn the_crate_renders_what_no_plan_can() {
    let options = Options { engine: Engine::Handlebars, ..Options::new(Media::Json, ambient()) };
    let source = r#"{{#*inline "who"}}"{{payload.name}}"{{/inline}}{"who": {{> who}}, "n": {{add payload.n 1}}, "all": {{{json payload}}}, "t": {{json headers.trace}} }"#;
    assert_eq!(
        with(&options, source, r#"{"name": "Ada", "n": 1.5}"#),
        r#"{"who": "Ada", "n": 2.5, "all": {"n":1.5,"name":"Ada"}, "t": "é\n" }"#
    );
    let fault = rendered(&template("[{{payload.none}}]", &options), "{}").map(drop);
    assert_eq!(fault, Ok(()), "an empty array");
    let fault = rendered(&template("{{payload.a}}", &options), r#"{"a": "x"}"#).expect_err("no JSON");
    assert_eq!((fault.class, fault.reason.contains("is not a JSON document")), (FaultClass::Output, true));
    let fault = rendered(&template("{{add payload.a 1}}", &options), r#"{"a": "x"}"#).expect_err("no number");
    assert!(fault.reason.contains("`add` expects numbers, and found the text `x`"), "{fault}");
    let strict = Options { missing: Missing::Strict, ..options.clone() };
    assert_eq!(
        rendered(&template("[{{payload.none}}]", &strict), "{}").map_err(|fault| fault.class),
        Err(FaultClass::Helper)
    );
    assert!(Template::new("{{#if}", &options).is_err());
}

/// Over these variables and an empty payload.
fn with_vars(template: &Template, vars: &str) -> Result<String, Fault> {
    let batch = batch("{}");
    let record: Record<'_> = batch.record(0);
    let mut sources = Sources::default();
    let plan = template.plan(&mut sources);
    assert!(plan.reads_vars());
    let (reads, mut found) = (sources.vars.compile(), Found::default());
    scan(vars.as_bytes(), &Rules::default(), &reads, &mut found).map_err(Fault::from)?;
    let vars = Document { bytes: Some(vars.as_bytes()), found: &found, reads: &reads };
    let input = Input { record: &record, payload: Document::unread(), vars };
    let mut out = Vec::new();
    plan.render(&input, &mut Loops::default(), &mut out)?;
    Ok(String::from_utf8(out).expect("the output is UTF-8"))
}

#[test]
fn variables_are_read_as_fields_are() {
    let vars = r#"{ "a": {"b": 1.50, "t": "x\u00e9\"", "o": { "p": [ 1, 2 ] }}, "list": [ {"n": 1}, {"n": 2} ], "none": null }"#;
    let known = Arc::new(["a", "list", "none", "later"].map(str::to_owned).into());
    let json = Options { vars: known, ..Options::new(Media::Json, ambient()) };
    let text = Options { media: Media::Text, ..json.clone() };
    let strict = Options { missing: Missing::Strict, ..json.clone() };
    let cases = [
        (&json, "{{vars.a.b}}", "1.50"),
        (&json, r#"["{{vars.a.t}}", {{vars.a.t}}, {{vars.a.o}}]"#, r#"["x\u00e9\"", "x\u00e9\"", {"p":[1,2]}]"#),
        (&json, "{{vars.a.nope}}", "null"),
        (&json, r#""{{vars.later}}{{vars.none}}""#, r#""""#),
        (&text, "{{vars.a.t}} {{vars.none}}{{vars.a.o}}", "xé\" {\"p\":[1,2]}"),
        (&json, "{{#if vars.a.b}}1{{else}}2{{/if}}", "1"),
        (&json, "{{#if vars.later}}1{{else}}2{{/if}}", "2"),
        (&json, "[{{#with vars.a.o}}{{p}}{{/with}}]", "[[1,2]]"),
        (&json, "[{{#each vars.list}}{{n}}{{#unless @last}}, {{/unless}}{{/each}}]", "[1, 2]"),
        (&text, "{{#each vars.a.o as |v k|}}{{k}}={{v}}{{@key}}{{/each}}", "p=[1,2]p"),
        (&json, "{{add vars.a.b 1}}", "2.50"),
        (&strict, "{{vars.a.b}}", "1.50"),
    ];
    for (options, source, expected) in cases {
        assert_eq!(with_vars(&template(source, options), vars).as_deref(), Ok(expected), "{source}");
    }
    let fault = with_vars(&template("{{vars.a.nope}}", &strict), vars).expect_err("it is not there");
    assert_eq!(fault.class, FaultClass::MissingField);
    assert!(fault.reason.starts_with("the record has no `vars.a.nope` (template line 1, column 1)"), "{fault}");
    let refused = |source: &str, options: &Options| Template::new(source, options).expect_err(source).message;
    assert_eq!(refused("{{vars.lst}}", &json), "no step before sets `vars.lst`: did you mean `vars.list`?");
    let none = Options::new(Media::Json, ambient());
    assert_eq!(refused("{{vars.a}}", &none), "no step before sets `vars.a`, nor any other variable");
}
