//! Any text as a migration on top of an application, and then as statements against what it made: understood or
//! refused in PostgreSQL's words, never a panic, never an "internal error", never without end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mainstay_sql::{Catalog, compile, ddl::plan_migration};
use mainstay_types::{ColumnType, Type};
use std::sync::LazyLock;

const SCHEMA: &str = include_str!("../../tests/differential/schema.sql");

/// Tables that a statement may name, and the types of its parameters.
static BASE: LazyLock<(Catalog, Vec<ColumnType>, Vec<String>)> = LazyLock::new(|| {
    let planned = plan_migration(&Catalog::fresh(), SCHEMA).expect("the schema of the differential tests");
    let refused = planned.statements.iter().find_map(|statement| statement.outcome.as_ref().err());
    assert!(refused.is_none(), "the schema of the differential tests is refused: {refused:?}");
    let parameters = [Type::Int4, Type::Text, Type::Jsonb, Type::Unknown].map(ColumnType::from);
    (planned.catalog, parameters.to_vec(), ["public", "extensions"].map(str::to_owned).to_vec())
});

fuzz_target!(|text: &str| {
    let (base, parameters, path) = &*BASE;
    let planned = plan_migration(base, text);
    if let Err(problem) = &planned {
        understood(problem);
    }
    let planned = planned.ok();
    for statement in planned.iter().flat_map(|planned| &planned.statements) {
        if let Err(problem) = &statement.outcome {
            understood(problem);
        }
    }
    let catalog = planned.as_ref().map_or(base, |planned| &planned.catalog);
    for statement in text.split(';') {
        if let Err(problem) = compile(catalog, statement, parameters, path) {
            understood(&problem);
        }
    }
});

/// An internal error is a place where somebody believed that something cannot happen.
fn understood(problem: &mainstay_base::Problem) {
    assert_ne!(problem.code(), "XX000", "{problem:?}");
}
