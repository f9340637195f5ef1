//! `cargo xtask …`: checks, generated documentation, tests with all that they need, benchmarks.

mod architecture;
mod bench;
mod conformance;
mod docs;
mod fuzz;
mod process;
mod test;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask <command>

  check               floors, budgets and generated documents
  docs                write the generated documents again
  test [FILTER]       install what the tests need, then run all of them
  fuzz [--seconds=N] [--target=T]
                      fuzz the query grammar, the SQL front end, tokens and key sets
  conformance PATH    replay PostgREST's suite: PATH is its checkout; [--cases FILE] [--show N] [--only TEXT]
  bench records [--seconds=N] [--only=WORKLOAD,…] [--export] [--systems=S,…] [--binary=PATH]
                      measure against PocketBase and Supabase Lite, print the tables
  bench policies [--seconds=N] [--systems=S,…] [--binary=PATH]
                      row policies and sign-in, against PocketBase with the equivalent rules
  bench plan          what a request of a known shape costs before the store is asked";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if fuzz::is_compiler() {
        return fuzz::compile(&arguments);
    }
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["check"] => architecture::check().and_then(|()| docs::check()),
        ["docs"] => docs::write(),
        ["test", rest @ ..] => test::run(rest),
        ["fuzz", rest @ ..] => fuzz::run(rest),
        ["conformance", rest @ ..] => conformance::run(rest),
        ["bench", "records", rest @ ..] => bench::records(rest),
        ["bench", "policies", rest @ ..] => bench::policies(rest),
        ["bench", "plan", rest @ ..] => bench::plan(rest),
        _ => Err(USAGE.to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
