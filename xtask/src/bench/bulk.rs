//! Loads that few clients make: bulk inserts over some connections, and one client that exports a table.

use super::Subject;
use super::fixture::{BULK_ROWS, EXPORT_ROWS};
use super::server::Server;
use crate::process::Result;
use serde_json::Value;
use std::io::Read;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

pub const CLIENTS: usize = 4;

/// One request with a body of JSON.
pub struct Post {
    pub path: String,
    pub body: String,
}

/// How a system gives all rows of a table.
pub enum Export {
    Csv {
        path: String,
    },
    Json {
        path: String,
    },
    /// PocketBase gives a thousand rows at most: pages, each from the last row of the one before.
    Pages {
        path: fn(after: u64) -> String,
    },
}

impl Export {
    pub fn name(&self) -> &'static str {
        match self {
            Export::Csv { .. } => "CSV, one answer",
            Export::Json { .. } => "JSON, one answer",
            Export::Pages { .. } => "JSON, 1,000 pages of 1,000",
        }
    }
}

pub struct Bulk {
    pub rows_per_second: f64,
    pub p50: Duration,
    pub p99: Duration,
    pub cpu_micros_per_row: f64,
    pub failed: usize,
}

/// What came of an export, or why it is none.
pub type Exported = std::result::Result<Exporting, String>;

pub struct Exporting {
    pub seconds: f64,
    pub bytes: u64,
    pub cpu: Duration,
    pub peak_memory: u64,
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(600)));
    config.build().into()
}

/// A thousand rows a request over a few connections.
pub fn insert(server: &Server, subject: &dyn Subject, seconds: u64) -> Result<Option<Bulk>> {
    if subject.bulk_insert(0).is_none() {
        return Ok(None);
    }
    let (next, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let times: Mutex<Vec<Duration>> = Mutex::default();
    let before = server.cpu()?;
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let agent = agent();
                while begun.elapsed() < Duration::from_secs(seconds) {
                    let first = next.fetch_add(BULK_ROWS, Ordering::Relaxed);
                    let Some(post) = subject.bulk_insert(first) else { return };
                    let sent = Instant::now();
                    match send(&agent, &server.url, &post) {
                        Ok(()) => times.lock().unwrap_or_else(|e| e.into_inner()).push(sent.elapsed()),
                        Err(problem) => {
                            if failed.fetch_add(1, Ordering::Relaxed) == 0 {
                                eprintln!("bulk insert: {problem}");
                            }
                        }
                    }
                }
            });
        }
    });
    let elapsed = begun.elapsed();
    let cpu = server.cpu()? - before;
    let mut times = times.into_inner().unwrap_or_else(|e| e.into_inner());
    times.sort_unstable();
    let rows = (times.len() * BULK_ROWS) as f64;
    let at = |hundredths: usize| times.get(times.len() * hundredths / 100).copied().unwrap_or_default();
    Ok(Some(Bulk {
        rows_per_second: rows / elapsed.as_secs_f64(),
        p50: at(50),
        p99: at(99),
        cpu_micros_per_row: cpu.as_secs_f64() * 1e6 / rows.max(1.0),
        failed: failed.into_inner(),
    }))
}

/// Sends a body and reads the answer to its end, so that the connection is used again.
pub fn send(agent: &ureq::Agent, url: &str, post: &Post) -> Result<()> {
    let url = format!("{url}{}", post.path);
    let mut answer = agent
        .post(&url)
        .header("Content-Type", "application/json")
        .send(post.body.as_str())
        .map_err(|error| format!("{url}: {error}"))?;
    let status = answer.status();
    let text = answer.body_mut().with_config().limit(64 << 20).read_to_string();
    let text = text.map_err(|error| format!("{url}: {error}"))?;
    if status.is_success() {
        return Ok(());
    }
    Err(format!("{url}: {status}: {}", text.chars().take(300).collect::<String>()))
}

/// Posts JSON arrays of rows, for systems that take those.
pub fn fill(url: &str, path: &str, rows: impl Iterator<Item = Value>, at_once: usize) -> Result<()> {
    let agent = agent();
    let mut rows = rows.peekable();
    while rows.peek().is_some() {
        let some: Vec<Value> = rows.by_ref().take(at_once).collect();
        send(&agent, url, &Post { path: path.to_owned(), body: Value::from(some).to_string() })?;
    }
    Ok(())
}

/// One client that takes all rows as fast as they come.
pub fn export(server: &Server, export: &Export) -> Result<Exported> {
    server.reset_memory_peak()?;
    let before = server.cpu()?;
    let begun = Instant::now();
    let taken = match export {
        // A line of names, and the last line may have an end or not.
        Export::Csv { path } => take(&agent(), &server.url, path, "text/csv", b'\n')
            .and_then(|taken| complete(taken, EXPORT_ROWS..=EXPORT_ROWS + 1)),
        Export::Json { path } => take(&agent(), &server.url, path, "application/json", b'{')
            .and_then(|taken| complete(taken, EXPORT_ROWS..=EXPORT_ROWS)),
        Export::Pages { path } => pages(&server.url, *path),
    };
    let seconds = begun.elapsed().as_secs_f64();
    let (cpu, peak_memory) = (server.cpu()? - before, server.memory_peak()?);
    Ok(taken.map(|bytes| Exporting { seconds, bytes, cpu, peak_memory }))
}

/// The bytes of an answer, and how many of them are this one.
fn take(agent: &ureq::Agent, url: &str, path: &str, accept: &str, counted: u8) -> Result<(u64, u64)> {
    let url = format!("{url}{path}");
    let mut answer =
        agent.get(&url).header("Accept", accept).call().map_err(|error| format!("{path}: {error}"))?;
    let status = answer.status();
    if !status.is_success() {
        let text = answer.body_mut().read_to_string().unwrap_or_default();
        return Err(format!("{path}: {status}: {}", text.chars().take(200).collect::<String>()));
    }
    let mut reader = answer.body_mut().as_reader();
    let (mut bytes, mut found, mut buffer) = (0, 0, vec![0; 256 * 1_024]);
    loop {
        let count = reader.read(&mut buffer).map_err(|error| format!("{path}: {error}"))?;
        if count == 0 {
            return Ok((bytes, found));
        }
        bytes += count as u64;
        found += buffer[..count].iter().filter(|byte| **byte == counted).count() as u64;
    }
}

fn complete((bytes, found): (u64, u64), expected: std::ops::RangeInclusive<u64>) -> Result<u64> {
    if expected.contains(&found) {
        return Ok(bytes);
    }
    Err(format!("gave {found} rows of {EXPORT_ROWS}"))
}

fn pages(url: &str, path: fn(u64) -> String) -> Result<u64> {
    let (agent, mut after, mut all) = (agent(), 0, 0);
    while after < EXPORT_ROWS {
        // A page is one object around its rows.
        let (bytes, found) = take(&agent, url, &path(after), "application/json", b'{')?;
        if found != 1_001 {
            return Err(format!("the page after {after} has {found} objects, not 1,001"));
        }
        all += bytes;
        after += 1_000;
    }
    Ok(all)
}
