//! Copies of the database that are made while it is used: whole, of one commit, or not there at all.

#[path = "support/disk.rs"]
mod failing;
mod support;

use failing::Disk;
use mainstay_base::{Problem, Retry};
use mainstay_engine::{Format, Migration, Position, RecordStore, WriteStep, Written};
use mainstay_sqlite::{SqliteSettings, SqliteStore};
use mainstay_types::{ColumnType, Type, Value};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;
use support::*;

const NUMBER: [(&str, Type); 1] = [("count", Type::Int8)];
const WORD: [(&str, Type); 1] = [("word", Type::Text)];

fn count(store: &SqliteStore) -> String {
    body(store, "SELECT count(*) FROM notes", &NUMBER, Format::JsonValues)
}

fn insert(store: &SqliteStore, id: i64) -> Result<Written, Problem> {
    write(store, vec![step(&insert_note(store), note(id, None, &format!("n{id}"), 1))])
}

/// A shop with notes 1 to `last`, written at once.
fn notes(settings: SqliteSettings, last: i64) -> SqliteStore {
    let store = open_shop(settings, false);
    let value_sets = (1..=last).map(|id| note(id, None, &format!("n{id}"), 1)).collect();
    let step = WriteStep { plan: insert_note(&store), value_sets, format: Format::Nothing, expect: None };
    write(&store, vec![step]).expect("writes");
    store
}

