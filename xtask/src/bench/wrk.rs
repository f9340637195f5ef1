//! The load generator: `wrk`, with a script for each workload.

use crate::process::{self, Result};
use std::path::Path;
use std::process::Command;

#[derive(Clone, Debug, Default)]
pub struct Load {
    pub requests: u64,
    pub per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// Of an answer with its headers: whether systems answer the same.
    pub bytes_each: f64,
    /// Answers that were no 2xx, and socket errors.
    pub failed: u64,
}

pub fn require() -> Result<()> {
    if process::output(Command::new("sh").args(["-c", "command -v wrk"])).is_ok() {
        return Ok(());
    }
    Err("the benchmark drives its load with wrk: apt-get install wrk".to_owned())
}

/// Printed by every script at its end, so that nothing depends on how wrk rounds.
const DONE: &str = r#"
function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d %d\n", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), errors.connect + errors.read + errors.write + errors.status + errors.timeout, summary.bytes))
end
"#;

fn command(
    url: &str,
    script: &str,
    folder: &Path,
    name: &str,
    connections: u32,
    seconds: u64,
) -> Result<Command> {
    let path = folder.join(format!("{name}.lua"));
    std::fs::write(&path, format!("{script}{DONE}"))
        .map_err(|error| format!("{}: {error}", path.display()))?;
    let mut command = Command::new("wrk");
    command
        .arg("-t1")
        .arg(format!("-c{connections}"))
        .arg(format!("-d{seconds}s"))
        .arg("-s")
        .arg(path)
        .arg(url);
    Ok(command)
}

pub fn run(url: &str, script: &str, folder: &Path, connections: u32, seconds: u64) -> Result<Load> {
    parse(&process::output(&mut command(url, script, folder, "load", connections, seconds)?)?)
}

/// 32 readers beside 64 writers that write as fast as they are answered.
pub fn run_both(url: &str, reads: &str, writes: &str, folder: &Path, seconds: u64) -> Result<(Load, Load)> {
    let mut writer = command(url, writes, folder, "writes", 64, seconds + 2)?;
    let handle = std::thread::spawn(move || process::output(&mut writer));
    std::thread::sleep(std::time::Duration::from_secs(1));
    let beside = run(url, reads, folder, 32, seconds)?;
    let written = handle.join().map_err(|_| "the writing load panicked".to_owned())??;
    Ok((beside, parse(&written)?))
}

fn parse(output: &str) -> Result<Load> {
    let line = output
        .lines()
        .find_map(|line| line.strip_prefix("RESULT "))
        .ok_or_else(|| format!("wrk said:\n{output}"))?;
    let numbers: Vec<f64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [requests, micros, p50, p99, failed, bytes] = numbers.as_slice() else {
        return Err(format!("wrk said: {line}"));
    };
    Ok(Load {
        requests: *requests as u64,
        per_second: requests / (micros / 1e6),
        p50_ms: p50 / 1e3,
        p99_ms: p99 / 1e3,
        bytes_each: bytes / requests.max(1.0),
        failed: *failed as u64,
    })
}
