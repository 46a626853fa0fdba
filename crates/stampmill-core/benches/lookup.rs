//! What a `lookup` that finds its row adds to a record, beside the same envelope without one.
//!
//! `cargo bench -p stampmill-core --bench lookup` prints nanoseconds for each record, and ends with 1 if a lookup adds more
//! than a microsecond. The table has a hundred thousand rows, and every record asks for another, so that the processor has
//! none of them at hand.

use std::collections::BTreeSet;
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use stampmill_core::cel::{self, Expression};
use stampmill_core::record::{Batch, Offset};
use stampmill_core::table::{Table, from_csv};
use stampmill_core::template::{Ambient, Media, Options, Template};
use stampmill_core::transform::{
    Came, Flow, LogSink, Lookup, MissingRow, Outlet, Reading, Scratch, Step, To, Transforms,
};

const ROWS: usize = 100_000;
const RECORDS: usize = 20_000;
const PIECE: usize = 500;
const ROUNDS: usize = 15;
const MOST: f64 = 1_000.0;
const AMBIENT: Ambient = Ambient { now: || 0, random: || [0; 16] };

fn main() -> ExitCode {
    let batch = records();
    let without = transforms(Vec::new(), r#"{"name": {{payload.accountId}}, "data": {{payload}}}"#);
    let with = transforms(vec![lookup()], r#"{"name": {{vars.account.name}}, "data": {{payload}}}"#);
    println!("{:>8}  {:>8}  {:>8}  {:>8}   ns for each record", "workers", "without", "with", "more");
    let mut kept = true;
    for workers in [1, 2, 4] {
        let (without, with) = (cost(&without, &batch, workers), cost(&with, &batch, workers));
        println!("{workers:>8}  {without:8.0}  {with:8.0}  {:8.0}", with - without);
        // On a machine of fewer cores workers wait for one another, which is no cost of a lookup.
        kept &= workers > cores() || with - without <= MOST;
    }
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Its rows have about 100 bytes.
fn lookup() -> Step {
    let row = |number: usize| format!("ACC{number},Name of {number},street {number},city {},gold\n", number % 1_000);
    let text: String = ["id,name,street,city,tier\n".to_owned()].into_iter().chain((0..ROWS).map(row)).collect();
    let rows = from_csv(text.as_bytes(), "id", usize::MAX).unwrap_or_else(|error| panic!("{error}"));
    let key = Expression::new("payload.accountId", &cel::Options::default()).unwrap_or_else(|error| panic!("{error}"));
    let table = Arc::new(Table::new("accounts", rows));
    Step::Lookup(Lookup { table, key, into: "account".into(), missing: MissingRow::Fail })
}

fn transforms(mut steps: Vec<Step>, envelope: &str) -> Transforms {
    let vars = Arc::new(BTreeSet::from(["account".to_owned()]));
    let options = Options { vars, ..Options::new(Media::Json, AMBIENT) };
    steps.push(Step::Envelope(Template::new(envelope, &options).unwrap_or_else(|error| panic!("{error}"))));
    let outlets = vec![Outlet { when: None, to: To::Sink { number: 0, templates: Vec::new() } }];
    Transforms::new(Flow { steps, outlets }, Reading::default())
}

fn records() -> Batch {
    let mut batch = Batch::new("bank-transactions".into(), 0);
    for number in 0..RECORDS {
        // A prime apart, so that no row lies behind the one before.
        let account = number * 7_919 % ROWS;
        let payload =
            format!(r#"{{"id":"TXN{number}","type":"withdraw","accountId":"ACC{account}","amount":1500.00}}"#);
        batch.push(Offset::new(number as i64), None, None, Some(payload.as_bytes()));
    }
    batch
}

/// By so many workers at a time, over one table.
fn cost(transforms: &Transforms, batch: &Batch, workers: usize) -> f64 {
    let all = std::thread::scope(|scope| {
        let started: Vec<_> = (0..workers).map(|_| scope.spawn(|| least(transforms, batch))).collect();
        let times = started.into_iter().map(|worker| worker.join().unwrap_or(Duration::MAX));
        times.max().unwrap_or_default()
    });
    all.as_secs_f64() * 1e9 / RECORDS as f64
}

/// All records, each piece of them at the least that it took in many rounds: what the machine's other work disturbs the
/// least.
fn least(transforms: &Transforms, batch: &Batch) -> Duration {
    let mut scratch = Scratch::default();
    let mut least = [Duration::MAX; RECORDS / PIECE];
    for _ in 0..ROUNDS {
        for (number, least) in least.iter_mut().enumerate() {
            *least = (*least).min(piece(transforms, batch, number, &mut scratch));
        }
    }
    least.iter().sum()
}

fn piece(transforms: &Transforms, batch: &Batch, number: usize, scratch: &mut Scratch) -> Duration {
    let log = LogSink { enabled: &|_, _| false, write: &|_, _, _, _| {} };
    let start = Instant::now();
    for place in number * PIECE..(number + 1) * PIECE {
        let mut came = |came: Came<'_, '_>| {
            if let Came::Out { outgoing, .. } = came {
                black_box(outgoing.payload());
            }
            Ok(())
        };
        let applied = transforms.apply(&batch.record(place), scratch, log, &mut came);
        applied.unwrap_or_else(|failed| panic!("{failed:?}"));
    }
    start.elapsed()
}
