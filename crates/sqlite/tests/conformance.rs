//! The promises of a record store, kept by SQLite.

mod support;

use mainstay_sqlite::SqliteStore;
use mainstay_testkit::record_store::Fixture;
use support::{Directory, parts, settings};

fn make() -> Fixture {
    let directory = Directory::new();
    let store = SqliteStore::open(settings(&directory), parts()).expect("the store opens");
    Fixture { store: Box::new(store), keep: Box::new(directory) }
}

mainstay_testkit::record_store_suite!(make);
