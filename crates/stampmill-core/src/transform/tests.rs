use std::cell::{Cell, RefCell};

use super::*;
use crate::cel::Expression;
use crate::fault::FaultClass;
use crate::log_options::LogOptions;
use crate::record::{Batch, Offset};
use crate::template::{Ambient, Media, Options, Template};

fn batch(payloads: &[Option<&[u8]>]) -> Batch {
    let mut batch = Batch::new("bank-transactions".into(), 0);
    for (offset, payload) in payloads.iter().enumerate() {
        batch.push(Offset::new(offset as i64), None, Some(b"k"), *payload);
    }
    batch
}

fn envelope(source: &str) -> Step {
    Step::Envelope(
        Template::new(source, &Options::new(Media::Json, ambient())).unwrap_or_else(|error| panic!("{error}")),
    )
}

fn log(message: &str) -> Step {
    let message =
        Template::new(message, &Options::new(Media::Text, ambient())).unwrap_or_else(|error| panic!("{error}"));
    let options = LogOptions::default();
    Step::Log(Log { level: Level::Info, target: "bank-audit".into(), message, options })
}

fn transforms(steps: Vec<Step>) -> Transforms {
    with_sink(steps, Vec::new(), Reading::default())
}

fn with_sink(steps: Vec<Step>, templates: Vec<Template>, reading: Reading) -> Transforms {
    let outlets = vec![Outlet { when: None, to: To::Sink { number: 0, templates } }];
    Transforms::new(Flow { steps, outlets }, reading)
}

fn ambient() -> Ambient {
    Ambient { now: || 0, random: || [0; 16] }
}

