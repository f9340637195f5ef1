//! Benchmarks against peers, on the same machine, in one run, with the same load generator (`wrk`).
//!
//! Throughput depends on the machine and on what else it does; CPU per request and the ratios within one run carry
//! over. Each figure states its durability.

mod bulk;
mod fixture;
mod floor;
mod lite;
mod mainstay;
mod plan;
mod pocketbase;
mod policies;
mod rest;
mod server;
mod table;
mod workload;
mod wrk;

pub use plan::plan;
pub use policies::policies;

use crate::process::{self, Result, root};
use bulk::{Bulk, Export, Exported, Post};
use server::{Measured, Server};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use workload::Workload;

pub const CONNECTIONS: u32 = 64;

/// Which rows are there before a workload starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    Usual,
    /// The usual ones, and a million in `exported`.
    Export,
}

/// A system under test: how it is started, filled and asked.
pub trait Subject: Sync {
    fn name(&self) -> String;
    fn durability(&self) -> &'static str;
    /// Starts on an empty data directory and makes tables and rows; returns the running server.
    fn start(&mut self, scratch: &Path, fill: Fill) -> Result<Server>;
    /// A wrk script for a workload that is repeated; `None` where the system has no such feature.
    fn script(&self, workload: Workload) -> Option<String>;
    /// A request that inserts a thousand rows, of which this is the first.
    fn bulk_insert(&self, first: usize) -> Option<Post>;
    /// The ways to take all rows of `exported`.
    fn exports(&self) -> Vec<Export>;
}

struct Row {
    name: String,
    durability: &'static str,
    measured: Vec<(Workload, Measured)>,
    bulk: Option<Bulk>,
    exported: Vec<(&'static str, Exported)>,
    beside: Option<Beside>,
    idle_memory: u64,
    peak_memory: u64,
    cold_start: Duration,
}

/// Reads per second, first alone, then beside writers.
struct Beside {
    alone: f64,
    with_writers: f64,
}

/// The systems that the arguments choose: all, unless some are named.
fn subjects(arguments: &[&str], scratch: &Path) -> Result<Vec<Box<dyn Subject>>> {
    const SYSTEMS: [&str; 3] = ["mainstay", "pocketbase", "lite"];
    let words = arguments.iter().find_map(|word| word.strip_prefix("--systems="));
    let chosen: Vec<&str> = match words {
        Some(words) => words.split(',').collect(),
        None if arguments.contains(&"--only-mainstay") => vec!["mainstay"],
        None => SYSTEMS.to_vec(),
    };
    let binary = arguments.iter().find_map(|word| word.strip_prefix("--binary="));
    let subject = |word: &str| -> Result<Box<dyn Subject>> {
        Ok(match word {
            "mainstay" => Box::new(mainstay::Mainstay::new(binary)?),
            "pocketbase" => Box::new(pocketbase::PocketBase::install(scratch)?),
            "lite" => Box::new(lite::Lite::install(scratch)?),
            _ => return Err(format!("there is no system {word}; there are {}", SYSTEMS.join(", "))),
        })
    };
    chosen.into_iter().map(subject).collect()
}

pub fn records(arguments: &[&str]) -> Result<()> {
    const SWITCHES: [&str; 2] = ["--only-mainstay", "--export"];
    const VALUES: [&str; 4] = ["--seconds=", "--only=", "--systems=", "--binary="];
    let known = |word: &&&str| SWITCHES.contains(word) || VALUES.iter().any(|name| word.starts_with(name));
    if let Some(unknown) = arguments.iter().find(|word| !known(word)) {
        return Err(format!("bench records knows no {unknown}"));
    }
    let seconds = match arguments.iter().find_map(|word| word.strip_prefix("--seconds=")) {
        Some(text) => text.parse().map_err(|_| format!("--seconds={text}: that is no number"))?,
        None => 4,
    };
    let workloads = Workload::chosen(arguments)?;
    wrk::require()?;
    let scratch = root().join("target/bench");
    std::fs::create_dir_all(&scratch).map_err(|error| error.to_string())?;
    let mut subjects = subjects(arguments, &scratch)?;
    // The floor is this workspace's: it says nothing about a binary from elsewhere, or about others alone.
    let foreign = |word: &&str| word.starts_with("--binary=") || word.starts_with("--systems=");
    let floor = !arguments.iter().any(foreign);
    let before = if floor { floor::measure(&scratch, seconds)? } else { 0.0 };
    let mut rows = Vec::new();
    for subject in &mut subjects {
        rows.push(measure(subject.as_mut(), &scratch, &workloads, seconds)?);
    }
    print!("{}", table::of(&rows, &workloads, seconds));
    if floor {
        let after = floor::measure(&scratch, seconds)?;
        println!(
            "\nThe edge alone, answering a fixed 400 bytes: {before:.1} µs CPU a request before these runs, {after:.1} µs after."
        );
    }
    Ok(())
}

fn measure(subject: &mut dyn Subject, scratch: &Path, workloads: &[Workload], seconds: u64) -> Result<Row> {
    eprintln!("{}: starting and filling", subject.name());
    let folder: PathBuf = scratch.join(format!("run-{}", std::process::id()));
    let mut server = subject.start(&folder, Fill::Usual)?;
    let mut row = Row {
        name: subject.name(),
        durability: subject.durability(),
        measured: Vec::new(),
        bulk: None,
        exported: Vec::new(),
        beside: None,
        idle_memory: server.memory_idle,
        peak_memory: 0,
        cold_start: server.cold_start,
    };
    for workload in workloads.iter().copied().filter(|workload| workload.is_repeated()) {
        let Some(script) = subject.script(workload) else { continue };
        row.measured.push((workload, repeat(&server, &script, &folder, seconds)?));
        progress(&row);
    }
    if workloads.contains(&Workload::BulkInsert) {
        row.bulk = bulk::insert(&server, subject, seconds)?;
    }
    if workloads.contains(&Workload::ReadByKey) && workloads.contains(&Workload::Insert) {
        row.beside = beside(&server, subject, &folder, seconds)?;
    }
    row.peak_memory = server.memory_peak()?;
    server.stop();
    remove(&folder)?;
    if workloads.contains(&Workload::Export) {
        let server = subject.start(&folder, Fill::Export)?;
        for export in subject.exports() {
            eprintln!("{}: export: {}", subject.name(), export.name());
            row.exported.push((export.name(), bulk::export(&server, &export)?));
        }
        drop(server);
        remove(&folder)?;
    }
    Ok(row)
}

fn progress(row: &Row) {
    if let Some((workload, measured)) = row.measured.last() {
        let Measured { load, .. } = measured;
        eprintln!("{}: {}: {:.0}/s, {} failed", row.name, workload.name(), load.per_second, load.failed);
    }
}

fn remove(folder: &Path) -> Result<()> {
    std::fs::remove_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))
}

