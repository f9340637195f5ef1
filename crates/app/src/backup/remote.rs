//! A copy that the running process makes: asked for over HTTP, written to a file as it comes.

use super::Progress;
use crate::project::Project;
use crate::{secrets, world};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::{Request, Response, header};
use hyper_util::rt::TokioIo;
use mainstay_base::{Problem, Result};
use mainstay_engine::WholeFile;
use mainstay_engine::whole_file::of_io;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use tokio::net::TcpStream;

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
    let total = answer.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let total: u64 = total.and_then(|length| length.parse().ok()).ok_or_else(|| {
        unreachable_at(url, "its answer has no length").with_hint("is there another program at this address?")
    })?;
    let mut part =
        std::fs::OpenOptions::new().write(true).open(file.part()).map_err(|error| of_io(to, &error))?;
    let mut received = 0;
    while let Some(frame) = answer.body_mut().frame().await {
        let frame = frame.map_err(|error| broken(url, received, total, &error.to_string()))?;
        if let Ok(data) = frame.into_data() {
            part.write_all(&data).map_err(|error| of_io(to, &error))?;
            received += data.len() as u64;
            progress.tell(|| format!("received {} of {}", super::size(received), super::size(total)));
        }
    }
    if received != total {
        return Err(broken(url, received, total, "the connection was closed"));
    }
    let bytes = file.finish()?;
    file.keep();
    Ok(bytes)
}

async fn ask(url: &str, key: &str) -> Result<Response<Incoming>> {
    let authority = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
    let Some(authority) = authority.filter(|rest| !rest.is_empty() && !rest.contains('/')) else {
        return Err(Problem::new("22023", format!("`{url}` is no address of a Mainstay process"))
            .with_hint("give the address that it listens on, on this machine: `http://127.0.0.1:54321`"));
    };
    let address = if authority.rsplit_once(']').map_or(authority, |(_, port)| port).contains(':') {
        authority.to_owned()
    } else {
        format!("{authority}:80")
    };
    let failed = |error: String| unreachable_at(url, &error);
    let stream = TcpStream::connect(address).await.map_err(|error| failed(error.to_string()))?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(error.to_string()))?;
    // What goes wrong with the connection, the answer tells.
    tokio::spawn(connection);
    let request = Request::get("/admin/v1/backup")
        .header(header::HOST, authority)
        .header(header::AUTHORIZATION, format!("Bearer {key}"))
        .body(Empty::<Bytes>::new())
        .map_err(|error| failed(error.to_string()))?;
    sender.send_request(request).await.map_err(|error| failed(error.to_string()))
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
async fn refusal(url: &str, mut answer: Response<Incoming>) -> Problem {
    const READ_MAX: usize = 64 * 1024;
    let status = answer.status().as_u16();
    let mut text = Vec::new();
    while let Some(Ok(frame)) = answer.body_mut().frame().await {
        if let Ok(data) = frame.into_data() {
            text.extend_from_slice(&data);
        }
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
