//! Mainstay with row policies, its users signed in through `/auth/v1`.

use super::super::CONNECTIONS;
use super::super::mainstay::{binary, wait_for_row};
use super::super::server::{Server, free_address};
use super::{NOTES, OWNERS, PASSWORD, ROOMS, Subject, USERS, Workload, lua_list};
use crate::process::Result;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

pub struct Mainstay {
    binary: PathBuf,
}

/// Limits against guessing are for people; a load generator is one address.
const SETTINGS: &str = "[auth]\njwt_secret = \"a secret of the benchmark, for nothing else\"\nattempts_per_address_max = 0\nattempts_per_account_max = 0\n";

const TABLES: &str = "
create table rooms (id uuid primary key default uuidv7(), name text not null);
create table members (
  room uuid not null references rooms (id) on delete cascade,
  member uuid not null references auth.users (id) on delete cascade,
  primary key (member, room)
);
create index members_room on members (room);
create table messages (
  id uuid primary key default uuidv7(),
  room uuid not null references rooms (id) on delete cascade,
  author uuid not null default auth.uid() references auth.users (id) on delete cascade,
  body text not null check (length(body) <= 4000),
  created_at timestamptz not null default now()
);
create index messages_room on messages (room, created_at desc);
create index messages_author on messages (author);
create table notes (
  id bigint primary key,
  owner uuid not null,
  body text not null,
  created_at timestamptz not null default now()
);
create index notes_owner on notes (owner, created_at desc);

alter table rooms enable row level security;
alter table members enable row level security;
alter table messages enable row level security;
alter table notes enable row level security;
create policy rooms_read on rooms for select to authenticated using (true);
create policy members_own on members for select to authenticated using (member = auth.uid());
create policy messages_write on messages for insert to authenticated with check (
  author = auth.uid()
  and exists (select 1 from members where members.room = messages.room and members.member = auth.uid()));
create policy notes_own on notes for select to authenticated using (owner = auth.uid());
create view last_room as select * from rooms;
grant select on last_room to anon;
create view all_notes as select * from notes;
grant select on all_notes to authenticated;
";

/// More than requests under way, so that each refreshes a session of its own.
const SESSIONS: usize = 2 * CONNECTIONS as usize;
const USER: &str = "0190a000-0001-7000-8000-";
const ROOM: &str = "0190a000-0002-7000-8000-";
const LAST_ROOM: &str = "0190a000-0002-7000-8000-ffffffffffff";

fn email(user: usize) -> String {
    format!("user{user}@example.com")
}

fn seed() -> String {
    let id = |prefix: &str, number: &str| format!("('{prefix}' || lpad(to_hex({number}), 12, '0'))::uuid");
    let (user, room) = (id(USER, "n"), id(ROOM, "n"));
    let mut seed = format!(
        "insert into auth.users (id, aud, role, email, encrypted_password, email_confirmed_at, raw_app_meta_data, raw_user_meta_data)
  select {user}, 'authenticated', 'authenticated', 'user' || n || '@example.com', hash.value, now(),
    '{{\"provider\":\"email\",\"providers\":[\"email\"]}}', '{{}}'
  from generate_series(0, {}) as n, (select crypt('{PASSWORD}', gen_salt('bf', 4)) as value) as hash;
insert into rooms (id, name) select {room}, 'Room ' || n from generate_series(0, {}) as n;
insert into members (room, member) select r.id, u.id from rooms r, auth.users u;
insert into notes (id, owner, body, created_at)
  select n, {}, repeat('note ' || n || ' ', 10), timestamptz '2026-01-01 00:00:00+00' + n * interval '1 second'
  from generate_series(1, {NOTES}) as n;
",
        USERS - 1,
        ROOMS - 1,
        id(USER, &format!("n % {OWNERS}")),
    );
    let _ = writeln!(seed, "insert into rooms (id, name) values ('{LAST_ROOM}', 'the end of the seed');");
    seed
}

impl Mainstay {
    pub fn new(given: Option<&str>) -> Result<Mainstay> {
        Ok(Mainstay { binary: binary(given)? })
    }
}

/// What signing in gives.
struct Tokens {
    access: String,
    refresh: String,
}

fn sign_in(server: &Server, user: usize) -> Result<Tokens> {
    let url = format!("{}/auth/v1/token?grant_type=password", server.url);
    let mut answer = ureq::post(&url)
        .config()
        .http_status_as_error(false)
        .build()
        .send_json(json!({"email": email(user), "password": PASSWORD}))
        .map_err(|error| format!("{url}: {error}"))?;
    let body: Value = answer.body_mut().read_json().map_err(|error| format!("{url}: {error}"))?;
    match (body["access_token"].as_str(), body["refresh_token"].as_str()) {
        (Some(access), Some(refresh)) => {
            Ok(Tokens { access: access.to_owned(), refresh: refresh.to_owned() })
        }
        _ => Err(format!("{url}: {}: {body}", answer.status())),
    }
}

