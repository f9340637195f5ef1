//! A server process under test: its start, its CPU time, its memory.

use super::wrk::Load;
use crate::process::Result;
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub struct Server {
    child: Child,
    pub url: String,
    /// From the start of the process to the first answer on a data directory that has its tables.
    pub cold_start: Duration,
    /// A second after that.
    pub memory_idle: u64,
}

pub struct Measured {
    pub load: Load,
    pub cpu_micros: f64,
}

impl Server {
    /// Starts a program and waits until a GET of `path` is answered.
    pub fn start(command: &mut Command, address: SocketAddr, path: &str) -> Result<Server> {
        let begin = Instant::now();
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("cannot start {command:?}: {error}"))?;
        let mut server =
            Server { child, url: format!("http://{address}"), cold_start: Duration::ZERO, memory_idle: 0 };
        while begin.elapsed() < Duration::from_secs(20) {
            if TcpStream::connect_timeout(&address, Duration::from_millis(200)).is_ok()
                && ureq::get(format!("http://{address}{path}")).call().is_ok()
            {
                server.cold_start = begin.elapsed();
                // Idle is what it holds when it has nothing to do, not what its start took.
                std::thread::sleep(Duration::from_secs(1));
                server.memory_idle = server.memory("VmRSS:")?;
                return Ok(server);
            }
            if let Ok(Some(status)) = server.child.try_wait() {
                return Err(format!("{command:?} ended: {status}"));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Err(format!("{command:?} does not answer on {address}"))
    }

    /// User and system time of the process so far.
    pub fn cpu(&self) -> Result<Duration> {
        let stat = self.proc_file("stat")?;
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |index: usize| fields.get(index).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        // Fields 14 and 15 of proc(5), counted from behind the command's name; 100 ticks a second on Linux.
        Ok(Duration::from_millis((ticks(11) + ticks(12)) * 10))
    }

    pub fn memory_peak(&self) -> Result<u64> {
        self.memory("VmHWM:")
    }

    /// From here on the peak is counted anew.
    pub fn reset_memory_peak(&self) -> Result<()> {
        let path = format!("/proc/{}/clear_refs", self.child.id());
        std::fs::write(&path, "5").map_err(|error| format!("{path}: {error}"))
    }

    fn memory(&self, field: &str) -> Result<u64> {
        let status = self.proc_file("status")?;
        let line = status.lines().find(|line| line.starts_with(field)).unwrap_or_default();
        let kilobytes: u64 = line.split_whitespace().nth(1).and_then(|text| text.parse().ok()).unwrap_or(0);
        Ok(kilobytes * 1_024)
    }

    fn proc_file(&self, name: &str) -> Result<String> {
        let path = format!("/proc/{}/{name}", self.child.id());
        std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))
    }

    /// Asks the process to end in order, and waits until it has.
    pub fn end(&mut self) -> Result<()> {
        let pid = self.child.id().to_string();
        crate::process::run(Command::new("kill").args(["-TERM", &pid]))?;
        self.child.wait().map(drop).map_err(|error| format!("cannot wait for {pid}: {error}"))
    }

    pub fn stop(&mut self) {
        // A process that has ended by itself is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A free port of this machine.
pub fn free_address() -> Result<SocketAddr> {
    std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map_err(|error| format!("no free port: {error}"))
}
