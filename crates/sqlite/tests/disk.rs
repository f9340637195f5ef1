//! Disks that fail, fill up, or hold a log that cannot start anew: what was acknowledged stays, what was not leaves
//! no trace, and everybody is told what to do.

#[path = "support/disk.rs"]
mod failing;
mod support;

use failing::Disk;
use mainstay_base::{Problem, Retry};
use mainstay_engine::{Format, Position, RecordStore, Written};
use mainstay_sqlite::{SqliteSettings, SqliteStore};
use mainstay_types::Type;
use std::path::Path;
use std::time::Duration;
use support::*;

const NUMBER: [(&str, Type); 1] = [("count", Type::Int8)];

fn count(store: &SqliteStore) -> String {
    body(store, "SELECT count(*) FROM notes", &NUMBER, Format::JsonValues)
}

fn insert(store: &SqliteStore, id: i64) -> Result<Written, Problem> {
    write(store, vec![step(&insert_note(store), note(id, None, &format!("n{id}"), 1))])
}

/// A store on a disk of its own, with notes 1 to 10.
fn ten_notes(directory: &Directory, settings: SqliteSettings) -> (std::sync::Arc<Disk>, SqliteStore) {
    let disk = Disk::under(directory.path());
    let store = open_shop(settings, false);
    for id in 1..=10 {
        insert(&store, id).expect("the disk is well");
    }
    (disk, store)
}

/// What a process that was killed now would leave behind.
fn copy_of(directory: &Directory) -> Directory {
    let copy = Directory::new();
    for entry in std::fs::read_dir(directory.path()).expect("a directory") {
        let path = entry.expect("an entry").path();
        // The index of the log is made anew from the log, as after a failure of power.
        if path.extension().is_none_or(|ending| ending != "db-shm") {
            std::fs::copy(&path, copy.path().join(path.file_name().expect("a name"))).expect("copies");
        }
    }
    copy
}

#[track_caller]
fn holds_what_was_acknowledged(directory: &Directory, notes: u64) {
    let store = SqliteStore::open(settings(directory), parts()).expect("the store opens");
    assert_eq!(count(&store), format!("[{notes}]"));
    assert_eq!(store.status().position, Position(notes));
    let changes = block_on(store.changes_after(Position(0), 1000)).expect("all of them are kept");
    let positions: Vec<u64> = changes.iter().map(|change| change.position.0).collect();
    assert_eq!(positions, (1..=notes).collect::<Vec<_>>());
    let next = insert(&store, 1000).expect("the disk is well");
    assert_eq!(next.position, Some(Position(notes + 1)));
}

#[track_caller]
fn is_refused_until_a_restart(outcome: Result<Written, Problem>) {
    let problem = outcome.expect_err("nothing is acknowledged");
    assert_eq!(problem.code(), "58030", "{problem}");
    assert!(problem.hint().is_some_and(|hint| hint.contains("restart")), "{problem:?}");
}

#[test]
fn a_sync_that_fails_acknowledges_nothing() {
    let directory = Directory::new();
    let (disk, store) = ten_notes(&directory, settings(&directory));
    disk.fail_syncs_of("-wal");
    let problem = insert(&store, 11).expect_err("the disk has not confirmed it");
    assert_eq!(problem.code(), "58030", "{problem}");
    is_refused_until_a_restart(insert(&store, 12));
    // The disk says that it is well again. It may have forgotten what it was given meanwhile: nobody can know.
    disk.repair();
    is_refused_until_a_restart(insert(&store, 13));
    let migration = block_on(store.migrate_planned("more", planned((*store.catalog()).clone(), Vec::new())));
    assert_eq!(migration.map(|_| ()).expect_err("it writes too").code(), "58030");
    assert_eq!(count(&store), "[10]", "reads go on");
    assert_eq!(store.status().position, Position(10));
    let killed = copy_of(&directory);
    drop(store);
    holds_what_was_acknowledged(&killed, 10);
    holds_what_was_acknowledged(&directory, 10);
}

#[test]
fn a_group_whose_sync_fails_fails_as_a_whole() {
    let directory = Directory::new();
    let (disk, store) = ten_notes(&directory, settings(&directory));
    disk.fail_syncs_of("-wal");
    let plan = insert_note(&store);
    block_on(async {
        let write = |id| store.write(write_of(vec![step(&plan, note(id, None, &format!("n{id}"), 1))]));
        let (a, b, c) = tokio::join!(biased; write(11), write(12), write(13));
        for outcome in [a, b, c] {
            assert_eq!(outcome.map(|_| ()).expect_err("nothing is acknowledged").code(), "58030");
        }
    });
    disk.repair();
    drop(store);
    holds_what_was_acknowledged(&directory, 10);
}

#[test]
fn it_does_not_matter_where_in_the_log_a_sync_fails() {
    // Some of these are the first commit of a log that has begun anew, which writes its head anew too.
    for last in 10..30 {
        let directory = Directory::new();
        let settings = SqliteSettings { wal_bytes_max: 64 << 10, ..settings(&directory) };
        let (disk, store) = ten_notes(&directory, settings);
        for id in 11..=last {
            insert(&store, id).expect("the disk is well");
        }
        disk.fail_syncs_of("-wal");
        insert(&store, 100).expect_err("the disk has not confirmed it");
        let killed = copy_of(&directory);
        drop(store);
        disk.repair();
        let last = u64::try_from(last).expect("a small number");
        holds_what_was_acknowledged(&killed, last);
        holds_what_was_acknowledged(&directory, last);
    }
}