/// Sessions of the users in turn, as a list of Lua's.
fn all(server: &Server, pick: fn(Tokens) -> String, count: usize) -> Result<String> {
    let token = |number: usize| sign_in(server, number % USERS).map(pick);
    (0..count).map(token).collect::<Result<Vec<String>>>().map(|tokens| lua_list(&tokens))
}

/// A script whose requests carry the users' tokens in turn; `request` is a call of `wrk.format` without its end.
fn as_users(server: &Server, headers: &str, request: &str) -> Result<String> {
    let tokens = all(server, |tokens| tokens.access, USERS)?;
    Ok(format!(
        "local tokens = {tokens}\nlocal headers = {{}}\n\
         for index, token in ipairs(tokens) do headers[index] = {{['Authorization'] = 'Bearer ' .. token{headers}}} end\n\
         local n = 0\nlocal body = string.rep('a message of the benchmark ', 8)\n\
         function request()\n  n = n + 1\n  local user = n % {USERS}\n  return {request}\nend\n"
    ))
}

impl Subject for Mainstay {
    fn name(&self) -> &'static str {
        "Mainstay"
    }

    fn start(&mut self, scratch: &Path) -> Result<Server> {
        let app = scratch.join("mainstay");
        let write =
            |path: &str, text: &str| std::fs::write(app.join(path), text).map_err(|error| error.to_string());
        std::fs::create_dir_all(app.join("migrations")).map_err(|error| error.to_string())?;
        write("migrations/1_notes.sql", TABLES)?;
        write("seed.sql", &seed())?;
        write("mainstay.toml", SETTINGS)?;
        let address = free_address()?;
        let listen = address.to_string();
        let command = |verb: &str| {
            let mut command = Command::new(&self.binary);
            command.arg(verb).arg(&app).args(["--listen", &listen]);
            command
        };
        let mut first = Server::start(&mut command("dev"), address, "/health")?;
        let last = format!("{}/rest/v1/last_room?select=id&id=eq.{LAST_ROOM}", first.url);
        wait_for_row(&last, None)?;
        first.end()?;
        Server::start(&mut command("serve"), address, "/health")
    }

    fn script(&self, server: &Server, workload: Workload) -> Result<Option<String>> {
        Ok(Some(match workload {
            Workload::ReadOwn => as_users(
                server,
                "",
                // Note `m` is of owner `m % OWNERS`.
                &format!(
                    "wrk.format('GET', string.format('/rest/v1/notes?id=eq.%d', (n * 20 % 990 + 1) * {OWNERS} + user), headers[user + 1])"
                ),
            )?,
            Workload::InsertAsMember => as_users(
                server,
                ", ['Content-Type'] = 'application/json'",
                &format!(
                    "wrk.format('POST', '/rest/v1/messages', headers[user + 1], string.format('{{\"room\":\"{ROOM}%012x\",\"body\":\"%s\"}}', n % {ROOMS}, body))"
                ),
            )?,
            Workload::ListOwn => as_users(
                server,
                "",
                "wrk.format('GET', '/rest/v1/notes?order=created_at.desc&limit=20', headers[user + 1])",
            )?,
            Workload::ListUnbound => as_users(
                server,
                "",
                &format!(
                    "wrk.format('GET', string.format('/rest/v1/all_notes?owner=eq.{USER}%012x&order=created_at.desc&limit=20', user), headers[user + 1])"
                ),
            )?,
            Workload::Refresh => format!(
                "local tokens = {}\nlocal headers = {{['Content-Type'] = 'application/json'}}\nlocal n = 0\n\
                 function request()\n  n = n + 1\n  local token = table.remove(tokens, 1) or ''\n  \
                 return wrk.format('POST', '/auth/v1/token?grant_type=refresh_token', headers, '{{\"refresh_token\":\"' .. token .. '\"}}')\nend\n\
                 function response(status, headers, body)\n  table.insert(tokens, string.match(body, '\"refresh_token\":\"([^\"]+)\"'))\nend\n",
                all(server, |tokens| tokens.refresh, SESSIONS)?
            ),
            Workload::SignIn => format!(
                "local headers = {{['Content-Type'] = 'application/json'}}\nlocal n = 0\n\
                 function request()\n  n = n + 1\n  return wrk.format('POST', '/auth/v1/token?grant_type=password', headers, \
                 string.format('{{\"email\":\"user%d@example.com\",\"password\":\"{PASSWORD}\"}}', n % {USERS}))\nend\n"
            ),
        }))
    }
}
