//! What a template costs, beside validation alone, serde_json's `IgnoredAny`, and the handlebars crate over a
//! `serde_json::Value`.
//!
//! `cargo bench -p stampmill-core` prints nanoseconds; `-- instructions` counts instructions with callgrind, which
//! repeats to a promille, and ends with 1 if a ratio is not what it must be.

mod cases;
mod count;
mod payloads;
mod steps;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => count::times(),
        ["instructions"] => count::instructions(),
        // What `instructions` runs under callgrind: one case, so many times.
        ["run", case, size, times] => count::run(case, size, times),
        _ => {
            eprintln!("expected nothing, or `instructions`");
            ExitCode::FAILURE
        }
    }
}
