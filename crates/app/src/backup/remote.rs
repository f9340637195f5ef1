//! A copy that the running process makes: asked for over HTTP, written to a file as it comes.

use super::Progress;
use crate::project::Project;
use crate::{secrets, world};
use mainstay_base::{Problem, Result};
use mainstay_engine::WholeFile;
use mainstay_engine::whole_file::of_io;
use mainstay_http::client::{self, Answer};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

/// The address of the process that serves a project, where nobody gives another: the one that it listens on.
pub fn default_url(project: &Project) -> Result<String> {
    let listen = &project.settings.server.listen;
    let unknown = |_| Problem::new("MS021", format!("`[server] listen` is `{listen}`"));
    let mut address: SocketAddr = listen.parse().map_err(unknown)?;
    if address.port() == 0 {
        return Err(Problem::new(
            "08001",
            "the settings do not tell on which port the running process listens",
        )
        .with_hint("pass its address, which it printed when it started: `--url http://127.0.0.1:PORT`"));
    }
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    Ok(format!("http://{address}"))
}

/// Asks for a copy and writes it; answers its bytes.
pub async fn fetch(project: &Project, url: &str, to: &Path, progress: &mut Progress) -> Result<u64> {
    // Before the other process works for nothing.
    let mut file = WholeFile::begin(to)?;
    let secret = secrets::secret(project, &world::machine())?;
    let key = secrets::keys(&secret)?.service_role;
    let asking = ask(url, &key);
    let mut answer = progress.beside(asking, "the running process makes its copy").await?;
    if answer.status() != 200 {
        return Err(refusal(url, answer).await);
    }
    let total = answer.length().ok_or_else(|| {
        unreachable_at(url, "its answer has no length").with_hint("is there another program at this address?")
    })?;
    let mut part =
        std::fs::OpenOptions::new().write(true).open(file.part()).map_err(|error| of_io(to, &error))?;
    let mut received = 0;
    while let Some(piece) = answer.piece().await {
        let piece = piece.map_err(|error| broken(url, received, total, &error))?;
        part.write_all(&piece).map_err(|error| of_io(to, &error))?;
        received += piece.len() as u64;
        progress.tell(|| format!("received {} of {}", super::size(received), super::size(total)));
    }
    if received != total {
        return Err(broken(url, received, total, "the connection was closed"));
    }
    let bytes = file.finish()?;
    file.keep();
    Ok(bytes)
}

async fn ask(url: &str, key: &str) -> Result<Answer> {
    let authority = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
    let Some(authority) = authority.filter(|rest| !rest.is_empty() && !rest.contains('/')) else {
        return Err(Problem::new("22023", format!("`{url}` is no address of a Mainstay process"))
            .with_hint("give the address that it listens on, on this machine: `http://127.0.0.1:54321`"));
    };
    client::get(authority, "/admin/v1/backup", key).await.map_err(|error| unreachable_at(url, &error))
}

fn unreachable_at(url: &str, why: &str) -> Problem {
    Problem::new("08001", format!("cannot ask the running process at {url} for a copy: {why}"))
        .with_hint("pass the address that it listens on with `--url`, or stop it and try again")
}

fn broken(url: &str, received: u64, total: u64, why: &str) -> Problem {
    let message = format!("the copy from {url} broke off after {received} of {total} bytes: {why}");
    Problem::new("08006", message).with_hint("look at the log of that process, and try again")
}

/// What the process answered instead of a copy.
async fn refusal(url: &str, mut answer: Answer) -> Problem {
    const READ_MAX: usize = 64 * 1024;
    let status = answer.status();
    let mut text = Vec::new();
    while let Some(Ok(piece)) = answer.piece().await {
        text.extend_from_slice(&piece);
        if text.len() > READ_MAX {
            break;
        }
    }
    let told: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    let part = |name: &str| told.get(name).and_then(|part| part.as_str()).map(str::to_owned);
    if matches!(status, 401 | 403 | 404 | 405) {
        let problem = unreachable_at(url, &format!("it answered {status}"));
        return problem
            .with_details(part("message").unwrap_or_default())
            .with_hint("does another application listen there? `--url` takes the address of this one");
    }
    let (Some(code), Some(message)) = (part("code"), part("message")) else {
        return unreachable_at(url, &format!("it answered {status}"));
    };
    let mut problem = Problem::new(code, message);
    if let Some(details) = part("details") {
        problem = problem.with_details(details);
    }
    if let Some(hint) = part("hint") {
        problem = problem.with_hint(hint);
    }
    problem
}
