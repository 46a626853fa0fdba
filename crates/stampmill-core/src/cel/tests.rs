use super::*;
use crate::fault::{Fault, FaultClass};
use crate::input::{Document, Input};
use crate::json::{Found, Rules, scan};
use crate::record::{Batch, Offset};

const PAYLOAD: &str = r#"{ "type": "deposit", "amount": 1500.00, "big": 9007199254740993, "none": null, "ok": true,
    "text": "caf\u00e9 \"x\"", "list": [1, 2.5, "a", null, {"x": 1}], "empty": [], "map": {"a": 1, "b": {"c": [true]}},
    "twice": 1, "twice": 2, "0": "zero", "long": 123456789012345678901234567890.5, "huge": 1e400, "zero": -0,
    "items": [{"sku": "A", "price": 9.99}, {"sku": "B", "price": 10.01, "tags": ["x"]}], "at": "2026-01-31T12:00:00Z" }"#;

fn batch(payload: Option<&str>) -> Batch {
    let mut batch = Batch::new("orders".into(), 3);
    batch.push(Offset::new(42), Some(1_700_000_000_123), Some(b"ACC1"), payload.map(str::as_bytes));
    batch.push_header(b"trace", Some(b"first"));
    batch.push_header(b"trace", Some("é".as_bytes()));
    batch.push_header(b"content-type", Some(b"application/json"));
    batch.push_header(b"binary", Some(&[0xff]));
    batch.push_header(b"null", None);
    batch
}

fn options() -> Options {
    let vars = Arc::new(["rate", "customer"].map(str::to_owned).into());
    Options { vars, ..Options::default() }
}

const VARS: &str = r#"{"rate": 1.1, "customer": {"name": "Ada"}}"#;

