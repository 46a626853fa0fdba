//! Case files as a whole: what is refused and in which words, what passes and what does not, and what an update leaves.

use super::outcome::Outcome;
use super::*;
use crate::config::Sources;

const CONFIGURATION: &str = r#"
connections: { kafka: { bootstrap.servers: 'localhost:9092' } }
pipelines:
  audit:
    source: { topics: [in], group: audit }
    transforms:
      - log: "data = {{payload.id}}"
      - envelope: '{"id": {{payload.id}}, "at": {{now}}, "unique": {{uuid}}}'
    sink:
      topic: out
      key: "{{payload.id}}"
      headers: { from: "{{topic}}/{{partition}}@{{offset}}" }
      partition: source
    missing: strict
  copy:
    source: { topics: ['^copies.*'], group: copy }
    sink: { topic: copied, timestamp: now }
  strict:
    source: { topics: [strict], group: strict }
    transforms: [ envelope: '{"data": {{payload}}}' ]
    sink: { topic: strict-out, partition: 3 }
    payload: { on_null: skip }
    on_failure: { then: halt }
  loose:
    source: { topics: [loose], group: loose }
    transforms: [ envelope: '{"data": {{payload}}}' ]
    sink: { topic: loose-out }
    on_failure: { then: skip }
"#;

fn settings(configuration: &str) -> Settings {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("stampmill-test-{}-{}.yaml", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let file = std::env::temp_dir().join(name);
    std::fs::write(&file, configuration).expect("a file can be written");
    let settings = config::load_with(Sources { files: vec![file.clone()], ..Sources::default() }, clock::AMBIENT);
    std::fs::remove_file(&file).expect("the file can be removed");
    settings.unwrap_or_else(|errors| panic!("{errors}"))
}

fn parsed<'a>(settings: &'a Settings, text: &str, expectations: Expectations) -> Result<CaseFile<'a>, Vec<String>> {
    let mut errors = Vec::new();
    let file = file::parse(Path::new("f.yaml"), text.to_owned(), settings, expectations, &mut errors);
    file.ok_or_else(|| errors.iter().map(ToString::to_string).collect())
}

fn errors(text: &str) -> Vec<String> {
    parsed(&settings(CONFIGURATION), text, Expectations::Required).map(|_| ()).expect_err(text)
}

/// The differences of each case, as `key: expected | found`.
fn differences(text: &str) -> Vec<Vec<String>> {
    let settings = settings(CONFIGURATION);
    let file = parsed(&settings, text, Expectations::Required).unwrap_or_else(|errors| panic!("{errors:?}"));
    let (verdicts, _) = run_file(false, &file, &settings);
    let of = |verdict: &Verdict| match verdict {
        Verdict::Failed(differences) => differences
            .iter()
            .map(|difference| format!("{}: {} | {}", difference.key, difference.expected, difference.found))
            .collect(),
        Verdict::Passed | Verdict::Updated => Vec::new(),
    };
    verdicts.iter().map(of).collect()
}

/// One case of a pipeline, with an input and an expectation of one line each.
fn one(pipeline: &str, input: &str, expect: &str) -> Vec<String> {
    let text = format!("pipeline: {pipeline}\ncases:\n- name: a\n  input: {input}\n  expect: {expect}\n");
    differences(&text).remove(0)
}

const PASSED: Vec<String> = Vec::new();

// === tables ===

const LOOKUP: &str = r#"
connections: { kafka: { bootstrap.servers: 'localhost:9092' } }
tables: { rates: { topic: fx } }
pipelines:
  fx:
    source: { topics: [in], group: fx }
    transforms:
      - lookup: { table: rates, key: key, into: rate, missing: null }
      - envelope: '{"rate": {{vars.rate}}}'
    sink: { topic: out }
"#;

