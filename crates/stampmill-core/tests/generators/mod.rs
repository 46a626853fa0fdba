//! Random documents and templates, rich in what goes wrong.

#![allow(dead_code, reason = "each test uses some of them")]

use proptest::prelude::*;
use proptest::strategy::Union;

/// Documents with every kind of token, white space between them, and keys that come twice.
pub(crate) fn document() -> impl Strategy<Value = String> {
    let space = prop_oneof![4 => Just(""), 1 => Just(" "), 1 => Just("\n\t"), 1 => Just("\r ")];
    let number = "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?";
    let text = prop_oneof![
        "[a-z ]{0,8}",
        "[a-z]{14,18}",
        Just("\\u00e9\\\\\\\"\\/\\b\\f\\n\\r\\t".to_owned()),
        Just("\\ud83d\\ude00 \\ud83d".to_owned()),
        Just("{{payload}}\\\"}],{".to_owned()),
        "[é😀\u{2028}\u{7f}\u{85}<>&']{0,9}",
    ];
    let string = text.prop_map(|content| format!("\"{content}\""));
    let scalar = prop_oneof![
        number.prop_map(String::from),
        string.clone(),
        Just("true".into()),
        Just("false".into()),
        Just("null".into()),
        Just("0".into()),
        Just("-0.00e5".into()),
    ];
    let key = prop_oneof![
        3 => Just("\"a\"".to_owned()),
        3 => Just("\"b\"".to_owned()),
        1 => Just("\"\\u0061\"".to_owned()),
        1 => Just("\"0\"".to_owned()),
        1 => string
    ];
    scalar.prop_recursive(5, 40, 6, move |inner| {
        let (before, after) = (space.clone(), space.clone());
        let item = (before.clone(), inner.clone(), after.clone()).prop_map(|(a, value, b)| format!("{a}{value}{b}"));
        let member =
            (before, key.clone(), after, inner).prop_map(|(a, key, b, value)| format!("{a}{key}{b}:{a}{value}{b}"));
        prop_oneof![
            prop::collection::vec(item, 0..6).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(member, 0..6).prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    })
}

/// A document with a few bytes changed: mostly no longer one.
pub(crate) fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let change =
        (any::<prop::sample::Index>(), prop_oneof![any::<u8>(), prop::sample::select(b"{}[]\",:\\0-e.ntf ".to_vec())]);
    (document(), prop::collection::vec(change, 1..4)).prop_map(|(document, changes)| {
        let mut bytes = document.into_bytes();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        bytes
    })
}

/// What may stand between `{{` and `}}`.
pub(crate) fn expression(in_item: bool) -> BoxedStrategy<String> {
    let record = [
        "payload",
        "payload.a",
        "payload.b",
        "payload.0",
        "payload.a.b",
        "payload.a.0",
        "payload.none",
        "key",
        "headers.h",
        "headers.no",
        "topic",
        "offset",
        "timestamp",
        "default payload.a \"\\\"\"",
        "upper payload.b",
        "lookup payload.a \"b\"",
        "json payload.a",
        "split (concat payload.a \"x\") \"x\"",
        "eq payload.a payload.b",
        "length payload",
        "coalesce payload.a payload.b",
    ];
    let item = [
        "this",
        "this.a",
        "b",
        "a.b",
        "this.0",
        "@index",
        "@key",
        "@first",
        "@last",
        "@root.payload.a",
        "../a",
        "../this",
        "@root.topic",
        "concat this \"\\\\\"",
        "not this",
    ];
    let names: Vec<&str> = if in_item { item.to_vec() } else { record.to_vec() };
    prop::sample::select(names).prop_map(str::to_owned).boxed()
}

/// What may be asked: few, so that they come again.
pub(crate) fn condition(in_item: bool) -> BoxedStrategy<String> {
    let names = match in_item {
        false => {
            vec![
                "payload.a",
                "payload.b",
                "payload.a.b",
                "headers.h",
                "eq payload.a 1",
                "payload",
                "payload.a includeZero=true",
            ]
        }
        true => vec![
            "@first",
            "@last",
            "@index",
            "this",
            "a",
            "../a",
            "@root.payload.a",
            "not @last",
            "@index includeZero=true",
        ],
    };
    let is_call = |name: &str| name.contains(' ') && !name.contains('=');
    let parenthesized = move |name: &str| if is_call(name) { format!("({name})") } else { name.to_owned() };
    prop::sample::select(names).prop_map(parenthesized).boxed()
}