fn repeat(server: &Server, script: &str, folder: &Path, seconds: u64) -> Result<Measured> {
    wrk::run(&server.url, script, folder, CONNECTIONS, 1)?;
    timed(server, script, folder, CONNECTIONS, seconds)
}

fn timed(server: &Server, script: &str, folder: &Path, connections: u32, seconds: u64) -> Result<Measured> {
    let before = server.cpu()?;
    let load = wrk::run(&server.url, script, folder, connections, seconds)?;
    let cpu = server.cpu()? - before;
    let cpu_micros = cpu.as_secs_f64() * 1e6 / load.requests.max(1) as f64;
    Ok(Measured { load, cpu_micros })
}

/// The same load twice, the second time with writers: reads are compared at the CPU share they can get.
fn beside(server: &Server, subject: &dyn Subject, folder: &Path, seconds: u64) -> Result<Option<Beside>> {
    let scripts = (subject.script(Workload::ReadByKey), subject.script(Workload::Insert));
    let (Some(reads), Some(writes)) = scripts else { return Ok(None) };
    let alone = wrk::run(&server.url, &reads, folder, 32, seconds)?.per_second;
    let (with_writers, _) = wrk::run_both(&server.url, &reads, &writes, folder, seconds)?;
    Ok(Some(Beside { alone, with_writers: with_writers.per_second }))
}

/// Fills a table of a system that keeps its rows in SQLite and is not running; `numbers` are 1 to `rows`.
fn fill_sqlite(database: &Path, insert: &str, rows: u64) -> Result<()> {
    let (insert, row) = insert.split_once(" select ").ok_or("an insert of a select")?;
    let script = format!(
        "import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1])\ndb.execute(\"\"\"{insert} with recursive numbers(n) as \
         (select 1 union all select n + 1 from numbers where n < {rows}) select {row}\"\"\")\ndb.commit()\n\
         db.execute('pragma wal_checkpoint(truncate)')\ndb.close()\n"
    );
    process::run(Command::new("python3").args(["-c", &script]).arg(database))
}