/// The copy in an empty directory, opened as a store of its own.
fn restored(copy: &Path) -> (Directory, SqliteStore) {
    let directory = Directory::new();
    std::fs::copy(copy, directory.path().join("main.db")).expect("copies");
    let store = SqliteStore::open(settings(&directory), parts()).expect("the copy opens");
    let check = "SELECT integrity_check FROM pragma_integrity_check";
    assert_eq!(body(&store, check, &WORD, Format::JsonValues), r#"["ok"]"#);
    (directory, store)
}

#[track_caller]
fn holds_notes_and_their_changes(store: &SqliteStore, notes: u64) {
    assert_eq!(count(store), format!("[{notes}]"));
    assert_eq!(store.status().position, Position(notes));
    let changes = block_on(store.changes_after(Position(0), u32::MAX)).expect("all of them are kept");
    let positions: Vec<u64> = changes.iter().map(|change| change.position.0).collect();
    assert_eq!(positions, (1..=notes).collect::<Vec<_>>());
    let next = insert(store, 1_000_000).expect("it can be written to");
    assert_eq!(next.position, Some(Position(notes + 1)));
}

fn names(directory: &Directory) -> Vec<String> {
    let entries = std::fs::read_dir(directory.path()).expect("a directory");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

const SCHEMA: &str = "
CREATE TYPE mood AS ENUM ('sad', 'ok', 'glad');
ALTER TYPE mood ADD VALUE 'calm' AFTER 'sad';
CREATE TABLE people (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL CHECK (length(trim(name)) > 1),
    mood mood NOT NULL,
    owed numeric(12, 2) NOT NULL CHECK (owed < 1000),
    shout text GENERATED ALWAYS AS (upper(name)) STORED,
    UNIQUE (mood, owed)
);
CREATE UNIQUE INDEX people_name_idx ON people (lower(name));
CREATE INDEX ON people (owed DESC) WHERE mood > 'sad';
CREATE VIEW debtors AS SELECT name FROM people WHERE owed > 9.5;
CREATE PUBLICATION everything FOR ALL TABLES;
";

fn run(store: &SqliteStore, sql: &str, values: &[&str]) -> Result<Written, Problem> {
    let types = vec![ColumnType::from(Type::Text); values.len()];
    let plan = store.prepare(sql, &types)?;
    write(store, vec![step(&plan, values.iter().map(|value| Value::text(*value)).collect())])
}

fn look(store: &SqliteStore, sql: &str) -> String {
    let plan = store.prepare(sql, &[]).expect("it is a query");
    let rows = read(store, &plan, Vec::new(), Format::JsonValues).expect("the read succeeds");
    String::from_utf8(rows.body).expect("UTF-8")
}

#[test]
fn orders_functions_and_counters_of_postgresql_are_in_the_copy() {
    let (directory, copies) = (Directory::new(), Directory::new());
    let store = SqliteStore::open(settings(&directory), parts()).expect("the store opens");
    let migration =
        Migration { name: "1".to_owned(), text: SCHEMA.to_owned(), keep_going: false, record: true };
    block_on(store.migrate(migration)).expect("the schema is built");
    const INSERT: &str =
        "INSERT INTO people (name, mood, owed) VALUES ($1, cast($2 as mood), cast($3 as numeric))";
    for (name, mood, owed) in [("Ann", "glad", "10"), ("Bob", "calm", "9.5"), ("Cy", "sad", "100")] {
        run(&store, INSERT, &[name, mood, owed]).expect("writes");
    }
    let copy = copies.path().join("copy.db");
    let bytes = block_on(store.backup(copy.clone())).expect("copies");
    assert_eq!(std::fs::metadata(&copy).expect("it is there").len(), bytes);
    drop(store);
    let (_kept, store) = restored(&copy);
    assert_eq!(look(&store, "SELECT name FROM people ORDER BY mood"), r#"["Cy","Bob","Ann"]"#);
    assert_eq!(look(&store, "SELECT shout FROM people ORDER BY owed"), r#"["BOB","ANN","CY"]"#);
    assert_eq!(look(&store, "SELECT name FROM debtors ORDER BY name"), r#"["Ann","Cy"]"#);
    assert_eq!(store.status().position, Position(3));
    let code = |outcome: Result<Written, Problem>| outcome.expect_err("refused").code().to_owned();
    assert_eq!(code(run(&store, INSERT, &["ANN", "ok", "1"])), "23505", "the index of an expression");
    assert_eq!(code(run(&store, INSERT, &["Dan", "glad", "10.00"])), "23505", "the order of numeric");
    assert_eq!(code(run(&store, INSERT, &["D ", "ok", "1"])), "23514");
    let written = run(&store, INSERT, &["Eve", "ok", "1"]).expect("writes");
    assert_eq!(written.position, Some(Position(4)));
    let ids = look(&store, "SELECT id FROM people ORDER BY id DESC LIMIT 1");
    assert_ne!(ids, "[3]", "the counter goes on");
    assert_eq!(block_on(store.applied()).expect("reads").len(), 1);
}

#[test]
fn a_copy_beside_steady_writes_is_of_one_commit() {
    let (directory, copies) = (Directory::new(), Directory::new());
    let store = notes(settings(&directory), 3_000);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut id = 3_001;
            while !done.load(Ordering::Relaxed) {
                insert(&store, id).expect("writers go on");
                id += 1;
            }
        });
        for name in ["1.db", "2.db", "3.db"] {
            let before = store.status().position.0;
            let copy = copies.path().join(name);
            block_on(store.backup(copy.clone())).expect("copies");
            let after = store.status().position.0;
            let (_kept, copy) = restored(&copy);
            let position = copy.status().position.0;
            assert!((before..=after).contains(&position), "{before} {position} {after}");
            holds_notes_and_their_changes(&copy, position);
        }
        done.store(true, Ordering::Relaxed);
        writer.join().expect("the writer saw no refusal");
    });
}

#[test]
fn what_cannot_be_written_is_refused_and_leaves_nothing() {
    let (directory, copies) = (Directory::new(), Directory::new());
    let disk = Disk::under(copies.path());
    let store = notes(settings(&directory), 2_000);
    let refused = |path: &Path| {
        let problem = block_on(store.backup(path.to_owned())).expect_err("refused");
        assert!(problem.hint().is_some(), "{problem:?}");
        problem.code().to_owned()
    };
    assert_eq!(refused(&copies.path().join("nowhere/copy.db")), "58P01");
    assert_eq!(refused(copies.path()), "42809");
    disk.fill(true);
    assert_eq!(refused(&copies.path().join("copy.db")), "53100");
    assert_eq!(names(&copies), Vec::<String>::new());
    insert(&store, 5_000).expect("the database's own disk has space");
    disk.fill(false);
    let copy = copies.path().join("copy.db");
    block_on(store.backup(copy.clone())).expect("there is space again");
    assert_eq!(refused(&copy), "58P02");
    assert_eq!(names(&copies), ["copy.db"]);
    holds_notes_and_their_changes(&restored(&copy).1, 2_001);
}

#[test]
fn one_copy_is_made_at_a_time_and_one_that_nobody_waits_for_ends() {
    let (directory, copies) = (Directory::new(), Directory::new());
    let disk = Disk::under(copies.path());
    let store = notes(settings(&directory), 2_000);
    disk.hold();
    block_on(async {
        let mut first = store.backup(copies.path().join("first.db"));
        let began = std::future::poll_fn(|cx| Poll::Ready(first.as_mut().poll(cx).is_pending())).await;
        assert!(began);
        disk.until_held();
        let second = store.backup(copies.path().join("second.db")).await.expect_err("one at a time");
        assert_eq!((second.code(), second.http_status(true)), ("55006", 503));
        assert_eq!(second.retry(), Retry::AfterSeconds(5));
        // Its caller goes away.
        drop(first);
        disk.let_go();
        store.close().await.expect("closes");
    });
    assert_eq!(names(&copies), Vec::<String>::new());
    let late = block_on(store.backup(copies.path().join("late.db"))).expect_err("it is closed");
    assert_eq!(late.code(), "57P03");
}

fn log_bytes(directory: &Directory) -> u64 {
    directory.path().join("main.db-wal").metadata().map_or(0, |log| log.len())
}

/// A store with a small log whose copy waits for its disk, and what `work` does meanwhile.
fn while_a_copy_waits(work: impl FnOnce(&SqliteStore, &Directory)) -> (SqliteStore, Directory, Directory) {
    let (directory, copies) = (Directory::new(), Directory::new());
    let disk = Disk::under(copies.path());
    let settings = SqliteSettings {
        checkpoint_bytes: 128 << 10,
        wal_bytes_max: 512 << 10,
        backup_wal_bytes_max: 2 << 20,
        wal_patience: Duration::from_millis(1),
        ..settings(&directory)
    };
    let store = notes(settings, 2_000);
    disk.hold();
    std::thread::scope(|scope| {
        let copying = scope.spawn(|| block_on(store.backup(copies.path().join("copy.db"))));
        disk.until_held();
        work(&store, &directory);
        disk.let_go();
        let outcome = copying.join().expect("no panic").map(|_| "copied".to_owned());
        let outcome = outcome.unwrap_or_else(|problem| problem.code().to_owned());
        std::fs::write(copies.path().join("outcome"), outcome).expect("writes");
    });
    (store, directory, copies)
}

fn outcome(copies: &Directory) -> String {
    std::fs::read_to_string(copies.path().join("outcome")).expect("it was written")
}

#[test]
fn a_copy_that_takes_long_holds_up_no_writer() {
    let mut last = 2_000;
    let (store, directory, copies) = while_a_copy_waits(|store, directory| {
        while log_bytes(directory) < 1 << 20 {
            last += 1;
            insert(store, last).expect("twice as much as the log may have otherwise");
        }
    });
    assert_eq!(outcome(&copies), "copied");
    holds_notes_and_their_changes(&restored(&copies.path().join("copy.db")).1, 2_000);
    // The log is as small as before.
    for id in 500_000..500_200 {
        insert(&store, id).expect("writes");
    }
    assert!(log_bytes(&directory) < (512 << 10) + (64 << 10), "{}", log_bytes(&directory));
}

#[test]
fn a_copy_that_takes_too_long_is_given_up_before_writes_are() {
    let (store, directory, copies) = while_a_copy_waits(|store, directory| {
        let mut id = 10_000;
        while log_bytes(directory) < (2 << 20) {
            id += 1;
            insert(store, id).expect("writes go on until the copy is told to end");
        }
        // The copy cannot hear it while its disk holds it.
        let refused = (20_000..30_000).find_map(|id| insert(store, id).err());
        assert!(refused.is_none_or(|problem| problem.code() == "53400"));
    });
    assert_eq!(outcome(&copies), "53400");
    assert_eq!(names(&copies), ["outcome"]);
    for id in 500_000..500_200 {
        insert(&store, id).expect("writes go on");
    }
    assert!(log_bytes(&directory) < (512 << 10) + (64 << 10), "{}", log_bytes(&directory));
}