fn list(in_item: bool) -> BoxedStrategy<String> {
    let names = match in_item {
        false => vec!["payload", "payload.a", "payload.b", "payload.a.b", "payload.none"],
        true => vec!["this", "a", "b", "../a", "@root.payload"],
    };
    prop::sample::select(names).prop_map(str::to_owned).boxed()
}

/// Templates that are JSON, and some that nearly are.
pub(crate) fn json_template() -> BoxedStrategy<String> {
    json_value(false, 3)
}

fn json_value(in_item: bool, depth: u32) -> BoxedStrategy<String> {
    let literal =
        prop::sample::select(vec!["1", "-0.5e3", "true", "null", "\"x\"", "\"\\n\\u00e9\"", "[]", "{}", "[ ]"]);
    let leaf = prop_oneof![
        2 => literal.prop_map(str::to_owned),
        4 => expression(in_item).prop_map(|name| format!("{{{{{name}}}}}")),
        1 => expression(in_item).prop_map(|name| format!("{{{{{{{name}}}}}}}")),
        3 => string(in_item),
    ];
    if depth == 0 {
        return leaf.boxed();
    }
    let value = json_value(in_item, depth - 1);
    let item = json_value(true, depth - 1);
    prop_oneof![
        3 => leaf,
        1 => (condition(in_item), value.clone(), value.clone())
            .prop_map(|(test, a, b)| format!("{{{{#if {test}}}}}{a}{{{{else}}}}{b}{{{{/if}}}}")),
        1 => (list(in_item), value.clone(), item.clone())
            .prop_map(|(name, a, b)| format!("{{{{#with {name}}}}}{b}{{{{else}}}}{a}{{{{/with}}}}")),
        2 => prop::collection::vec(array_part(in_item, value.clone(), item.clone()), 0..4)
            .prop_map(|parts| format!("[{}]", parts.concat())),
        2 => prop::collection::vec(object_part(in_item, value, item), 0..4)
            .prop_map(|parts| format!("{{ {} }}", parts.concat())),
    ]
    .boxed()
}

fn string(in_item: bool) -> BoxedStrategy<String> {
    let part = prop_oneof![
        prop::sample::select(vec!["", "x", "\\\\", "\\n", "\\u00", "\\", "é", "\"", "{", ","]).prop_map(str::to_owned),
        expression(in_item).prop_map(|name| format!("{{{{{name}}}}}")),
        (condition(in_item), expression(in_item))
            .prop_map(|(test, name)| format!("{{{{#if {test}}}}}<{{{{{name}}}}}{{{{/if}}}}")),
    ];
    prop::collection::vec(part, 0..4).prop_map(|parts| format!("\"{}\"", parts.concat())).boxed()
}

fn comma() -> BoxedStrategy<&'static str> {
    Union::new_weighted(vec![(6, Just(",").boxed()), (1, Just("").boxed()), (1, Just(",,").boxed())]).boxed()
}

fn array_part(in_item: bool, value: BoxedStrategy<String>, item: BoxedStrategy<String>) -> BoxedStrategy<String> {
    prop_oneof![
        3 => (value.clone(), comma()).prop_map(|(value, comma)| format!("{value}{comma}")),
        2 => value.clone(),
        2 => (condition(in_item), value.clone(), comma())
            .prop_map(|(test, value, comma)| format!("{{{{#if {test}}}}}{value}{comma}{{{{/if}}}}")),
        2 => (list(in_item), item.clone(), prop::sample::select(vec!["@last", "@first", "@index"]))
            .prop_map(|(name, item, test)| match test {
                "@last" => format!("{{{{#each {name}}}}}{item}{{{{#unless @last}}}},{{{{/unless}}}}{{{{/each}}}}"),
                test => format!("{{{{#each {name}}}}}{{{{#unless {test}}}}},{{{{/unless}}}}{item}{{{{/each}}}}"),
            }),
        1 => (list(in_item), item.clone()).prop_map(|(name, item)| {
            format!("{{{{#each {name}}}}}{{{{#if @index}}}},{{{{/if}}}}{item}{{{{else}}}}1{{{{/each}}}}")
        }),
        1 => (list(in_item), item, comma())
            .prop_map(|(name, item, comma)| format!("{{{{#each {name}}}}}{item}{comma}{{{{/each}}}}")),
        1 => comma().prop_map(str::to_owned),
    ]
    .boxed()
}

