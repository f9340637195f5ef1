//! PostgreSQL as the oracle: a private cluster in a temporary folder, reachable through a socket in it alone, asked
//! through `psql`.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// A running cluster; stopped and removed at the end.
pub struct Cluster {
    folder: tempfile::TempDir,
    binaries: PathBuf,
    /// PostgreSQL refuses to run as root: then everything runs as the user `postgres` of the Debian package.
    as_postgres: bool,
}

/// What a statement gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Column types, then rows; `None` is NULL.
    Rows {
        types: Vec<String>,
        rows: Vec<Vec<Option<String>>>,
    },
    Failed(Failure),
}

/// What a statement did within a transaction that was taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acted {
    pub rows: Vec<Vec<Option<String>>>,
    /// How many rows it returned or affected.
    pub count: u64,
    /// The rows of each query that looked at the outcome.
    pub after: Vec<Vec<Vec<Option<String>>>>,
}

/// An error: SQLSTATE, message and the line `DETAIL`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub code: String,
    pub message: String,
    pub details: Option<String>,
}

impl Cluster {
    /// Starts a cluster with the C collation for UTF-8 and the time zone UTC. Panics with what is missing.
    pub fn start() -> Cluster {
        let binaries = (14..=18)
            .rev()
            .filter(|version| *version != 15)
            .fold(vec![15], |mut order, version| {
                order.push(version);
                order
            })
            .into_iter()
            .map(|version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin")))
            .find(|path| path.join("initdb").exists())
            .expect(
                "PostgreSQL is not installed: `cargo xtask test` installs it (Debian package postgresql-15)",
            );
        let as_postgres = run("id", &["-u"]).trim() == "0";
        let folder = tempfile::tempdir().expect("a temporary folder");
        if as_postgres {
            run("chown", &["postgres", &folder.path().display().to_string()]);
        }
        let cluster = Cluster { folder, binaries, as_postgres };
        let data = cluster.data();
        cluster.tool(
            "initdb",
            &["-D", &data, "--locale=C.UTF-8", "-E", "UTF8", "-A", "trust", "-U", "postgres"],
        );
        let options = format!(
            "-c listen_addresses='' -c unix_socket_directories='{}' -c fsync=off -c timezone=UTC -c max_connections=20",
            cluster.folder.path().display()
        );
        let log = cluster.folder.path().join("log").display().to_string();
        cluster.tool("pg_ctl", &["-D", &data, "-o", &options, "-l", &log, "-w", "start"]);
        cluster
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    fn command(&self, program: &str) -> Command {
        let path = self.binaries.join(program);
        if !self.as_postgres {
            return Command::new(path);
        }
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(path);
        command
    }

    fn tool(&self, program: &str, arguments: &[&str]) {
        let output = self
            .command(program)
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            // pg_ctl leaves a server behind that would keep a pipe open.
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        let status = output.unwrap_or_else(|error| panic!("cannot run {program}: {error}"));
        assert!(status.success(), "{program} failed: {status}; see {}", self.folder.path().display());
    }

    /// A new, empty database and a session in it.
    pub fn database(&self, name: &str) -> Session {
        let socket = self.folder.path();
        let host = socket.display().to_string();
        self.tool("createdb", &["-h", &host, "-U", "postgres", name]);
        Session::open(&self.binaries.join("psql"), socket, name)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let data = self.data();
        let _ = self
            .command("pg_ctl")
            .args(["-D", &data, "-m", "immediate", "-w", "stop"])
            .current_dir(self.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("cannot run {program}: {error}"));
    assert!(output.status.success(), "{program} failed");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// One `psql` that stays open.
pub struct Session {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

const FIELD: char = '\u{1f}';
const RECORD: char = '\u{1e}';
const NULL: &str = "\u{2}";
const END: &str = "\u{3}end\u{3}";
const MARK: &str = "\u{4}";

impl Session {
    fn open(psql: &Path, socket: &Path, database: &str) -> Session {
        let script =
            format!("exec {} -X -q -h {} -U postgres {database} 2>&1", psql.display(), socket.display());
        let mut child = Command::new("sh")
            .args(["-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("psql starts");
        let input = child.stdin.take().expect("stdin");
        let output = BufReader::new(child.stdout.take().expect("stdout"));
        let mut session = Session { child, input, output };
        let setup = format!(
            "\\set VERBOSITY verbose\n\\pset pager off\n\\pset format unaligned\n\\pset tuples_only on\n\\pset fieldsep '{FIELD}'\n\\pset recordsep '{RECORD}'\n\\pset null '{NULL}'\nset client_min_messages = error;\n"
        );
        session.ask(&setup);
        session
    }

    fn ask(&mut self, text: &str) -> String {
        self.input.write_all(format!("{text}\n\\echo '{END}'\n").as_bytes()).expect("psql reads");
        self.input.flush().expect("psql reads");
        let mut answer = Vec::new();
        loop {
            let before = answer.len();
            let read = self.output.read_until(b'\n', &mut answer).expect("psql answers");
            assert!(read > 0, "psql ended: {}", String::from_utf8_lossy(&answer));
            if String::from_utf8_lossy(&answer[before..]).contains(END) {
                let text = String::from_utf8_lossy(&answer).into_owned();
                return text.split(END).next().unwrap_or_default().to_owned();
            }
        }
    }

    /// Runs statements; the first error is the result.
    pub fn execute(&mut self, statements: &str) -> Result<(), Failure> {
        match failure(&self.ask(&format!("{statements}\n;"))) {
            Some(failed) => Err(failed),
            None => Ok(()),
        }
    }

    /// Runs one statement in a transaction that begins with `prelude` and is taken back, and looks at the outcome with
    /// the queries of `after` as the user of the session.
    pub fn act(&mut self, prelude: &str, statement: &str, after: &[&str]) -> Result<Acted, Failure> {
        let looks: String = after.iter().map(|query| format!("{query};\n\\echo '{MARK}'\n")).collect();
        let answer = self.ask(&format!(
            "begin;\n{prelude};\n\\echo '{MARK}'\n{statement};\n\\echo '{MARK}' :ROW_COUNT '{MARK}'\nreset role;\n{looks}rollback;"
        ));
        if let Some(failed) = failure(&answer) {
            return Err(failed);
        }
        let mut parts = answer.split(MARK).skip(1).map(|part| part.strip_prefix('\n').unwrap_or(part));
        let rows = records(parts.next().unwrap_or_default());
        let count = parts.next().and_then(|count| count.trim().parse().ok()).expect("psql counts rows");
        let after = parts.take(after.len()).map(records).collect();
        Ok(Acted { rows, count, after })
    }

    /// Runs one query: types as `format_type` names them, values in text form.
    pub fn query(&mut self, query: &str) -> Outcome {
        let query = query.trim().trim_end_matches(';');
        let described = self.ask(&format!("{query} \\gdesc"));
        if let Some(failed) = failure(&described) {
            return Outcome::Failed(failed);
        }
        let types =
            records(&described).into_iter().filter_map(|row| row.into_iter().nth(1).flatten()).collect();
        let answer = self.ask(&format!("{query};"));
        match failure(&answer) {
            Some(failed) => Outcome::Failed(failed),
            None => Outcome::Rows { types, rows: records(&answer) },
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn records(answer: &str) -> Vec<Vec<Option<String>>> {
    // No row prints nothing; one row of one empty text prints the end of its line.
    if answer.is_empty() {
        return Vec::new();
    }
    let answer = answer.strip_suffix('\n').unwrap_or(answer);
    let field = |text: &str| (text != NULL).then(|| text.to_owned());
    answer.split(RECORD).map(|record| record.split(FIELD).map(field).collect()).collect()
}

/// `ERROR:  22012: division by zero`
fn failure(answer: &str) -> Option<Failure> {
    let line = answer.lines().find_map(|line| line.split_once("ERROR:  ").map(|(_, rest)| rest))?;
    let (code, message) = line.split_once(": ")?;
    let details = answer.lines().find_map(|line| line.strip_prefix("DETAIL:  ")).map(str::to_owned);
    (code.len() == 5).then(|| Failure { code: code.to_owned(), message: message.to_owned(), details })
}
