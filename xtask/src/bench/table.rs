//! What was measured, as tables in Markdown.

use super::bulk::CLIENTS;
use super::fixture::EXPORT_ROWS;
use super::server::Measured;
use super::workload::Workload;
use super::{CONNECTIONS, Row};
use std::fmt::Write as _;

pub fn of(rows: &[Row], workloads: &[Workload], seconds: u64) -> String {
    let mut out = format!(
        "{CONNECTIONS} connections, {seconds} s each, server and load on the same {} cores\n",
        std::thread::available_parallelism().map_or(0, usize::from)
    );
    repeated(&mut out, rows, workloads);
    bulk(&mut out, rows);
    exported(&mut out, rows);
    systems(&mut out, rows);
    out
}

/// How much more the first system does than this one.
fn ratio(first: Option<f64>, own: f64) -> String {
    first.map_or_else(String::new, |first| format!("{:.1} ×", first / own.max(1e-9)))
}

fn find(row: &Row, workload: Workload) -> Option<&Measured> {
    row.measured.iter().find(|(name, _)| *name == workload).map(|(_, measured)| measured)
}

fn repeated(out: &mut String, rows: &[Row], workloads: &[Workload]) {
    if rows.iter().all(|row| row.measured.is_empty()) {
        return;
    }
    let _ = writeln!(
        out,
        "\n| workload | system | requests/s | p50 ms | p99 ms | server CPU µs/request | bytes/answer | failed | the first does |"
    );
    let _ = writeln!(out, "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for workload in workloads.iter().copied() {
        let first = rows.first().and_then(|row| find(row, workload)).map(|measured| measured.load.per_second);
        for row in rows {
            let Some(measured) = find(row, workload) else { continue };
            let load = &measured.load;
            let _ = writeln!(
                out,
                "| {} | {} | {:.0} | {:.2} | {:.2} | {:.1} | {:.0} | {} | {} |",
                workload.name(),
                row.name,
                load.per_second,
                load.p50_ms,
                load.p99_ms,
                measured.cpu_micros,
                load.bytes_each,
                load.failed,
                ratio(first, load.per_second)
            );
        }
    }
}

fn bulk(out: &mut String, rows: &[Row]) {
    if rows.iter().all(|row| row.bulk.is_none()) {
        return;
    }
    let _ = writeln!(
        out,
        "\n| {}, {CLIENTS} connections | rows/s | p50 ms of a request | p99 ms | server CPU µs/row | failed | the first does |",
        Workload::BulkInsert.name()
    );
    let _ = writeln!(out, "| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    let first = rows.first().and_then(|row| row.bulk.as_ref()).map(|bulk| bulk.rows_per_second);
    for row in rows {
        let Some(bulk) = &row.bulk else { continue };
        let _ = writeln!(
            out,
            "| {} | {:.0} | {:.1} | {:.1} | {:.1} | {} | {} |",
            row.name,
            bulk.rows_per_second,
            bulk.p50.as_secs_f64() * 1e3,
            bulk.p99.as_secs_f64() * 1e3,
            bulk.cpu_micros_per_row,
            bulk.failed,
            ratio(first, bulk.rows_per_second)
        );
    }
}

fn exported(out: &mut String, rows: &[Row]) {
    if rows.iter().all(|row| row.exported.is_empty()) {
        return;
    }
    let _ = writeln!(
        out,
        "\n| {}, one client | form | rows/s | seconds | MB | server CPU µs/row | server peak memory |",
        Workload::Export.name()
    );
    let _ = writeln!(out, "| --- | --- | ---: | ---: | ---: | ---: | ---: |");
    for row in rows {
        for (form, exported) in &row.exported {
            let Ok(exported) = exported.as_ref().map_err(|problem| {
                let _ = writeln!(out, "| {} | {form} | {problem} | | | | |", row.name);
            }) else {
                continue;
            };
            let _ = writeln!(
                out,
                "| {} | {form} | {:.0} | {:.1} | {:.0} | {:.2} | {} MB |",
                row.name,
                EXPORT_ROWS as f64 / exported.seconds,
                exported.seconds,
                exported.bytes as f64 / 1e6,
                exported.cpu.as_secs_f64() * 1e6 / EXPORT_ROWS as f64,
                exported.peak_memory / 1_048_576
            );
        }
    }
}

fn systems(out: &mut String, rows: &[Row]) {
    let _ = writeln!(
        out,
        "\n| system | durability of a write | reads/s alone (32) | beside 64 writers | idle memory | peak memory | cold start |"
    );
    let _ = writeln!(out, "| --- | --- | ---: | ---: | ---: | ---: | ---: |");
    for row in rows {
        let (alone, beside) = row.beside.as_ref().map_or_else(Default::default, |beside| {
            let share = beside.with_writers * 100.0 / beside.alone.max(1.0);
            (format!("{:.0}", beside.alone), format!("{:.0} ({share:.0} %)", beside.with_writers))
        });
        let _ = writeln!(
            out,
            "| {} | {} | {alone} | {beside} | {} MB | {} MB | {} ms |",
            row.name,
            row.durability,
            row.idle_memory / 1_048_576,
            row.peak_memory / 1_048_576,
            row.cold_start.as_millis()
        );
    }
}