#[test]
fn a_case_says_what_a_table_of_a_topic_holds() {
    let settings = settings(LOOKUP);
    let text = "
tables: { rates: { USD: 1.50, CHF: { of: [1E2] } } }
cases:
- { name: a, input: { key: USD, payload: x }, expect: { outputs: [ { payload: '{\"rate\": 1.50}' } ] } }
- { name: b, input: { key: CHF, payload: x }, expect: { outputs: [ { payload: '{\"rate\": {\"of\":[1E2]}}' } ] } }
- { name: c, tables: '{\"rates\": {\"USD\": 7}}', input: { key: USD, payload: x }, expect: { outputs: [ { payload: '{\"rate\": 7}' } ] } }
- { name: d, tables: { rates: {} }, input: { key: USD, payload: x }, expect: { outputs: [ { payload: '{\"rate\": null}' } ] } }
- { name: e, input: { key: USD, payload: x }, expect: { outputs: [ { payload: '{\"rate\": 1.50}' } ] } }
"
    .replace("payload: x", "payload: '1'");
    let file = parsed(&settings, &text, Expectations::Required).unwrap_or_else(|errors| panic!("{errors:?}"));
    let (verdicts, _) = run_file(false, &file, &settings);
    assert!(verdicts.iter().all(|verdict| matches!(verdict, Verdict::Passed)));
}

#[test]
fn what_is_wrong_with_the_rows_of_a_case_is_told() {
    let settings = settings(LOOKUP);
    let errors = |tables: &str| {
        let text = format!("{tables}cases:\n- {{ name: a, input: {{ payload: '1' }}, expect: {{ skipped: true }} }}\n");
        parsed(&settings, &text, Expectations::Required).map(|_| ()).expect_err(tables).join("\n")
    };
    let none = "the pipeline looks up in table `rates`, which is kept from a topic, and a case reads none";
    assert!(errors("").starts_with("f.yaml:2: `cases.0`: ") && errors("").contains(none), "{}", errors(""));
    let unknown = errors("tables: { rate: {}, rates: {} }\n");
    let expected = "f.yaml:1: `tables`: expected tables that are kept from topics; the nearest is `rates`, got `rate`";
    assert_eq!(unknown, expected);
    let list = errors("tables: { rates: [] }\n");
    assert!(list.contains("got `rates`: expected an object of rows by their keys"), "{list}");
    assert!(errors("tables: x\n").contains("expected table of tables"), "{}", errors("tables: x\n"));
}

// === what is refused ===

#[test]
fn every_error_of_a_file_is_told_with_its_line_and_the_nearest_key() {
    let found = errors(
        "pipeline: audti
cases:
  - nmae: a
    input: { paylod: 1, partition: -1 }
    expect: { outputs: [ { payload: x, json: {} } ], log: text }
  - name: b
    input: { payload: '', timestamp: soon, headers: [ { a: 1, b: 2 } ] }
    expect: { dead_letter: { class: not-jsno } }
  - name: c
    input: { payload: { base64: '#' }, key: [] }
    expect: { skipped: yes, dead_letter: {} }
  - name: d
    input: { json: '{' }
    expect: { outputs: [] }
  - name: e
    input: none
",
    );
    for expected in [
        "f.yaml:1: `pipeline`: expected a pipeline of the configuration; the nearest is `audit`, got `audti`",
        "f.yaml:3: `cases.0.nmae` is not a key; the nearest is `name`",
        "f.yaml:3: `cases.0.name` is missing: what the case shows",
        "f.yaml:4: `cases.0.input.paylod` is not a key; the nearest is `payload`",
        "f.yaml:4: `cases.0.input.partition`: expected a whole number from 0 to 2147483647",
        "f.yaml:5: `cases.0.expect.outputs.0.payload`: expected either `payload` or `json`, got both",
        "f.yaml:5: `cases.0.expect.log`: expected list of texts, got a text",
        "f.yaml:7: `cases.1.input.timestamp`: expected milliseconds since 1970, or as in",
        "f.yaml:7: `cases.1.input.headers`: expected list, each item one `name: value`, with a value as of `key`, got several in one item",
        "f.yaml:8: `cases.1.expect.dead_letter.class`: expected a class; the nearest is `not-json`, got `not-jsno`",
        "f.yaml:10: `cases.2.input.payload.base64`: expected base64",
        "f.yaml:10: `cases.2.input.key`: expected text, null, or `{ base64: … }`, got a list",
        "f.yaml:11: `cases.2.expect`: expected one of `outputs`, `dead_letter`, `halted` and `skipped`, got several",
        "f.yaml:13: `cases.3.input.json`: expected table or list, or JSON as text, got",
        "f.yaml:14: `cases.3.expect.outputs`: expected at least one; for none write `skipped: true`, got none",
        "f.yaml:16: `cases.4.input`: expected a table",
        "f.yaml:15: `cases.4.expect` is missing: what becomes of it",
    ] {
        assert!(
            found.iter().any(|error| error.starts_with(expected)),
            "{expected} is missing in:\n{}",
            found.join("\n")
        );
    }
}

