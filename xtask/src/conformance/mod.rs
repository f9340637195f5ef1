//! PostgREST's own test suite as a judge: its fixture database on the embedded engine, its recorded requests against
//! a server, and a table of what agrees. `docs/conformance.md` holds the result.
//!
//! Nothing of PostgREST is part of this project: the checkout and the recorded cases are given by path.

mod cases;
mod client;
mod fixture;
mod server;

use crate::process::{self, Result, root};
use cases::Case;
use std::path::{Path, PathBuf};
use std::process::Command;

struct Options {
    checkout: PathBuf,
    cases: PathBuf,
    /// Failing cases that are printed for each group of settings.
    show: usize,
    /// Only cases whose id, title or path holds this text.
    only: String,
}

/// How many of a spec file's cases agree under one group of settings.
struct Count {
    settings: String,
    spec: String,
    agree: usize,
    of: usize,
}

pub fn run(arguments: &[&str]) -> Result<()> {
    let options = parse(arguments)?;
    let cases = cases::read(&options.cases)?;
    let scratch = root().join("target/conformance");
    if scratch.exists() {
        std::fs::remove_dir_all(&scratch).map_err(|error| format!("{}: {error}", scratch.display()))?;
    }
    process::run(process::cargo().args(["build", "--package", "mainstay-cli"]))?;
    let target = process::target();
    let binary = target.join("debug/mainstay");
    let application = scratch.join("fixture");
    fixture::write(&options.checkout, &application)?;
    let skipped = bring_up(&binary, &application, &scratch.join("migrate.log"))?;
    println!(
        "fixture: {skipped} statements skipped, each with its reason in {}",
        scratch.join("migrate.log").display()
    );
    let mut counts = Vec::new();
    for group in server::GROUPS {
        let chosen: Vec<&Case> =
            cases.iter().filter(|case| case.settings == group.name && case.names(&options.only)).collect();
        if chosen.is_empty() {
            continue;
        }
        let folder = scratch.join(group.name);
        let server = server::Server::start(&binary, &application, &folder, group)?;
        replay(&server, &chosen, options.show, &mut counts);
    }
    let unknown = cases.iter().find(|case| server::GROUPS.iter().all(|group| group.name != case.settings));
    if let Some(case) = unknown {
        return Err(format!("case {} asks for settings `{}`, which nobody defines", case.id, case.settings));
    }
    print!("{}", table(&counts));
    Ok(())
}

fn parse(arguments: &[&str]) -> Result<Options> {
    let usage =
        "usage: cargo xtask conformance PATH-OF-A-POSTGREST-CHECKOUT [--cases FILE] [--show N] [--only TEXT]";
    let mut options = Options {
        checkout: PathBuf::new(),
        cases: root().join("../shared/conformance/rest-cases.jsonl"),
        show: usize::MAX,
        only: String::new(),
    };
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("{word} needs a value\n{usage}"));
        match *word {
            "--cases" => options.cases = PathBuf::from(value()?),
            "--show" => options.show = value()?.parse().map_err(|error| format!("--show: {error}"))?,
            "--only" => options.only = (*value()?).to_owned(),
            path if !path.starts_with('-') && options.checkout.as_os_str().is_empty() => {
                options.checkout = PathBuf::from(path);
            }
            other => return Err(format!("what is `{other}`?\n{usage}")),
        }
    }
    if options.checkout.as_os_str().is_empty() {
        return Err(format!(
            "{usage}\nget one with: git clone --depth 1 https://github.com/PostgREST/postgrest"
        ));
    }
    Ok(options)
}

/// Applies the fixture; answers how many statements the engine refused.
fn bring_up(binary: &Path, application: &Path, log: &Path) -> Result<usize> {
    let output = Command::new(binary)
        .args(["migrate", "up", "--keep-going"])
        .arg(application)
        .output()
        .map_err(|error| format!("cannot run {}: {error}", binary.display()))?;
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    std::fs::write(log, &said).map_err(|error| format!("{}: {error}", log.display()))?;
    if !output.status.success() {
        return Err(format!("the fixture did not come up:\n{said}"));
    }
    Ok(said.lines().filter(|line| line.starts_with("error")).count())
}

fn replay(server: &server::Server, cases: &[&Case], show: usize, counts: &mut Vec<Count>) {
    let mut failed = 0;
    for case in cases {
        let difference = match client::send(server.address, case) {
            Ok(answer) => case.difference(&answer),
            Err(why) => Some(why),
        };
        let (settings, spec) = (case.settings.as_str(), case.spec());
        let index = counts.iter().position(|count| count.settings == settings && count.spec == spec);
        let index = index.unwrap_or_else(|| {
            counts.push(Count { settings: settings.to_owned(), spec: spec.to_owned(), agree: 0, of: 0 });
            counts.len() - 1
        });
        counts[index].of += 1;
        match difference {
            None => counts[index].agree += 1,
            Some(why) => {
                failed += 1;
                if failed <= show {
                    println!(
                        "- {settings} {} {}\n    {} {}\n    {why}",
                        case.id, case.title, case.method, case.path
                    );
                }
            }
        }
    }
}

fn table(counts: &[Count]) -> String {
    let (agree, of) = counts.iter().fold((0, 0), |(agree, of), count| (agree + count.agree, of + count.of));
    let mut out = "\n| settings | spec file | agree | of |\n| --- | --- | --- | --- |\n".to_owned();
    for count in counts {
        out += &format!("| {} | {} | {} | {} |\n", count.settings, count.spec, count.agree, count.of);
    }
    out + &format!("| all | | **{agree}** | **{of}** |\n")
}
