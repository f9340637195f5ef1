//! The workloads in PostgREST's grammar, which Mainstay and Supabase Lite share.

use super::bulk::{Export, Post};
use super::fixture::{
    BULK_ROWS, DOCUMENTS, DOCUMENTS_EACH, Kind, MEMBERS, MESSAGES, ROOMS, SETTINGS, THREADS, new_message,
    uuid,
};
use super::workload::Workload;
use serde_json::Value;

/// A script for wrk. All but calls of functions, which Supabase Lite does not have.
pub fn script(workload: Workload) -> Option<String> {
    let (room, member, thread) = (pattern(Kind::Room), pattern(Kind::Member), pattern(Kind::Thread));
    Some(match workload {
        Workload::Insert => format!(
            "local n = 0\nlocal body = string.rep('a message of the benchmark ', 8)\n\
             function request()\n  n = n + 1\n  return wrk.format('POST', '/rest/v1/messages', {{['Content-Type'] = 'application/json'}},\n    \
             string.format('{{\"room\":\"{room}\",\"author\":\"{member}\",\"body\":\"%s\"}}', n % {ROOMS}, n % {MEMBERS}, body))\nend\n"
        ),
        Workload::ReadByKey => {
            get(&format!("messages?id=eq.{}", pattern(Kind::Message)), &format!("n * 20 % {MESSAGES}"))
        }
        Workload::List => list(&room, ""),
        Workload::ListWithEmbed => list(&room, "&select=*,members(*)"),
        Workload::EmbedMany => get(
            &format!("threads?select=*,replies(*)&id=gte.{thread}&order=id&limit=20"),
            &format!("n * 20 % {}", THREADS - 20),
        ),
        Workload::JsonPath => {
            get("documents?data-%%3E%%3Ekey=eq.k%d", &format!("n % {}", DOCUMENTS / DOCUMENTS_EACH))
        }
        Workload::Upsert => format!(
            "local n = 0\nlocal headers = {{['Content-Type'] = 'application/json', ['Prefer'] = 'resolution=merge-duplicates'}}\n\
             function request()\n  n = n + 1\n  return wrk.format('POST', '/rest/v1/settings?on_conflict=name', headers,\n    \
             string.format('{{\"name\":\"s%d\",\"value\":\"value %d\"}}', n % {SETTINGS}, n))\nend\n"
        ),
        Workload::Call => get(&format!("rpc/latest_messages?of_room={room}"), &format!("n % {ROOMS}")),
        Workload::BulkInsert | Workload::Export => return None,
    })
}

/// A thousand messages in one request.
pub fn bulk_insert(first: usize) -> Post {
    let rows: Vec<Value> = (first..first + BULK_ROWS).map(|number| new_message(number, uuid)).collect();
    Post { path: "/rest/v1/messages".to_owned(), body: Value::from(rows).to_string() }
}

pub fn exports() -> Vec<Export> {
    let path = || "/rest/v1/exported".to_owned();
    vec![Export::Csv { path: path() }, Export::Json { path: path() }]
}

/// An id of this kind as a format of Lua's.
fn pattern(kind: Kind) -> String {
    format!("{}%012x", &uuid(kind, 0)[..24])
}

fn get(path: &str, arguments: &str) -> String {
    format!(
        "local n = 0\nfunction request()\n  n = n + 1\n  return wrk.format('GET', string.format('/rest/v1/{path}', {arguments}))\nend\n"
    )
}

fn list(room: &str, rest: &str) -> String {
    get(&format!("messages?room=eq.{room}&order=created_at.desc&limit=20{rest}"), &format!("n % {ROOMS}"))
}