#[test]
fn a_file_without_cases_is_no_case_file() {
    let nothing = errors("# nothing");
    assert!(nothing[1].starts_with("f.yaml:1: `cases` is missing"), "{nothing:?}");
    assert!(
        errors("pipeline: audit\ncases: []")[0].starts_with("f.yaml:2: `cases`: expected at least one case, got none")
    );
    assert_eq!(errors("- a"), ["f.yaml:1: not YAML: expected `cases:` at the top"]);
}

#[test]
fn names_pipelines_and_topics_must_be_clear() {
    let case = "{ name: a, input: { payload: x, topic: t }, expect: { skipped: true } }";
    let twice = errors(&format!("pipeline: copy\ncases:\n- {case}\n- {case}\n"));
    assert!(twice[0].starts_with("f.yaml:4: `cases.1`: another case of the file is called `a`"), "{twice:?}");
    let none = errors(&format!("cases:\n- {case}\n"));
    assert!(
        none[0].ends_with("`pipeline` is missing: there are several pipelines; name the one that the cases are about")
    );
    let topic = errors(&format!("pipeline: copy\ncases:\n- {}\n", case.replace(", topic: t", "")));
    assert!(topic[0].contains("`cases.0.input.topic` is missing: the pipeline reads only patterns"), "{topic:?}");
}

#[test]
fn the_only_pipeline_need_not_be_named() {
    let one = "
connections: { kafka: { bootstrap.servers: 'localhost:9092' } }
pipelines: { p: { source: { topics: ['^x', in], group: g }, sink: { topic: out } } }
";
    let settings = settings(one);
    let text = "cases: [ { name: a, input: { payload: x }, expect: { skipped: true } } ]";
    let file = parsed(&settings, text, Expectations::Required).expect("nothing is wrong with it");
    assert_eq!((file.pipeline.name.as_str(), file.cases[0].input.topic.as_str()), ("p", "in"));
}

// === what passes ===

#[test]
fn an_output_is_compared_in_all_that_is_stated() {
    let input = "{ payload: '{\"id\": 7}', partition: 2, offset: 5, timestamp: 1000, headers: [ { a: null } ] }";
    let payload =
        "'{\"id\": 7, \"at\": \"1970-01-01T00:00:00.000Z\", \"unique\": \"00000000-0000-4000-8000-000000000001\"}'";
    let all = format!(
        "{{ outputs: [ {{ payload: {payload}, key: '7', headers: [ {{ a: null }}, {{ from: in/2@5 }} ], timestamp: 1000, \
         partition: source }} ], log: [ data = 7 ] }}"
    );
    assert_eq!(one("audit", input, &all), PASSED);
    assert_eq!(one("audit", input, &all.replace("partition: source", "partition: 2")), PASSED);
    for (from, to, difference) in [
        ("\"id\": 7,", "\"id\":  7,", "outputs.0.payload: "),
        ("key: '7'", "key: null", "outputs.0.key: (null) | 7"),
        ("{ a: null }, ", "", "outputs.0.headers: from: in/2@5 | a: (null)\nfrom: in/2@5"),
        ("timestamp: 1000", "timestamp: 1970-01-01T00:00:02Z", "outputs.0.timestamp: 2000 | 1000"),
        ("partition: source", "partition: 3", "outputs.0.partition: 3 | source"),
        ("partition: source", "partition: key", "outputs.0.partition: key | source"),
        ("[ data = 7 ]", "[ data = 8 ]", "log: data = 8 | data = 7"),
        ("[ data = 7 ]", "[]", "log:  | data = 7"),
    ] {
        assert!(all.contains(from), "{from}");
        let found = one("audit", input, &all.replace(from, to));
        assert!(found.len() == 1 && found[0].starts_with(difference), "{to}: {found:?}");
    }
}

