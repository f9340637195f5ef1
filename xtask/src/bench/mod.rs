//! Benchmarks against peers, on the same machine, in one run, with the same load generator (`wrk`).
//!
//! Throughput depends on the machine and on what else it does; CPU per request and the ratios within one run carry
//! over. Each figure states its durability.

mod floor;
mod mainstay;
mod pocketbase;
mod server;
mod wrk;

use crate::process::{Result, root};
use server::{Measured, Server};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

/// What both systems are asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    Insert,
    ReadByKey,
    List,
    ListWithEmbed,
}

impl Workload {
    const ALL: [Workload; 4] =
        [Workload::Insert, Workload::ReadByKey, Workload::List, Workload::ListWithEmbed];

    fn name(self) -> &'static str {
        match self {
            Workload::Insert => "insert one row",
            Workload::ReadByKey => "read one row by key",
            Workload::List => "list of 20, filtered and ordered",
            Workload::ListWithEmbed => "the same list with the author embedded",
        }
    }
}

pub const ROOMS: usize = 50;
pub const MEMBERS: usize = 200;
/// Messages that are there before reading starts.
pub const MESSAGES: usize = 20_000;
pub const CONNECTIONS: u32 = 64;

/// A system under test: how it is started, filled and asked.
pub trait Subject {
    fn name(&self) -> String;
    fn durability(&self) -> &'static str;
    /// Starts on an empty data directory and makes tables and rows; returns the running server.
    fn start(&mut self, scratch: &std::path::Path) -> Result<Server>;
    /// A wrk script for the workload.
    fn script(&self, workload: Workload) -> Result<String>;
}

struct Row {
    name: String,
    durability: &'static str,
    measured: Vec<(Workload, Measured)>,
    reads_alone: f64,
    reads_beside_writes: f64,
    idle_memory: u64,
    peak_memory: u64,
    cold_start: Duration,
}

pub fn records(arguments: &[&str]) -> Result<()> {
    let seconds = arguments
        .iter()
        .find_map(|word| word.strip_prefix("--seconds="))
        .and_then(|text| text.parse().ok())
        .unwrap_or(8);
    let only_ours = arguments.contains(&"--only-mainstay");
    wrk::require()?;
    let scratch = root().join("target/bench");
    std::fs::create_dir_all(&scratch).map_err(|error| error.to_string())?;
    let mut subjects: Vec<Box<dyn Subject>> = vec![Box::new(mainstay::Mainstay::build()?)];
    if !only_ours {
        subjects.push(Box::new(pocketbase::PocketBase::install(&scratch)?));
    }
    let before = floor::measure(&scratch, seconds)?;
    let mut rows = Vec::new();
    for subject in &mut subjects {
        rows.push(measure(subject.as_mut(), &scratch, seconds)?);
    }
    let after = floor::measure(&scratch, seconds)?;
    print!("{}", table(&rows, seconds));
    println!(
        "\nThe edge alone, answering a fixed 400 bytes: {before:.1} µs CPU a request before these runs, {after:.1} µs after."
    );
    Ok(())
}

fn measure(subject: &mut dyn Subject, scratch: &std::path::Path, seconds: u64) -> Result<Row> {
    eprintln!("{}: starting and filling", subject.name());
    let folder: PathBuf = scratch.join(format!("run-{}", std::process::id()));
    let mut server = subject.start(&folder)?;
    let cold_start = server.cold_start;
    let idle_memory = server.memory_idle;
    let mut measured = Vec::new();
    for workload in Workload::ALL {
        let script = subject.script(workload)?;
        wrk::run(&server.url, &script, &folder, CONNECTIONS, 1)?;
        let before = server.cpu()?;
        let load = wrk::run(&server.url, &script, &folder, CONNECTIONS, seconds)?;
        let cpu = server.cpu()? - before;
        eprintln!(
            "{}: {}: {:.0}/s, {} failed",
            subject.name(),
            workload.name(),
            load.per_second,
            load.failed
        );
        let cpu_micros = cpu.as_secs_f64() * 1e6 / load.requests.max(1) as f64;
        measured.push((workload, Measured { load, cpu_micros }));
    }
    let reads = subject.script(Workload::ReadByKey)?;
    let writes = subject.script(Workload::Insert)?;
    let alone = wrk::run(&server.url, &reads, &folder, 32, seconds)?;
    // The same load twice, the second time with writers: reads are compared at the CPU share they can get.
    let (beside, _) = wrk::run_both(&server.url, &reads, &writes, &folder, seconds)?;
    let row = Row {
        name: subject.name(),
        durability: subject.durability(),
        measured,
        reads_alone: alone.per_second,
        reads_beside_writes: beside.per_second,
        idle_memory,
        peak_memory: server.memory_peak()?,
        cold_start,
    };
    server.stop();
    std::fs::remove_dir_all(&folder).map_err(|error| error.to_string())?;
    Ok(row)
}

fn table(rows: &[Row], seconds: u64) -> String {
    let mut out = format!(
        "{CONNECTIONS} connections, {seconds} s each, server and load on the same {} cores\n\n",
        std::thread::available_parallelism().map_or(0, usize::from)
    );
    let _ = writeln!(
        out,
        "| workload | system | requests/s | p50 ms | p99 ms | server CPU µs/request | failed | ratio |"
    );
    let _ = writeln!(out, "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    for workload in Workload::ALL {
        let base =
            rows.last().and_then(|row| find(row, workload)).map_or(0.0, |measured| measured.load.per_second);
        for row in rows {
            let Some(measured) = find(row, workload) else { continue };
            let load = &measured.load;
            let _ = writeln!(
                out,
                "| {} | {} | {:.0} | {:.2} | {:.2} | {:.1} | {} | {:.1} × |",
                workload.name(),
                row.name,
                load.per_second,
                load.p50_ms,
                load.p99_ms,
                measured.cpu_micros,
                load.failed,
                load.per_second / base.max(1.0)
            );
        }
    }
    let _ = writeln!(
        out,
        "\n| system | durability of a write | reads/s alone (32) | beside 64 writers | idle memory | peak memory | cold start |"
    );
    let _ = writeln!(out, "| --- | --- | ---: | ---: | ---: | ---: | ---: |");
    for row in rows {
        let _ = writeln!(
            out,
            "| {} | {} | {:.0} | {:.0} ({:.0} %) | {} MB | {} MB | {} ms |",
            row.name,
            row.durability,
            row.reads_alone,
            row.reads_beside_writes,
            row.reads_beside_writes * 100.0 / row.reads_alone.max(1.0),
            row.idle_memory / 1_048_576,
            row.peak_memory / 1_048_576,
            row.cold_start.as_millis()
        );
    }
    out
}

fn find(row: &Row, workload: Workload) -> Option<&Measured> {
    row.measured.iter().find(|(name, _)| *name == workload).map(|(_, measured)| measured)
}
