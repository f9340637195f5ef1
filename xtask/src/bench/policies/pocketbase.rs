//! PocketBase with the equivalent rules.

use super::super::fill_sqlite;
use super::super::pocketbase::{PocketBase as Installed, post, superuser};
use super::super::server::{Server, free_address};
use super::{NOTES, OWNERS, PASSWORD, ROOMS, Subject, USERS, Workload, lua_list};
use crate::process::{self, Result};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

pub struct PocketBase {
    binary: PathBuf,
}

impl PocketBase {
    pub fn install(scratch: &Path) -> Result<PocketBase> {
        Installed::install(scratch).map(|installed| PocketBase { binary: installed.binary })
    }
}

fn user_id(number: usize) -> String {
    format!("u{number:014}")
}

fn room_id(number: usize) -> String {
    format!("r{number:014}")
}

fn email(user: usize) -> String {
    format!("user{user}@example.com")
}

/// Its own words for: members write as themselves into their rooms, owners see their notes.
fn collections(url: &str, token: &str) -> Result<()> {
    let make = |body: Value| post(&format!("{url}/api/collections"), token, &body);
    let users: Value = ureq::get(format!("{url}/api/collections/users"))
        .header("Authorization", token)
        .call()
        .and_then(|mut answer| answer.body_mut().read_json())
        .map_err(|error| format!("users: {error}"))?;
    let relation = |name: &str, target: &Value| json!({"name": name, "type": "relation", "required": true, "maxSelect": 1, "cascadeDelete": true, "collectionId": target["id"]});
    let text = |name: &str| json!({"name": name, "type": "text", "required": true});
    let signed_in = "@request.auth.id != ''";
    let rooms = make(json!({
        "name": "rooms", "type": "base", "fields": [text("name")], "listRule": signed_in, "viewRule": signed_in
    }))?;
    make(json!({
        "name": "members", "type": "base", "fields": [relation("room", &rooms), relation("member", &users)],
        "indexes": ["CREATE UNIQUE INDEX by_member ON members (member, room)", "CREATE INDEX by_member_room ON members (room)"],
        "listRule": "member = @request.auth.id", "viewRule": "member = @request.auth.id"
    }))?;
    make(json!({
        "name": "messages", "type": "base",
        "fields": [relation("room", &rooms), relation("author", &users), text("body"),
            {"name": "created_at", "type": "autodate", "onCreate": true}],
        "indexes": ["CREATE INDEX by_room ON messages (room, created_at DESC)", "CREATE INDEX by_author ON messages (author)"],
        "createRule": "author = @request.auth.id && @collection.members.member ?= @request.auth.id && @collection.members.room ?= room"
    }))?;
    make(json!({
        "name": "notes", "type": "base",
        "fields": [text("owner"), text("body"), {"name": "created_at", "type": "date"}],
        "indexes": ["CREATE INDEX by_owner ON notes (owner, created_at DESC)"],
        "listRule": "owner = @request.auth.id", "viewRule": "owner = @request.auth.id"
    }))
    .map(drop)
}

fn fill(url: &str, token: &str) -> Result<()> {
    let create = |collection: &str, body: &Value| {
        post(&format!("{url}/api/collections/{collection}/records"), token, body)
    };
    for user in 0..USERS {
        create(
            "users",
            &json!({"id": user_id(user), "email": email(user), "password": PASSWORD, "passwordConfirm": PASSWORD, "verified": true}),
        )?;
    }
    for room in 0..ROOMS {
        create("rooms", &json!({"id": room_id(room), "name": format!("Room {room}")}))?;
        for user in 0..USERS {
            create("members", &json!({"room": room_id(room), "member": user_id(user)}))?;
        }
    }
    Ok(())
}