#[test]
fn json_hides_no_changed_digit_and_no_order_of_keys() {
    let input = "{ json: { a: 1.50, b: [ x, null ] } }";
    assert_eq!(one("strict", input, "{ outputs: [ { json: { data: { a: 1.50, b: [x, null] } } } ] }"), PASSED);
    assert_eq!(
        one("strict", input, "{ outputs: [ { json: '{ \"data\" : {\"a\":1.50, \"b\":[\"x\",null]}}' } ] }"),
        PASSED
    );
    for wrong in
        ["{ a: 1.5, b: [ x, null ] }", "{ b: [ x, null ], a: 1.50 }", "{ a: 1.50, b: [ x, 'null' ] }", "{ a: 1.50 }"]
    {
        let found = one("strict", input, &format!("{{ outputs: [ {{ json: {{ data: {wrong} }} }} ] }}"));
        assert!(found.len() == 1 && found[0].starts_with("outputs.0.json: "), "{wrong}: {found:?}");
    }
    let raw = "'{ \"data\": {\"a\":\"\\u00e9\"}}'";
    let found = one("strict", "{ payload: '{\"a\":\"é\"}' }", &format!("{{ outputs: [ {{ json: {raw} }} ] }}"));
    assert_eq!(found.len(), 1, "another spelling is another document: {found:?}");
}

#[test]
fn bytes_pass_whatever_they_are() {
    let input = "{ topic: copies, payload: { base64: /wA= }, key: { base64: /w== } }";
    let expect =
        "{ outputs: [ { payload: { base64: /wA= }, key: { base64: /w== }, timestamp: now, partition: key } ] }";
    assert_eq!(one("copy", input, expect), PASSED);
    let found = one("copy", input, "{ outputs: [ { payload: 'ÿ', timestamp: 1 } ] }");
    assert_eq!(found, ["outputs.0.payload: ÿ | base64:/wA=", "outputs.0.timestamp: 1 | now"]);
    assert_eq!(one("copy", "{ topic: copies, payload: '${HOME}' }", "{ outputs: [ { payload: '${HOME}' } ] }"), PASSED);
}

#[test]
fn a_failure_has_a_class_a_step_and_a_reason() {
    let input = "{ payload: '{}' }";
    assert_eq!(one("audit", input, "{ dead_letter: { class: missing-field } }"), PASSED);
    assert_eq!(
        one("audit", input, "{ dead_letter: { class: missing-field, step: 'envelope[1]', reason: id } }"),
        PASSED
    );
    let found = one("audit", input, "{ dead_letter: { class: not-json, step: sink, reason: no such words } }");
    assert!(
        found[0]
            .starts_with("dead_letter: class: not-json\nstep: sink\nreason: no such words | class: missing-field\n")
    );
    assert_eq!(one("strict", "{ payload: x }", "{ halted: { class: not-json } }"), PASSED);
    assert_eq!(one("loose", "{ payload: x }", "{ skipped: { class: not-json } }"), PASSED);
    let found = one("loose", "{ payload: x }", "{ dead_letter: { class: not-json } }");
    assert!(found[0].starts_with("expect: dead_letter\nclass: not-json | skipped\nclass: not-json\nstep: envelope[0]"));
}

