//! The tables that the store keeps for itself, beside those of the user.

use crate::connection::Connection;
use crate::raw::{Failure, Stepped};
use crate::sequences::State;
use mainstay_base::{Problem, Result};
use mainstay_engine::Applied;
use mainstay_sql::{Catalog, Name};
use mainstay_types::{Value, ValueRef};
use std::collections::BTreeMap;

/// The format of the file. A newer one is refused, an older one is brought up to date at opening.
const FORMAT: i64 = 1;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS _mainstay_meta (key TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS _mainstay_migrations (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, checksum TEXT NOT NULL,
    applied_unix_micros INTEGER NOT NULL, text TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS _mainstay_changes (
    position INTEGER PRIMARY KEY, tbl TEXT NOT NULL, operation INTEGER NOT NULL, old TEXT, new TEXT,
    time INTEGER NOT NULL, actor TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS _mainstay_sequences (
    name TEXT PRIMARY KEY, last INTEGER NOT NULL, called INTEGER NOT NULL) STRICT, WITHOUT ROWID;
";

const GET: &str = "SELECT value FROM _mainstay_meta WHERE key = ?1";
const SET: &str =
    "INSERT INTO _mainstay_meta VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value";

/// What a file remembers.
pub(crate) struct Opened {
    pub catalog: Catalog,
    pub position: u64,
    /// The last timestamp given to a change.
    pub time: u64,
    pub sequences: BTreeMap<Name, State>,
    /// The oldest durable change that is left.
    pub oldest_change: Option<u64>,
}

/// Makes the tables where they are missing and reads what is in them.
pub(crate) fn open(connection: &mut Connection) -> Result<Opened> {
    let problem = |failure: Failure| crate::problems::of_failure(&failure, None);
    connection.batch(&format!("BEGIN IMMEDIATE; {SCHEMA} {}", crate::kept::SCHEMA)).map_err(problem)?;
    let outcome = read(connection);
    match &outcome {
        Ok(_) => connection.batch("COMMIT").map_err(problem)?,
        Err(_) => connection.batch("ROLLBACK").map_err(problem)?,
    }
    outcome
}

fn read(connection: &mut Connection) -> Result<Opened> {
    match integer(connection, "format")? {
        None => set(connection, "format", ValueRef::Integer(FORMAT))
            .map_err(|f| crate::problems::of_failure(&f, None))?,
        Some(FORMAT) => {}
        Some(found) => {
            return Err(Problem::new(
                "0A000",
                format!("the database has format {found}, this version of Mainstay knows {FORMAT}"),
            )
            .with_hint("use the version of Mainstay that wrote it, or a newer one"));
        }
    }
    let catalog = match get(connection, "catalog")? {
        Some(Value::Text(json)) => serde_json::from_str(&json).map_err(|error| {
            Problem::new("XX001", format!("the catalog in the database is damaged: {error}"))
        })?,
        _ => Catalog::fresh(),
    };
    let unsigned = |value: Option<i64>| value.and_then(|value| u64::try_from(value).ok());
    Ok(Opened {
        catalog,
        position: unsigned(integer(connection, "position")?).unwrap_or(0),
        time: unsigned(integer(connection, "hlc")?).unwrap_or(0),
        sequences: sequences(connection)?,
        oldest_change: oldest_change(connection)?,
    })
}

fn get(connection: &mut Connection, key: &str) -> Result<Option<Value>> {
    let mut found = None;
    query(connection, GET, &[ValueRef::Text(key)], |row| {
        found = row.first().cloned();
        Ok(())
    })?;
    Ok(found)
}

fn integer(connection: &mut Connection, key: &str) -> Result<Option<i64>> {
    Ok(match get(connection, key)? {
        Some(Value::Integer(value)) => Some(value),
        _ => None,
    })
}

/// Writes a value; the caller has a transaction open.
pub(crate) fn set(
    connection: &mut Connection,
    key: &str,
    value: ValueRef<'_>,
) -> std::result::Result<(), Failure> {
    connection.execute(SET, &[ValueRef::Text(key), value])
}

fn sequences(connection: &mut Connection) -> Result<BTreeMap<Name, State>> {
    let mut states = BTreeMap::new();
    query(connection, "SELECT name, last, called FROM _mainstay_sequences", &[], |row| {
        if let [Value::Text(name), Value::Integer(last), Value::Integer(called)] = row
            && let Ok(name) = Name::try_from(name.clone())
        {
            states.insert(name, State { last: *last, called: *called != 0 });
        }
        Ok(())
    })?;
    Ok(states)
}

/// Writes the state of a sequence; the caller has a transaction open.
pub(crate) fn set_sequence(
    connection: &mut Connection,
    name: &Name,
    state: State,
) -> std::result::Result<(), Failure> {
    let name = String::from(name.clone());
    connection.execute(
        "INSERT INTO _mainstay_sequences VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET last = excluded.last, called = excluded.called",
        &[ValueRef::Text(&name), ValueRef::Integer(state.last), ValueRef::Integer(state.called.into())],
    )
}

/// Removes the rows of sequences that are gone.
pub(crate) fn keep_sequences(
    connection: &mut Connection,
    catalog: &Catalog,
) -> std::result::Result<(), Failure> {
    let gone: Vec<Name> = sequences(connection)
        .unwrap_or_default()
        .into_keys()
        .filter(|name| !catalog.sequences.contains_key(name))
        .collect();
    for name in gone {
        let name = String::from(name);
        connection.execute("DELETE FROM _mainstay_sequences WHERE name = ?1", &[ValueRef::Text(&name)])?;
    }
    Ok(())
}

pub(crate) fn oldest_change(connection: &mut Connection) -> Result<Option<u64>> {
    let mut oldest = None;
    query(connection, "SELECT position FROM _mainstay_changes ORDER BY position LIMIT 1", &[], |row| {
        if let [Value::Integer(position)] = row {
            oldest = u64::try_from(*position).ok();
        }
        Ok(())
    })?;
    Ok(oldest)
}

pub(crate) fn applied(connection: &mut Connection) -> Result<Vec<Applied>> {
    let mut applied = Vec::new();
    let text = "SELECT name, checksum, applied_unix_micros, text FROM _mainstay_migrations ORDER BY number";
    query(connection, text, &[], |row| {
        if let [Value::Text(name), Value::Text(checksum), Value::Integer(time), Value::Text(text)] = row {
            applied.push(Applied {
                name: name.clone(),
                checksum: checksum.clone(),
                applied_unix_micros: *time,
                text: text.clone(),
            });
        }
        Ok(())
    })?;
    Ok(applied)
}

/// Runs a query of the engine's own and hands each row to `each`.
pub(crate) fn query(
    connection: &mut Connection,
    text: &'static str,
    values: &[ValueRef<'_>],
    mut each: impl FnMut(&[Value]) -> Result<()>,
) -> Result<()> {
    let problem = |failure: Failure| crate::problems::of_failure(&failure, None);
    let statement = connection.statement(text).map_err(problem)?;
    let mut run = statement.run(values.iter().copied()).map_err(problem)?;
    while run.step().map_err(problem)? == Stepped::Row {
        each(&crate::rows::owned_row(&run))?;
    }
    Ok(())
}
