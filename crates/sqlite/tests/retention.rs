//! How long durable changes are kept, and what a consumer hears that comes back too late.

mod support;

use mainstay_base::{Env, World};
use mainstay_engine::{Position, RecordStore};
use mainstay_sqlite::{Durability, SqliteParts, SqliteSettings, SqliteStore};
use mainstay_types::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use support::*;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A clock that a test turns.
#[derive(Clone)]
struct Clock(Arc<AtomicI64>);

impl Clock {
    fn new() -> Clock {
        Clock(Arc::new(AtomicI64::new(1_700_000_000_000_000)))
    }
    fn forward(&self, time: Duration) {
        self.0.fetch_add(i64::try_from(time.as_micros()).expect("not that long"), Ordering::SeqCst);
    }
}

impl World for Clock {
    fn unix_micros(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
    fn fill_random(&self, buffer: &mut [u8]) {
        buffer.fill(7);
    }
}

fn shop_at(clock: &Clock, settings: SqliteSettings) -> SqliteStore {
    // What is asked here is what is kept, not what survives a failure of power.
    let settings = SqliteSettings { durability: Durability::Relaxed, ..settings };
    let store = SqliteStore::open(settings, SqliteParts { env: Env::new(clock.clone()) }).expect("opens");
    block_on(store.migrate_planned("shop", shop(false))).expect("the shop is built");
    store
}

/// Inserts notes in one write.
fn insert(store: &SqliteStore, ids: std::ops::Range<i64>) {
    let mut step = step(&insert_note(store), Vec::new());
    step.value_sets = ids.map(|id| note(id, None, &format!("n{id}"), 1)).collect();
    write(store, vec![step]).expect("inserts");
}

fn too_late() -> Result<Option<(u64, u64)>, String> {
    Err("MS003".to_owned())
}

/// The first and the last position after one; there is no gap between.
fn positions(store: &SqliteStore, after: u64) -> Result<Option<(u64, u64)>, String> {
    let changes = block_on(store.changes_after(Position(after), 100_000))
        .map_err(|problem| problem.code().to_owned())?;
    assert!(changes.windows(2).all(|pair| pair[0].position.0 + 1 == pair[1].position.0), "there is a gap");
    Ok(changes.first().zip(changes.last()).map(|(first, last)| (first.position.0, last.position.0)))
}

#[test]
fn the_number_of_changes_that_are_kept_is_kept_exactly_where_some_go() {
    let (directory, clock) = (Directory::new(), Clock::new());
    let settings = SqliteSettings { changes_kept: 100, ..settings(&directory) };
    let store = shop_at(&clock, settings.clone());
    insert(&store, 0..1000);
    assert_eq!(positions(&store, 0), Ok(Some((1, 1000))), "nothing goes before it is worth a statement");
    insert(&store, 1000..1200);
    assert_eq!(positions(&store, 1100), Ok(Some((1101, 1200))));
    assert_eq!(positions(&store, 0), Ok(Some((1101, 1200))), "from the start is from what there is");
    assert_eq!(positions(&store, 1), too_late());
    assert_eq!(positions(&store, 1099), too_late());
    let problem = block_on(store.changes_after(Position(1099), 1)).expect_err("it has gone");
    assert!(problem.message().contains("1100") && problem.hint().is_some(), "{problem:?}");
    drop(store);
    let store = SqliteStore::open(settings, SqliteParts { env: Env::new(clock) }).expect("opens again");
    assert_eq!(positions(&store, 1099), too_late(), "a restart does not forget what has gone");
    assert_eq!(positions(&store, 1150), Ok(Some((1151, 1200))));
}

#[test]
fn changes_that_are_too_old_go_however_many_a_commit_makes() {
    let (directory, clock) = (Directory::new(), Clock::new());
    let settings = SqliteSettings { changes_age: DAY, ..settings(&directory) };
    let store = shop_at(&clock, settings);
    insert(&store, 0..20_000);
    clock.forward(DAY / 2);
    insert(&store, 20_000..20_010);
    clock.forward(DAY / 2 + DAY / 4);
    // The age is looked at once in a few hundred commits; what is due then goes in pieces.
    for id in 30_000..30_300 {
        insert(&store, id..id + 1);
    }
    assert_eq!(positions(&store, 20_000), Ok(Some((20_001, 20_310))));
    assert_eq!(positions(&store, 0), Ok(Some((20_001, 20_310))));
    assert_eq!(positions(&store, 19_999), too_late());
}

#[test]
fn a_consumer_that_has_heard_everything_is_never_too_late() {
    let (directory, clock) = (Directory::new(), Clock::new());
    let settings = SqliteSettings { changes_kept: 0, changes_age: Duration::ZERO, ..settings(&directory) };
    let store = shop_at(&clock, settings);
    insert(&store, 0..5);
    clock.forward(DAY);
    insert(&store, 5..1100);
    let last = store.status().position;
    assert_eq!(positions(&store, last.0), Ok(None), "there is nothing new");
    let delete = statement(
        &store,
        "DELETE FROM notes WHERE id = ?1",
        "notes",
        &[("id", mainstay_types::Type::Int8)],
        &[],
    );
    write(&store, vec![step(&delete, vec![Value::Integer(1)])]).expect("deletes");
    assert_eq!(store.status().position, Position(last.0 + 1), "positions go on");
}