#[test]
fn what_is_skipped_on_purpose_is_no_failure_and_no_tombstone() {
    assert_eq!(one("strict", "{ payload: null }", "{ skipped: true }"), PASSED);
    assert_eq!(one("loose", "{ payload: null }", "{ outputs: [ { payload: null } ] }"), PASSED);
    assert_eq!(one("loose", "{ payload: null }", "{ skipped: true }").len(), 1);
    assert_eq!(one("loose", "{ payload: x }", "{ skipped: true }").len(), 1);
    assert_eq!(one("strict", "{ payload: '1' }", "{ skipped: true }").len(), 1);
}

#[test]
fn a_case_has_a_clock_of_its_own() {
    let text = "
pipeline: audit
cases:
  - name: a
    now: 2026-11-23T14:09:11.123Z
    input: { json: { id: 1 } }
    expect:
      outputs:
        - json: { id: 1, at: '2026-11-23T14:09:11.123Z', unique: 00000000-0000-4000-8000-000000000001 }
";
    assert_eq!(differences(text), [PASSED]);
}

// === what an update leaves ===

const OUTDATED: &str = r#"# a comment at the top
pipeline: audit
cases:
  - name: in a block # behind a name
    # before the input
    input:
      payload: '{"id": "it''s"}'
    expect:
      # before an expectation
      outputs:
        - payload: old
          key: old
      log:
        - old

  # between cases
  - name: in braces
    input: { payload: '{}' }
    expect: { skipped: true } # behind braces
  - name: right
    input: { payload: '{' }
    expect:   { dead_letter: { class: not-json } } # as it is
  - expect:
      dead_letter:
        class: empty
        reason: |
          old
          older

    input: { json: { id: [1.50, "a"] } }
    name: "expect first"
  - name: with json
    input: { json: { id: 2 } }
    expect:
      outputs:
        - json: { id: 1.0 }
  - name: not written yet
    input:
      json: { id: 3 }
# a comment at the end
"#;

const UPDATED: &str = r#"# a comment at the top
pipeline: audit
cases:
  - name: in a block # behind a name
    # before the input
    input:
      payload: '{"id": "it''s"}'
    expect:
      # before an expectation
      outputs:
        - payload: '{"id": "it''s", "at": "1970-01-01T00:00:00.000Z", "unique": "00000000-0000-4000-8000-000000000001"}'
          key: 'it''s'
      log:
        - 'data = it''s'

  # between cases
  - name: in braces
    input: { payload: '{}' }
    expect: # behind braces
      dead_letter:
        class: missing-field
        step: 'envelope[1]'
        reason: 'REASON'
  - name: right
    input: { payload: '{' }
    expect:   { dead_letter: { class: not-json } } # as it is
  - expect:
      outputs:
        - payload: '{"id": [1.50,"a"], "at": "1970-01-01T00:00:00.000Z", "unique": "00000000-0000-4000-8000-000000000001"}'

    input: { json: { id: [1.50, "a"] } }
    name: "expect first"
  - name: with json
    input: { json: { id: 2 } }
    expect:
      outputs:
        - json:
            id: 2
            at: '1970-01-01T00:00:00.000Z'
            unique: 00000000-0000-4000-8000-000000000001
  - name: not written yet
    input:
      json: { id: 3 }
    expect:
      outputs:
        - payload: '{"id": 3, "at": "1970-01-01T00:00:00.000Z", "unique": "00000000-0000-4000-8000-000000000001"}'
# a comment at the end
"#;

