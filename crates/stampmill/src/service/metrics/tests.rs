//! The catalogue, what is encoded of it and `docs/src/metrics.md` are one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, SystemTime};

use prometheus_client::metrics::MetricType;
use stampmill_core::table::Size;
use stampmill_engine::settings::Delivery;
use stampmill_engine::status::{Memory, PartitionStatus, PipelineStatus, RestartCause, Role};
use stampmill_engine::tables::TableStatus;
use stampmill_engine::{FailureKind, Health, Observation, Timings, Trouble};

use super::catalogue::{METRICS, Metric, Of};
use super::encode;

fn partition(number: i32, trouble: Option<Trouble>) -> PartitionStatus {
    PartitionStatus {
        topic: "a\"b".into(),
        partition: number,
        watermark: 5,
        committed: 4,
        position: 8,
        end: Some(15),
        behind: Some(Duration::from_millis(1500)),
        in_flight_for: None,
        paused: false,
        trouble,
    }
}

fn pipeline(partitions: Vec<PartitionStatus>) -> (PipelineStatus, Timings) {
    let counts = Observation {
        pipeline: "p".into(),
        ready: true,
        partitions: 2,
        records_in: 1,
        bytes_in: 2,
        records_out: 3,
        bytes_out: 4,
        refused: 5,
        dead_letters: 6,
        skipped: 7,
        aborts: 8,
        rewinds: 9,
        stale_acks: 10,
        commits: 11,
        reloads: 12,
        rebalances: 13,
        restarts: 51,
        restarts_by: BTreeMap::from([
            ((Role::Consumer, RestartCause::Panic), 14),
            ((Role::Transform, RestartCause::Hang), 37),
        ]),
        failed_at: BTreeMap::from([(FailureKind { step: "envelope[0]".to_owned(), class: "not-json" }, 24)]),
        filtered: BTreeMap::from([("filter[1]".to_owned(), 25)]),
        pipeline_restarts: 21,
    };
    let status = PipelineStatus {
        name: "p".into(),
        health: Health::Ready,
        delivery: Delivery::AtLeastOnce,
        paused: false,
        generation: 13,
        counts,
        partitions,
        actors: Vec::new(),
        failures: Vec::new(),
        memory: Memory { in_flight: 22, limit: 23 },
    };
    let timings = Timings::default();
    timings.render.observe(0.001);
    (status, timings)
}

fn encoded(partitions: Vec<PartitionStatus>) -> String {
    let size = Size { rows: 26, bytes: 27 };
    let table = TableStatus { name: "t".into(), size, ready: true, refused: 28 };
    let started = SystemTime::UNIX_EPOCH + Duration::from_secs(25);
    encode(24, started, vec![pipeline(partitions)], vec![table]).expect("a text takes it")
}

fn full_name(metric: &Metric) -> String {
    let unit = metric.unit.as_ref().map_or_else(String::new, |unit| format!("_{}", unit.as_str()));
    let suffix = match metric.of.kind() {
        MetricType::Counter => "_total",
        MetricType::Info => "_info",
        _ => "",
    };
    format!("{}{unit}{suffix}", metric.name)
}

fn labels(of: &Of) -> &'static [&'static str] {
    match of {
        Of::Build => &["version"],
        Of::Program(_) | Of::Spent(_) => &[],
        Of::Count(_) | Of::Pipeline(_) | Of::Timing(_) => &["pipeline"],
        Of::Restarts => &["pipeline", "role", "cause"],
        Of::FailedAt => &["pipeline", "step", "class"],
        Of::Filtered => &["pipeline", "step"],
        Of::Partition(_) => &["pipeline", "topic", "partition"],
        Of::Trouble => &["pipeline", "topic", "partition", "kind"],
        Of::Table(_) | Of::TableCount(_) => &["table"],
    }
}

/// The samples of a metric: labels and value.
fn samples<'a>(text: &'a str, name: &str) -> Vec<(&'a str, &'a str)> {
    let of = |line: &'a str| {
        let (series, value) = line.rsplit_once(' ')?;
        let (found, labels) = series.split_once('{').unwrap_or((series, "}"));
        (found == name && !line.starts_with('#')).then_some((labels.trim_end_matches('}'), value))
    };
    text.lines().filter_map(of).collect()
}

#[test]
fn every_metric_is_encoded_with_the_labels_that_it_is_said_to_have() {
    let halted = Trouble::Halted { partition: "a/1".into(), offset: 5, class: "not-json", reason: "s3cret".into() };
    let text = encoded(vec![partition(0, None), partition(1, Some(halted))]);
    assert!(text.ends_with("# EOF\n") && !text.contains("s3cret"), "{text}");
    let (mut described, mut expected) = (BTreeMap::new(), BTreeMap::new());
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').expect("a name and a kind");
        assert!(described.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} is there twice");
    }
    for metric in METRICS {
        let name = full_name(metric);
        let family = name.trim_end_matches("_total").trim_end_matches("_info");
        expected.insert(family.to_owned(), metric.of.kind().as_str().to_owned());
        let sample = if let Of::Timing(_) = metric.of { format!("{name}_count") } else { name.clone() };
        let found = samples(&text, &sample);
        assert!(!found.is_empty(), "{sample} has no sample in\n{text}");
        for (labels_found, _) in found {
            let names: BTreeSet<&str> =
                labels_found.split("\",").filter_map(|label| Some(label.split_once('=')?.0)).collect();
            assert_eq!(names, labels(&metric.of).iter().copied().collect(), "{name}");
        }
    }
    assert_eq!(described, expected);
}

