//! A real `mainstay` process on a free port, with an application in a temporary folder, and a client for it.
#![allow(dead_code, reason = "each test file uses its own part")]

use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long anything may take before a test gives up. Waiting ends as soon as what is waited for is there.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mainstay"));
    command.env("NO_COLOR", "1");
    command
}

pub fn shop() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/shop")
}

/// A folder with an application, removed at the end.
pub struct App {
    folder: TempDir,
}

impl App {
    pub fn empty() -> App {
        let app = App { folder: tempfile::tempdir().expect("a temporary folder") };
        std::fs::create_dir(app.path().join("migrations")).expect("a migrations folder");
        app.write("mainstay.toml", "");
        app
    }

    /// An application with the privileges that a project has by itself.
    pub fn guarded(migration: &str) -> App {
        let app = App::with(migration);
        std::fs::remove_file(app.path().join("mainstay.toml")).expect("removes");
        app
    }

    pub fn with(migration: &str) -> App {
        let app = App::empty();
        app.write("migrations/1_init.sql", migration);
        app
    }

    /// A copy of the example shop.
    pub fn shop() -> App {
        let app = App::empty();
        for entry in std::fs::read_dir(shop().join("migrations")).expect("the shop's migrations") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name");
            std::fs::copy(&path, app.path().join("migrations").join(name)).expect("copies");
        }
        std::fs::copy(shop().join("seed.sql"), app.path().join("seed.sql")).expect("copies");
        app
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Settings open every table to every role: these tests are about something else than privileges.
    pub fn write(&self, path: &str, text: &str) {
        let open = "[auth]\ndefault_privileges = \"all\"\n";
        let text = match path {
            "mainstay.toml" if text.contains("[auth]\n") => text.replacen("[auth]\n", open, 1),
            "mainstay.toml" => format!("{text}\n{open}"),
            _ => text.to_owned(),
        };
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("makes the folder");
        std::fs::write(path, text).expect("writes");
    }

    /// Starts `mainstay dev` and waits for its banner.
    pub fn dev(&self) -> Server {
        self.start(&["dev"])
    }

    pub fn serve(&self) -> Server {
        self.start(&["serve"])
    }

    pub fn start(&self, words: &[&str]) -> Server {
        Server::start(binary().args(words).arg(self.path()).args(["--listen", "127.0.0.1:0"]))
    }

    /// Runs a command that ends by itself: exit code, standard output, standard error.
    pub fn run(&self, words: &[&str]) -> (i32, String, String) {
        run(binary().args(words).current_dir(self.path()))
    }
}

pub fn run(command: &mut Command) -> (i32, String, String) {
    let output = command.stdin(Stdio::null()).output().expect("runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

pub struct Server {
    child: Child,
    pub url: String,
    lines: mpsc::Receiver<String>,
    seen: Vec<String>,
    pub anon: String,
    pub service_role: String,
}

impl Server {
    pub fn start(command: &mut Command) -> Server {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("mainstay starts");
        let (sender, lines) = mpsc::channel();
        let out = child.stdout.take().expect("stdout");
        let errors = child.stderr.take().expect("stderr");
        for stream in [Box::new(out) as Box<dyn Read + Send>, Box::new(errors)] {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        return;
                    }
                }
            });
        }
        let mut server = Server {
            child,
            url: String::new(),
            lines,
            seen: Vec::new(),
            anon: String::new(),
            service_role: String::new(),
        };
        server.url = server.wait_for("http://");
        if command.get_args().any(|word| word == "dev") {
            let word = |line: String| line.split_whitespace().nth(1).unwrap_or_default().to_owned();
            server.anon = word(server.wait_for("  anon "));
            server.service_role = word(server.wait_for("  service_role "));
        }
        server
    }

    /// The next line (of either stream) that starts with or contains the words.
    #[track_caller]
    pub fn wait_for(&mut self, words: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line.contains(words) {
                        return line;
                    }
                }
                Err(_) => panic!("no line with `{words}`; the process said:\n{}", self.seen.join("\n")),
            }
        }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], None)
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[("prefer", "return=representation")], Some(body.to_string().as_bytes()))
    }

    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Answer {
        send(&self.url, method, path, headers, body)
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL: no farewell.
    pub fn kill(&mut self) {
        self.child.kill().expect("kills");
        self.child.wait().expect("waits");
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([format!("-{name}"), self.child.id().to_string()]).status();
        assert!(status.expect("kill runs").success());
    }

    pub fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.child.wait().expect("waits")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

pub fn send(url: &str, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Answer {
    try_send(url, method, path, headers, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
}

/// Bytes as they are, and the status that answers them (0 where the connection just closes).
pub fn raw(url: &str, request: &str) -> (u16, String) {
    let address = url.trim_start_matches("http://");
    let mut stream = std::net::TcpStream::connect(address).expect("connects");
    stream.set_read_timeout(Some(PATIENCE)).expect("sets a timeout");
    // The server may refuse before it has read all.
    let _ = std::io::Write::write_all(&mut stream, request.as_bytes());
    let mut bytes = vec![0; 64 * 1024];
    let read = stream.read(&mut bytes).unwrap_or(0);
    let text = String::from_utf8_lossy(&bytes[..read]).into_owned();
    (text.split_whitespace().nth(1).and_then(|word| word.parse().ok()).unwrap_or(0), text)
}

/// As [`send`], for a server that may go away meanwhile.
pub fn try_send(
    url: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&[u8]>,
) -> Result<Answer, ureq::Error> {
    let mut request = ureq::http::Request::builder().method(method).uri(format!("{url}{path}"));
    if body.is_some() && !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
        request = request.header("content-type", "application/json");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let agent = ureq::Agent::new_with_config(
        ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .timeout_global(Some(PATIENCE))
            .build(),
    );
    let mut answer = match body {
        Some(body) => agent.run(request.body(body)?)?,
        None => agent.run(request.body(())?)?,
    };
    let headers = answer
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let status = answer.status().as_u16();
    let body = answer.body_mut().with_config().limit(64 * 1024 * 1024).read_to_vec()?;
    Ok(Answer { status, headers, body })
}