#[test]
fn a_checkpoint_whose_sync_fails_stops_writes_and_keeps_the_log() {
    let directory = Directory::new();
    let settings = SqliteSettings { checkpoint_bytes: 16 << 10, ..settings(&directory) };
    let (disk, store) = ten_notes(&directory, settings);
    disk.fail_syncs_of("main.db");
    let mut acknowledged = 10;
    // The log is copied beside the writer, so some more are acknowledged: they are in the log.
    let refused = (11..10_000).find_map(|id| match insert(&store, id) {
        Ok(_) => {
            acknowledged += 1;
            None
        }
        Err(problem) => Some(problem),
    });
    assert_eq!(refused.expect("the checkpoint fails at some time").code(), "58030");
    let killed = copy_of(&directory);
    drop(store);
    disk.repair();
    assert!(
        directory.path().join("main.db-wal").metadata().is_ok_and(|log| log.len() > 0),
        "the log is kept"
    );
    holds_what_was_acknowledged(&killed, acknowledged);
    holds_what_was_acknowledged(&directory, acknowledged);
}

#[test]
fn a_full_disk_loses_nothing_and_needs_no_restart() {
    let directory = Directory::new();
    let (disk, store) = ten_notes(&directory, settings(&directory));
    disk.fill(true);
    for id in 11..=13 {
        let problem = insert(&store, id).expect_err("there is no space");
        assert_eq!((problem.code(), problem.http_status(true)), ("53100", 507));
        assert!(problem.hint().is_some_and(|hint| hint.contains("free disk space")), "{problem:?}");
        assert_eq!(problem.retry(), Retry::AfterSeconds(5));
    }
    assert_eq!(count(&store), "[10]", "reads go on");
    let killed = copy_of(&directory);
    disk.fill(false);
    assert_eq!(insert(&store, 11).expect("there is space again").position, Some(Position(11)));
    drop(store);
    holds_what_was_acknowledged(&killed, 10);
    holds_what_was_acknowledged(&directory, 11);
}

#[test]
fn a_full_disk_at_a_checkpoint_loses_nothing() {
    let directory = Directory::new();
    let settings = SqliteSettings { wal_bytes_max: 64 << 10, ..settings(&directory) };
    let (disk, store) = ten_notes(&directory, settings);
    // Some of this must go into the database file, which cannot grow.
    let big = "x".repeat(20_000);
    disk.fill(true);
    let mut acknowledged = 10;
    let mut id = 10;
    let mut until_refused = || loop {
        id += 1;
        match write(&store, vec![step(&insert_note(&store), note(id, None, &format!("{id}{big}"), 1))]) {
            Ok(_) => acknowledged += 1,
            Err(problem) => break (acknowledged, problem),
        }
    };
    let (acknowledged, problem) = until_refused();
    assert_eq!(problem.code(), "53100", "{problem}");
    assert_eq!(count(&store), format!("[{acknowledged}]"));
    disk.fill(false);
    insert(&store, 5000).expect("there is space again");
    drop(store);
    holds_what_was_acknowledged(&directory, acknowledged + 1);
}

fn log_bytes(path: &Path) -> u64 {
    path.join("main.db-wal").metadata().map_or(0, |log| log.len())
}

#[test]
fn a_reader_that_stays_cannot_make_the_log_grow_without_end() {
    let directory = Directory::new();
    let _disk = Disk::under(directory.path());
    let wal_bytes_max = 512 << 10;
    let settings =
        SqliteSettings { wal_bytes_max, wal_patience: Duration::from_millis(1), ..settings(&directory) };
    let store = open_shop(settings, false);
    insert(&store, 1).expect("there is room");
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let path = directory.path().join("main.db");
    let reader = rusqlite::Connection::open_with_flags_and_vfs(path, flags, c"unix-excl").expect("opens");
    reader.execute_batch("BEGIN").expect("begins");
    let seen = |reader: &rusqlite::Connection| {
        reader.query_row("SELECT count(*) FROM _mainstay_changes", [], |row| row.get::<_, i64>(0))
    };
    assert_eq!(seen(&reader), Ok(1));
    let (refused, problem) = (2..10_000)
        .find_map(|id| insert(&store, id).err().map(|problem| (id, problem)))
        .expect("the log does not grow without end");
    assert_eq!((problem.code(), problem.http_status(true)), ("53400", 503), "{problem}");
    assert_eq!(problem.retry(), Retry::AfterSeconds(1));
    assert!(problem.message().contains("a long read"), "{problem}");
    // What was checked is that the log is below its limit before a group begins.
    let slack = 64 << 10;
    for id in 20_000..20_010 {
        assert_eq!(insert(&store, id).map(|_| ()).expect_err("the log is full").code(), "53400");
        assert!(log_bytes(directory.path()) < wal_bytes_max + slack);
    }
    assert_eq!(count(&store), format!("[{}]", refused - 1), "reads go on");
    assert_eq!(seen(&reader), Ok(1), "the snapshot holds");
    reader.execute_batch("COMMIT").expect("ends");
    for id in refused..refused + 200 {
        insert(&store, id).expect("the log begins anew");
        assert!(log_bytes(directory.path()) < wal_bytes_max + slack);
    }
    assert_eq!(count(&store), format!("[{}]", refused + 199));
}

#[test]
fn the_log_stays_small_under_steady_writes() {
    let directory = Directory::new();
    let _disk = Disk::under(directory.path());
    let settings =
        SqliteSettings { checkpoint_bytes: 64 << 10, wal_bytes_max: 256 << 10, ..settings(&directory) };
    let store = open_shop(settings, false);
    for id in 0..300 {
        insert(&store, id).expect("nobody is in the way");
        assert!(log_bytes(directory.path()) <= (256 + 64) << 10);
    }
}