#[test]
fn values_are_those_of_the_pipelines() {
    let text = encoded(vec![partition(0, None), PartitionStatus { end: Some(5), behind: None, ..partition(1, None) }]);
    let value = |name: &str, labels: &str| {
        let found = samples(&text, name).into_iter().find(|(found, _)| *found == labels);
        found.unwrap_or_else(|| panic!("no {name} with {labels} in\n{text}")).1.parse::<f64>().expect("a number")
    };
    let of_pipeline = "pipeline=\"p\"";
    let of_partition = |number: i32| format!("pipeline=\"p\",topic=\"a\\\"b\",partition=\"{number}\"");
    for (name, expected) in [
        ("records_in_total", 1.0),
        ("records_in_bytes_total", 2.0),
        ("records_out_total", 3.0),
        ("records_out_bytes_total", 4.0),
        ("refused_records_total", 5.0),
        ("dead_letters_total", 6.0),
        ("skipped_records_total", 7.0),
        ("aborts_total", 8.0),
        ("rewinds_total", 9.0),
        ("commits_total", 11.0),
        ("reloads_total", 12.0),
        ("rebalances_total", 13.0),
        ("pipeline_restarts_total", 21.0),
        ("memory_in_flight_bytes", 22.0),
        ("memory_limit_bytes", 23.0),
        ("pipeline_ready", 1.0),
        ("pipeline_partitions", 2.0),
        ("render_seconds_sum", 0.001),
        ("render_seconds_count", 1.0),
    ] {
        assert_eq!(value(&format!("stampmill_{name}"), of_pipeline), expected, "{name}");
    }
    assert_eq!(value("stampmill_actor_restarts_total", "pipeline=\"p\",role=\"transform\",cause=\"hang\""), 37.0);
    assert_eq!(value("stampmill_step_failures_total", "pipeline=\"p\",step=\"envelope[0]\",class=\"not-json\""), 24.0);
    assert_eq!(value("stampmill_configuration_generation", ""), 24.0);
    assert_eq!(value("stampmill_process_start_time_seconds", ""), 25.0);
    for (name, expected) in [("rows", 26.0), ("bytes", 27.0), ("ready", 1.0), ("refused_records_total", 28.0)] {
        assert_eq!(value(&format!("stampmill_table_{name}"), "table=\"t\""), expected, "{name}");
    }
    for (name, first, second) in [
        ("lag_records", 10.0, 0.0),
        ("lag_seconds", 1.5, 0.0),
        ("in_flight_records", 3.0, 3.0),
        ("in_flight_age_seconds", 0.0, 0.0),
        ("watermark", 5.0, 5.0),
    ] {
        let name = format!("stampmill_partition_{name}");
        assert_eq!((value(&name, &of_partition(0)), value(&name, &of_partition(1))), (first, second), "{name}");
    }
}

#[test]
fn what_is_not_known_or_gone_has_no_series() {
    let unknown = PartitionStatus { end: None, behind: None, ..partition(0, None) };
    let text = encoded(vec![unknown]);
    assert!(samples(&text, "stampmill_partition_lag_records").is_empty(), "{text}");
    assert!(!encoded(Vec::new()).contains("topic="), "a partition that was given away");
}

const HEAD: &str = "# Metrics

`GET /metrics` on `probes.listen` (port 9601) answers in the text form of OpenMetrics. Each scrape is made from what the
pipelines are at that moment: a partition that was given away has no series any more.

Counters begin at 0 with the process. Of a counter the name ends in `_total`, of a histogram there are `_bucket`, `_sum` and
`_count`. Nothing of a record is in a label.

| metric | kind | labels | meaning |
|---|---|---|---|
";

#[test]
fn the_document_is_up_to_date() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/metrics.md");
    let row = |metric: &Metric| {
        let labels: Vec<String> = labels(&metric.of).iter().map(|label| format!("`{label}`")).collect();
        format!(
            "| `{}` | {} | {} | {} |\n",
            full_name(metric),
            metric.of.kind().as_str(),
            labels.join(", "),
            metric.help
        )
    };
    let wanted = HEAD.to_owned() + &METRICS.iter().map(row).collect::<String>();
    if std::env::var_os("STAMPMILL_WRITE_REFERENCE").is_some() {
        std::fs::write(&file, &wanted).expect("the document can be written");
    }
    let found = std::fs::read_to_string(&file).expect("the document is there");
    assert_eq!(found, wanted, "run the test again with STAMPMILL_WRITE_REFERENCE=1 in the environment");
}
