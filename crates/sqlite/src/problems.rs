//! What SQLite refuses, in PostgreSQL's words.

use crate::raw::Failure;
use crate::scope::{self, Stop};
use mainstay_base::{Problem, Retry};
use mainstay_sql::catalog::{ConstraintKind, KeyKind, Relation};
use mainstay_sql::{Catalog, Name};
use mainstay_types::{Context, Value, ValueRef, value};
use rusqlite::ffi;

/// What is known about the statement that failed.
#[derive(Clone, Copy)]
pub(crate) struct Circumstances<'a> {
    pub catalog: &'a Catalog,
    pub context: &'a Context,
    /// Of an `INSERT … VALUES`: where the value of each column came from.
    pub parameter_columns: &'a [(String, usize)],
    pub values: &'a [Value],
}

/// The problem behind a failure: one that a callback raised, or what SQLite's code and words mean.
pub(crate) fn of_failure(failure: &Failure, circumstances: Option<Circumstances<'_>>) -> Problem {
    if let Some(problem) = scope::take_problem() {
        return problem;
    }
    if failure.primary() == ffi::SQLITE_INTERRUPT {
        return match scope::stopped() {
            Some(Stop::Steps) => Problem::internal("the statement took more steps than it was given"),
            _ => timed_out(),
        };
    }
    if let Some(problem) = circumstances.and_then(|circumstances| of_constraint(failure, circumstances)) {
        return problem;
    }
    of_machine(failure)
}

pub(crate) fn timed_out() -> Problem {
    Problem::new("57014", "canceling statement due to statement timeout")
}

pub(crate) fn queue_full(length: usize) -> Problem {
    Problem::new("53300", "too many writes are waiting")
        .with_details(format!("{length} writes wait for the disk"))
        .with_hint("try again in a moment; `queue_length_max` sets the limit")
        .with_status(503)
        .with_retry(Retry::AfterSeconds(1))
}

pub(crate) fn log_full() -> Problem {
    Problem::new("53400", "the write-ahead log is full: a long read keeps it from starting anew")
        .with_hint("try again in a moment: that read ends at its statement timeout at the latest")
        .with_status(503)
        .with_retry(Retry::AfterSeconds(1))
}

pub(crate) fn disk_failed() -> Problem {
    Problem::new("58030", "the disk did not confirm an earlier write")
        .with_hint("check the disk, then restart Mainstay: it recovers from what the disk has confirmed")
}

pub(crate) fn closing() -> Problem {
    Problem::new("57P03", "the database is shutting down").with_retry(Retry::AfterSeconds(1))
}

pub(crate) fn stale_plan() -> Problem {
    Problem::new("MS001", "the schema has changed since the statement was prepared").with_retry(Retry::Now)
}

pub(crate) fn null_in_column(column: &str, table: &str) -> Problem {
    Problem::new(
        "23502",
        format!("null value in column \"{column}\" of relation \"{table}\" violates not-null constraint"),
    )
}

/// Failures of the disk, the file or the statement's text.
fn of_machine(failure: &Failure) -> Problem {
    let message = &failure.message;
    // The index of the log is made as large as it needs to be before it is mapped.
    let no_space = failure.code == ffi::SQLITE_IOERR_SHMSIZE;
    match failure.primary() {
        primary if primary == ffi::SQLITE_FULL || no_space => Problem::new("53100", "could not extend the database: no space left on the device")
            .with_hint("free disk space or raise `database_bytes_max`; reads go on, writes work again as soon as there is space")
            .with_retry(Retry::AfterSeconds(5)),
        ffi::SQLITE_NOMEM => Problem::new("53200", "out of memory"),
        ffi::SQLITE_IOERR => Problem::new("58030", format!("the disk failed: {message}"))
            .with_hint("look at the system log for errors of the disk that holds the data directory"),
        ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB => {
            Problem::new("XX001", format!("the database file is damaged: {message}"))
                .with_hint("stop Mainstay, keep a copy of the data directory, and restore the last backup")
        }
        ffi::SQLITE_READONLY => Problem::new("25006", format!("the database cannot be written: {message}"))
            .with_hint("check owner and permissions of the data directory"),
        ffi::SQLITE_CANTOPEN | ffi::SQLITE_PERM | ffi::SQLITE_AUTH => {
            Problem::new("58030", format!("the database file cannot be opened: {message}"))
                .with_hint("check that the data directory exists and that Mainstay may read and write it")
        }
        ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED => {
            Problem::new("55P03", format!("the database is locked: {message}")).with_retry(Retry::Now)
        }
        ffi::SQLITE_TOOBIG => Problem::new("54000", "a value or statement is too large"),
        ffi::SQLITE_MISMATCH => Problem::new("42804", format!("datatype mismatch: {message}")),
        ffi::SQLITE_RANGE => Problem::new("08P01", message.clone()),
        ffi::SQLITE_CONSTRAINT => Problem::new("23000", message.clone()),
        _ if message.starts_with("malformed JSON") => {
            Problem::new("22P02", "invalid input syntax for type json")
        }
        _ if message.contains("integer overflow") => Problem::new("22003", "bigint out of range"),
        _ => Problem::internal(format!("the embedded engine refused a statement: {message}")),
    }
}

