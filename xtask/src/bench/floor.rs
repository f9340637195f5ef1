//! What a request costs before anything is done for it: the edge alone, with a fixed answer.

use super::CONNECTIONS;
use super::server::{Server, free_address};
use super::wrk;
use crate::process::{self, Result};
use std::path::Path;
use std::process::Command;

/// Server CPU in microseconds for one request.
pub fn measure(scratch: &Path, seconds: u64) -> Result<f64> {
    process::run(process::cargo().args([
        "build",
        "--release",
        "--package",
        "mainstay-http",
        "--example",
        "floor",
    ]))?;
    let address = free_address()?;
    let binary = process::target().join("release/examples/floor");
    let mut server = Server::start(Command::new(binary).arg(address.to_string()), address, "/")?;
    let script = "function request() return wrk.format('GET', '/rest/v1/messages?id=eq.0190a000-0003-7000-8000-000000000000') end\n";
    wrk::run(&server.url, script, scratch, CONNECTIONS, 1)?;
    let before = server.cpu()?;
    let load = wrk::run(&server.url, script, scratch, CONNECTIONS, seconds)?;
    let cpu = server.cpu()? - before;
    server.stop();
    Ok(cpu.as_secs_f64() * 1e6 / load.requests.max(1) as f64)
}