/// Everything that came of one record, with one scratch for all calls of a test.
struct Run {
    out: Result<Vec<Got>, Failed>,
    lines: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Got {
    Out(Out),
    Nothing(String),
    IfNew(usize),
    EndIfNew,
    Throttled(usize),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Out {
    sinks: Vec<usize>,
    payload: Option<String>,
    key: Option<Option<String>>,
    headers: Vec<(String, Option<String>)>,
    timestamp: Option<Option<i64>>,
    /// The first template of the first sink, if it has one.
    rendered: Option<String>,
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("the output is UTF-8")
}

fn apply(steps: &Transforms, record: &Record<'_>, scratch: &mut Scratch) -> Run {
    let lines = RefCell::new(Vec::new());
    let write = |_: usize, _: &Log, _: &Record<'_>, line: &str| lines.borrow_mut().push(line.to_owned());
    let mut all = Vec::new();
    let mut came = |came: Came<'_, '_>| {
        all.push(match came {
            Came::Nothing { step } => Got::Nothing(step.to_owned()),
            Came::IfNew { window, .. } => Got::IfNew(window),
            Came::EndIfNew => Got::EndIfNew,
            Came::Throttled { bucket } => Got::Throttled(bucket),
            Came::Out { sinks, outgoing } => Got::Out(out(steps, sinks, outgoing)),
        });
        Ok(())
    };
    let done = steps.apply(record, scratch, LogSink { enabled: &|_, _| true, write: &write }, &mut came);
    Run { out: done.map(|()| all), lines: lines.into_inner() }
}

fn out(steps: &Transforms, sinks: &[usize], outgoing: &mut Outgoing<'_, '_>) -> Out {
    let owned = |value: Option<&[u8]>| value.map(text);
    let has_template = !steps.program.sinks[sinks[0]].templates.is_empty();
    let headers = outgoing.headers().iter();
    Out {
        sinks: sinks.to_vec(),
        payload: owned(outgoing.payload()),
        key: outgoing.key().map(owned),
        headers: headers.map(|change| (change.name.to_string(), owned(change.value.as_deref()))).collect(),
        timestamp: outgoing.timestamp(),
        rendered: has_template.then(|| {
            let mut out = Vec::new();
            outgoing.render(sinks[0], 0, &mut out).expect("it is rendered");
            text(&out)
        }),
    }
}

fn payload(text: &str) -> Result<Vec<Got>, Failed> {
    Ok(vec![sent(0, text)])
}

fn sent(sink: usize, payload: &str) -> Got {
    Got::Out(Out { sinks: vec![sink], payload: Some(payload.to_owned()), ..Out::default() })
}

fn tombstone() -> Result<Vec<Got>, Failed> {
    Ok(vec![Got::Out(Out { sinks: vec![0], ..Out::default() })])
}

fn nothing(step: &str) -> Result<Vec<Got>, Failed> {
    Ok(vec![Got::Nothing(step.to_owned())])
}

#[test]
fn each_step_sees_what_the_one_before_made() {
    let steps = transforms(vec![
        log("in {{payload}}"),
        envelope(r#"{"a": {{payload}}}"#),
        log("between {{payload.a.id}}"),
        envelope(r#"{"b": {{payload.a}}, "k": {{key}}}"#),
        log("out {{payload}}"),
    ]);
    let batch = batch(&[Some(br#"{ "id": 1.50 }"#), Some(br#"{"id":2}"#)]);
    let mut scratch = Scratch::default();
    for (index, id) in ["1.50", "2"].into_iter().enumerate() {
        let run = apply(&steps, &batch.record(index), &mut scratch);
        assert_eq!(run.out, payload(&format!(r#"{{"b": {{"id":{id}}}, "k": "k"}}"#)));
        let last = format!(r#"out {{"b":{{"id":{id}}},"k":"k"}}"#);
        assert_eq!(run.lines, [format!(r#"in {{"id":{id}}}"#), format!("between {id}"), last]);
    }
}

#[test]
fn a_tombstone_is_logged_and_stays_one() {
    let steps = transforms(vec![log("data = {{payload}}"), envelope(r#"{"data": {{payload}}}"#)]);
    let batch = batch(&[Some(b"1"), None]);
    let mut scratch = Scratch::default();
    assert_eq!(apply(&steps, &batch.record(0), &mut scratch).out, payload(r#"{"data": 1}"#));
    let run = apply(&steps, &batch.record(1), &mut scratch);
    assert_eq!(run.out, tombstone());
    assert_eq!(run.lines, ["data = null"]);
}

#[test]
fn a_step_behind_an_envelope_reads_null_of_a_tombstone() {
    let steps = transforms(vec![
        log("{{payload}}"),
        envelope(r#"{"a": {{payload}}, "b": [{{payload.x}}]}"#),
        log("{{payload}} {{payload.a.x}}{{payload.b.0}}{{#each payload.a}}{{this.y}}{{/each}}"),
        envelope(r#"{"c": {{payload.a.x}}}"#),
        log("{{payload}} {{payload.c}}"),
    ]);
    let batch = batch(&[Some(br#"{"x":1}"#), None, Some(br#"{"x":2}"#)]);
    let mut scratch = Scratch::default();
    for (index, number) in [(0, 1), (2, 2)] {
        assert_eq!(apply(&steps, &batch.record(index), &mut scratch).out, payload(&format!(r#"{{"c": {number}}}"#)));
        let run = apply(&steps, &batch.record(1), &mut scratch);
        assert_eq!(run.out, tombstone());
        assert_eq!(run.lines, ["null", "null ", "null "]);
    }
}

#[test]
fn what_no_step_reads_passes_as_it_is() {
    let steps = transforms(vec![log("{{topic}} {{offset}}")]);
    let batch = batch(&[Some(b"\xff{"), Some(b"")]);
    let mut out = Vec::new();
    let ignored = LogSink { enabled: &|_, _| true, write: &|_, _, _, _| {} };
    let mut came = |came: Came<'_, '_>| {
        let Came::Out { outgoing, .. } = came else { panic!("something comes out") };
        out.extend(outgoing.payload().map(<[u8]>::to_vec));
        Ok(())
    };
    assert_eq!(steps.apply(&batch.record(0), &mut Scratch::default(), ignored, &mut came), Ok(()));
    assert_eq!(out, [b"\xff{"]);
    assert_eq!(apply(&steps, &batch.record(1), &mut Scratch::default()).out, payload(""));
}

#[test]
fn a_failure_names_its_step_and_does_not_touch_the_next_record() {
    let steps = transforms(vec![log("{{offset}}"), envelope("[{{payload}}]")]);
    let batch = batch(&[Some(b"oops"), Some(b""), Some(b"[ 1 ]")]);
    let mut scratch = Scratch::default();
    for (index, class) in [FaultClass::NotJson, FaultClass::Empty].into_iter().enumerate() {
        let failed = apply(&steps, &batch.record(index), &mut scratch).out.expect_err("no JSON");
        assert_eq!((failed.step.as_str(), failed.fault.class), ("envelope[1]", class));
    }
    assert_eq!(apply(&steps, &batch.record(2), &mut scratch).out, payload("[[1]]"));
}

#[test]
fn a_line_that_nobody_wants_is_not_rendered() {
    let steps = transforms(vec![log("{{payload}}")]);
    let written = Cell::new(0);
    let write = |_: usize, _: &Log, _: &Record<'_>, _: &str| written.set(written.get() + 1);
    let (batch, mut out) = (batch(&[Some(b"not JSON")]), 0);
    let off = LogSink { enabled: &|_, _| false, write: &write };
    let mut came = |_: Came<'_, '_>| {
        out += 1;
        Ok(())
    };
    // Rendering it would end in a fault.
    let done = steps.apply(&batch.record(0), &mut Scratch::default(), off, &mut came);
    assert_eq!((done, out, written.get()), (Ok(()), 1, 0));
}

#[test]
fn a_line_that_cannot_be_rendered_says_so_and_the_record_goes_on() {
    let steps = transforms(vec![log("data = {{payload}}")]);
    let run = apply(&steps, &batch(&[Some(b"not\nJSON")]).record(0), &mut Scratch::default());
    assert_eq!(run.out, payload("not\nJSON"), "as it would be with the level off");
    assert_eq!(run.lines.len(), 1);
    assert!(run.lines[0].starts_with("not rendered: the payload is not a JSON document"), "{:?}", run.lines);
}

#[test]
fn null_passes_is_rendered_or_is_skipped() {
    let batch = batch(&[None]);
    let expected = [
        (OnNull::Pass, tombstone()),
        (OnNull::Render, payload(r#"{"data": null, "id": null}"#)),
        (OnNull::Skip, nothing("envelope[0]")),
    ];
    for (on_null, out) in expected {
        let reading = Reading { on_null, ..Reading::default() };
        let step = envelope(r#"{"data": {{payload}}, "id": {{payload.id}}}"#);
        let steps = with_sink(vec![step], Vec::new(), reading);
        assert_eq!(apply(&steps, &batch.record(0), &mut Scratch::default()).out, out);
    }
}

#[test]
fn a_template_of_the_sink_reads_the_record_as_it_came() {
    let key = Template::new("{{payload.id}}", &Options::new(Media::Text, ambient())).expect("a text template");
    let steps = with_sink(vec![envelope(r#"{"id": 0}"#)], vec![key], Reading::default());
    let batch = batch(&[Some(br#"{"id": "TXN011"}"#)]);
    let run = apply(&steps, &batch.record(0), &mut Scratch::default());
    let expected =
        Out { sinks: vec![0], payload: Some(r#"{"id": 0}"#.into()), rendered: Some("TXN011".into()), ..Out::default() };
    assert_eq!(run.out, Ok(vec![Got::Out(expected)]));
}

fn options() -> cel::Options {
    let vars = ["a", "b", "split", "row"].map(str::to_owned);
    cel::Options { vars: Arc::new(vars.into()), ..Default::default() }
}

fn when(source: &str) -> Expression {
    Expression::condition(source, &options()).unwrap_or_else(|error| panic!("{error}"))
}

fn expression(source: &str) -> Expression {
    Expression::new(source, &options()).unwrap_or_else(|error| panic!("{error}"))
}

fn filter(source: &str) -> Step {
    Step::Filter(Filter { condition: when(source), passes: Passes::If })
}

fn set(target: Target, source: &str) -> Step {
    Step::Set(vec![Assignment { target, value: Assigned::Expression(expression(source)) }])
}

fn var(name: &str) -> Target {
    Target::Var(name.into())
}

fn split(path: &[&str]) -> Step {
    Step::Split(Split { path: path.iter().map(|key| (*key).to_owned()).collect(), limit: 3 })
}

/// An envelope that may name the variables that the tests set.
fn wrap(source: &str) -> Step {
    let options = Options { vars: options().vars, ..Options::new(Media::Json, ambient()) };
    Step::Envelope(Template::new(source, &options).unwrap_or_else(|error| panic!("{error}")))
}

fn run(steps: &Transforms, payloads: &[&str]) -> Vec<Result<Vec<Got>, Failed>> {
    let payloads: Vec<_> = payloads.iter().map(|payload| Some(payload.as_bytes())).collect();
    let (batch, mut scratch) = (batch(&payloads), Scratch::default());
    (0..batch.len()).map(|place| apply(steps, &batch.record(place), &mut scratch).out).collect()
}

#[test]
fn a_filter_lets_through_what_meets_its_condition() {
    let steps = transforms(vec![filter("payload.amount > 1000"), envelope(r#"{"d": {{payload}}}"#)]);
    let out = run(&steps, &[r#"{"amount":1000}"#, r#"{"amount":1000.01}"#, r#"{"amount":"x"}"#, "{}"]);
    assert_eq!(out[0], nothing("filter[0]"));
    assert_eq!(out[1], payload(r#"{"d": {"amount":1000.01}}"#));
    for out in &out[2..] {
        let failed = out.as_ref().expect_err("it is no number");
        assert_eq!((failed.step.as_str(), failed.fault.class), ("filter[0]", FaultClass::Condition));
    }
    let unless = Filter { condition: when("payload.amount > 1000"), passes: Passes::Unless };
    let steps = transforms(vec![Step::Filter(unless)]);
    let out = run(&steps, &[r#"{"amount":1000}"#, r#"{"amount":1001}"#]);
    assert_eq!(out, [payload(r#"{"amount":1000}"#), nothing("filter[0]")]);
}

#[test]
fn a_switch_takes_the_first_case_and_goes_on_behind_it() {
    let case = |when: Option<Expression>, steps| Case { when, steps };
    let steps = transforms(vec![
        Step::Switch(vec![
            case(Some(when("payload.n < 1")), vec![envelope(r#"{"small": {{payload.n}}, "n": {{payload.n}}}"#)]),
            case(Some(when("payload.n < 2")), vec![filter("false")]),
            case(Some(when("payload.n < 3")), vec![]),
            case(None, vec![envelope("[{{payload}}]"), envelope(r#"{"n": {{payload.0.n}}}"#)]),
        ]),
        filter("has(payload.n)"),
        envelope(r#"{"after": {{payload}}}"#),
    ]);
    let out = run(&steps, &[r#"{"n":0}"#, r#"{"n":1}"#, r#"{ "n":2 }"#, r#"{"n":3}"#]);
    assert_eq!(out[0], payload(r#"{"after": {"small":0,"n":0}}"#));
    assert_eq!(out[1], nothing("switch[0].cases[1].filter[0]"));
    assert_eq!(out[2], payload(r#"{"after": {"n":2}}"#));
    assert_eq!(out[3], payload(r#"{"after": {"n":3}}"#));
}

#[test]
fn a_switch_without_a_default_leaves_the_rest_as_it_is() {
    let case = Case { when: Some(when("payload == 1")), steps: vec![envelope("[{{payload}}]")] };
    let steps = transforms(vec![Step::Switch(vec![case]), envelope(r#"{"p": {{payload}}}"#)]);
    assert_eq!(
        run(&steps, &["1", "2", " 3 "]),
        [payload(r#"{"p": [1]}"#), payload(r#"{"p": 2}"#), payload(r#"{"p": 3}"#)]
    );
}

#[test]
fn what_is_set_is_seen_by_all_that_follows_and_by_no_other_record() {
    let steps = transforms(vec![
        set(var("a"), "payload.id"),
        set(var("b"), "vars.a + '!'"),
        set(Target::Key, "vars.b"),
        set(Target::Header("h".into()), "key"),
        set(Target::Timestamp, "payload.at"),
        wrap(r#"{"a": {{vars.a}}, "k": {{key}}, "h": "{{headers.h}}", "t": {{timestamp}}}"#),
    ]);
    let out = run(&steps, &[r#"{"id":"x\"y","at":7}"#, r#"{"id":"z","at":8}"#]);
    for (out, (id, at)) in out.into_iter().zip([("x\"y", 7), ("z", 8)]) {
        let json = serde_json::Value::from(format!("{id}!"));
        let expected = Out {
            sinks: vec![0],
            payload: Some(format!(r#"{{"a": {}, "k": {json}, "h": {json}, "t": {at}}}"#, serde_json::Value::from(id))),
            key: Some(Some(format!("{id}!"))),
            headers: vec![("h".into(), Some(format!("{id}!")))],
            timestamp: Some(Some(at)),
            ..Out::default()
        };
        assert_eq!(out, Ok(vec![Got::Out(expected)]));
    }
    // Nothing is left of it.
    assert_eq!(run(&transforms(vec![]), &["1"]), [payload("1")]);
}

#[test]
fn an_array_becomes_records_each_with_its_number() {
    let steps = transforms(vec![
        set(var("a"), "payload.id"),
        split(&["items"]),
        filter("payload.n != 2"),
        set(var("b"), "vars.split.index"),
        wrap(r#"{"id": {{vars.a}}, "n": {{payload.n}}, "at": {{vars.b}}, "of": {{vars.split.count}}}"#),
    ]);
    let out = run(
        &steps,
        &[
            r#"{"id":7,"items":[{"n":1}, {"n":2},{ "n":3 }]}"#,
            r#"{"id":8,"items":[]}"#,
            r#"{"id":9,"items":{}}"#,
            r#"{"id":9}"#,
            r#"{"id":9,"items":[1,2,3,4]}"#,
        ],
    );
    let parts = vec![
        sent(0, r#"{"id": 7, "n": 1, "at": 0, "of": 3}"#),
        Got::Nothing("filter[2]".into()),
        sent(0, r#"{"id": 7, "n": 3, "at": 2, "of": 3}"#),
    ];
    assert_eq!(out[0], Ok(parts));
    assert_eq!(out[1], nothing("split[1]"));
    for (out, class) in out[2..].iter().zip([FaultClass::NotAnArray, FaultClass::MissingField, FaultClass::Limit]) {
        let failed = out.as_ref().expect_err("there is nothing to split");
        assert_eq!((failed.step.as_str(), failed.fault.class), ("split[1]", class));
    }
}

#[test]
fn arrays_within_arrays_are_split_one_after_the_other() {
    let steps = transforms(vec![split(&["a"]), split(&["b"])]);
    let out = run(&steps, &[r#"{"a":[{"b":[1,2]},{"b":[]},{"b":[3]}]}"#]);
    assert_eq!(out, [Ok(vec![sent(0, "1"), sent(0, "2"), Got::Nothing("split[1]".into()), sent(0, "3")])]);
}

#[test]
fn each_sink_takes_what_its_condition_says() {
    let outlet = |number, condition: Option<&str>| {
        let key = Template::new("{{payload.id}}", &Options::new(Media::Text, ambient())).expect("a text template");
        Outlet { when: condition.map(when), to: To::Sink { number, templates: vec![key] } }
    };
    let outlets = vec![outlet(0, Some("payload.id > 5")), outlet(1, None), outlet(2, Some("payload.id > 7"))];
    let steps = Transforms::new(Flow { steps: vec![envelope("[{{payload.id}}]")], outlets }, Reading::default());
    let out = run(&steps, &[r#"{"id":1}"#, r#"{"id":8}"#]);
    let expected = |sinks: &[usize], id: &str| {
        let payload = Some(format!("[{id}]"));
        Ok(vec![Got::Out(Out { sinks: sinks.to_vec(), payload, rendered: Some(id.into()), ..Out::default() })])
    };
    assert_eq!(out, [expected(&[1], "1"), expected(&[0, 1, 2], "8")]);
}

#[test]
fn what_no_sink_takes_is_settled() {
    let outlets = vec![Outlet { when: Some(when("payload > 5")), to: To::Sink { number: 0, templates: Vec::new() } }];
    let steps = Transforms::new(Flow { steps: Vec::new(), outlets }, Reading::default());
    assert_eq!(run(&steps, &["5", "6"]), [nothing("sinks"), payload("6")]);
}

#[test]
fn a_flow_begins_with_what_came_out_of_another() {
    let sink = |number| Outlet { when: None, to: To::Sink { number, templates: Vec::new() } };
    let below = |name: &str, number, source: &str| {
        let steps = vec![filter("payload.v < 9"), set(var("b"), source), wrap(r#"{"b": {{vars.b}}, "k": {{key}}}"#)];
        let flow = Flow { steps, outlets: vec![sink(number)] };
        Outlet { when: None, to: To::Flow { name: name.into(), flow } }
    };
    let steps = vec![set(Target::Key, "'key'"), envelope(r#"{"v": {{payload}}}"#)];
    let outlets = vec![below("one", 1, "payload.v + 1"), sink(0), below("two", 2, "payload.v + 2")];
    let steps = Transforms::new(Flow { steps, outlets }, Reading::default());
    let out = run(&steps, &["3", "9"]);
    let with_key = |sink, payload: &str| {
        let key = Some(Some("key".into()));
        Got::Out(Out { sinks: vec![sink], payload: Some(payload.into()), key, ..Out::default() })
    };
    let all = vec![
        with_key(0, r#"{"v": 3}"#),
        with_key(1, r#"{"b": 4, "k": "key"}"#),
        with_key(2, r#"{"b": 5, "k": "key"}"#),
    ];
    assert_eq!(out[0], Ok(all));
    let none = |flow: &str| Got::Nothing(format!("{flow}.filter[0]"));
    assert_eq!(out[1], Ok(vec![with_key(0, r#"{"v": 9}"#), none("one"), none("two")]));
}

#[test]
fn what_a_flow_sets_is_seen_by_no_other() {
    let sink = |number| Outlet { when: None, to: To::Sink { number, templates: Vec::new() } };
    let flow = |name: &str, steps| Outlet {
        when: None,
        to: To::Flow { name: name.into(), flow: Flow { steps, outlets: vec![sink(0)] } },
    };
    let sets = vec![set(var("a"), "1"), set(Target::Key, "'other'"), set(var("b"), "2")];
    let asks = vec![wrap(r#"{"a": {{vars.a}}, "b": {{vars.b}}, "k": {{key}}}"#)];
    let outlets = vec![flow("sets", sets), flow("asks", asks)];
    let steps = Transforms::new(Flow { steps: vec![set(var("a"), "7")], outlets }, Reading::default());
    let out = run(&steps, &["3"]).remove(0).expect("both take it");
    let asked =
        Got::Out(Out { sinks: vec![0], payload: Some(r#"{"a": 7, "b": null, "k": "k"}"#.into()), ..Out::default() });
    assert_eq!(out.last(), Some(&asked));
}

#[test]
fn a_record_chooses_among_the_topics_that_a_sink_may_write() {
    let topic = Template::new("of-{{payload.kind}}", &Options::new(Media::Text, ambient())).expect("a text template");
    let sinks = vec![("of-a".to_owned(), 0), ("of-b".to_owned(), 1)];
    let outlets = vec![Outlet { when: None, to: To::TopicOf { topic, sinks, templates: Vec::new() } }];
    let steps = Transforms::new(Flow { steps: vec![envelope("1")], outlets }, Reading::default());
    let out = run(&steps, &[r#"{"kind":"b"}"#, r#"{"kind":"secret"}"#]);
    assert_eq!(out[0], Ok(vec![Got::Out(Out { sinks: vec![1], payload: Some("1".into()), ..Out::default() })]));
    let reason = "`of-secret` is none of the topics of this sink: `of-a`, `of-b`";
    assert_eq!(out[1], Err(Failed { step: "sinks[0].topic".into(), fault: Fault::new(FaultClass::Topic, reason) }));
}

#[test]
fn a_step_of_a_fragment_is_called_by_the_fragment() {
    let steps = vec![filter("payload.v < 9")];
    let fragment = Step::Fragment { name: "small".into(), steps };
    let out = run(&transforms(vec![wrap(r#"{"v": {{payload}}}"#), fragment]), &["3", "9"]);
    assert_eq!(out, [payload(r#"{"v": 3}"#), nothing("fragment[1].small.filter[0]")]);
}

#[test]
fn masked_values_do_not_go_out() {
    let paths = vec![vec!["card".to_owned()], vec!["items".to_owned(), "*".to_owned(), "n".to_owned()]];
    let steps = transforms(vec![Step::Mask(paths), envelope(r#"{"d": {{payload}}}"#)]);
    let out = run(&steps, &[r#"{ "card":{"n":1}, "items":[{"n":"secret","m":2}] }"#, "7"]);
    assert_eq!(out, [payload(r#"{"d": {"card":"***","items":[{"n":"***","m":2}]}}"#), payload(r#"{"d": 7}"#)]);
}

#[test]
fn a_row_of_a_table_becomes_a_variable() {
    let table = Arc::new(Table::new("customers", crate::table::Rows::new(1_000)));
    table.change(|rows| rows.insert(b"7", br#"{"name":"Ann"}"#)).expect("room");
    let no_row = |reason: &str| {
        let fault = Fault::new(FaultClass::NoRow, reason);
        Err(Failed { step: "lookup[0]".into(), fault })
    };
    for (missing, unknown, null) in [
        (MissingRow::Null, payload(r#"{"name": null}"#), payload(r#"{"name": null}"#)),
        (
            MissingRow::Fail,
            no_row("`customers` has no row `8`"),
            no_row("the key is null, and `customers` has no row under null"),
        ),
    ] {
        let lookup = Lookup { table: Arc::clone(&table), key: expression("payload.id"), into: "row".into(), missing };
        let steps = transforms(vec![Step::Lookup(lookup), wrap(r#"{"name": {{vars.row.name}}}"#)]);
        assert_eq!(steps.tables().map(|table| table.name()).collect::<Vec<_>>(), ["customers"]);
        let out = run(&steps, &[r#"{"id":7}"#, r#"{"id":8}"#, r#"{"id":null}"#, r#"{"id":"7"}"#]);
        let ann = payload(r#"{"name": "Ann"}"#);
        assert_eq!(out, [ann.clone(), unknown, null, ann]);
    }
}

#[test]
fn a_row_that_changes_is_seen_by_the_next_record() {
    let table = Arc::new(Table::new("rates", crate::table::Rows::new(1_000)));
    table.change(|rows| rows.insert(b"USD", b"1.50")).expect("room");
    let key = expression("payload");
    let lookup = Lookup { table: Arc::clone(&table), key, into: "row".into(), missing: MissingRow::Null };
    let steps = transforms(vec![Step::Lookup(lookup), filter("vars.row != null"), wrap(r#"{"rate": {{vars.row}}}"#)]);
    assert_eq!(run(&steps, &[r#""USD""#]), [payload(r#"{"rate": 1.50}"#)]);
    table.change(|rows| rows.insert(b"USD", b"0.10e1")).expect("room");
    assert_eq!(run(&steps, &[r#""USD""#]), [payload(r#"{"rate": 0.10e1}"#)]);
    table.change(|rows| rows.remove(b"USD"));
    assert_eq!(run(&steps, &[r#""USD""#]), [nothing("filter[1]")]);
}

#[test]
fn dedupe_and_throttle_are_decided_in_turn() {
    let dedupe = Step::Dedupe(Dedupe { key: expression("payload"), window: 10 });
    let steps = transforms(vec![Step::Throttle { per_second: 5 }, split(&[]), dedupe, filter("payload > 1")]);
    assert_eq!((steps.rates(), steps.window(0)), (&[5][..], 10));
    let out = run(&steps, &["[1,2]"]);
    let expected = vec![
        Got::Throttled(0),
        Got::IfNew(0),
        Got::Nothing("filter[3]".into()),
        Got::EndIfNew,
        Got::IfNew(0),
        sent(0, "2"),
        Got::EndIfNew,
    ];
    assert_eq!(out, [Ok(expected)]);
}

fn validate(schema: &str) -> Step {
    let fetch = Arc::new(|_: &str| Err("nothing is there".to_owned()));
    let source = crate::schema::Source { name: "the schema", text: schema, base: "file:///s.json", fetch };
    Step::Validate(crate::schema::Schema::new(&source).unwrap_or_else(|error| panic!("{error}")))
}

#[test]
fn what_does_not_meet_a_schema_fails_at_its_step() {
    let steps = transforms(vec![
        validate(r#"{"required": ["a"]}"#),
        envelope(r#"{"d": {{payload}}}"#),
        validate(r#"{"properties": {"d": {"properties": {"a": {"type": "integer"}}}}}"#),
    ]);
    let out = run(&steps, &[r#"{ "a": 1.00 }"#, r#"{"b": 1}"#, r#"{"a": 1.5}"#, r#"{"a": }"#]);
    assert_eq!(out[0], payload(r#"{"d": {"a":1.00}}"#));
    let failed = |out: &Result<Vec<Got>, Failed>| {
        let Failed { step, fault } = out.clone().expect_err("it fails");
        (step, fault.class, fault.reason)
    };
    let does_not_meet = |text: &str| format!("the payload does not meet the schema: {text}");
    let missing = does_not_meet("at the top: \"a\" is a required property");
    assert_eq!(failed(&out[1]), ("validate[0]".to_owned(), FaultClass::Invalid, missing));
    let broken = does_not_meet("at `/d/a`: it is not of type \"integer\"");
    assert_eq!(failed(&out[2]), ("validate[2]".to_owned(), FaultClass::Invalid, broken));
    assert_eq!(failed(&out[3]).1, FaultClass::NotJson);
}

#[test]
fn a_null_payload_meets_a_schema_only_where_it_is_rendered() {
    let batch = batch(&[None]);
    for (on_null, expected) in
        [(OnNull::Pass, Ok(tombstone())), (OnNull::Skip, Ok(nothing("validate[0]"))), (OnNull::Render, Err(()))]
    {
        let steps =
            with_sink(vec![validate(r#"{"type": "object"}"#)], Vec::new(), Reading { on_null, ..Reading::default() });
        let out = apply(&steps, &batch.record(0), &mut Scratch::default()).out;
        match expected {
            Ok(expected) => assert_eq!(out, expected),
            Err(()) => assert_eq!(out.expect_err("null is no object").fault.class, FaultClass::Invalid),
        }
    }
}

#[test]
fn a_schema_is_asked_of_json_only_however_little_is_checked() {
    let rules = Rules { only_touched: true, ..Rules::default() };
    let steps = with_sink(vec![validate("true")], Vec::new(), Reading { rules, ..Reading::default() });
    let out = run(&steps, &["[1, 2]", "[1 2 x]", "{\"a\" 01}", "[[1 2 x]]", "{\"a\": {\"b\" 01}}"]);
    assert_eq!(out[0], payload("[1, 2]"));
    for out in &out[1..] {
        assert_eq!(out.as_ref().map_err(|failed| failed.fault.class), Err(FaultClass::NotJson));
    }
}
