//! Snapshots that stay open between reads: each read sees what was acknowledged before it, and the log is not held.

mod support;

use mainstay_engine::Format;
use mainstay_sqlite::{SqliteSettings, SqliteStore};
use mainstay_types::Type;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;
use support::*;

/// Says that it is over also where an assertion fails, so that nobody waits for the others.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn insert(store: &SqliteStore, id: i64) {
    let written = write(store, vec![step(&insert_note(store), note(id, None, &format!("{id:0900}"), 1))]);
    written.expect("nobody is in the way");
}

fn count(store: &SqliteStore) -> i64 {
    let text = body(store, "SELECT count(*) FROM notes", &[("count", Type::Int8)], Format::JsonValues);
    text.trim_matches(['[', ']']).parse().expect("a number")
}

/// More reads than it takes for a snapshot to stay open.
fn settle(store: &SqliteStore, expected: i64) {
    for _ in 0..4 {
        assert_eq!(count(store), expected);
    }
}

#[test]
fn a_read_sees_what_was_acknowledged_before_it_began() {
    let directory = Directory::new();
    let store = open_shop(settings(&directory), false);
    let (acknowledged, over) = (AtomicI64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut last = 0;
                while !over.load(Ordering::SeqCst) {
                    let least = acknowledged.load(Ordering::SeqCst).max(last);
                    last = count(&store);
                    assert!(last >= least, "{last} rows after {least} were acknowledged or seen");
                }
            });
        }
        let _over = Over(&over);
        for id in 1..=200 {
            insert(&store, id);
            acknowledged.store(id, Ordering::SeqCst);
            settle(&store, id);
        }
    });
}

fn log_bytes(directory: &Directory) -> u64 {
    directory.path().join("main.db-wal").metadata().map_or(0, |log| log.len())
}

#[test]
fn the_log_stays_small_beside_readers_who_read_on_and_readers_who_stopped() {
    let directory = Directory::new();
    let settings = SqliteSettings {
        checkpoint_bytes: 64 << 10,
        wal_bytes_max: 256 << 10,
        wal_patience: Duration::from_millis(50),
        inline_readers: 4,
        ..settings(&directory)
    };
    let store = open_shop(settings, false);
    insert(&store, 1);
    // Each thread has a slot of its own, and comes back no more.
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| settle(&store, 1));
        }
    });
    for id in 2..=400 {
        insert(&store, id);
        settle(&store, id);
        assert!(log_bytes(&directory) <= (256 + 64) << 10);
    }
}
