//! Times and instructions of the cases, as tables with their ratios.

use std::collections::BTreeMap;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use crate::cases::{TEMPLATES, case};
use crate::payloads::{SIZES, payload};

/// What a case costs for each record, by name and size.
type Costs = BTreeMap<(String, &'static str), f64>;

/// Of the cost of `to`, that of `of` may be so many times as much; beyond `asked`, which is what we are after, by no more
/// than it is today.
struct Bound {
    of: &'static str,
    to: &'static str,
    sizes: &'static [&'static str],
    asked: f64,
    at_most: f64,
}

const FROM_1_KB: &[&str] = &["1 KB", "10 KB", "100 KB"];

const BOUNDS: [Bound; 8] = [
    Bound { of: "envelope", to: "crate: envelope", sizes: &["1 KB"], asked: 1.0 / 9.0, at_most: 1.0 / 9.0 },
    Bound { of: "5 fields", to: "crate: 5 fields", sizes: &["1 KB"], asked: 1.0 / 9.0, at_most: 1.0 / 8.0 },
    Bound { of: "20 fields", to: "crate: 20 fields", sizes: &["1 KB"], asked: 1.0 / 9.0, at_most: 1.0 / 8.0 },
    Bound { of: "if and each", to: "crate: if and each", sizes: &["1 KB"], asked: 1.0 / 7.0, at_most: 1.0 / 7.0 },
    Bound { of: "envelope", to: "validate", sizes: &["100 B"], asked: 1.2, at_most: 1.4 },
    Bound { of: "envelope", to: "validate", sizes: FROM_1_KB, asked: 1.03, at_most: 1.05 },
    Bound { of: "validate", to: "serde", sizes: FROM_1_KB, asked: 0.62, at_most: 0.62 },
    Bound { of: "validate", to: "serde", sizes: &["100 B"], asked: 1.0, at_most: 1.0 },
];

pub(crate) fn times() -> ExitCode {
    let costs = measure(|name, size| {
        let payload = payload(size);
        let mut run = case(name).expect("a case");
        let times = u32::try_from(2_000_000 / size + 20).expect("a few");
        // The least of many is what the machine's other work disturbs the least.
        let batch = |run: &mut crate::cases::Run| {
            let start = Instant::now();
            (0..times).for_each(|_| run(&payload));
            start.elapsed()
        };
        let least = (0..15).map(|_| batch(&mut run)).min().unwrap_or(Duration::ZERO);
        least.as_secs_f64() * 1e9 / f64::from(times)
    });
    print("nanoseconds for each record", &costs);
    ExitCode::SUCCESS
}

pub(crate) fn instructions() -> ExitCode {
    let costs = measure(|name, size| {
        let times = (20_000 / size).clamp(4, 100);
        let (few, many) = (callgrind(name, size, times), callgrind(name, size, 3 * times));
        (many - few) / (2 * times) as f64
    });
    print("instructions for each record", &costs);
    print_flat();
    let mut kept = true;
    for Bound { of, to, sizes, asked, at_most } in BOUNDS {
        for size in sizes {
            let ratio = cost(&costs, of, size) / cost(&costs, to, size);
            let verdict = match ratio {
                _ if ratio <= asked => "ok",
                _ if ratio <= at_most => "more than asked",
                _ => "TOO MUCH",
            };
            println!("{of:>12} / {to:<18} {size:>7}  {ratio:6.3}  asked {asked:.3}, at most {at_most:.3}  {verdict}");
            kept &= ratio <= at_most;
        }
    }
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What a schema costs for a record of 20 fields in 500 bytes.
fn print_flat() {
    let cost = |name| (callgrind(name, 0, 300) - callgrind(name, 0, 100)) / 200.0;
    let (steps, with_schema) = (cost("flat: steps"), cost("flat: schema, steps"));
    let schema = with_schema - steps;
    println!("20 fields in 500 bytes: {steps:.0} for the envelope, and {schema:.0} more for a schema before it\n");
}

/// One case, so many times: what callgrind looks at.
pub(crate) fn run(name: &str, size: &str, times: &str) -> ExitCode {
    let (Some(mut run), Ok(size), Ok(times)) = (case(name), size.parse(), times.parse::<usize>()) else {
        eprintln!("expected a case, a size and a number");
        return ExitCode::FAILURE;
    };
    let payload = payload(size);
    (0..times).for_each(|_| run(&payload));
    ExitCode::SUCCESS
}

fn callgrind(name: &str, size: usize, times: usize) -> f64 {
    let program = std::env::current_exe().expect("this program");
    let arguments = ["--tool=callgrind", "--callgrind-out-file=/dev/null"];
    let output = Command::new("valgrind")
        .args(arguments)
        // Above a size glibc copies with one instruction for all bytes, which callgrind counts as one for each.
        .env("GLIBC_TUNABLES", "glibc.cpu.x86_rep_movsb_threshold=1073741824")
        .arg(program)
        .args(["run", name, &size.to_string(), &times.to_string()])
        .output()
        .unwrap_or_else(|error| panic!("valgrind is needed to count instructions: {error}"));
    let text = String::from_utf8_lossy(&output.stderr);
    let collected = text.lines().find_map(|line| line.split_once("Collected : "));
    let (_, count) = collected.unwrap_or_else(|| panic!("no count in: {text}"));
    count.trim().parse().expect("a number")
}

fn measure(mut cost: impl FnMut(&str, usize) -> f64) -> Costs {
    let names = names();
    let cases = names.iter().flat_map(|name| SIZES.iter().map(move |size| (name, size)));
    cases.map(|(name, (label, size))| ((name.clone(), *label), cost(name, *size))).collect()
}

fn names() -> Vec<String> {
    let templates = TEMPLATES.iter().flat_map(|(name, ..)| [(*name).to_owned(), format!("crate: {name}")]);
    ["validate", "condition", "conditions", "serde", "steps", "schema, steps"]
        .map(str::to_owned)
        .into_iter()
        .chain(templates)
        .collect()
}

fn cost(costs: &Costs, name: &str, size: &'static str) -> f64 {
    costs[&(name.to_owned(), size)]
}

fn print(what: &str, costs: &Costs) {
    println!("{what}");
    println!("{:>20}{}", "", SIZES.iter().map(|(label, _)| format!("{label:>12}")).collect::<String>());
    for name in names() {
        let row: String = SIZES.iter().map(|(label, _)| format!("{:>12.0}", cost(costs, &name, label))).collect();
        println!("{name:>20}{row}");
    }
    for (name, ..) in TEMPLATES {
        for (of, to) in [(format!("crate: {name}"), name.to_owned()), (name.to_owned(), "validate".to_owned())] {
            let ratio = |label| cost(costs, &of, label) / cost(costs, &to, label);
            let row: String = SIZES.iter().map(|(label, _)| format!("{:>12.2}", ratio(label))).collect();
            println!("{:>20}{row}  {of} / {to}", "");
        }
    }
    println!();
}
