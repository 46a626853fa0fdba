use proptest::prelude::*;

use super::*;

/// Words that make an expression more often than not, in any order.
fn words() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "a",
        "b.c",
        "1",
        "2u",
        "0x1F",
        "1.5",
        ".5",
        "1e3",
        "\"s\"",
        "'t'",
        "r'\\'",
        "b'x'",
        "\"\"\"q\"\"\"",
        "true",
        "null",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "?",
        "+",
        "-",
        "*",
        "/",
        "%",
        "!",
        "<",
        ">=",
        "==",
        "!=",
        "in",
        "&&",
        "||",
        ".",
        ".x",
        ".f(",
        "f(",
        "// c\n",
        "if",
        "as",
    ]);
    prop::collection::vec(word, 1..9).prop_map(|words| words.join(" "))
}

/// Pieces of expressions put together as the grammar has it, so that long ones are right, too.
fn sentences() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec!["a", "b.c", "1", "-2", "1.5", "'s'", "true", "[]", "{}", "f()", "x.g(1)"]);
    leaf.prop_map(str::to_owned).prop_recursive(4, 24, 3, |inner| {
        let operator = prop::sample::select(vec!["+", "-", "*", "/", "%", "<", ">=", "==", "in", "&&", "||"]);
        prop_oneof![
            (inner.clone(), operator, inner.clone()).prop_map(|(a, operator, b)| format!("{a} {operator} {b}")),
            inner.clone().prop_map(|a| format!("({a})")),
            inner.clone().prop_map(|a| format!("!{a}")),
            inner.clone().prop_map(|a| format!("- {a}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a}[{b}]")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("[{a}, {b},]")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{{{a}: {b}}}")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("{a} ? {b} : {c}")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("{a}.f({b})")),
        ]
    })
}

/// Whether what is wrong is a reserved word before the brackets of a message.
fn names_a_message(Mistake { place, message }: &Mistake, source: &str) -> bool {
    let (word, behind) = source[place.start as usize..].split_at((place.end - place.start) as usize);
    let is_reserved = message.contains("found the word") && RESERVED.contains(&word);
    is_reserved && behind.replace("// c\n", "").trim_start().starts_with('{')
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(10_000) })]

    #[test]
    fn what_the_crate_reads_is_read(source in prop_oneof![words(), sentences()]) {
        let theirs = ::cel::Program::compile(&source);
        let ours = parse(&source);
        // Messages and optional fields are refused by their names, and a reserved word names no message either, which the crate
        // does not look at.
        let is_left_out = ours.as_ref().is_err_and(|mistake| {
            mistake.message.contains("not supported") || names_a_message(mistake, &source)
        });
        prop_assert_eq!(ours.is_ok(), theirs.is_ok() && !is_left_out, "{}: {:?}, {:?}", source, ours.err(), theirs.err());
    }
}