fn object_part(in_item: bool, value: BoxedStrategy<String>, item: BoxedStrategy<String>) -> BoxedStrategy<String> {
    let member = (string(in_item), value).prop_map(|(key, value)| format!("{key}: {value}")).boxed();
    prop_oneof![
        3 => (member.clone(), comma()).prop_map(|(member, comma)| format!("{member}{comma}")),
        2 => member.clone(),
        3 => (condition(in_item), member, comma(), any::<bool>()).prop_map(|(test, member, comma, before)| match before {
            true => format!("{{{{#if {test}}}}}{comma}{member}{{{{/if}}}}"),
            false => format!("{{{{#if {test}}}}}{member}{comma}{{{{/if}}}}"),
        }),
        1 => (list(in_item), item).prop_map(|(name, item)| {
            format!("{{{{#each {name}}}}}\"{{{{@key}}}}\": {item}{{{{#unless @last}}}},{{{{/unless}}}}{{{{/each}}}}")
        }),
    ]
    .boxed()
}

/// Templates of text, in which `P` stands before each name that is printed.
pub(crate) fn text_template() -> BoxedStrategy<String> {
    text_part(false, 4)
}

fn text_part(in_item: bool, depth: u32) -> BoxedStrategy<String> {
    let names = match in_item {
        false => vec!["payload", "payload.a", "payload.b", "payload.a.b", "payload.none"],
        true => vec!["this", "this.a", "b", "../a", "@index", "@key", "@first", "@last", "@root.payload.b", "../../a"],
    };
    let leaf =
        prop_oneof![Just("x".to_owned()), prop::sample::select(names).prop_map(|name| format!("{{{{P {name}}}}}")),];
    if depth == 0 {
        return leaf.boxed();
    }
    let tests = match in_item {
        false => vec!["payload.a", "payload.b", "payload.a.b", "payload.none"],
        true => vec!["@first", "@last", "@index", "this", "this.a", "../a", "@root.payload.a"],
    };
    let (test, inner) = (prop::sample::select(tests), text_part(in_item, depth - 1));
    prop_oneof![
        2 => leaf,
        2 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} {b}")),
        1 => (test.clone(), inner.clone(), inner.clone())
            .prop_map(|(test, a, b)| format!("{{{{#if {test}}}}}{a}{{{{else}}}}{b}{{{{/if}}}}")),
        1 => (test.clone(), test, inner.clone(), inner.clone()).prop_map(|(test, other, a, b)| {
            format!("{{{{#if {test} includeZero=true}}}}{a}{{{{else if {other}}}}}{b}{{{{/if}}}}")
        }),
        2 => (list(in_item), text_part(true, depth - 1), inner.clone())
            .prop_map(|(name, a, b)| format!("{{{{#each {name}}}}}{a}{{{{else}}}}{b}{{{{/each}}}}")),
        1 => (list(in_item), text_part(true, depth - 1)).prop_map(|(name, a)| {
            format!("{{{{#each {name} as |v k|}}}}{{{{P v}}}}{{{{P k}}}}{{{{P v.a}}}}{a}{{{{/each}}}}")
        }),
        1 => (list(in_item), inner).prop_map(|(name, a)| {
            let a = a.replace("@index", "this").replace("@key", "this").replace("@first", "this").replace("@last", "this");
            format!("{{{{#with {name} as |w|}}}}{{{{P w.b}}}}{{{{/with}}}}{{{{~#unless {name}~}}}} {a} {{{{~/unless}}}}")
        }),
    ]
    .boxed()
}
