//! Mainstay as a subject of the benchmark.

use super::bulk::{Export, Post};
use super::fixture::{self, DOCUMENTS_EACH, EXPORT_ROWS, Kind, MEMBERS, REPLIES_EACH, ROOMS, uuid};
use super::rest;
use super::server::{Server, free_address};
use super::{Fill, Subject, Workload};
use crate::process::{self, Result};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

pub struct Mainstay {
    binary: PathBuf,
}

const FUNCTION: &str = "
create function latest_messages(of_room uuid) returns setof messages language sql stable
  as 'select * from messages where room = of_room order by created_at desc limit 5';
-- Nobody signs in here: `bench policies` does.
grant select, insert, update on all tables in schema public to anon;
";

/// One row more than the workloads know: it is there when the seed is done.
const SEEDED: &str = "0190a000-000f-7000-8000-000000000000";

/// A binary that is built already, or this workspace's.
pub fn binary(given: Option<&str>) -> Result<PathBuf> {
    if let Some(given) = given {
        return Ok(PathBuf::from(given));
    }
    process::run(process::cargo().args(["build", "--release", "--package", "mainstay-cli"]))?;
    Ok(process::target().join("release/mainstay"))
}

impl Mainstay {
    pub fn new(binary: Option<&str>) -> Result<Mainstay> {
        self::binary(binary).map(|binary| Mainstay { binary })
    }

    fn seed(fill: Fill) -> String {
        let mut seed = String::new();
        for kind in Kind::ALL {
            let columns = match kind {
                Kind::Room => "name".to_owned(),
                Kind::Member => "name".to_owned(),
                Kind::Message => "room, author, body, created_at".to_owned(),
                Kind::Thread => "title".to_owned(),
                Kind::Reply => "thread, body".to_owned(),
                Kind::Document => "data".to_owned(),
            };
            let values = match kind {
                Kind::Room => "'Room ' || n".to_owned(),
                Kind::Member => "'Member ' || n".to_owned(),
                Kind::Message => format!(
                    "{}, {}, repeat('message ' || n || ' ', 12), timestamptz '2026-01-01 00:00:00+00' + n * interval '1 second'",
                    id(Kind::Room, &format!("n % {ROOMS}")),
                    id(Kind::Member, &format!("n % {MEMBERS}"))
                ),
                Kind::Thread => "'Thread ' || n".to_owned(),
                Kind::Reply => format!(
                    "{}, repeat('reply ' || n || ' ', 4)",
                    id(Kind::Thread, &format!("n / {REPLIES_EACH}"))
                ),
                Kind::Document => {
                    format!("jsonb_build_object('key', 'k' || n / {DOCUMENTS_EACH}, 'number', n)")
                }
            };
            let _ = writeln!(
                seed,
                "insert into {} (id, {columns}) select {}, {values} from generate_series(0, {}) as n;",
                kind.table(),
                id(kind, "n"),
                kind.rows() - 1
            );
        }
        if fill == Fill::Export {
            let _ = writeln!(
                seed,
                "insert into exported (id, name, amount, created_at) select n, 'Row ' || n, n * 0.25, \
                 timestamptz '2026-01-01 00:00:00+00' + n * interval '1 second' from generate_series(1, {EXPORT_ROWS}) as n;"
            );
        }
        let _ = writeln!(seed, "insert into threads (id, title) values ('{SEEDED}', 'the end of the seed');");
        seed
    }
}

/// An id in SQL, of a number in SQL.
fn id(kind: Kind, number: &str) -> String {
    format!("('{}' || lpad(to_hex({number}), 12, '0'))::uuid", &uuid(kind, 0)[..24])
}

impl Subject for Mainstay {
    fn name(&self) -> String {
        "Mainstay".to_owned()
    }

    fn durability(&self) -> &'static str {
        "fsync before the answer (synchronous = FULL, group commit)"
    }

    fn start(&mut self, scratch: &Path, fill: Fill) -> Result<Server> {
        let app = scratch.join("mainstay");
        let write =
            |path: &str, text: &str| std::fs::write(app.join(path), text).map_err(|error| error.to_string());
        std::fs::create_dir_all(app.join("migrations")).map_err(|error| error.to_string())?;
        let tables = fixture::tables("uuidv7()", "check (length(body) <= 4000)");
        write("migrations/1_chat.sql", &format!("{tables}{FUNCTION}"))?;
        write("seed.sql", &Mainstay::seed(fill))?;
        if matches!(fill, Fill::Export) {
            // The default stops at 1,000 rows.
            write("mainstay.toml", "[rest]\nrows_max = 0\n")?;
        }
        let address = free_address()?;
        let listen = address.to_string();
        let command = |verb: &str| {
            let mut command = Command::new(&self.binary);
            command.arg(verb).arg(&app).args(["--listen", &listen]);
            command
        };
        // Once to fill the data directory, then again so that the start is the one of every day.
        let mut first = Server::start(&mut command("dev"), address, "/rest/v1/rooms?limit=1")?;
        wait_for_row(&format!("{}/rest/v1/threads?select=id&id=eq.{SEEDED}", first.url), None)?;
        first.end()?;
        Server::start(&mut command("serve"), address, "/rest/v1/rooms?limit=1")
    }

    fn script(&self, workload: Workload) -> Option<String> {
        rest::script(workload)
    }

    fn bulk_insert(&self, first: usize) -> Option<Post> {
        Some(rest::bulk_insert(first))
    }

    fn exports(&self) -> Vec<Export> {
        rest::exports()
    }
}

/// The server answers while it still seeds: the last row of the seed tells that it is done.
pub fn wait_for_row(url: &str, token: Option<&str>) -> Result<()> {
    for _ in 0..6_000 {
        let mut request = ureq::get(url);
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let body = request.call().and_then(|mut answer| answer.body_mut().read_to_string());
        if body.is_ok_and(|body| body.len() > 2) {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    Err("the seed did not end within 300 s".to_owned())
}
