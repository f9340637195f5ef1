//! Mainstay as a subject of the benchmark.

use super::server::{Server, free_address};
use super::{MEMBERS, MESSAGES, ROOMS, Subject, Workload};
use crate::process::{self, Result};
use std::path::{Path, PathBuf};
use std::process::Command;

pub struct Mainstay {
    binary: PathBuf,
    keys: Vec<String>,
}

const MIGRATION: &str = "
create table rooms (id uuid primary key default uuidv7(), name text not null);
create table members (id uuid primary key default uuidv7(), name text not null);
create table messages (
  id uuid primary key default uuidv7(),
  room uuid not null references rooms (id) on delete cascade,
  author uuid not null references members (id) on delete cascade,
  body text not null check (length(body) <= 4000),
  created_at timestamptz not null default now()
);
create index on messages (room, created_at desc);
create index on messages (author);
";

/// Ids that the load generator can name without asking first.
pub fn uuid(kind: usize, number: usize) -> String {
    format!("0190a000-000{kind}-7000-8000-{number:012x}")
}

impl Mainstay {
    pub fn build() -> Result<Mainstay> {
        process::run(process::cargo().args(["build", "--release", "--package", "mainstay-cli"]))?;
        let keys = (0..MESSAGES).step_by(20).map(|number| uuid(3, number)).collect();
        Ok(Mainstay { binary: process::target().join("release/mainstay"), keys })
    }

    fn seed() -> String {
        format!(
            "insert into rooms (id, name) select ('0190a000-0001-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'Room ' || n from generate_series(0, {}) as n;
             insert into members (id, name) select ('0190a000-0002-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'Member ' || n from generate_series(0, {}) as n;
             insert into messages (id, room, author, body, created_at)
             select ('0190a000-0003-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
                    ('0190a000-0001-7000-8000-' || lpad(to_hex(n % {ROOMS}), 12, '0'))::uuid,
                    ('0190a000-0002-7000-8000-' || lpad(to_hex(n % {MEMBERS}), 12, '0'))::uuid,
                    repeat('message ' || n || ' ', 12), timestamptz '2026-01-01 00:00:00+00' + n * interval '1 second'
             from generate_series(0, {}) as n;",
            ROOMS - 1,
            MEMBERS - 1,
            MESSAGES - 1
        )
    }
}

impl Subject for Mainstay {
    fn name(&self) -> String {
        "Mainstay".to_owned()
    }

    fn durability(&self) -> &'static str {
        "fsync before the answer (synchronous = FULL, group commit)"
    }

    fn start(&mut self, scratch: &Path) -> Result<Server> {
        let app = scratch.join("mainstay");
        let write =
            |path: &str, text: &str| std::fs::write(app.join(path), text).map_err(|error| error.to_string());
        std::fs::create_dir_all(app.join("migrations")).map_err(|error| error.to_string())?;
        write("migrations/1_chat.sql", MIGRATION)?;
        write("seed.sql", &Mainstay::seed())?;
        let address = free_address()?;
        let listen = address.to_string();
        // Once to fill the data directory, then again so that the start is the one of every day.
        let mut first = Server::start(
            Command::new(&self.binary).arg("dev").arg(&app).args(["--listen", &listen]),
            address,
            "/rest/v1/rooms?limit=1",
        )?;
        wait_for_seed(&first.url)?;
        first.stop();
        Server::start(
            Command::new(&self.binary).arg("serve").arg(&app).args(["--listen", &listen]),
            address,
            "/rest/v1/rooms?limit=1",
        )
    }

    fn script(&self, workload: Workload) -> Result<String> {
        let room = uuid(1, 0);
        let base = room.rsplit_once('-').map_or("", |(base, _)| base).to_owned();
        let member = base.replacen("0001", "0002", 1);
        Ok(match workload {
            Workload::Insert => format!(
                "local n = 0\nlocal body = string.rep('a message of the benchmark ', 8)\n\
                 function request()\n  n = n + 1\n  return wrk.format('POST', '/rest/v1/messages', {{['Content-Type'] = 'application/json'}},\n    \
                 string.format('{{\"room\":\"{base}-%012x\",\"author\":\"{member}-%012x\",\"body\":\"%s\"}}', n % {ROOMS}, n % {MEMBERS}, body))\nend\n"
            ),
            Workload::ReadByKey => format!(
                "local keys = {{'{}'}}\nlocal n = 0\nfunction request()\n  n = n + 1\n  return wrk.format('GET', '/rest/v1/messages?id=eq.' .. keys[n % #keys + 1])\nend\n",
                self.keys.join("','")
            ),
            Workload::List => list(&base, ""),
            Workload::ListWithEmbed => list(&base, "&select=*,members(*)"),
        })
    }
}

/// The server answers while it still seeds: the last row of the seed tells that it is done.
fn wait_for_seed(url: &str) -> Result<()> {
    let last = format!("{url}/rest/v1/messages?select=id&id=eq.{}", uuid(3, MESSAGES - 1));
    for _ in 0..600 {
        let body = ureq::get(&last).call().and_then(|mut answer| answer.body_mut().read_to_string());
        if body.is_ok_and(|body| body.len() > 2) {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    Err("the seed did not end within 30 s".to_owned())
}

fn list(base: &str, rest: &str) -> String {
    format!(
        "local n = 0\nfunction request()\n  n = n + 1\n  return wrk.format('GET', string.format('/rest/v1/messages?room=eq.{base}-%012x&order=created_at.desc&limit=20{rest}', n % {ROOMS}))\nend\n"
    )
}