fn with<T>(
    plan: impl FnOnce(&mut Sources) -> Plan,
    batch: &Batch,
    made: impl FnOnce(&Plan, &Input<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let mut sources = Sources::default();
    let plan = plan(&mut sources);
    let (reads, vars_reads) = (sources.payload.compile(), sources.vars.compile());
    let (mut found, mut vars_found) = (Found::default(), Found::default());
    let record = batch.record(0);
    if plan.reads_payload() {
        scan(record.payload.unwrap_or(b"null"), &Rules::default(), &reads, &mut found)?;
    }
    if plan.reads_vars() {
        scan(VARS.as_bytes(), &Rules::default(), &vars_reads, &mut vars_found)?;
    }
    let payload = Document { bytes: record.payload, found: &found, reads: &reads };
    let vars = Document { bytes: Some(VARS.as_bytes()), found: &vars_found, reads: &vars_reads };
    made(&plan, &Input { record: &record, payload, vars })
}

/// The value as JSON, or why there is none.
fn over(payload: Option<&str>, source: &str, options: &Options) -> Result<String, String> {
    let expression = Expression::new(source, options).map_err(|error| format!("refused: {}", error.message))?;
    let value = with(
        |sources| expression.plan(sources),
        &batch(payload),
        |plan, input| {
            let mut out = Vec::new();
            plan.write_json(input, &mut out)?;
            Ok(String::from_utf8(out).expect("UTF-8"))
        },
    );
    value.map_err(|fault| fault.reason)
}

fn value(source: &str) -> Result<String, String> {
    over(Some(PAYLOAD), source, &options())
}

/// Each is a source and the JSON that it comes to.
fn all_come_to(cases: &[(&str, &str)]) {
    for (source, expected) in cases {
        assert_eq!(value(source).as_deref(), Ok(*expected), "{source}");
    }
}

/// Each is a source and a part of what is said of it, by the record or when it is loaded (`refused: …`).
fn all_fail(cases: &[(&str, &str)]) {
    for (source, expected) in cases {
        match value(source) {
            Err(reason) => assert!(reason.contains(expected), "{source}: {reason}"),
            Ok(value) => panic!("{source} came to {value}"),
        }
    }
}

#[test]
fn what_the_issue_asks_for() {
    all_come_to(&[
        (r#"payload.type == "deposit" && payload.amount > 1000"#, "true"),
        (r#"payload.type == "withdraw" || payload.amount >= 1500"#, "true"),
        (r#"topic == "orders" && partition == 3 && offset == 42 && key == "ACC1""#, "true"),
        (r#"timestamp > timestamp("2023-11-14T22:13:20Z")"#, "true"),
        (r#"headers.trace == "é" && headers["content-type"] == "application/json""#, "true"),
        ("vars.rate * payload.amount", "1650.000"),
        (r#"vars.customer.name + "!""#, r#""Ada!""#),
    ]);
}

#[test]
fn numbers_are_exact() {
    all_come_to(&[
        ("0.1 + 0.2 == 0.3", "true"),
        ("9007199254740993 == 9007199254740992", "false"),
        ("payload.big == 9007199254740992", "false"),
        ("payload.big == 9007199254740993.0", "true"),
        ("1 == 1.0", "true"),
        ("payload.amount == 1500", "true"),
        ("payload.amount", "1500.00"),
        ("payload.amount + 0.5", "1500.50"),
        ("payload.long", "123456789012345678901234567890.5"),
        ("payload.long > 123456789012345678901234567890.4999", "true"),
        ("payload.long + 1", "123456789012345678901234567891.5"),
        ("payload.huge > payload.long && payload.huge == 1e400", "true"),
        ("payload.huge", "1e400"),
        ("payload.zero == 0 && payload.zero == 0.0", "true"),
        ("payload.zero", "-0"),
        ("1e999999999999 > 1e999999999998", "true"),
        ("7 / 2", "3"),
        ("-7 / 2", "-3"),
        ("7 / 2.0", "3.5"),
        ("1.0 / 3", "0.3333333333333333333333333333333333"),
        ("2.0 / 3", "0.6666666666666666666666666666666667"),
        ("-2 / 3.0", "-0.6666666666666666666666666666666667"),
        ("1.0 / 8", "0.125"),
        // 1000000000000000000000000000000000.5005: more than a half, by what is left behind the digits.
        ("2000000000000000000000000000000001001.0 / 2000", "1000000000000000000000000000000001"),
        ("-2000000000000000000000000000000001001.0 / 2000", "-1000000000000000000000000000000001"),
        ("2000000000000000000000000000000001000.0 / 2000", "1000000000000000000000000000000000"),
        ("100.0 / 0.1", "1000"),
        ("7 % 3", "1"),
        ("-7 % 3", "-1"),
        ("-payload.amount", "-1500.00"),
        ("9223372036854775807 + 0.0", "9223372036854775807.0"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("0xff", "255"),
        ("5u + 1", "6"),
        ("18446744073709551615u", "18446744073709551615"),
        (".5 + 1e0", "1.5"),
    ]);
    all_fail(&[
        ("1 / 0", "refused: `/` by zero"),
        ("payload.big / 0", "`/` by zero"),
        ("payload.amount / 0.00", "`/` by zero"),
        ("9223372036854775807 + 1", "no whole number of 64 bits"),
        ("payload.big * payload.big", "no whole number of 64 bits"),
        ("-9223372036854775808 / -1", "no whole number of 64 bits"),
        ("-(-9223372036854775808)", "no whole number of 64 bits"),
        ("payload.big % 0", "`%` by zero"),
        ("payload.amount % 2", "`%` takes whole numbers"),
        ("payload.huge * payload.huge * payload.huge * 1.0", "at most 1000 digits"),
        ("9223372036854775808", "64 bits: write `9223372036854775808.0`"),
    ]);
}

#[test]
fn comparisons_and_equality() {
    all_come_to(&[
        (r#""a" < "b" && "a" < "aa" && "Z" < "a""#, "true"),
        (r#"b"a" < b"b""#, "true"),
        ("false < true", "true"),
        ("payload.none == null", "true"),
        ("payload.type == null", "false"),
        ("payload.type != null", "true"),
        ("payload.type == 5", "false"),
        ("dyn(1) == \"a\"", "false"),
        ("[1, 2] == [1.0, 2]", "true"),
        ("[1] == [1, 2]", "false"),
        ("payload.list == [1, 2.50, \"a\", null, {\"x\": 1.0}]", "true"),
        ("payload.map == {\"b\": {\"c\": [true]}, \"a\": 1}", "true"),
        ("payload.map == {\"a\": 1}", "false"),
        ("payload.items[0] == payload.items[1]", "false"),
        ("payload.twice", "2"),
        ("payload.text == \"café \\\"x\\\"\"", "true"),
        ("{1: \"a\"}[1]", "\"a\""),
        ("{1: 2, true: 3, \"x\": 4} == {\"x\": 4, true: 3, 1.0 == 1 ? 1 : 2: 2}", "true"),
    ]);
    all_fail(&[
        ("payload.type > 5", "`>` does not take a string and a whole number"),
        ("payload.none < 5", "`<` does not take null and a whole number"),
        ("payload.amount > \"5\"", "`>` does not take a decimal and a string"),
        ("1 < \"a\"", "refused: `<` does not compare a whole number with a string"),
        ("1 == \"a\"", "refused: `==` of a whole number and a string is the same for every record"),
        ("topic == 5", "refused"),
        ("partition == null", "refused"),
        ("[1] < [2]", "refused"),
        ("{\"a\": 1, \"a\": 2}", "refused: `{\"a\": 1, \"a\": 2}` has the same key twice"),
        ("{payload.type: 1, \"deposit\": 2}", "has the same key twice"),
    ]);
}

#[test]
fn logic_absorbs_what_does_not_matter() {
    all_come_to(&[
        ("false && payload.nope == 1", "false"),
        ("payload.nope == 1 && false", "false"),
        ("true || payload.nope == 1", "true"),
        ("payload.nope == 1 || true", "true"),
        ("payload.nope == 1 || payload.type == \"deposit\"", "true"),
        ("true || 1 / 0 == 1", "true"),
        ("!(payload.ok) || !!payload.ok", "true"),
        ("payload.ok ? 1 : payload.nope", "1"),
        ("false ? payload.nope : true ? 2 : 3", "2"),
        ("true && true && true && false", "false"),
    ]);
    all_fail(&[
        ("true && payload.nope == 1", "line 1, column 9: `payload.nope` is not there"),
        ("payload.nope == 1 && true", "line 1, column 1: `payload.nope` is not there"),
        ("payload.nope == 1 || payload.nada == 1", "`payload.nope` is not there"),
        ("payload.type && true", "expected true or false, and `payload.type` is a string"),
        ("payload.amount ? 1 : 2", "expected true or false, and `payload.amount` is a decimal"),
        ("!1", "refused: `!` takes true or false, and `1` is a whole number"),
        ("1 + \"a\"", "refused: `+` does not take a whole number and a string: `string(…)` makes text"),
        ("topic && true", "refused: `&&` takes true or false, and `topic` is a string"),
    ]);
}

#[test]
fn operators_bind_as_the_language_has_it() {
    all_come_to(&[
        ("1 + 2 * 3 - 4 - 5", "-2"),
        ("2 * 3 % 4 + 1", "3"),
        ("-2 * 3 + --1", "-5"),
        ("1 + 1 == 2 && 2 < 1 + 2 || payload.nope", "true"),
        ("false && false || true", "true"),
        ("true || false && false", "true"),
        ("!false && false", "false"),
        ("1 < 2 == true", "true"),
        ("true ? (false ? 1 : 2) : 3", "2"),
        ("-[1, 2][1] + 1", "-1"),
        ("!payload.map.b.c[0] == false", "true"),
    ]);
}

#[test]
fn fields_places_and_keys() {
    all_come_to(&[
        ("payload.map.b.c[0]", "true"),
        ("payload[\"map\"][\"a\"]", "1"),
        ("payload.list[4].x", "1"),
        ("payload.list[payload.twice]", "\"a\""),
        ("payload.map[\"a\" + \"\"]", "1"),
        ("payload[\"0\"]", "\"zero\""),
        ("[1, 2, 3][1]", "2"),
        ("{\"a\": 5}.a", "5"),
        ("{\"a\": [1, payload.big]}.a[1]", "9007199254740993"),
        ("payload.items.filter(i, i.price > 10)[0].sku", "\"B\""),
        ("payload.`type`", "\"deposit\""),
        ("headers.`content-type`", "\"application/json\""),
        (".payload.type", "\"deposit\""),
        ("payload.map", r#"{"a":1,"b":{"c":[true]}}"#),
        (
            "{\"p\": payload.map, \"n\": [payload.amount, null, 1.50]}",
            r#"{"p":{"a":1,"b":{"c":[true]}},"n":[1500.00,null,1.50]}"#,
        ),
        ("1 in payload.list && null in payload.list && !(\"z\" in payload.list)", "true"),
        ("\"a\" in payload.map && !(\"z\" in payload.map)", "true"),
        ("payload.type in [\"deposit\", \"withdraw\"]", "true"),
        ("1.0 in {1: 2}", "true"),
        ("\"trace\" in headers && !(\"nope\" in headers)", "true"),
        ("headers.`null` == null", "true"),
        ("headers.binary == b\"\\xff\"", "true"),
        ("headers[\"tra\" + \"ce\"]", "\"é\""),
        ("size(headers)", "4"),
    ]);
    all_fail(&[
        (
            "payload.nope",
            "line 1, column 1: `payload.nope` is not there, and nothing like `has(payload.nope)` asked before",
        ),
        ("1 + payload.a.b.c", "line 1, column 5: `payload.a` is not there"),
        ("payload.type.x", "`payload.type` is a string, which has no fields: there is no `payload.type.x`"),
        ("payload.none.x", "`payload.none` is null, which has no fields"),
        ("payload.list[9]", "`payload.list[9]` is not there: the list has 5 elements"),
        ("payload.list[payload.big]", "is not there: the list has 5 elements"),
        ("payload.list[-1]", "refused: the elements of a list count from 0"),
        (
            "payload.list[\"0\"]",
            "expected a whole number between the brackets of `payload.list[\"0\"]`, and found a string",
        ),
        ("payload[0]", "expected a string between the brackets of `payload[0]`, and found a whole number"),
        ("payload.list.x", "`payload.list` is a list, which has no fields"),
        ("payload.list[payload.type]", "expected a whole number between the brackets"),
        ("payload.type[0]", "`payload.type` is a string, and only lists and maps have `[…]`"),
        ("payload.items[0].tags", "`payload.items[0].tags` is not there"),
        ("headers.nope", "`headers.nope` is not there"),
        ("topic.x", "refused: `topic` is a string, which has no fields"),
        ("payload.list in payload.map", "and `payload.list` is a list"),
        ("1 in payload.type", "`in` takes a list or a map, and `payload.type` is a string"),
        ("payload.items.exists(i, i.nope == 1)", "line 1, column 25: `i.nope` is not there"),
    ]);
}

#[test]
fn has_asks_for_the_last_field_alone() {
    all_come_to(&[
        ("has(payload.amount)", "true"),
        ("has(payload.none)", "true"),
        ("has(payload.nope)", "false"),
        ("has(payload.nope) && payload.nope == 1", "false"),
        ("has(payload.map.b) && !has(payload.map.z)", "true"),
        ("has(headers.trace) && has(headers.`null`) && !has(headers.nope)", "true"),
        ("has(headers.`content-type`)", "true"),
        ("has(vars.rate) && !has(vars.customer.age)", "true"),
        ("has({\"a\": 1}.a) && !has({\"a\": 1}.b)", "true"),
        ("payload.items.map(i, has(i.tags))", "[false,true]"),
    ]);
    all_fail(&[
        ("has(payload.nope.x)", "`payload.nope` is not there"),
        ("has(payload.type.x)", "`payload.type` is a string, which has no fields"),
        ("has(payload)", "refused: expected a field, as in `has(payload.id)`"),
        ("has(payload[\"a\"])", "refused: expected a field"),
        ("has(payload.a, 1)", "refused: expected a field"),
        ("has(topic.x)", "refused: `topic` is a string"),
    ]);
}

#[test]
fn macros() {
    all_come_to(&[
        ("payload.items.exists(i, i.price > 10)", "true"),
        ("payload.items.all(i, i.price > 10)", "false"),
        ("payload.items.exists_one(i, i.price > 10)", "true"),
        ("payload.items.existsOne(i, i.price > 1)", "false"),
        ("payload.items.map(i, i.sku)", r#"["A","B"]"#),
        ("payload.items.map(i, i.price > 10, i.sku + \"!\")", r#"["B!"]"#),
        ("payload.items.filter(i, has(i.tags))", r#"[{"sku":"B","price":10.01,"tags":["x"]}]"#),
        ("payload.map.map(k, k)", r#"["a","b"]"#),
        ("payload.map.exists(k, payload.map[k] == 1)", "true"),
        ("[].all(x, false) && ![].exists(x, true)", "true"),
        ("[1, 2].map(x, [3, 4].map(y, x * y))", "[[3,4],[6,8]]"),
        ("[1, 2].map(x, [x].map(x, x + 1)[0] + x)", "[3,5]"),
        // A failure of one element is absorbed by another that decides.
        ("payload.list.exists(x, x == 1 || x.y)", "true"),
        ("[1, 0].exists(x, 1 / x == 1)", "true"),
        ("[0, 2].all(x, 1 / x == 1)", "false"),
        ("size(payload.list.filter(x, x != null)) == 4", "true"),
        ("[payload].map(payload, payload.type)", r#"["deposit"]"#),
    ]);
    all_fail(&[
        ("[0, 1].all(x, 1 / x == 1)", "`/` by zero"),
        ("[0, 1].exists_one(x, 1 / x == 1)", "`/` by zero"),
        ("payload.type.all(x, true)", "`all` takes a list or a map, and `payload.type` is a string"),
        ("[1].all(x)", "refused: expected `list.all(x, condition)`"),
        ("[1].map(x, true, 1, 2)", "refused: expected `list.map(x, value)`"),
        ("[1].all(1, true)", "refused: expected a name"),
        ("[1].all(x.y, true)", "refused: expected a name"),
        ("[1].all(x, 1)", "refused: `all` takes true or false"),
        ("[1].map(x, y)", "refused: there is no variable `y`"),
        ("1.all(x, true)", "refused"),
    ]);
}

#[test]
fn functions_of_text_and_sizes() {
    all_come_to(&[
        ("size(\"é😀\")", "2"),
        ("\"é😀\".size()", "2"),
        ("size(b\"é\")", "2"),
        ("size(payload.list) + size(payload.map) + size(payload.empty)", "7"),
        ("size([1, 2]) + size({})", "2"),
        ("payload.type.contains(\"pos\")", "true"),
        ("payload.type.startsWith(\"dep\") && payload.type.endsWith(\"sit\")", "true"),
        ("payload.type.matches(\"^d.*t$\") && matches(payload.type, \"pos\")", "true"),
        (r#"payload.type.matches(r"\d")"#, "false"),
        ("\" Ab \".trim().lowerAscii() + \"c\".upperAscii()", "\"abC\""),
        ("int(\"-5\") + int(2.9) + int(-2.9)", "-5"),
        ("int(timestamp(\"1970-01-01T00:01:00Z\"))", "60"),
        ("double(\"1.50\") + double(2)", "3.50"),
        ("double(7) / 2", "3.5"),
        ("string(payload.amount) + string(true) + string(1) + string(b\"x\")", "\"1500.00true1x\""),
        ("string(timestamp(\"2026-01-31T12:00:00Z\")) + string(duration(\"90m\"))", "\"2026-01-31T12:00:00Z5400s\""),
        ("bool(\"true\") && !bool(\"0\")", "true"),
        ("bytes(\"é\") == b\"é\"", "true"),
        ("b\"\\x00\\xff\"", "\"AP8=\""),
        ("type(1) == int && type(payload.amount) == double && type(\"\") == string && type(null) == null_type", "true"),
        ("type(payload.list) == list && type(payload.map) == map && type(type(1)) == type", "true"),
        ("payload.none == null ? \"none\" : string(payload.none)", "\"none\""),
    ]);
    all_fail(&[
        ("size(1)", "refused: `size` takes a string, bytes, a list or a map, and `1` is a whole number"),
        ("size(payload.amount)", "`size` takes a string, bytes, a list or a map, and `payload.amount` is a decimal"),
        ("payload.amount.contains(\"a\")", "`contains` takes a string, and `payload.amount` is a decimal"),
        ("size()", "refused: expected `size(value)` or `value.size()`, and found 0 arguments"),
        ("payload.type.contains()", "refused: expected `text.contains(text)`, and found 0 arguments"),
        ("contains(payload.type, \"a\")", "refused: expected `text.contains(text)`"),
        ("payload.type.string()", "refused: expected `string(value)`"),
        ("payload.type.startWith(\"a\")", "refused: there is no function `.startWith`: did you mean `startsWith`?"),
        ("payload.type.split(\"a\")", "refused: `split` of other implementations"),
        (
            "payload.type.matches(payload.type)",
            "refused: expected the pattern of `matches` as a string that is written out",
        ),
        ("payload.type.matches(\"(\")", "refused: the pattern is no regular expression"),
        ("int(payload.type)", "`int` takes a whole number, and not \"deposit\""),
        ("int(payload.huge)", "no whole number of 64 bits"),
        ("uint(-1)", "`uint` takes no number below 0"),
        ("double(\"1.\")", "`double` takes a number as JSON has it"),
        ("double(\"[1]\")", "`double` takes a number as JSON has it"),
        ("bool(\"yes\")", "`bool` takes \"true\" or \"false\""),
        ("string(payload.list)", "`string` takes"),
        ("string(b\"\\xff\")", "refused: `string` takes bytes that are UTF-8"),
    ]);
}

#[test]
fn times() {
    all_come_to(&[
        ("timestamp", "\"2023-11-14T22:13:20.123Z\""),
        ("timestamp - timestamp(\"2023-11-14T22:13:20Z\") == duration(\"123ms\")", "true"),
        ("timestamp(payload.at) + duration(\"1h\") == timestamp(\"2026-01-31T14:00:00+01:00\")", "true"),
        ("duration(\"1h\") + timestamp(payload.at) - duration(\"60m\") == timestamp(payload.at)", "true"),
        ("duration(\"1h\") - duration(\"30m\") + duration(\"0.5s\")", "\"1800.5s\""),
        ("duration(\"1h\") > duration(\"59m\")", "true"),
        ("timestamp(0)", "\"1970-01-01T00:00:00Z\""),
        ("timestamp(payload.at).getFullYear()", "2026"),
        ("timestamp(payload.at).getMonth()", "0"),
        ("timestamp(payload.at).getDate() + timestamp(payload.at).getDayOfMonth()", "61"),
        ("timestamp(payload.at).getDayOfWeek()", "6"),
        ("timestamp(payload.at).getDayOfYear()", "30"),
        ("timestamp(payload.at).getHours(\"Asia/Tokyo\") + timestamp(payload.at).getHours(\"-02:00\")", "31"),
        ("timestamp(payload.at).getHours(\"02:00\") + timestamp(payload.at).getMinutes()", "14"),
        ("timestamp.getSeconds() * 1000 + timestamp.getMilliseconds()", "20123"),
        ("duration(\"90m\").getHours() + duration(\"90m\").getMinutes() + duration(\"1.5s\").getSeconds()", "92"),
        ("duration(\"1.25s\").getMilliseconds()", "250"),
    ]);
    all_fail(&[
        ("timestamp(\"yesterday\")", "refused: expected a time such as"),
        ("timestamp(payload.type)", "line 1, column 1: expected a time such as"),
        ("duration(\"1d\")", "refused: expected a duration such as"),
        ("timestamp + timestamp", "refused: `+` does not take"),
        ("timestamp == \"2026-01-31T12:00:00Z\"", "refused"),
        ("timestamp.getHours(\"Mars\")", "expected a time zone such as"),
        ("duration(\"1h\").getHours(\"UTC\")", "a duration has no time zone"),
        ("timestamp(99999999999999)", "out of the range of times"),
        ("timestamp + duration(\"9000000h\") + duration(\"99000000h\")", "out of the range of times"),
    ]);
}

#[test]
fn strings_of_all_forms() {
    all_come_to(&[
        (r#"'a"b'"#, r#""a\"b""#),
        (
            r#""""a"b'c
d""""#,
            r#""a\"b'c\nd""#,
        ),
        (r"'''it's'''", r#""it's""#),
        (r#"r"\d""#, r#""\\d""#),
        (r#""\x41\u00e9\U0001F600\101\n\?\'\`\a""#, r#""Aé😀A\n?'`\u0007""#),
        (r#"size(b"\x41\101é")"#, "4"),
        (r#"br"\x" == rb'\x' && bR"\x" == b"\\x""#, "true"),
        ("1 // one\n + 2", "3"),
    ]);
    all_fail(&[
        ("\"a", "refused: expected `\"` at the end of the string"),
        ("\"a\nb\"", "before the line ends"),
        (r#""\q""#, "there is no escape `\\q`"),
        (r#""\ud800""#, "stands for no character"),
        (r#""\u12""#, "expected 4 digits of base 16"),
        (r#"b"\u00e9""#, "there is no escape `\\u`"),
        (r#""\400""#, "there is no escape `\\4`"),
    ]);
}

#[test]
fn what_is_refused_when_it_is_loaded() {
    all_fail(&[
        ("", "expected an expression such as"),
        ("payload.", "expected a field's name after `.`, and found the end"),
        ("payload.a ==", "expected a value, and found the end"),
        ("payload.a = 1", "found `=`: did you mean `==`?"),
        ("true & true", "did you mean `&&`?"),
        ("payload.a and true", "there is no `and`: write `&&`"),
        ("(1 + 2", "expected `)`, and found the end"),
        ("1 2", "expected an operator or the end, and found a number"),
        ("[1, 2", "expected `,` or `]`, and found the end"),
        ("{\"a\" 1}", "expected `:`, and found a number"),
        ("paylod.a == 1", "there is no variable `paylod`: did you mean `payload`?"),
        ("deposit", "a field of the payload is `payload.deposit`, and text is written \"deposit\""),
        ("size", "`size` is a function: write `size(…)`"),
        ("vars.rat", "no step before sets `vars.rat`: did you mean `vars.rate`?"),
        ("has(vars.x)", "no step before sets `vars.x`: expected one of `vars.customer`, `vars.rate`"),
        ("payload.?a", "optional fields and elements (`?`) are not supported"),
        ("payload[?0]", "optional fields and elements (`?`) are not supported"),
        ("[?1]", "optional fields"),
        ("Foo{a: 1}", "messages are not supported"),
        ("if", "expected a value, and found the word `if`"),
        ("a.in", "expected a field's name after `.`, and found `in`"),
        ("1.5.5", "expected an operator or the end"),
        ("1x", "expected the end of a number"),
        ("-true", "`-` takes a number"),
        ("#", "no such character stands outside of strings"),
        ("`a`", "expected a value"),
        ("[1](2)", "expected an operator or the end, and found `(`"),
        ("payload.a(1)", "there is no function `.a`"),
    ]);
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(5000), close.repeat(5000));
    for source in [deep("(", ")"), deep("[", "]"), deep("-", ""), deep("!", ""), deep("1+", ""), deep("x?1:", "")] {
        assert!(
            value(&source).is_err_and(|error| error.contains("at most 100 parts within one another")),
            "{source:.20}"
        );
    }
    assert_eq!(value(&vec!["true"; 5000].join(" && ")).as_deref(), Ok("true"), "these are side by side");
}

#[test]
fn an_error_shows_its_place() {
    let error = Expression::condition("payload.a > 1 &&\n  paylod.b", &options()).expect_err("no such variable");
    assert_eq!((error.line, error.column), (2, 3));
    let expected =
        "line 2, column 3: there is no variable `paylod`: did you mean `payload`?\n  |\n2 |   paylod.b\n  |   ^";
    assert_eq!(error.to_string(), expected);
    let error = Expression::condition("payload.a + 1", &options()).expect_err("no condition");
    assert_eq!(error.message, "expected a condition, which is true or false, and this is a number");
    assert!(Expression::condition("payload.a", &options()).is_ok(), "it may be");
}

#[test]
fn payloads_that_are_no_json() {
    let with = |payload, format| over(payload, "payload", &Options { payload: format, ..options() });
    assert_eq!(with(Some("a\"b"), PayloadFormat::Text).as_deref(), Ok("\"a\\\"b\""));
    assert_eq!(with(Some("ab"), PayloadFormat::Bytes).as_deref(), Ok("\"YWI=\""));
    assert_eq!(with(None, PayloadFormat::Text).as_deref(), Ok("null"));
    assert_eq!(with(None, PayloadFormat::Json).as_deref(), Ok("null"));
    let text = Options { payload: PayloadFormat::Text, ..options() };
    let refused = over(Some("x"), "payload.x", &text);
    let expected = "refused: `payload` is a string or null, which has no fields: there is no `payload.x`";
    assert_eq!(refused, Err(expected.into()));
    assert_eq!(over(Some("x"), "payload.contains(\"x\")", &text).as_deref(), Ok("true"));
    let tombstone = over(None, "payload.x == 1", &options());
    let expected = "expression line 1, column 1: `payload` is null, which has no fields: there is no `payload.x`";
    assert_eq!(tombstone, Err(expected.into()));
}

#[test]
fn one_record_takes_no_more_than_is_allowed() {
    let limits = Limits { output_bytes: 1000, steps: 1000 };
    let options = Options { limits, ..options() };
    let numbers = (0..100).map(|number| number.to_string()).collect::<Vec<_>>().join(",");
    let payload = format!("{{\"list\": [{numbers}]}}");
    let of = |source: &str| over(Some(&payload), source, &options);
    assert!(of("payload.list.all(x, x < 100)").is_ok());
    let slow = "payload.list.all(x, payload.list.all(y, x + y >= 0))";
    assert!(of(slow).is_err_and(|reason| reason.contains("more than the 1000 steps that `limits.steps` allows")));
    let absorbed = format!("{slow} || true");
    assert!(of(&absorbed).is_err_and(|reason| reason.contains("limits.steps")), "nothing absorbs it");
    assert!(of("[payload, payload, payload, payload]").is_err_and(|reason| reason.contains("1000 bytes")));
    let text = "[\"0123456789\"].map(a, a + a + a + a + a).map(a, a + a + a + a + a).map(a, a + a + a + a + a)";
    assert!(of(text).is_err_and(|reason| reason.contains("1000 bytes")));
    let expression = Expression::new(slow, &options).expect("an expression");
    let fault =
        with(|sources| expression.plan(sources), &batch(Some(&payload)), Plan::condition).expect_err("too slow");
    assert_eq!(fault.class, FaultClass::Limit);
}

#[test]
fn a_fault_has_a_class_of_its_own() {
    let expression = Expression::condition("payload.nope > 1", &options()).expect("a condition");
    let fault =
        with(|sources| expression.plan(sources), &batch(Some("{}")), Plan::condition).expect_err("no such field");
    assert_eq!(fault.class, FaultClass::Condition);
    assert_eq!(FaultClass::Condition.as_str(), "condition");
}

#[test]
fn text_is_written_as_it_is() {
    let cases = [
        ("payload.text", "café \"x\""),
        ("payload.none", ""),
        ("payload.amount", "1500.00"),
        ("[1, \"a\"]", "[1,\"a\"]"),
    ];
    for (source, expected) in cases {
        let expression = Expression::new(source, &options()).expect("an expression");
        let written = with(
            |sources| expression.plan(sources),
            &batch(Some(PAYLOAD)),
            |plan, input| {
                let mut out = b"kept ".to_vec();
                plan.write_text(input, &mut out).map(|_| out)
            },
        );
        assert_eq!(written.map(String::from_utf8), Ok(Ok(format!("kept {expected}"))), "{source}");
    }
}