impl PocketBase {
    fn tokens(server: &Server) -> Result<String> {
        let url = format!("{}/api/collections/users/auth-with-password", server.url);
        let sign_in = |user: usize| -> Result<String> {
            let answer = post(&url, "", &json!({"identity": email(user), "password": PASSWORD}))?;
            Ok(answer["token"].as_str().unwrap_or_default().to_owned())
        };
        (0..USERS).map(sign_in).collect::<Result<Vec<String>>>().map(|tokens| lua_list(&tokens))
    }

    fn as_users(server: &Server, headers: &str, request: &str) -> Result<String> {
        let tokens = PocketBase::tokens(server)?;
        Ok(format!(
            "local tokens = {tokens}\nlocal headers = {{}}\n\
             for index, token in ipairs(tokens) do headers[index] = {{['Authorization'] = token{headers}}} end\n\
             local n = 0\nlocal body = string.rep('a message of the benchmark ', 8)\n\
             function request()\n  n = n + 1\n  local user = n % {USERS}\n  return {request}\nend\n"
        ))
    }
}

impl Subject for PocketBase {
    fn name(&self) -> &'static str {
        "PocketBase 0.40.6"
    }

    fn start(&mut self, scratch: &Path) -> Result<Server> {
        let data = scratch.join("pb_data");
        std::fs::create_dir_all(scratch).map_err(|error| error.to_string())?;
        let address = free_address()?;
        let dir = format!("--dir={}", data.display());
        let serve = || {
            let mut command = Command::new(&self.binary);
            command.args(["serve", &format!("--http={address}"), &dir]);
            command
        };
        process::run(&mut superuser(&self.binary, &dir))?;
        let mut first = Server::start(&mut serve(), address, "/api/health")?;
        let token = Installed::sign_in(&first.url)?;
        collections(&first.url, &token)?;
        fill(&first.url, &token)?;
        first.stop();
        let row = format!(
            "select printf('n%014d', n), printf('u%014d', n % {OWNERS}), 'note ' || n, strftime('%Y-%m-%d %H:%M:%fZ', 1767225600 + n, 'unixepoch') from numbers"
        );
        fill_sqlite(
            &data.join("data.db"),
            &format!("insert into notes (id, owner, body, created_at) {row}"),
            NOTES,
        )?;
        Server::start(&mut serve(), address, "/api/health")
    }

    fn script(&self, server: &Server, workload: Workload) -> Result<Option<String>> {
        let records = "/api/collections";
        Ok(Some(match workload {
            Workload::ReadOwn => PocketBase::as_users(
                server,
                "",
                &format!(
                    "wrk.format('GET', string.format('{records}/notes/records/n%014d', (n * 20 % 990 + 1) * {OWNERS} + user), headers[user + 1])"
                ),
            )?,
            Workload::InsertAsMember => PocketBase::as_users(
                server,
                ", ['Content-Type'] = 'application/json'",
                &format!(
                    "wrk.format('POST', '{records}/messages/records', headers[user + 1], string.format('{{\"room\":\"r%014d\",\"author\":\"u%014d\",\"body\":\"%s\"}}', n % {ROOMS}, user, body))"
                ),
            )?,
            Workload::ListOwn => PocketBase::as_users(
                server,
                "",
                &format!(
                    "wrk.format('GET', '{records}/notes/records?sort=-created_at&perPage=20&skipTotal=1', headers[user + 1])"
                ),
            )?,
            // Rules bind everybody there but superusers, whose tokens it checks in another way.
            Workload::ListUnbound => return Ok(None),
            Workload::Refresh => PocketBase::as_users(
                server,
                "",
                &format!("wrk.format('POST', '{records}/users/auth-refresh', headers[user + 1])"),
            )?,
            Workload::SignIn => format!(
                "local headers = {{['Content-Type'] = 'application/json'}}\nlocal n = 0\n\
                 function request()\n  n = n + 1\n  return wrk.format('POST', '{records}/users/auth-with-password', headers, \
                 string.format('{{\"identity\":\"user%d@example.com\",\"password\":\"{PASSWORD}\"}}', n % {USERS}))\nend\n"
            ),
        }))
    }
}
