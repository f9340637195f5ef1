//! Any text as a migration, and then as a statement against what it made: understood or refused, never a panic.
#![no_main]

use mainstay_sql::{Catalog, compile, ddl::plan_migration};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let catalog = Catalog::fresh();
    let catalog = plan_migration(&catalog, text).map_or(catalog, |planned| planned.catalog);
    let path = ["public".to_owned(), "extensions".to_owned()];
    for statement in text.split(';') {
        let _ = compile(&catalog, statement, &[], &path);
    }
});
