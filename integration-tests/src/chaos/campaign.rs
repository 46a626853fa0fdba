//! Runs the faults, one after the other, whatever becomes of each.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::chaos::cluster::Cluster;
use crate::chaos::failpoints;
use crate::chaos::faults::FAULTS;
use crate::chaos::outcome::Outcome;
use crate::chaos::routed;
use crate::chaos::run::{Delivery, Fault, Form, Needs, Run, Shape};
use crate::program::{self, Build};

/// What became of one fault, over all rounds.
#[derive(Clone)]
pub struct Row {
    pub fault: &'static str,
    pub delivery: Delivery,
    pub outcome: Outcome,
    pub took: Duration,
    /// With the folder of the logs.
    pub failures: Vec<String>,
    /// Why it was not run.
    pub skipped: Option<String>,
}

/// What to run, on one version.
pub struct Campaign<'a> {
    pub version: &'a str,
    pub deliveries: &'a [Delivery],
    pub shape: Shape,
    pub form: Form,
    /// The first round is finished in any case.
    pub until: Instant,
    /// Only faults whose names hold this.
    pub only: &'a str,
}

// === impl Campaign ===

impl Campaign<'_> {
    /// `seen` is shown the rows so far, after each fault.
    pub fn run(&self, seen: &mut dyn FnMut(&[Row]) -> Result<()>) -> Result<Vec<Row>> {
        // Now, and not in the midst of a fault: the program that is tested is of one moment.
        for build in [Build::Plain, Build::Failpoints] {
            program::executable(build);
        }
        let mut cluster = Cluster::start(self.version, "")?;
        let mut rows: Vec<Row> = Vec::new();
        for round in 0.. {
            for delivery in self.deliveries {
                for fault in FAULTS.iter().filter(|fault| self.takes(fault)) {
                    if round > 0 && Instant::now() > self.until {
                        return Ok(rows);
                    }
                    merge(&mut rows, self.one(&mut cluster, fault, *delivery)?);
                    seen(&rows)?;
                }
            }
            if rows.iter().all(|row| row.skipped.is_some()) {
                break;
            }
        }
        Ok(rows)
    }

    fn takes(&self, fault: &Fault) -> bool {
        let fits = self.shape == Shape::Envelope || routed::FAULTS.contains(&fault.name);
        fits && fault.name.contains(self.only)
    }

    fn one(&self, cluster: &mut Cluster, fault: &'static Fault, delivery: Delivery) -> Result<Row> {
        println!("kafka {}, {delivery}: {}", self.version, fault.name);
        let row = run_one(cluster, fault, (delivery, self.shape), self.form);
        match &row {
            Row { skipped: Some(reason), .. } => println!("    not run: {reason}"),
            Row { outcome, failures, took, .. } => {
                println!("    {outcome}, in {} s", took.as_secs());
                failures.iter().for_each(|failure| println!("    FAILED: {failure}"));
            }
        }
        if let Err(error) = cluster.mend() {
            println!("    the cluster is replaced: {error:#}");
            *cluster = Cluster::start(self.version, "")?;
        }
        Ok(row)
    }
}

/// Runs a fault once; whatever it does wrong is in the row.
pub fn run_one(cluster: &mut Cluster, fault: &'static Fault, (delivery, shape): (Delivery, Shape), form: Form) -> Row {
    let started = Instant::now();
    let mut row = Row {
        fault: fault.name,
        delivery,
        outcome: Outcome::default(),
        took: Duration::ZERO,
        failures: Vec::new(),
        skipped: impossible(cluster, fault, delivery),
    };
    if row.skipped.is_some() {
        return row;
    }
    let repetitions = if form == Form::Short { fault.short } else { fault.long };
    let mut run = Run {
        cluster,
        delivery,
        shape,
        form,
        repetitions,
        expects: fault.expects,
        folder: None,
        so_far: Arc::default(),
    };
    match catch_unwind(AssertUnwindSafe(|| (fault.run)(&mut run))) {
        Ok(outcome) => {
            row.failures = outcome.failures(fault.expects, delivery);
            row.outcome = outcome;
        }
        Err(panic) => {
            row.failures.push(text(&*panic));
            row.outcome.verdict = run.so_far.lock().unwrap_or_else(PoisonError::into_inner).clone();
        }
    }
    if let (Some(folder), false) = (&run.folder, row.failures.is_empty()) {
        let folder = folder.strip_prefix(crate::workspace()).unwrap_or(folder);
        row.failures.push(format!("its logs are in {}", folder.display()));
    }
    row.took = started.elapsed();
    row
}

/// Why a fault cannot be run here.
fn impossible(cluster: &Cluster, fault: &Fault, delivery: Delivery) -> Option<String> {
    match fault.needs {
        Needs::NewGroups if cluster.version.starts_with('3') => Some("these brokers have not the new protocol".into()),
        Needs::Failpoint(name) if !failpoints::exists(name) => Some(format!("the program has no failpoint `{name}`")),
        _ if !delivers(delivery) => Some(format!("the program does not deliver `{delivery}` yet")),
        _ => None,
    }
}

/// The program refuses in a configuration what it does not do.
fn delivers(delivery: Delivery) -> bool {
    let mut check = program::command(Build::Plain);
    let config = "{ connections: { k: { bootstrap.servers: 'x:1' } }, pipelines: { p: { source: { topics: [a], group: g }, sink: { topic: b }, delivery: DELIVERY } } }";
    let path = crate::target().join("kafka-tests").join(format!("{}-{delivery}.yaml", std::process::id()));
    let written = std::fs::create_dir_all(path.with_file_name(""))
        .and_then(|()| std::fs::write(&path, config.replace("DELIVERY", &delivery.to_string())));
    written.expect("the configuration is written");
    check.arg("check").arg("--config").arg(&path);
    let accepted = program::output(check).status.success();
    // What is left is a small file in the build's folder.
    let _ = std::fs::remove_file(&path);
    accepted
}

fn text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| Some((*panic.downcast_ref::<&str>()?).to_owned())).unwrap_or_else(|| "a panic without text".into())
}

/// One row for each fault and delivery.
fn merge(rows: &mut Vec<Row>, row: Row) {
    let same = |old: &&mut Row| (old.fault, old.delivery) == (row.fault, row.delivery);
    match rows.iter_mut().find(same) {
        Some(old) => {
            old.outcome.add(row.outcome);
            old.took += row.took;
            old.failures.extend(row.failures);
        }
        None => rows.push(row),
    }
}