/// Constraints, by SQLite's message; its forms are stable and documented in its source alone:
/// `UNIQUE constraint failed: t.a, t.b`, `… failed: index 'name'`, `NOT NULL constraint failed: t.a`,
/// `CHECK constraint failed: name`. Triggers of partitioned tables say `partition constraint failed: number`. Foreign
/// keys it does not name: see [`crate::foreign_keys`].
fn of_constraint(failure: &Failure, circumstances: Circumstances<'_>) -> Option<Problem> {
    let (_, subject) = failure.message.split_once("constraint failed")?;
    let subject = subject.strip_prefix(": ").unwrap_or(subject);
    match failure.code {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            Some(unique(subject, circumstances))
        }
        ffi::SQLITE_CONSTRAINT_NOTNULL => {
            let (relation, column) = column_of(circumstances.catalog, subject)?;
            Some(null_in_column(column, &relation.name.name))
        }
        ffi::SQLITE_CONSTRAINT_CHECK => Some(check(subject, circumstances)),
        ffi::SQLITE_CONSTRAINT_TRIGGER => partitioned(circumstances.catalog, subject).map(no_partition),
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => {
            Some(Problem::new("23503", "insert, update or delete violates a foreign key constraint"))
        }
        _ => None,
    }
}

/// The constraint that a failure is about, as far as a row can be held against it.
pub(crate) enum Violated {
    Null {
        table: Name,
        column: String,
    },
    Check(String),
    /// The columns of a key that has nothing but columns.
    Unique(Vec<String>),
    /// No partition of the table takes the row.
    Partition,
}

pub(crate) fn violated(failure: &Failure, catalog: &Catalog) -> Option<Violated> {
    let (_, subject) = failure.message.split_once("constraint failed")?;
    let subject = subject.strip_prefix(": ").unwrap_or(subject);
    match failure.code {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            let (_, key) = unique_constraint(subject, catalog)?;
            Some(Violated::Unique(key.into_iter().map(|column| column.name.clone()).collect()))
        }
        ffi::SQLITE_CONSTRAINT_NOTNULL => {
            let (relation, column) = column_of(catalog, subject)?;
            Some(Violated::Null { table: relation.name.clone(), column: column.to_owned() })
        }
        ffi::SQLITE_CONSTRAINT_CHECK => Some(Violated::Check(subject.to_owned())),
        ffi::SQLITE_CONSTRAINT_TRIGGER => partitioned(catalog, subject).map(|_| Violated::Partition),
        _ => None,
    }
}

/// The table of which a trigger has found no partition for a row, by its number in the catalog.
fn partitioned<'a>(catalog: &'a Catalog, subject: &str) -> Option<&'a Relation> {
    let id: u32 = subject.parse().ok()?;
    catalog.relations.values().find(|relation| relation.id == id).map(|relation| &**relation)
}

fn no_partition(table: &Relation) -> Problem {
    Problem::new("23514", format!("no partition of relation \"{}\" found for row", table.name.name))
}

fn column_of<'a>(catalog: &'a Catalog, subject: &'a str) -> Option<(&'a Relation, &'a str)> {
    catalog.relations.values().find_map(|relation| {
        let column = subject.strip_prefix(&relation.physical_name())?.strip_prefix('.')?;
        relation.column(column).map(|column| (&**relation, column.name.as_str()))
    })
}

