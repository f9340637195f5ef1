//! Measures durable inserts of one row each with a change record, and reads of one row.
//!
//! `cargo run --release -p mainstay-sqlite --example write_path [seconds] [directory] [callers]`
//!
//! The row is that of the storage notes: 16 bytes of key, owner, title, 200 characters of body, a checked integer, a
//! float, a bool, two times, and an index over two columns. Callers are tasks on one thread.

#[path = "../tests/support/mod.rs"]
mod support;

use mainstay_engine::{Format, Plan, Read, RecordStore, Step};
use mainstay_sql::catalog::{Catalog, ConstraintKind, Publication};
use mainstay_sql::plan::Action;
use mainstay_sql::{Name, catalog};
use mainstay_sqlite::{SqliteSettings, SqliteStore};
use mainstay_types::{Type, Value};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::{
    Directory, column, constraint, parts, planned, query, session, statement, step, table, write_of,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const COLUMNS: [(&str, Type); 9] = [
    ("id", Type::Uuid),
    ("owner", Type::Int8),
    ("title", Type::Text),
    ("body", Type::Text),
    ("size", Type::Int4),
    ("weight", Type::Float8),
    ("done", Type::Bool),
    ("created", Type::TimestampTz),
    ("updated", Type::TimestampTz),
];

fn build() -> mainstay_sql::plan::PlannedMigration {
    let mut catalog = Catalog::fresh();
    let columns: Vec<catalog::Column> =
        COLUMNS.iter().map(|(name, ty)| column(name, ty.clone(), true)).collect();
    let key = ConstraintKind::PrimaryKey { columns: vec!["id".to_owned()] };
    table(&mut catalog, "documents", columns, vec![constraint("documents_pkey", key)]);
    let tables = [Name::public("documents")].into();
    catalog.publications.insert("changes".to_owned(), Publication { tables, ..Publication::default() });
    catalog.version = 1;
    let statements = [
        "CREATE TABLE documents (id BLOB NOT NULL PRIMARY KEY, owner INTEGER NOT NULL, title TEXT NOT NULL, \
         body TEXT NOT NULL, size INTEGER NOT NULL CHECK (size >= 0), weight ANY NOT NULL, done INTEGER NOT NULL, \
         created INTEGER NOT NULL, updated INTEGER NOT NULL) STRICT",
        "CREATE INDEX documents_owner ON documents (owner, created)",
    ];
    planned(catalog, statements.map(|text| Action::Execute(text.to_owned())).to_vec())
}

/// A key that grows with time, as UUIDv7 does.
fn key(number: u64) -> Vec<u8> {
    let mut key = number.to_be_bytes().to_vec();
    key.extend_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    key
}

fn row(number: u64) -> Vec<Value> {
    let time = 800_000_000_000_000 + i64::try_from(number).unwrap_or(0);
    vec![
        Value::Blob(key(number)),
        Value::Integer(i64::try_from(number % 1000).unwrap_or(0)),
        Value::text(format!("title {number}")),
        Value::text("lorem ipsum dolor sit ame ".repeat(8)),
        Value::Integer(7),
        Value::Real(0.5),
        Value::Integer(1),
        Value::Integer(time),
        Value::Integer(time),
    ]
}

fn percentile(sorted: &[Duration], share: f64) -> Duration {
    let index = (sorted.len().saturating_sub(1)) as f64 * share;
    sorted.get(index as usize).copied().unwrap_or_default()
}

fn report(what: &str, callers: usize, mut times: Vec<Duration>, elapsed: Duration) {
    times.sort_unstable();
    println!(
        "{what:8} {callers:4} callers: {:>8.0}/s   p50 {:>9.3?}   p99 {:>9.3?}",
        times.len() as f64 / elapsed.as_secs_f64(),
        percentile(&times, 0.5),
        percentile(&times, 0.99)
    );
}

async fn writes(store: Rc<SqliteStore>, plan: Arc<Plan>, callers: usize, first: u64, time: Duration) -> u64 {
    let begun = Instant::now();
    let next = Rc::new(std::cell::Cell::new(first));
    let tasks = tokio::task::LocalSet::new();
    let mut handles = Vec::new();
    for _ in 0..callers {
        let (store, plan, next) = (Rc::clone(&store), Arc::clone(&plan), Rc::clone(&next));
        handles.push(tasks.spawn_local(async move {
            let mut times = Vec::new();
            while begun.elapsed() < time {
                let number = next.replace(next.get() + 1);
                let write = write_of(vec![step(&plan, row(number))]);
                let sent = Instant::now();
                store.write(write).await.expect("the write succeeds");
                times.push(sent.elapsed());
            }
            times
        }));
    }
    let times = tasks
        .run_until(async {
            let mut times = Vec::new();
            for handle in handles {
                times.extend(handle.await.expect("no panic"));
            }
            times
        })
        .await;
    report("insert", callers, times, begun.elapsed());
    next.get()
}

async fn reads(store: &SqliteStore, rows: u64, time: Duration) {
    let plan = query(store, "SELECT * FROM documents WHERE id = ?1", &[Type::Uuid], &COLUMNS);
    let session = session();
    let (begun, mut times, mut number) = (Instant::now(), Vec::new(), 0_u64);
    while begun.elapsed() < time {
        number = (number + 7919) % rows;
        let values = vec![Value::Blob(key(number))];
        let step = Step { plan: Arc::clone(&plan), values, format: Format::JsonArray };
        let read =
            Read { steps: vec![step], session: Arc::clone(&session), timeout: Duration::from_secs(10) };
        let sent = Instant::now();
        let rows = store.read(read).await.expect("the read succeeds");
        times.push(sent.elapsed());
        assert!(rows.first().is_some_and(|rows| rows.count == 1));
    }
    report("read", 1, times, begun.elapsed());
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let seconds = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(2.0);
    let temporary = Directory::new();
    let directory = arguments.next().map_or_else(|| temporary.path().to_owned(), Into::into);
    let time = Duration::from_secs_f64(seconds);
    let store = Rc::new(SqliteStore::open(SqliteSettings::new(directory), parts()).expect("the store opens"));
    support::block_on(async {
        store.migrate_planned("documents", build()).await.expect("the table is made");
        let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
        let text = format!(
            "INSERT INTO documents ({}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            names.join(", ")
        );
        let plan = statement(&store, &text, "documents", &COLUMNS, &[]);
        let mut next = 0;
        let only = arguments.next().and_then(|text| text.parse().ok());
        for callers in only.map_or(vec![1, 64, 256, 1024], |only| vec![only]) {
            next = writes(Rc::clone(&store), Arc::clone(&plan), callers, next, time).await;
        }
        let status = store.status();
        println!(
            "{} writes in {} commits; log {} MiB, database {} MiB",
            status.writes_total,
            status.commits_total,
            status.wal_bytes >> 20,
            status.database_bytes >> 20
        );
        reads(&store, next, time).await;
        store.close().await.expect("it closes");
    });
}