/// The text after an update, or what is said in its place.
fn update(text: &str) -> Result<String, Vec<String>> {
    let settings = settings(CONFIGURATION);
    let file = parsed(&settings, text, Expectations::Optional).unwrap_or_else(|errors| panic!("{errors:?}"));
    let found: Vec<Found> = file.cases.iter().map(|case| outcome::run(file.pipeline, case)).collect();
    let (verdicts, _) = run_file(false, &file, &settings);
    let failed = |index: &usize| matches!(verdicts[*index], Verdict::Failed(_));
    let found: Vec<_> = found.iter().enumerate().filter(|(index, _)| failed(index)).collect();
    updated(&file, &found, &settings).map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

#[test]
fn an_update_changes_expectations_and_nothing_else() {
    let text = update(OUTDATED).unwrap_or_else(|errors| panic!("{errors:?}"));
    let settings = settings(CONFIGURATION);
    let file = parsed(&settings, &text, Expectations::Required).unwrap_or_else(|errors| panic!("{errors:?}"));
    let Outcome::Failure { failed, .. } = outcome::run(file.pipeline, &file.cases[1]).outcome else {
        panic!("no failure")
    };
    assert_eq!(text, UPDATED.replace("REASON", &failed.fault.reason.replace('\'', "''")));
    assert!(differences(&text).iter().all(Vec::is_empty), "all pass afterwards");
    assert_eq!(update(&text).as_ref(), Ok(&text), "and a second update finds nothing to do");
    let other_ends = update(&OUTDATED.replace('\n', "\r\n"));
    assert_eq!(other_ends, Ok(text.replace('\n', "\r\n")), "lines end as those of the file do");
}

#[test]
fn an_update_writes_whatever_comes_out() {
    for payload in [
        "two\nlines",
        "two\nlines\n\n",
        "  led by blanks\n and more",
        "\n",
        "",
        " ",
        "null",
        "~",
        "it's \"quoted\" # and: {more}",
        "\u{1b}[2J\u{0}\u{7f}\u{85}\u{9b}",
        "\u{2028}\u{feff}\u{ffff}é😀",
        "tab\tand\r\nreturn",
        "true",
        "0x1F",
        "1e5",
        "line \n with a blank at its end \n",
        "---\n...\n",
        "# no comment\n# at all",
    ] {
        let input = serde_json::Value::from(payload);
        let text = format!(
            "pipeline: copy\ncases:\n  - name: a\n    input: {{ topic: t, payload: {input}, key: {input} }}\n    expect:\n      \
             outputs:\n        - key: {}\n          payload: old\n",
            serde_json::Value::from("old")
        );
        // What YAML has no escape for in JSON's spelling cannot be put in either.
        if parsed(&settings(CONFIGURATION), &text, Expectations::Optional).is_err() {
            assert!(payload.contains(['\u{feff}', '\u{ffff}', '\u{7f}']), "{payload:?} cannot be put in");
            continue;
        }
        let text = update(&text).unwrap_or_else(|errors| panic!("{payload:?}: {errors:?}"));
        assert_eq!(differences(&text), [PASSED], "{payload:?} in:\n{text}");
    }
}

#[test]
fn a_place_that_cannot_be_rewritten_is_told() {
    let braces = "pipeline: copy\ncases:\n- { name: a, input: { topic: t, payload: x }, expect: { skipped: true } }\n";
    let expected = "f.yaml:3: `expect` cannot be rewritten: the case is written in braces; write it by hand";
    assert_eq!(update(braces), Err(vec![expected.to_owned()]));
    for expect in ["*same", "&same { skipped: true }", "&same\n    skipped: true"] {
        let text = format!(
            "pipeline: copy\ncases:\n- name: a\n  input: {{ topic: t, payload: x }}\n  expect: &same {{ skipped: true }}\n\
             - name: b\n  input: {{ topic: t, payload: null }}\n  expect: {expect}\n"
        );
        let told = update(&text).expect_err(&text);
        assert!(told.iter().any(|error| error.contains("it is an anchor or an alias, or has a tag")), "{told:?}");
    }
}

// === reports ===

#[test]
fn junit_is_well_formed_whatever_the_payloads_hold() {
    use quick_xml::Reader;
    use quick_xml::events::Event;

    let settings = settings(CONFIGURATION);
    let nasty = r#""<&]]>\u0000\u001b\ufffe\"'é""#;
    let text = format!(
        "pipeline: copy\ncases:\n- name: {nasty}\n  input: {{ topic: t, payload: {nasty} }}\n  expect: {{ outputs: [ {{ payload: \
         \"\\u0001\\n{{\" }} ] }}\n- name: b\n  input: {{ topic: t, payload: x }}\n  expect: {{ outputs: [ {{ payload: x }} ] }}\n"
    );
    let file = parsed(&settings, &text, Expectations::Required).unwrap_or_else(|errors| panic!("{errors:?}"));
    let (verdicts, times) = run_file(false, &file, &settings);
    let suite = Suite { file: &file, verdicts: &verdicts, times: &times };
    let xml = String::from_utf8(junit::xml(&[suite]).expect("a vector takes all")).expect("is UTF-8");
    let is_allowed =
        |character: char| matches!(character, '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    assert!(xml.chars().all(is_allowed), "{xml:?}");
    let (mut reader, mut names) = (Reader::from_str(&xml), Vec::new());
    reader.config_mut().check_end_names = true;
    loop {
        match reader.read_event().unwrap_or_else(|error| panic!("{error}: {xml}")) {
            Event::Start(start) | Event::Empty(start) => {
                for attribute in start.attributes() {
                    attribute.unwrap_or_else(|error| panic!("{error}: {xml}"));
                }
                names.push(start.name().as_ref().to_owned());
            }
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(names, ["testsuites", "testsuite", "testcase", "failure", "testcase"]);
    assert!(xml.contains(r#"<testsuites tests="2" failures="1" "#), "{xml}");
}

#[test]
fn a_failure_is_shown_by_line() {
    let settings = settings(CONFIGURATION);
    let text = "pipeline: strict\ncases:\n- name: a\n  input: { json: [1.50] }\n  expect: { outputs: [ { json: { data: [1.5] } } ] }\n";
    let file = parsed(&settings, text, Expectations::Required).unwrap_or_else(|errors| panic!("{errors:?}"));
    let (verdicts, _) = run_file(false, &file, &settings);
    let mut out = Vec::new();
    report::write(&file, &verdicts, Colours::NONE, &mut out).expect("a vector takes all");
    report::summary(1, &verdicts, &mut out).expect("a vector takes all");
    let expected = r#"f.yaml
  FAILED  a (f.yaml:3)
          outputs.0.json: expected (-), found (+)
            {
              "data": [
          -     1.5
          +     1.50
                   ^
              ]
            }
1 case in 1 file: 0 passed, 1 failed
"#;
    assert_eq!(String::from_utf8_lossy(&out), expected);
}

// === the docs ===

#[test]
fn the_docs_list_every_key() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/cases.md");
    let docs = std::fs::read_to_string(&file).expect("the docs are there");
    let (text, found) = docs.split_once("## Keys\n\n").expect("the docs have a list of keys");
    let wanted = config::reference::table(schema::FILE);
    if std::env::var_os("STAMPMILL_WRITE_REFERENCE").is_some() {
        std::fs::write(&file, format!("{text}## Keys\n\n{wanted}")).expect("the docs can be written");
    } else {
        assert_eq!(found, wanted, "run the test again with STAMPMILL_WRITE_REFERENCE=1 in the environment");
    }
}

#[test]
fn the_example_of_the_docs_passes() {
    let docs = include_str!("../../../../../docs/src/cases.md");
    let (_, rest) = docs.split_once("```yaml,cases\n").expect("an example");
    let (example, _) = rest.split_once("```").expect("its end");
    let settings = settings(include_str!("../../../../../config/stampmill.yaml"));
    let file = parsed(&settings, example, Expectations::Required).unwrap_or_else(|errors| panic!("{errors:?}"));
    let (verdicts, _) = run_file(false, &file, &settings);
    assert_eq!(verdicts.len(), 2);
    assert!(verdicts.iter().all(|verdict| matches!(verdict, Verdict::Passed)));
}