fn check(name: &str, circumstances: Circumstances<'_>) -> Problem {
    let table = circumstances.catalog.relations.values().find(|relation| {
        relation.constraints.iter().any(|constraint| {
            constraint.name == name && matches!(constraint.kind, ConstraintKind::Check { .. })
        })
    });
    match table {
        Some(table) => Problem::new(
            "23514",
            format!("new row for relation \"{}\" violates check constraint \"{name}\"", table.name.name),
        ),
        None => Problem::new("23514", format!("value violates check constraint \"{name}\"")),
    }
}

fn unique(subject: &str, circumstances: Circumstances<'_>) -> Problem {
    let (name, key) =
        unique_constraint(subject, circumstances.catalog).unwrap_or_else(|| (subject.to_owned(), Vec::new()));
    let problem = Problem::new("23505", format!("duplicate key value violates unique constraint \"{name}\""));
    match key_details(&key, circumstances) {
        Some(key) => problem.with_details(format!("Key {key} already exists.")),
        None => problem,
    }
}

/// A column with its type, in the order of a key.
type Key<'a> = Vec<&'a mainstay_sql::catalog::Column>;

/// The constraint or index that SQLite means, and its columns where it has nothing but columns.
fn unique_constraint<'a>(subject: &str, catalog: &'a Catalog) -> Option<(String, Key<'a>)> {
    if let Some(name) = subject.strip_prefix("index '").and_then(|name| name.strip_suffix('\'')) {
        // Indexes outside `public` carry their schema in SQLite.
        let name = catalog
            .indexes
            .iter()
            .find(|(index, _)| index.to_string() == name)
            .map_or_else(|| name.to_owned(), |(index, _)| index.name.clone());
        return Some((name, Vec::new()));
    }
    for relation in catalog.relations.values() {
        let table = relation.physical_name();
        if !subject.starts_with(&table) {
            continue;
        }
        let matches = |columns: &[String]| {
            let joined: Vec<String> = columns.iter().map(|column| format!("{table}.{column}")).collect();
            joined.join(", ") == subject
        };
        let key = |columns: &[String]| columns.iter().filter_map(|name| relation.column(name)).collect();
        for constraint in &relation.constraints {
            match &constraint.kind {
                ConstraintKind::PrimaryKey { columns } | ConstraintKind::Unique { columns, .. }
                    if matches(columns) =>
                {
                    return Some((constraint.name.clone(), key(columns)));
                }
                _ => {}
            }
        }
        for index in relation.indexes.iter().filter(|index| index.unique) {
            let columns: Option<Vec<String>> = index
                .keys
                .iter()
                .map(|key| match &key.key {
                    KeyKind::Column(column) => Some(column.clone()),
                    KeyKind::Expression(_) => None,
                })
                .collect();
            if let Some(columns) = columns
                && matches(&columns)
            {
                return Some((index.name.clone(), key(&columns)));
            }
        }
    }
    None
}

/// `(a, b)=(1, x)`, where the statement's parameters tell all of the key's values.
fn key_details(key: &Key<'_>, circumstances: Circumstances<'_>) -> Option<String> {
    if key.is_empty() {
        return None;
    }
    let mut pairs = Vec::with_capacity(key.len());
    for column in key {
        let (_, parameter) = circumstances.parameter_columns.iter().find(|(name, _)| *name == column.name)?;
        // Parameters are numbered from 1, as in `$1`.
        let value = circumstances.values.get(parameter.checked_sub(1)?)?;
        pairs.push((column.name.as_str(), &column.ty.ty, value.as_ref()));
    }
    Some(show_key(&pairs, circumstances.context))
}

/// A key as PostgreSQL's messages print it.
pub(crate) fn show_key(pairs: &[(&str, &mainstay_types::Type, ValueRef<'_>)], context: &Context) -> String {
    let names: Vec<&str> = pairs.iter().map(|(name, ..)| *name).collect();
    let values: Vec<String> = pairs
        .iter()
        .map(|(_, ty, value)| {
            if value.is_null() {
                return "null".to_owned();
            }
            let mut text = String::new();
            value::output(ty, *value, context, &mut text);
            text
        })
        .collect();
    format!("({})=({})", names.join(", "), values.join(", "))
}
