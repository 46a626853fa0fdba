use super::super::tests::{Case, case};
use super::super::{Settings, load, show};

const WITH: &str = "
connections: { kafka: { bootstrap.servers: 'a:1' } }
fragments:
  only:
    parameters: { kind: ~, least: '1' }
    transforms:
      - filter: payload.type == \"$(kind)\" && payload.amount >= $(least)
      - log: 'costs $$(5), {{payload.type}}'
flows:
  large:
    transforms: [ envelope: '{\"large\": {{payload}}}' ]
    sinks: [ { topic: large-out, key: '{{payload.id}}' } ]
pipelines:
  p:
    source: { topics: [in], group: g }
    transforms: [ fragment: { name: only, with: { kind: deposit } } ]
    sinks: [ { topic: all }, { flow: large, when: payload.amount > 1000 } ]
";

fn with(name: &str, from: &str, to: &str) -> Case {
    assert!(WITH.contains(from), "{from}");
    case(name, &WITH.replace(from, to))
}

fn refused(name: &str, from: &str, to: &str) -> String {
    let Err(errors) = load(with(name, from, to).sources) else { panic!("{to} is taken") };
    errors.to_string()
}

#[test]
fn what_is_named_is_put_in() {
    let case = case("put-in", WITH);
    let Settings { pipelines, .. } = load(case.sources.clone()).unwrap_or_else(|errors| panic!("{errors}"));
    let topics: Vec<&str> = pipelines[0].sinks.iter().map(|sink| sink.topic.as_str()).collect();
    assert_eq!(topics, ["all", "large-out"]);
    assert_eq!(pipelines[0].sinks[1].name, "large.sinks[0]");
    let shown = show(case.sources).unwrap_or_else(|errors| panic!("{errors}"));
    for part in ["payload.type == \"deposit\" && payload.amount >= 1", "costs $(5)", "name: only", "flow: large"] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
}

#[test]
fn what_is_in_force_loads_again() {
    let case = case("again", WITH);
    let shown = show(case.sources).unwrap_or_else(|errors| panic!("{errors}"));
    let again = super::super::tests::case("shown", &shown);
    let Settings { pipelines, .. } = load(again.sources).unwrap_or_else(|errors| panic!("{errors}\n{shown}"));
    assert_eq!(pipelines[0].sinks.len(), 2);
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (from, to, told) in [
        ("name: only, with", "name: olny, with", "a name under `fragments`; the nearest is `only`, got `olny`"),
        ("with: { kind: deposit }", "with: {}", "`pipelines.p.transforms.0.fragment.with.kind` is missing: a text"),
        (
            "with: { kind: deposit }",
            "with: { kind: a, lest: '2' }",
            "fragment.with.lest` is not a key; the nearest is `least`",
        ),
        ("$(least)", "$(last)", "`fragments.only.transforms.0.filter`: expected a parameter of the fragment"),
        ("flow: large", "flow: small", "a name under `flows`"),
        ("topic: large-out", "flow: large", "does not lead back to itself, got `large` within `large`"),
        (
            "- log: 'costs",
            "- fragment: only\n      - log: 'costs",
            "does not lead back to itself, got `only` within `only`",
        ),
        ("flow: large, when", "flow: large, key: '{{key}}', when", "`key` there"),
        ("{ topic: all }", "{ topics: [a, b], choose: '{{payload.nope' }", "sinks.0.choose"),
        ("{ topic: all }", "{ topics: [a, b] }", "either a `topic`, or `topics` and a template `choose`"),
        ("{ topic: all }", "{ topics: [a, a], choose: '{{key}}' }", "topic `a` is there twice"),
        ("{ topic: all }", "{ topics: ['^a'], choose: '{{key}}' }", "`^a` is not a topic's name"),
        ("  large:\n    trans", "  Large:\n    trans", "`Large` is not a name"),
        (
            "    transforms:\n      - filter",
            "    transfroms:\n      - filter",
            "`fragments.only.transfroms` is not a key; the nearest is `transforms`",
        ),
        ("flows:\n", "flows:\n  unused: { sink: x }\n", "`flows.unused.sink` is not a key; the nearest is `sinks`"),
        ("flows:\n", "flows:\n  unused: x\n", "`flows.unused`: expected a table, got a text"),
        ("kind: deposit }", "kind: [a] }", "fragment.with.kind`: expected a text, got a list"),
        ("least: '1'", "least: {}", "fragment.with.least`: expected a text, got a table"),
    ] {
        let errors = refused("wrong", from, to);
        assert!(errors.contains(told), "{to}: {told} is not in {errors}");
    }
}

#[test]
fn a_flow_may_stand_where_it_is_used() {
    let case = with(
        "inline",
        "{ flow: large, when: payload.amount > 1000 }",
        "{ flow: here, sinks: [ { topics: [x, y], choose: '{{payload.to}}' } ] }",
    );
    let Settings { pipelines, .. } = load(case.sources.clone()).unwrap_or_else(|errors| panic!("{errors}"));
    let topics: Vec<&str> = pipelines[0].sinks.iter().map(|sink| sink.topic.as_str()).collect();
    assert_eq!(topics, ["all", "x", "y"]);
}
