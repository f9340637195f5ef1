//! Bytes that callers keep beside their rows, with the fate of a transaction: [`mainstay_engine::Kept`].

use crate::connection::Connection;
use crate::meta;
use crate::raw::Failure;
use mainstay_base::Result;
use mainstay_engine::Kept;
use mainstay_types::{Value, ValueRef};

pub(crate) const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS _mainstay_kept (
    number INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, value BLOB NOT NULL,
    until INTEGER NOT NULL) STRICT;
";

/// How many of the oldest are looked at when one is kept: those whose time is over go.
const SWEPT: i64 = 32;

pub(crate) fn get(connection: &mut Connection, key: &str, now: i64) -> Result<Option<Vec<u8>>> {
    let mut found = None;
    let text = "SELECT value FROM _mainstay_kept WHERE key = ?1 AND until > ?2";
    meta::query(connection, text, &[ValueRef::Text(key), ValueRef::Integer(now)], |row| {
        if let [Value::Blob(bytes)] = row {
            found = Some(bytes.clone());
        }
        Ok(())
    })?;
    Ok(found)
}

/// Keeps one; the caller has a transaction open. Numbers only grow, so the oldest are those with the smallest.
pub(crate) fn put(
    connection: &mut Connection,
    kept: &Kept,
    now: i64,
    most: u64,
) -> std::result::Result<(), Failure> {
    connection.execute(
        "INSERT OR REPLACE INTO _mainstay_kept (key, value, until) VALUES (?1, ?2, ?3)",
        &[ValueRef::Text(&kept.key), ValueRef::Blob(&kept.value), ValueRef::Integer(kept.until_unix_micros)],
    )?;
    connection.execute(
        "DELETE FROM _mainstay_kept WHERE until <= ?1 AND number IN
         (SELECT number FROM _mainstay_kept ORDER BY number LIMIT ?2)",
        &[ValueRef::Integer(now), ValueRef::Integer(SWEPT)],
    )?;
    connection.execute(
        "DELETE FROM _mainstay_kept WHERE number <= (SELECT max(number) FROM _mainstay_kept) - ?1",
        &[crate::writer::number(most.max(1))],
    )
}
