//! The scanner against serde_json and against a walk, on random documents.

mod generators;

use proptest::prelude::*;
use serde_json::Value;
use stampmill_core::json::{Found, JsonError, Reads, Rules, Scope, compact, elements, find, scan};

use self::generators::{damaged, document};

fn accepts(bytes: &[u8]) -> Result<Vec<u8>, JsonError> {
    let mut out = Vec::new();
    compact(bytes, &mut out).map(|()| out)
}

/// serde_json does not check the strings that it ignores for UTF-8, so that is asked first.
fn serde_accepts(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok())
}

/// White space outside of strings taken out in the plainest way.
fn without_white_space(document: &str) -> String {
    let (mut out, mut inside, mut escaped) = (String::new(), false, false);
    for character in document.chars() {
        if !inside && matches!(character, ' ' | '\n' | '\r' | '\t') {
            continue;
        }
        out.push(character);
        match (character, inside, escaped) {
            (_, true, true) => escaped = false,
            ('\\', true, false) => escaped = true,
            ('"', _, false) => inside = !inside,
            _ => {}
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases()) })]

    #[test]
    fn a_document_loses_its_white_space_and_nothing_else(document in document()) {
        let out = accepts(document.as_bytes());
        prop_assert_eq!(out, Ok(without_white_space(&document).into_bytes()), "{}", document);
    }

    #[test]
    fn accepted_is_what_serde_json_accepts(bytes in damaged()) {
        prop_assert_eq!(accepts(&bytes).is_ok(), serde_accepts(&bytes), "{}", String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn a_path_leads_where_it_does_in_serde_json(document in document(), path in prop::collection::vec(prop::sample::select(vec!["a", "b", "0", "1"]), 0..4)) {
        let compacted = String::from_utf8(accepts(document.as_bytes()).expect("a document")).expect("is UTF-8");
        // Half a surrogate pair and a number beyond f64 are JSON, but not to serde_json's `Value`.
        if let Ok(whole) = serde_json::from_str::<Value>(&compacted) {
            let expected = path.iter().try_fold(&whole, |value, step| match value {
                Value::Object(members) => members.get(*step),
                Value::Array(items) => items.get(step.parse::<usize>().ok()?),
                _ => None,
            });
            let path: Vec<String> = path.iter().map(|step| (*step).to_owned()).collect();
            let found = find(&compacted, &path).map(|found| serde_json::from_str::<Value>(found).expect("a value"));
            prop_assert_eq!(found.as_ref(), expected, "{}", compacted);
        }
    }

    #[test]
    fn one_pass_finds_what_a_walk_does(
        document in document(),
        paths in prop::collection::vec(prop::collection::vec(prop::sample::select(vec!["a", "b", "0", "1"]), 0..4), 1..5),
        only_touched in any::<bool>(),
    ) {
        let paths: Vec<Vec<String>> = paths.iter().map(|path| path.iter().map(|key| (*key).to_owned()).collect()).collect();
        let mut reads = Reads::default();
        let slots: Vec<_> = paths.iter().map(|path| reads.field(Scope::DOCUMENT, path)).collect();
        let lists: Vec<_> = paths.iter().map(|path| reads.list(Scope::DOCUMENT, path)).collect();
        let whole: Vec<_> = lists.iter().map(|(_, items)| reads.field(*items, &[])).collect();
        let inner: Vec<_> = lists.iter().map(|(_, items)| reads.field(*items, &["a".to_owned()])).collect();
        let (reads, mut found) = (reads.compile(), Found::default());
        let rules = Rules { only_touched, ..Rules::default() };
        prop_assert_eq!(scan(document.as_bytes(), &rules, &reads, &mut found), Ok(()));
        let compacted = String::from_utf8(accepts(document.as_bytes()).expect("a document")).expect("is UTF-8");
        let copied = |span| {
            let mut out = Vec::new();
            found.copy(document.as_bytes(), span, &mut out);
            String::from_utf8(out).expect("is UTF-8")
        };
        for (place, path) in paths.iter().enumerate() {
            let expected = find(&compacted, path);
            let value = found.at(found.document(), slots[place]).map(&copied);
            prop_assert_eq!(value.as_deref(), expected, "{:?} of {}", path, compacted);
            let (rows, items) = lists[place];
            let rows: Vec<_> = found.rows(found.document(), rows, items, &reads).collect();
            let expected: Vec<&str> = expected.map_or(Vec::new(), |value| elements(value).collect());
            let values: Vec<String> = rows.iter().filter_map(|row| found.at(*row, whole[place])).map(&copied).collect();
            prop_assert_eq!(&values, &expected, "the items of {:?} of {}", path, compacted);
            for (row, item) in rows.iter().zip(expected) {
                let value = found.at(*row, inner[place]).map(&copied);
                prop_assert_eq!(value.as_deref(), find(item, &["a".to_owned()]));
            }
        }
    }
}

/// 10,000 unless told otherwise: `PROPTEST_CASES=1000000`.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(10_000)
}
