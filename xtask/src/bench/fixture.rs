//! The tables and rows that every system under test has.

use serde_json::{Value, json};

pub const ROOMS: usize = 50;
pub const MEMBERS: usize = 200;
/// Messages that are there before reading starts.
pub const MESSAGES: usize = 20_000;
pub const THREADS: usize = 1_000;
pub const REPLIES_EACH: usize = 5;
pub const DOCUMENTS: usize = 10_000;
/// Documents that share a key.
pub const DOCUMENTS_EACH: usize = 4;
/// Rows that are written again and again.
pub const SETTINGS: usize = 1_000;
/// Rows of one bulk insert.
pub const BULK_ROWS: usize = 1_000;
pub const EXPORT_ROWS: u64 = 1_000_000;

/// The tables in PostgreSQL's SQL. `key` makes keys where the caller gives none; `more` is said of a message's body.
pub fn tables(key: &str, more: &str) -> String {
    format!(
        "create table rooms (id uuid primary key default {key}, name text not null);
create table members (id uuid primary key default {key}, name text not null);
create table messages (
  id uuid primary key default {key},
  room uuid not null references rooms (id) on delete cascade,
  author uuid not null references members (id) on delete cascade,
  body text not null {more},
  created_at timestamptz not null default now()
);
create index messages_room on messages (room, created_at desc);
create index messages_author on messages (author);
create table threads (id uuid primary key default {key}, title text not null);
create table replies (
  id uuid primary key default {key},
  thread uuid not null references threads (id) on delete cascade,
  body text not null
);
create index replies_thread on replies (thread);
create table documents (id uuid primary key default {key}, data jsonb not null);
create index documents_key on documents ((data->>'key'));
create table settings (name text primary key, value text not null);
create table exported (
  id bigint primary key, name text not null, amount double precision not null, created_at timestamptz not null);
"
    )
}

/// A kind of row whose ids are known beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Room = 1,
    Member,
    Message,
    Thread,
    Reply,
    Document,
}

impl Kind {
    /// In the order of their references.
    pub const ALL: [Kind; 6] =
        [Kind::Room, Kind::Member, Kind::Message, Kind::Thread, Kind::Reply, Kind::Document];

    pub fn table(self) -> &'static str {
        match self {
            Kind::Room => "rooms",
            Kind::Member => "members",
            Kind::Message => "messages",
            Kind::Thread => "threads",
            Kind::Reply => "replies",
            Kind::Document => "documents",
        }
    }

    pub fn rows(self) -> usize {
        match self {
            Kind::Room => ROOMS,
            Kind::Member => MEMBERS,
            Kind::Message => MESSAGES,
            Kind::Thread => THREADS,
            Kind::Reply => THREADS * REPLIES_EACH,
            Kind::Document => DOCUMENTS,
        }
    }

    /// One row, with ids as the system writes them.
    pub fn row(self, number: usize, id: fn(Kind, usize) -> String) -> Value {
        let own = id(self, number);
        match self {
            Kind::Room => json!({"id": own, "name": format!("Room {number}")}),
            Kind::Member => json!({"id": own, "name": format!("Member {number}")}),
            Kind::Message => {
                let (room, author) = (id(Kind::Room, number % ROOMS), id(Kind::Member, number % MEMBERS));
                json!({"id": own, "room": room, "author": author, "body": format!("message {number} ").repeat(12)})
            }
            Kind::Thread => json!({"id": own, "title": format!("Thread {number}")}),
            Kind::Reply => {
                let thread = id(Kind::Thread, number / REPLIES_EACH);
                json!({"id": own, "thread": thread, "body": format!("reply {number} ").repeat(4)})
            }
            Kind::Document => {
                json!({"id": own, "data": {"key": format!("k{}", number / DOCUMENTS_EACH), "number": number}})
            }
        }
    }
}

/// A message without a key, as bulk inserts send it.
pub fn new_message(number: usize, id: fn(Kind, usize) -> String) -> Value {
    let (room, author) = (id(Kind::Room, number % ROOMS), id(Kind::Member, number % MEMBERS));
    json!({"room": room, "author": author, "body": "a message of the benchmark ".repeat(8)})
}

/// Ids that the load generator can name without asking first.
pub fn uuid(kind: Kind, number: usize) -> String {
    format!("0190a000-000{}-7000-8000-{number:012x}", kind as usize)
}
